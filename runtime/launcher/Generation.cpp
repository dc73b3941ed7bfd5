// One group after the other: the cache holds the rows of one group.
#include "runtime/launcher/Generation.h"

#include <algorithm>
#include <chrono>

using namespace dsrt;

namespace {

class Clock {
public:
  double milliseconds() const { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count(); }

private:
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
};

class Generator {
public:
  Generator(Session &session, const TokenRows &rows, const GenerationOptions &options)
      : session(session), rows(rows), options(options), sampler(options.sampling) {
    result.sequences.resize(rows.size());
    result.reasons.resize(rows.size());
  }

  Status runGroup(int64_t firstRow, int64_t count) {
    first = firstRow;
    TokenRows group(rows.begin() + first, rows.begin() + first + count);
    Clock prefill;
    active.clear();
    Status status;
    if (byBackend() && !options.promptLogits) {
      status = session.forward(group, options.promptPhase, [&](int64_t row, int32_t token) { return begin(row, [&] { return token; }); });
    } else {
      status =
          session.forward(group, options.wanted, options.promptPhase, [&](int64_t row, int64_t position, const float *logits) -> Status {
            if (options.promptLogits)
              if (Status status = options.promptLogits(first + row, position, logits); !status.ok())
                return status;
            if (position + 1 != int64_t(group[row].size()))
              return {};
            return begin(row, [&] { return sampled(first + row, logits); });
          });
    }
    if (!status.ok())
      return status;
    result.prefillMilliseconds += prefill.milliseconds();
    for (const std::vector<int32_t> &row : group)
      result.prefillTokens += row.size();

    Clock decode;
    while (status.ok() && !active.empty())
      status = byBackend() ? greedySteps() : sampledStep();
    result.decodeMilliseconds += decode.milliseconds();
    return status;
  }

  GenerationResult result;

private:
  bool byBackend() const { return options.sampling.greedy; }

  int32_t sampled(int64_t row, const float *logits) {
    return sampler.next(logits, session.manifest().vocabulary, row, result.sequences[row].size());
  }

  /// The first token of a row of the group, where it gets one.
  template <typename Token> Status begin(int64_t row, const Token &token) {
    FinishReason &reason = result.reasons[first + row];
    reason = options.stop.atStart(rows[first + row].size());
    if (reason == FinishReason::None)
      if (Status status = take(first + row, token()); !status.ok())
        return status;
    if (reason == FinishReason::None)
      active.push_back(row);
    return {};
  }

  /// The next token of a row, and whether the row ends with it.
  Status take(int64_t row, int32_t token) {
    std::vector<int32_t> &sequence = result.sequences[row];
    sequence.push_back(token);
    result.reasons[row] = options.stop.after(token, rows[row].size(), sequence.size());
    return options.onToken ? options.onToken(row, token) : Status();
  }

  DecodeRows activeRows() const {
    DecodeRows step;
    for (int64_t row : active) {
      const std::vector<int32_t> &sequence = result.sequences[first + row];
      step.ids.push_back(sequence.back());
      step.slots.push_back(int32_t(row));
      step.starts.push_back(int32_t(rows[first + row].size() + sequence.size() - 1));
    }
    return step;
  }

  /// Whether every active row goes on after as many more tokens, as far as their number decides.
  bool allGoOn(int64_t more) const {
    return std::all_of(active.begin(), active.end(), [&](int64_t row) {
      return int64_t(result.sequences[first + row].size()) + more < options.stop.roomFor(rows[first + row].size());
    });
  }

  void dropFinished() {
    std::erase_if(active, [&](int64_t row) { return result.reasons[first + row] != FinishReason::None; });
  }

  Status sampledStep() {
    Clock step;
    Status status = session.decode(
        activeRows(), [&](int64_t i, int64_t, const float *logits) { return take(first + active[i], sampled(first + active[i], logits)); });
    result.decodeTokens += active.size();
    result.stepMilliseconds.push_back(step.milliseconds());
    dropFinished();
    return status;
  }

  /// Steps of the active rows until one of these ends. A row that a stop id ended is in the steps that were queued before that was
  /// known: what those give it is dropped.
  Status greedySteps() {
    bool looks = !options.stop.ids.empty() || options.onToken;
    int64_t ahead = std::min<int64_t>(session.mostSteps() - 1, looks ? 1 : INT64_MAX), queued = 1;
    if (Status status = session.queueStep(activeRows()); !status.ok())
      return status;
    std::vector<int32_t> tokens;
    for (bool ended = false; queued > 0; --queued) {
      for (; !ended && queued <= ahead && session.continues() && allGoOn(queued); ++queued) {
        dsrt_counters before = session.counters();
        if (Status status = session.continueStep(); !status.ok())
          return status;
        count(before, session.counters());
      }
      double milliseconds = 0;
      if (Status status = session.collectStep(tokens, milliseconds); !status.ok())
        return status;
      result.stepMilliseconds.push_back(milliseconds);
      for (size_t i = 0; i < active.size(); ++i) {
        int64_t row = first + active[i];
        if (result.reasons[row] != FinishReason::None)
          continue;
        if (Status status = take(row, tokens[i]); !status.ok())
          return status;
        ++result.decodeTokens;
        ended |= result.reasons[row] != FinishReason::None;
      }
    }
    dropFinished();
    return {};
  }

  void count(const dsrt_counters &before, const dsrt_counters &after) {
    ++result.countedSteps;
    result.counted.operations += after.operations - before.operations;
    result.counted.graphs += after.graphs - before.graphs;
    result.counted.waits += after.waits - before.waits;
    result.counted.copies_in += after.copies_in - before.copies_in;
    result.counted.copies_out += after.copies_out - before.copies_out;
  }

  Session &session;
  const TokenRows &rows;
  const GenerationOptions &options;
  Sampler sampler;
  int64_t first = 0;           ///< row of the group
  std::vector<int64_t> active; ///< rows of the group that go on
};

} // namespace

Expected<GenerationResult> dsrt::generate(Session &session, const TokenRows &rows, const GenerationOptions &options) {
  Generator generator(session, rows, options);
  for (int64_t first = 0; first < int64_t(rows.size()); first += session.slots())
    if (Status status = generator.runGroup(first, std::min<int64_t>(session.slots(), rows.size() - first)); !status.ok())
      return status;
  return std::move(generator.result);
}
