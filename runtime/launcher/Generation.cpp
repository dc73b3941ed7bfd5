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

  Status runGroup(int64_t first, int64_t count) {
    TokenRows group(rows.begin() + first, rows.begin() + first + count);
    std::vector<int64_t> active; ///< rows of the group that go on
    Clock prefill;
    Status status =
        session.forward(group, options.wanted, options.promptPhase, [&](int64_t row, int64_t position, const float *logits) -> Status {
          if (options.promptLogits)
            if (Status status = options.promptLogits(first + row, position, logits); !status.ok())
              return status;
          if (position + 1 != int64_t(group[row].size()))
            return {};
          result.reasons[first + row] = options.stop.atStart(group[row].size());
          if (result.reasons[first + row] == FinishReason::None)
            if (Status status = take(first + row, logits); !status.ok())
              return status;
          if (result.reasons[first + row] == FinishReason::None)
            active.push_back(row);
          return {};
        });
    if (!status.ok())
      return status;
    result.prefillMilliseconds += prefill.milliseconds();
    for (const std::vector<int32_t> &row : group)
      result.prefillTokens += row.size();

    while (!active.empty()) {
      Clock step;
      std::vector<int32_t> ids, slots, starts;
      for (int64_t row : active) {
        const std::vector<int32_t> &sequence = result.sequences[first + row];
        ids.push_back(sequence.back());
        slots.push_back(int32_t(row));
        starts.push_back(int32_t(group[row].size() + sequence.size() - 1));
      }
      status = session.decode(ids, slots, starts, [&](int64_t i, int64_t, const float *logits) { return take(first + active[i], logits); });
      if (!status.ok())
        return status;
      result.decodeTokens += active.size();
      std::erase_if(active, [&](int64_t row) { return result.reasons[first + row] != FinishReason::None; });
      result.stepMilliseconds.push_back(step.milliseconds());
      result.decodeMilliseconds += result.stepMilliseconds.back();
    }
    return {};
  }

  GenerationResult result;

private:
  /// The next token of a row, and whether the row ends with it.
  Status take(int64_t row, const float *logits) {
    std::vector<int32_t> &sequence = result.sequences[row];
    int32_t token = sampler.next(logits, session.manifest().vocabulary, row, sequence.size());
    sequence.push_back(token);
    result.reasons[row] = options.stop.after(token, rows[row].size(), sequence.size());
    return options.onToken ? options.onToken(row, token) : Status();
  }

  Session &session;
  const TokenRows &rows;
  const GenerationOptions &options;
  Sampler sampler;
};

} // namespace

Expected<GenerationResult> dsrt::generate(Session &session, const TokenRows &rows, const GenerationOptions &options) {
  Generator generator(session, rows, options);
  for (int64_t first = 0; first < int64_t(rows.size()); first += session.slots())
    if (Status status = generator.runGroup(first, std::min<int64_t>(session.slots(), rows.size() - first)); !status.ok())
      return status;
  return std::move(generator.result);
}
