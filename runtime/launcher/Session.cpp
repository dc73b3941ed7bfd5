// The calls themselves. Everything that differs from call to call (token ids, positions, slots) crosses to the backend's memory in one
// copy; a decode step of a given number of rows finds its inputs at the same place each time, so that it can be a graph.
#include "runtime/launcher/Session.h"

#include <algorithm>

using namespace dsrt;

namespace {

/// Where the parts of a call's inputs begin, in elements of I32: each on a boundary of 64 bytes.
struct InputLayout {
  int64_t ids, starts, slots, offsets, wanted, end;

  InputLayout(int64_t tokens, int64_t rows, int64_t wantedTokens) {
    auto after = [](int64_t begin, int64_t count) { return (begin + count + 15) / 16 * 16; };
    ids = 0;
    starts = after(ids, tokens);
    slots = after(starts, rows);
    offsets = after(slots, rows);
    wanted = after(offsets, rows + 1);
    end = after(wanted, wantedTokens);
  }
};

} // namespace

bool dsrt::cacheBytes(const Manifest &manifest, int64_t slots, int64_t length, uint64_t &bytes) {
  dsrt_quant plain = {};
  plain.payload = manifest.cacheDtype;
  uint64_t perSlot = 0, scales = 0;
  return formatBytes(plain, manifest.cacheLayers, length, manifest.cacheWidth, perSlot, scales) &&
         !__builtin_mul_overflow(perSlot, uint64_t(slots), &bytes);
}

Expected<std::unique_ptr<Session>> Session::create(const Artifact &artifact, const ResidentWeights &weights, dsrt_context &context,
                                                   const Options &options) {
  std::unique_ptr<Session> session(new Session(artifact, weights, context));
  const Manifest &manifest = artifact.manifest();
  session->withGraphs = options.graphs;
  session->cache = {options.slots, manifest.cacheLayers, options.length, manifest.cacheWidth, manifest.cacheDtype, 0, nullptr};
  session->filled.resize(options.slots);
  uint64_t bytes = 0;
  if (!cacheBytes(manifest, options.slots, options.length, bytes))
    return Status(DSRT_OUT_OF_MEMORY, "the latent cache takes more bytes than 64 bits can count");
  context.sites = &manifest.sites;
  auto allocate = [&](uint64_t size, void *&memory, const char *what) {
    return context.backendStatus(context.backend->allocate(context.state, std::max<uint64_t>(size, 64), &memory), what);
  };
  if (Status status = allocate(std::max(manifest.prefill.arenaBytes, manifest.decode.arenaBytes), session->arena, "allocate the arena");
      !status.ok())
    return status;
  if (Status status = allocate(bytes, session->cache.data, "allocate the latent cache"); !status.ok())
    return status;
  InputLayout largest(manifest.maxTokens, manifest.maxSequences, manifest.maxWanted);
  if (Status status = allocate(largest.end * sizeof(int32_t), session->inputs, "allocate the inputs of a call"); !status.ok())
    return status;
  if (Status status = allocate(manifest.maxWanted * sizeof(int32_t), session->greedyIds, "allocate the tokens of a call"); !status.ok())
    return status;
  if (const dsrt_backend_queue *queue = context.backend->queue) {
    session->stepEntries = 1024;
    void *memory = nullptr;
    int32_t code = queue->allocate_host(context.state, session->stepEntries * size_t(options.slots) * sizeof(int32_t), &memory);
    if (Status status = context.backendStatus(code, "allocate the tokens of queued steps"); !status.ok())
      return status;
    session->stepMemory = static_cast<int32_t *>(memory);
  } else {
    session->plainSteps.resize(options.slots);
    session->stepMemory = session->plainSteps.data();
  }
  return session;
}

Session::~Session() {
  for (void *memory : {arena, cache.data, inputs, greedyIds})
    if (memory)
      context.backend->release(context.state, memory);
  if (context.backend->queue && stepMemory)
    context.backend->queue->release_host(context.state, stepMemory);
}

int64_t Session::rowsOfCall() const {
  CallLimits limits = limitsOf(manifest());
  return std::min({limits.tokens, limits.rows, limits.wanted});
}

Status Session::notFinite(const std::string &where) const {
  return {DSRT_NOT_FINITE, "the logits " + where + " are not finite; --check-finite names the first operation that made such a value"};
}

dsrt_counters Session::counters() const {
  dsrt_counters counters = {};
  if (context.backend->queue)
    context.backend->queue->count(context.state, &counters);
  return counters;
}

Status Session::queueCall(Phase phase, const dsrt_batch &batch, Answer answer, bool isStep) {
  context.message.clear();
  context.site = -1;
  if (context.trace)
    callBegin = context.trace->now();
  InputLayout layout(batch.tokens, batch.rows, batch.wanted);
  hostInputs.assign(layout.end, 0);
  std::copy_n(batch.token_ids, batch.tokens, hostInputs.begin() + layout.ids);
  std::copy_n(batch.starts, batch.rows, hostInputs.begin() + layout.starts);
  std::copy_n(batch.slots, batch.rows, hostInputs.begin() + layout.slots);
  std::copy_n(batch.offsets, batch.rows + 1, hostInputs.begin() + layout.offsets);
  std::copy_n(batch.wanted_tokens, batch.wanted, hostInputs.begin() + layout.wanted);
  int32_t code = context.backend->copy_in(context.state, inputs, hostInputs.data(), hostInputs.size() * sizeof(int32_t));
  if (code != DSRT_OK)
    return context.backendStatus(code, "copy the inputs of a call");
  return launch(phase, batch.tokens, batch.rows, batch.wanted, answer, isStep);
}

Status Session::launch(Phase phase, int64_t tokens, int64_t rows, int64_t wanted, Answer answer, bool isStep) {
  if (context.cancelled && context.cancelled->load(std::memory_order_relaxed))
    return {DSRT_REJECTED, "the run was ended before this call"};
  InputLayout layout(tokens, rows, wanted);
  int32_t *device = static_cast<int32_t *>(inputs), *host = hostInputs.data();
  const ManifestProgram &program = phase == Phase::Prefill ? manifest().prefill : manifest().decode;
  auto queueOperations = [&]() -> Status {
    dsrt_batch batch = {tokens,
                        rows,
                        wanted,
                        host + layout.ids,
                        host + layout.offsets,
                        host + layout.slots,
                        host + layout.starts,
                        host + layout.wanted,
                        device + layout.offsets,
                        device + layout.slots,
                        device + layout.starts};
    int32_t code = traceBegin(&context);
    if (code != DSRT_OK)
      return context.backendStatus(code, "mark the begin of the call");
    dsrt_entry entry = phase == Phase::Prefill ? artifact.prefill() : artifact.decode();
    code = entry(&context, arena, weights.pointers(), &batch, &cache, tokens, rows, wanted, device + layout.ids, device + layout.wanted);
    if (code != DSRT_OK)
      return context.status(code);
    if (!isStep && answer != Answer::Greedy)
      return {};
    // A step always leaves the inputs of the one that may follow, whatever is asked of it: one graph serves every use.
    const float *answers = reinterpret_cast<const float *>(static_cast<const char *>(arena) + program.logitsOffset);
    code =
        context.backend->greedy(context.state, answers, wanted, manifest().vocabulary, static_cast<int32_t *>(greedyIds),
                                isStep ? device + layout.ids : nullptr, isStep ? device + layout.starts : nullptr, int32_t(cache.length));
    return context.backendStatus(code, "find the greedy tokens");
  };
  return isStep && usesGraphs() ? graphs.run(rows, queueOperations) : queueOperations();
}

/// What was queued has failed while it ran: which operation did is not known without waiting for each.
Status Session::failedLater(int32_t code) const {
  Status status = context.backendStatus(code, "finish the call");
  std::string message = status.message();
  if (context.backend->queue && context.site >= 0)
    message += "; the operation that failed is " + context.describe(context.site) + ", the last one that was queued, or one before it";
  if (context.backend->queue && !context.checkFinite)
    message += "; --check-finite waits for each operation and names the one that fails";
  return {status.code(), message};
}

Status Session::finish(Phase phase, int64_t tokens, int64_t rows) {
  if (int32_t code = context.backend->synchronize(context.state); code != DSRT_OK)
    return failedLater(code);
  if (!context.trace)
    return {};
  if (Status status = context.backendStatus(traceEnd(&context), "give the times of the trace"); !status.ok())
    return status;
  context.trace->add(phase == Phase::Prefill ? "prefill" : "decode", format("%lld tokens of %lld rows", (long long)tokens, (long long)rows),
                     callBegin, context.trace->now());
  return {};
}

Status Session::copyLogits(Phase phase, int64_t wanted) {
  const ManifestProgram &program = phase == Phase::Prefill ? manifest().prefill : manifest().decode;
  logits.resize(wanted * manifest().vocabulary);
  return context.backendStatus(context.backend->copy_out(context.state, logits.data(), static_cast<char *>(arena) + program.logitsOffset,
                                                         logits.size() * sizeof(float)),
                               "copy the logits");
}

// Whole rows.

Status Session::runCall(const PrefillCall &call, const TokenRows &rows, int64_t firstRow, Phase phase, Answer answer,
                        const CallSink &sink) {
  std::vector<int32_t> ids, offsets = {0}, slots, starts, wanted;
  struct Asked {
    int64_t row, position;
  };
  std::vector<Asked> asked;
  for (const RowPiece &piece : call.pieces) {
    const std::vector<int32_t> &row = rows[firstRow + piece.row];
    for (int64_t position = piece.begin; position < piece.begin + piece.count; ++position) {
      if (position >= piece.wantedFrom) {
        wanted.push_back(int32_t(ids.size()));
        asked.push_back({firstRow + piece.row, position});
      }
      ids.push_back(row[position]);
    }
    offsets.push_back(int32_t(ids.size()));
    slots.push_back(int32_t(piece.row));
    starts.push_back(int32_t(piece.begin));
    filled[piece.row] = piece.begin + piece.count;
  }
  // A chunk in the middle of a row asks for nothing. Its last token's logits are computed all the same: one row of the head, so
  // that no backend has to serve products without rows.
  if (wanted.empty()) {
    wanted.push_back(int32_t(ids.size()) - 1);
    answer = Answer::Nothing;
  }
  dsrt_batch batch = {int64_t(ids.size()),
                      int64_t(slots.size()),
                      int64_t(wanted.size()),
                      ids.data(),
                      offsets.data(),
                      slots.data(),
                      starts.data(),
                      wanted.data(),
                      nullptr,
                      nullptr,
                      nullptr};
  lastRows = 0; // the inputs of a step are gone
  if (Status status = queueCall(phase, batch, answer, false); !status.ok())
    return status;
  if (answer == Answer::Nothing && !context.trace)
    return {};
  if (Status status = finish(phase, batch.tokens, batch.rows); !status.ok())
    return status;
  if (answer == Answer::Logits) {
    if (Status status = copyLogits(phase, batch.wanted); !status.ok())
      return status;
  } else if (answer == Answer::Greedy) {
    tokens.resize(batch.wanted);
    int32_t code = context.backend->copy_out(context.state, tokens.data(), greedyIds, tokens.size() * sizeof(int32_t));
    if (Status status = context.backendStatus(code, "copy the tokens"); !status.ok())
      return status;
  }
  for (size_t i = 0; i < asked.size(); ++i) {
    bool finite = answer == Answer::Greedy ? tokens[i] >= 0 : firstNotFinite(logitsOf(i), manifest().vocabulary, DSRT_F32) < 0;
    if (!finite)
      return notFinite(format("of row %lld, token %lld", (long long)asked[i].row, (long long)asked[i].position));
    if (Status status = sink(asked[i].row, asked[i].position, int64_t(i)); !status.ok())
      return status;
  }
  return {};
}

Status Session::read(const TokenRows &rows, Wanted wanted, Phase phase, Answer answer, const CallSink &sink) {
  steps.clear(); // of a run that failed
  for (int64_t first = 0; first < int64_t(rows.size()); first += cache.slots) {
    std::vector<int64_t> lengths;
    for (int64_t row = first; row < std::min<int64_t>(first + cache.slots, rows.size()); ++row)
      lengths.push_back(rows[row].size());
    CallLimits limits = limitsOf(manifest());
    for (const PrefillCall &call : phase == Phase::Prefill ? planPrefill(lengths, wanted, limits) : planDecode(lengths, wanted, limits))
      if (Status status = runCall(call, rows, first, phase, answer, sink); !status.ok())
        return status;
  }
  return {};
}

Status Session::forward(const TokenRows &rows, Wanted wanted, Phase phase, const LogitsSink &sink) {
  return read(rows, wanted, phase, Answer::Logits,
              [&](int64_t row, int64_t position, int64_t index) { return sink(row, position, logitsOf(index)); });
}

Status Session::forward(const TokenRows &rows, Phase phase, const GreedySink &sink) {
  return read(rows, Wanted::LastOfRow, phase, Answer::Greedy,
              [&](int64_t row, int64_t, int64_t index) { return sink(row, tokens[index]); });
}

// Decode steps.

DecodeRows Session::padded(const DecodeRows &rows, int64_t first, int64_t count) const {
  DecodeRows result;
  auto take = [&](const std::vector<int32_t> &from, std::vector<int32_t> &to) {
    to.assign(from.begin() + first, from.begin() + first + count);
  };
  take(rows.ids, result.ids), take(rows.slots, result.slots), take(rows.starts, result.starts);
  if (!usesGraphs())
    return result;
  // A row of padding stands in a slot that has no row of this step, at the position that the slot's next token would get: nobody
  // reads that before it is written again. A full slot gets no token any more.
  std::vector<bool> taken(cache.slots);
  for (int32_t slot : result.slots)
    taken[slot] = true;
  int64_t bucket = bucketOf(count, std::min(rowsOfCall(), cache.slots));
  for (int32_t slot = 0; int64_t(result.ids.size()) < bucket; ++slot) {
    if (taken[slot])
      continue;
    result.ids.push_back(0);
    result.slots.push_back(slot);
    result.starts.push_back(filled[slot] < cache.length ? int32_t(filled[slot]) : 0);
  }
  return result;
}

Status Session::queueDecode(const DecodeRows &rows, int64_t first, int64_t count, Answer answer) {
  DecodeRows call = padded(rows, first, count);
  for (int64_t i = 0; i < count; ++i)
    filled[call.slots[i]] = call.starts[i] + 1;
  int64_t size = int64_t(call.ids.size());
  std::vector<int32_t> offsets(size + 1), wanted(size);
  for (int64_t i = 0; i < size; ++i)
    offsets[i] = wanted[i] = int32_t(i);
  offsets[size] = int32_t(size);
  dsrt_batch batch = {size,          size,    size,    call.ids.data(), offsets.data(), call.slots.data(), call.starts.data(),
                      wanted.data(), nullptr, nullptr, nullptr};
  lastRows = size, lastReal = count;
  return queueCall(Phase::Decode, batch, answer, true);
}

Status Session::decode(const DecodeRows &rows, const LogitsSink &sink) {
  int64_t most = rowsOfCall(), all = int64_t(rows.ids.size());
  for (int64_t first = 0; first < all; first += most) {
    int64_t count = std::min<int64_t>(most, all - first);
    if (Status status = queueDecode(rows, first, count, Answer::Logits); !status.ok())
      return status;
    if (Status status = finish(Phase::Decode, count, count); !status.ok())
      return status;
    if (Status status = copyLogits(Phase::Decode, count); !status.ok())
      return status;
    for (int64_t i = 0; i < count; ++i) {
      if (firstNotFinite(logitsOf(i), manifest().vocabulary, DSRT_F32) >= 0)
        return notFinite(format("at position %d", rows.starts[first + i]));
      if (Status status = sink(first + i, rows.starts[first + i], logitsOf(i)); !status.ok())
        return status;
    }
  }
  return {};
}

// Marks 2i and 2i + 1 stand before and after the step of entry i; a step that goes on from another began when that one ended.
Status Session::beginStep(bool goesOn, std::vector<int32_t> starts) {
  Step step = {nextEntry, int32_t(2 * nextEntry), std::move(starts), 0};
  nextEntry = (nextEntry + 1) % stepEntries;
  if (!context.backend->queue)
    stepBegin = std::chrono::steady_clock::now();
  else if (goesOn)
    step.beginMark = lastEnd;
  else if (int32_t code = context.backend->queue->mark(context.state, step.beginMark); code != DSRT_OK)
    return context.backendStatus(code, "mark the begin of a step");
  steps.push_back(std::move(step));
  return {};
}

Status Session::keepTokens(int64_t first, int64_t count) {
  int32_t *target = stepTokens(steps.back().entry) + first;
  size_t bytes = size_t(count) * sizeof(int32_t);
  const dsrt_backend_queue *queue = context.backend->queue;
  if (context.trace) // whose times are those of one call
    if (Status status = finish(Phase::Decode, count, count); !status.ok())
      return status;
  return context.backendStatus(queue ? queue->copy_out_later(context.state, target, greedyIds, bytes)
                                     : context.backend->copy_out(context.state, target, greedyIds, bytes),
                               "copy the tokens");
}

Status Session::endStep() {
  Step &step = steps.back();
  if (!context.backend->queue) {
    step.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - stepBegin).count();
    return {};
  }
  lastEnd = int32_t(2 * step.entry + 1);
  return context.backendStatus(context.backend->queue->mark(context.state, lastEnd), "mark the end of a step");
}

Status Session::queueStep(const DecodeRows &rows) {
  if (Status status = beginStep(false, rows.starts); !status.ok())
    return status;
  int64_t most = rowsOfCall(), all = int64_t(rows.ids.size());
  for (int64_t first = 0; first < all; first += most) {
    int64_t count = std::min<int64_t>(most, all - first);
    if (Status status = queueDecode(rows, first, count, Answer::Greedy); !status.ok())
      return status;
    if (Status status = keepTokens(first, count); !status.ok())
      return status;
  }
  if (all > most)
    lastRows = 0; // the inputs are those of the last part alone
  return endStep();
}

Status Session::continueStep() {
  // The host's copy of the positions follows the backend's.
  InputLayout layout(lastRows, lastRows, lastRows);
  int32_t *starts = hostInputs.data() + layout.starts;
  for (int64_t row = 0; row < lastRows; ++row)
    starts[row] = std::min(starts[row] + 1, int32_t(cache.length) - 1);
  for (int64_t row = 0; row < lastReal; ++row)
    filled[hostInputs[layout.slots + row]] = starts[row] + 1;
  if (Status status = beginStep(true, {starts, starts + lastReal}); !status.ok())
    return status;
  context.message.clear();
  context.site = -1;
  if (context.trace)
    callBegin = context.trace->now();
  if (Status status = launch(Phase::Decode, lastRows, lastRows, lastRows, Answer::Greedy, true); !status.ok())
    return status;
  if (Status status = keepTokens(0, lastReal); !status.ok())
    return status;
  return endStep();
}

Status Session::collectStep(std::vector<int32_t> &next, double &milliseconds) {
  Step step = std::move(steps.front());
  steps.pop_front();
  milliseconds = step.milliseconds;
  if (const dsrt_backend_queue *queue = context.backend->queue) {
    int32_t end = int32_t(2 * step.entry + 1), code = queue->wait(context.state, end);
    if (code != DSRT_OK)
      return failedLater(code);
    if (Status status = context.backendStatus(queue->elapsed(context.state, step.beginMark, end, &milliseconds), "time a step");
        !status.ok())
      return status;
  }
  const int32_t *from = stepTokens(step.entry);
  next.assign(from, from + step.starts.size());
  for (size_t row = 0; row < next.size(); ++row)
    if (next[row] < 0)
      return notFinite(format("at position %d", step.starts[row]));
  return {};
}
