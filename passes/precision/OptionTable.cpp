// The table of precision options: names, values, help and storage, in the order of PRECISION.md. To add an option: a member of
// PrecisionOptions and a line here; the command line, the pipelines, #ds.policy and the precision file follow.
#include "passes/precision/PrecisionOptions.h"

#include <algorithm>

using namespace dsmlir;

namespace {

using Options = PrecisionOptions;
using Kind = OptionKind;
using Effect = OptionEffect;

const std::vector<std::string> floats = {"fp32", "bf16", "fp16"};

std::vector<std::string> recipeChoices() {
  std::vector<std::string> names;
  for (const Recipe &recipe : builtInRecipes())
    names.push_back(recipe.name);
  names.emplace_back(autoRecipe);
  return names;
}

OptionDescriptor option(std::string name, Kind kind, int layer, Effect effect, OptionDescriptor::Storage storage, std::string help,
                        std::vector<std::string> choices = {}, std::string defaultText = "") {
  std::string key = name;
  std::replace(key.begin(), key.end(), '-', '_');
  return {std::move(name), std::move(key), kind, layer, effect, std::move(help), std::move(choices), std::move(defaultText), storage};
}

std::vector<OptionDescriptor> buildTable() {
  return {
      // Layer 1: parameter storage.
      option("params-dtype", Kind::Choice, 1, Effect::Modules, &Options::paramsDtype, "dtype in which parameters are stored", floats),
      option("fp8-param", Kind::Flag, 1, Effect::Modules, &Options::fp8Param, "store the parameters of the linear family in FP8"),
      option("fp4-param", Kind::Flag, 1, Effect::Modules, &Options::fp4Param, "store the parameters of the linear family in 4 bits"),
      option("fp4-param-format", Kind::Choice, 1, Effect::Formats, &Options::fp4ParamFormat, "format of 4-bit storage", {"nf4"}, "nf4"),
      option("persistent-lowbit-mode", Kind::Choice, 1, Effect::Modules, &Options::persistentLowbitMode, "low-bit storage of parameters",
             {"off", "fp8", "fp4"}, "off"),
      option("persistent-lowbit-include", Kind::Patterns, 1, Effect::Modules, &Options::persistentInclude,
             "modules stored in low precision (repeatable; none given: every module that can be)"),
      option("persistent-lowbit-exclude", Kind::Patterns, 1, Effect::Modules, &Options::persistentExclude,
             "modules not stored in low precision (repeatable)"),
      option("persistent-scale-granularity", Kind::Choice, 1, Effect::Formats, &Options::persistentScaleGranularity,
             "scales of low-bit storage: one an output channel, or one a tensor", {"per_channel", "per_tensor"}, "per_channel"),

      // Layer 2: run policy.
      option("fp32", Kind::Mode, 2, Effect::Modules, &Options::modes, "run in FP32"),
      option("bf16", Kind::Mode, 2, Effect::Modules, &Options::modes, "run in BF16 (the default)"),
      option("fp16", Kind::Mode, 2, Effect::Modules, &Options::modes, "run in FP16"),
      option("fp8", Kind::Mode, 2, Effect::Modules, &Options::modes, "compute the linear family in FP8"),
      option("fp4", Kind::Mode, 2, Effect::Modules, &Options::modes, "compute the linear family in FP4"),
      option("activation-dtype", Kind::Choice, 2, Effect::Modules, &Options::activationDtype, "dtype of activations", floats),
      option("precision-recipe", Kind::RecipeName, 2, Effect::Modules, &Options::recipe,
             "a recipe, built in or of the precision file; auto names what the checkpoint holds", recipeChoices(), "default"),
      option("loss-scale-init", Kind::Number, 2, Effect::Training, &Options::lossScaleInit, "initial loss scale", {}, "65536"),
      option("loss-scale-growth-factor", Kind::Number, 2, Effect::Training, &Options::lossScaleGrowthFactor,
             "growth of the loss scale, > 1", {}, "2"),
      option("loss-scale-backoff-factor", Kind::Number, 2, Effect::Training, &Options::lossScaleBackoffFactor,
             "back-off of the loss scale, between 0 and 1", {}, "0.5"),
      option("loss-scale-growth-interval", Kind::Integer, 2, Effect::Training, &Options::lossScaleGrowthInterval,
             "finite steps before the loss scale grows", {}, "2000"),
      option("loss-scale-min", Kind::Number, 2, Effect::Training, &Options::lossScaleMin, "smallest loss scale", {}, "1"),
      option("loss-scale-max", Kind::Number, 2, Effect::Training, &Options::lossScaleMax, "largest loss scale", {}, "16777216"),

      // Layer 3: low-bit compute of the linear family.
      option("compute-lowbit-mode", Kind::Choice, 3, Effect::Modules, &Options::computeLowbitMode,
             "low-bit compute of the selected modules (default: the run mode's)", {"fp8", "fp4"}),
      option("compute-lowbit-include", Kind::Patterns, 3, Effect::Modules, &Options::computeInclude,
             "modules that compute in low precision (repeatable; none given: every module that can)"),
      option("compute-lowbit-exclude", Kind::Patterns, 3, Effect::Modules, &Options::computeExclude,
             "modules that do not compute in low precision (repeatable)"),
      option("module-pattern-type", Kind::Choice, 3, Effect::Modules, &Options::patternType,
             "regex: RE2, searched anywhere in the path; glob: fnmatch, all of the path, * crosses dots", {"regex", "glob"}, "regex"),
      option("fp8-backend", Kind::Choice, 3, Effect::Target, &Options::fp8Backend, "FP8 kernels (default: emulated on cpu, native on cuda)",
             {"emulated", "native"}),
      option("fp8-format", Kind::Choice, 3, Effect::Training, &Options::fp8Format, "hybrid: E5M2 for gradients", {"e4m3", "hybrid"},
             "e4m3"),
      option("fp8-rounding", Kind::Choice, 3, Effect::Formats, &Options::fp8Rounding,
             "rounding of FP8 payloads (default: the recipe's, or nearest)", {"nearest", "stochastic"}),
      option("fp8-scale-format", Kind::Choice, 3, Effect::Formats, &Options::fp8ScaleFormat,
             "scales: FP32, or powers of two (default: the recipe's, or fp32)", {"fp32", "ue8m0"}),
      option("fp8-amax-floor", Kind::Number, 3, Effect::Formats, &Options::fp8AmaxFloor, "smallest amax that a scale is made from", {},
             "0"),
      option("rounding-seed", Kind::Integer, 3, Effect::Formats, &Options::roundingSeed, "seed of stochastic rounding", {}, "0"),
      option("fp8-activation-granularity", Kind::Choice, 3, Effect::Formats, &Options::fp8ActivationGranularity,
             "tiles of activations (default: the recipe's, or tile_1x128)", {"tile_1x128", "tensor", "channel"}),
      option("fp8-weight-granularity", Kind::Choice, 3, Effect::Formats, &Options::fp8WeightGranularity,
             "tiles of weights (default: the recipe's, or block_128x128)", {"block_128x128", "tensor", "channel"}),
      option("fp8-comm-quant", Kind::NegatableFlag, 3, Effect::Communication, &Options::fp8CommQuant,
             "quantise what collectives carry (default: as the recipe says, or not)"),
      option("fp8-comm-granularity", Kind::Choice, 3, Effect::Communication, &Options::fp8CommGranularity,
             "tiles of what collectives carry (default: the recipe's, or tile_1x128)",
             {"tile_1x128", "block_128x128", "tensor", "channel"}),
      option("fp8-amax-history-len", Kind::Integer, 3, Effect::Training, &Options::fp8AmaxHistoryLen, "amax history of delayed scaling", {},
             "16"),
      option("fp8-amax-compute-algo", Kind::Choice, 3, Effect::Training, &Options::fp8AmaxComputeAlgo, "amax taken from the history",
             {"most_recent", "max"}, "most_recent"),
      option("fp4-format", Kind::Choice, 3, Effect::Formats, &Options::fp4Format, "FP4 format of compute", {"nvfp4", "mxfp4"}, "nvfp4"),
      option("fp4-backend", Kind::Choice, 3, Effect::Target, &Options::fp4Backend, "FP4 kernels", {"emulated"}, "emulated"),

      // Layer 4: dtypes by exact path, and by pattern.
      option("module-compute-dtype-override", Kind::DtypeOverrides, 4, Effect::Modules, &Options::overrides,
             "PATH=fp32|bf16|fp16: compute dtype of one module (repeatable)", floats),
      option("module-compute-dtype-rule", Kind::DtypeRules, 4, Effect::Modules, &Options::rules,
             "PATTERN=fp32|bf16|fp16: compute dtype by pattern, the last match wins (repeatable)", floats),

      // Training state.
      option("main-params-dtype", Kind::Choice, 0, Effect::Training, &Options::mainParamsDtype, "dtype of master weights", floats),
      option("main-grads-dtype", Kind::Choice, 0, Effect::Training, &Options::mainGradsDtype, "dtype of accumulated gradients", floats),
      option("exp-avg-dtype", Kind::Choice, 0, Effect::Training, &Options::expAvgDtype, "dtype of the first moment", floats),
      option("exp-avg-sq-dtype", Kind::Choice, 0, Effect::Training, &Options::expAvgSqDtype, "dtype of the second moment", floats),
      option("lowbit-master-ownership", Kind::Choice, 0, Effect::Training, &Options::lowbitMasterOwnership,
             "who holds the master weights of low-bit storage", {"optimizer", "module"}, "optimizer"),

      // Accounting.
      option("strict-rules", Kind::Flag, 0, Effect::Accounting, &Options::strictRules, "warnings about selections are errors"),
  };
}

} // namespace

const std::vector<OptionDescriptor> &dsmlir::optionTable() {
  static const std::vector<OptionDescriptor> table = buildTable();
  return table;
}

const OptionDescriptor *dsmlir::findOption(std::string_view name) {
  if (name.substr(0, 2) == "--")
    name.remove_prefix(2);
  std::string key(name);
  std::replace(key.begin(), key.end(), '-', '_');
  if (key == "overrides" || key == "module_compute_dtype_overrides") // its names in a model's policy
    key = "module_compute_dtype_override";
  for (const OptionDescriptor &entry : optionTable())
    if (entry.key == key)
      return &entry;
  return nullptr;
}
