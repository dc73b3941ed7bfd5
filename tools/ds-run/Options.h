// The options of `ds-run OUT.dsx`, parsed and checked: each has an effect, or the combination is refused.
#pragma once

#include "runtime/launcher/Sampling.h"
#include "runtime/launcher/Session.h"
#include "tools/driver/Machine.h"

#include <CLI/CLI.hpp>

#include <optional>
#include <set>
#include <string>

namespace dsmlir {

/// Where the tokens come from.
enum class InputKind { Tokens, File, Prompt, Score };

struct RunOptions {
  std::string artifact, weights;

  InputKind input = InputKind::Tokens;
  std::string inputValue;                ///< of the option that gave it: token ids, a file or text
  std::string inputTensor = "input_ids"; ///< of File and Score

  int64_t maxNewTokens = 0;
  dsrt::SamplingOptions sampling;
  std::set<int32_t> stopIds;
  bool ignoreEndOfSequence = false;
  bool asText = false;
  dsrt::Phase promptPhase = dsrt::Phase::Prefill;

  std::string logitsOut;
  std::string compare, compareTensor = "logits";
  double compareTolerance = 1e-5;

  std::string trace;
  double deadlineSeconds = 0;
  MachineOptions machine;
};

/// The options that say how an artifact is run, whatever it is run for: --threads, --device, --no-graphs, --algorithms.
void addMachineOptions(CLI::App &app, MachineOptions &options, const std::string &group);

/// Parses `ds-run OUT.dsx ...`. Nothing: `options` is filled; otherwise the exit code, 64 where the usage is wrong.
std::optional<int> parseRunOptions(int argc, const char *const *argv, RunOptions &options);

} // namespace dsmlir
