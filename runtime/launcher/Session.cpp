// The calls themselves. Token ids and wanted tokens go to the backend's memory, because operations read them; the rest of the
// batch stays on the host.
#include "runtime/launcher/Session.h"

#include <algorithm>

using namespace dsrt;

bool dsrt::cacheBytes(const Manifest &manifest, int64_t slots, int64_t length, uint64_t &bytes) {
  dsrt_quant plain = {};
  plain.payload = manifest.cacheDtype;
  uint64_t perSlot = 0, scales = 0;
  return formatBytes(plain, manifest.cacheLayers, length, manifest.cacheWidth, perSlot, scales) &&
         !__builtin_mul_overflow(perSlot, uint64_t(slots), &bytes);
}

Status Session::backendStatus(int32_t code, const char *what) const {
  if (code == DSRT_OK)
    return {};
  std::string message = std::string("the ") + context.backend->name + " backend cannot " + what;
  return {dsrt_code(code), context.message.empty() ? message : message + ": " + context.message};
}

Expected<std::unique_ptr<Session>> Session::create(const Artifact &artifact, const ResidentWeights &weights, dsrt_context &context,
                                                   const Options &options) {
  std::unique_ptr<Session> session(new Session(artifact, weights, context));
  const Manifest &manifest = artifact.manifest();
  session->cache = {options.slots, manifest.cacheLayers, options.length, manifest.cacheWidth, manifest.cacheDtype, 0, nullptr};
  uint64_t bytes = 0;
  if (!cacheBytes(manifest, options.slots, options.length, bytes))
    return Status(DSRT_OUT_OF_MEMORY, "the latent cache takes more bytes than 64 bits can count");
  context.sites = &manifest.sites;
  auto allocate = [&](uint64_t size, void *&memory, const char *what) {
    return session->backendStatus(context.backend->allocate(context.state, std::max<uint64_t>(size, 64), &memory), what);
  };
  if (Status status = allocate(std::max(manifest.prefill.arenaBytes, manifest.decode.arenaBytes), session->arena, "allocate the arena");
      !status.ok())
    return status;
  if (Status status = allocate(bytes, session->cache.data, "allocate the latent cache"); !status.ok())
    return status;
  if (Status status = allocate(manifest.maxTokens * sizeof(int32_t), session->tokenIds, "allocate the token ids"); !status.ok())
    return status;
  if (Status status = allocate(manifest.maxWanted * sizeof(int32_t), session->wantedTokens, "allocate the wanted tokens"); !status.ok())
    return status;
  if (Status status = allocate((3 * manifest.maxSequences + 1) * sizeof(int32_t), session->rows, "allocate the rows of a batch"); !status.ok())
    return status;
  return session;
}

Session::~Session() {
  for (void *memory : {arena, cache.data, tokenIds, wantedTokens, rows})
    if (memory)
      context.backend->release(context.state, memory);
}

Status Session::run(Phase phase, dsrt_batch batch) {
  const dsrt_backend *backend = context.backend;
  context.message.clear();
  context.site = -1;
  uint64_t begin = context.trace ? context.trace->now() : 0;
  if (Status status =
          backendStatus(backend->copy_in(context.state, tokenIds, batch.token_ids, batch.tokens * sizeof(int32_t)), "copy token ids");
      !status.ok())
    return status;
  if (Status status = backendStatus(backend->copy_in(context.state, wantedTokens, batch.wanted_tokens, batch.wanted * sizeof(int32_t)),
                                    "copy wanted tokens");
      !status.ok())
    return status;
  hostRows.assign(batch.offsets, batch.offsets + batch.rows + 1);
  hostRows.insert(hostRows.end(), batch.slots, batch.slots + batch.rows);
  hostRows.insert(hostRows.end(), batch.starts, batch.starts + batch.rows);
  if (Status status = backendStatus(backend->copy_in(context.state, rows, hostRows.data(), hostRows.size() * sizeof(int32_t)), "copy the rows");
      !status.ok())
    return status;
  batch.device_offsets = static_cast<const int32_t *>(rows);
  batch.device_slots = batch.device_offsets + batch.rows + 1;
  batch.device_starts = batch.device_slots + batch.rows;
  dsrt_entry entry = phase == Phase::Prefill ? artifact.prefill() : artifact.decode();
  int32_t code = entry(&context, arena, weights.pointers(), &batch, &cache, batch.tokens, batch.rows, batch.wanted,
                       static_cast<const int32_t *>(tokenIds), static_cast<const int32_t *>(wantedTokens));
  if (code != DSRT_OK)
    return context.status(code);
  context.site = -1;
  const ManifestProgram &program = phase == Phase::Prefill ? manifest().prefill : manifest().decode;
  logits.resize(batch.wanted * manifest().vocabulary);
  if (Status status = backendStatus(backend->synchronize(context.state), "finish the call"); !status.ok())
    return status;
  Status status = backendStatus(
      backend->copy_out(context.state, logits.data(), static_cast<char *>(arena) + program.logitsOffset, logits.size() * sizeof(float)),
      "copy the logits");
  if (context.trace)
    context.trace->add(phase == Phase::Prefill ? "prefill" : "decode",
                       format("%lld tokens of %lld rows", (long long)batch.tokens, (long long)batch.rows), begin, context.trace->now());
  return status;
}

Status Session::runCall(const PrefillCall &call, const TokenRows &rows, int64_t firstRow, Phase phase, const LogitsSink &sink) {
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
  }
  // A chunk in the middle of a row asks for nothing. Its last token's logits are computed all the same: one row of the head, so
  // that no backend has to serve products without rows.
  if (wanted.empty())
    wanted.push_back(int32_t(ids.size()) - 1);
  dsrt_batch batch = {int64_t(ids.size()), int64_t(slots.size()), int64_t(wanted.size()), ids.data(),
                      offsets.data(),      slots.data(),          starts.data(),          wanted.data(), nullptr, nullptr, nullptr};
  if (Status status = run(phase, batch); !status.ok())
    return status;
  for (size_t i = 0; i < asked.size(); ++i) {
    const float *values = logits.data() + i * manifest().vocabulary;
    if (firstNotFinite(values, manifest().vocabulary, DSRT_F32) >= 0)
      return {DSRT_NOT_FINITE,
              format("the logits of row %lld, token %lld are not finite; --check-finite names the first operation that made such a value",
                     (long long)asked[i].row, (long long)asked[i].position)};
    if (Status status = sink(asked[i].row, asked[i].position, values); !status.ok())
      return status;
  }
  return {};
}

Status Session::forward(const TokenRows &rows, Wanted wanted, Phase phase, const LogitsSink &sink) {
  for (int64_t first = 0; first < int64_t(rows.size()); first += cache.slots) {
    std::vector<int64_t> lengths;
    for (int64_t row = first; row < std::min<int64_t>(first + cache.slots, rows.size()); ++row)
      lengths.push_back(rows[row].size());
    CallLimits limits = limitsOf(manifest());
    for (const PrefillCall &call : phase == Phase::Prefill ? planPrefill(lengths, wanted, limits) : planDecode(lengths, wanted, limits))
      if (Status status = runCall(call, rows, first, phase, sink); !status.ok())
        return status;
  }
  return {};
}

Status Session::decode(const std::vector<int32_t> &ids, const std::vector<int32_t> &slots, const std::vector<int32_t> &starts,
                       const LogitsSink &sink) {
  CallLimits limits = limitsOf(manifest());
  int64_t most = std::min({limits.tokens, limits.rows, limits.wanted});
  for (int64_t first = 0; first < int64_t(ids.size()); first += most) {
    int64_t count = std::min<int64_t>(most, int64_t(ids.size()) - first);
    std::vector<int32_t> offsets(count + 1), wanted(count);
    for (int64_t i = 0; i < count; ++i)
      offsets[i] = wanted[i] = int32_t(i);
    offsets[count] = int32_t(count);
    dsrt_batch batch = {count,        count, count, ids.data() + first, offsets.data(), slots.data() + first, starts.data() + first,
                        wanted.data(), nullptr, nullptr, nullptr};
    if (Status status = run(Phase::Decode, batch); !status.ok())
      return status;
    for (int64_t i = 0; i < count; ++i) {
      const float *values = logits.data() + i * manifest().vocabulary;
      if (firstNotFinite(values, manifest().vocabulary, DSRT_F32) >= 0)
        return {DSRT_NOT_FINITE,
                format("the logits at position %d are not finite; --check-finite names the first operation that made such a value",
                       starts[first + i])};
      if (Status status = sink(first + i, starts[first + i], values); !status.ok())
        return status;
    }
  }
  return {};
}
