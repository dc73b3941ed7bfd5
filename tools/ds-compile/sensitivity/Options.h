// The command line of `ds-compile sensitivity`.
#pragma once

#include "passes/precision/ModuleGroups.h"
#include "tools/ds-compile/Options.h"
#include "tools/ds-compile/sensitivity/Measurement.h"

#include <cstdint>
#include <optional>
#include <string>

namespace dsmlir {

struct SensitivityOptions {
  CompileOptions compile; ///< model, precision and limits
  std::string weights;    ///< a Hugging Face folder, or one .safetensors file

  std::string input, inputTensor = "input_ids"; ///< a file; empty: `prompt` is the input
  std::string prompt;                           ///< text of one row, a byte a token
  int64_t rows = 0, length = 0;                 ///< of the input, the first ones; 0: all

  GroupBy groupBy = GroupBy::Projection;
  Metric metric = Metric::Distance;
  std::string baseline; ///< "fp32", "bf16" or "fp16"; empty: the options' own dtypes, nothing in low precision

  std::optional<double> valueBudget;   ///< --budget-distance, in the metric
  std::optional<uint64_t> bytesBudget; ///< --budget-bytes
  std::string policyOut;

  std::string state;
  int32_t threads = 0;
  bool asJson = false;
};

/// Parses `sensitivity MODEL ...` (argv[0] is the command). Nothing: `options` is filled; otherwise the exit code.
std::optional<int> parseSensitivityOptions(int argc, const char *const *argv, SensitivityOptions &options);

} // namespace dsmlir
