// Generation with the latent cache: prefill of a group of rows, then decode steps over the rows that are not finished.
#pragma once

#include "runtime/launcher/Sampling.h"
#include "runtime/launcher/Session.h"
#include "runtime/launcher/Stopping.h"

namespace dsrt {

struct GenerationResult {
  TokenRows sequences; ///< the new tokens of each row, the one that stopped it among them
  std::vector<FinishReason> reasons;
  // Milliseconds and tokens, over all groups.
  double prefillMilliseconds = 0, decodeMilliseconds = 0;
  int64_t prefillTokens = 0, decodeTokens = 0;
  std::vector<double> stepMilliseconds; ///< of each decode step, on a device in its own time
  /// What decode steps that went on from the one before them asked of the backend, and how many those were.
  dsrt_counters counted = {};
  int64_t countedSteps = 0;
};

/// Gets each new token as soon as it is known; a status that is not ok ends the run.
using TokenSink = std::function<Status(int64_t row, int32_t token)>;

struct GenerationOptions {
  StopRule stop;
  SamplingOptions sampling;
  Wanted wanted = Wanted::LastOfRow;  ///< All: `promptLogits` gets the logits of every prompt token
  LogitsSink promptLogits;            ///< may be empty
  TokenSink onToken;                  ///< may be empty
  Phase promptPhase = Phase::Prefill; ///< the program that reads the prompts
};

/// Greedy tokens are found by the backend, and where it queues its calls, steps are queued before the ones before them are done: one ahead
/// where each token must be looked at (stop ids, onToken), else as many as there are.
///
/// Rows are prompts of 1 .. stop.maxLength tokens. They run in groups of session.slots(); a finished row leaves its group's steps.
Expected<GenerationResult> generate(Session &session, const TokenRows &rows, const GenerationOptions &options);

} // namespace dsrt
