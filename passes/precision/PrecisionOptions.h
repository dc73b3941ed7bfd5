// Every precision option, once: one plain struct, and one table that says for each option its name, its values and where they
// are kept. The command line of ds-compile, the pipelines of ds-opt, the policy in the IR and the precision file all read and
// write through the table, so that an option exists everywhere or nowhere.
#pragma once

#include "passes/precision/Findings.h"
#include "passes/precision/Recipes.h"
#include "runtime/support/Json.h"
#include "runtime/support/Status.h"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dsmlir {

/// A scalar: its value (the default until it is given) and where it was given.
template <typename T> struct Setting {
  T value{};
  std::optional<Origin> origin;

  bool given() const { return origin.has_value(); }
};

/// A pattern of an include or exclude list, or a requested run mode.
struct PatternSelection {
  std::string text;
  Origin origin;
};

/// `text` is PATTERN=DTYPE (rules) or PATH=DTYPE (overrides), `target` and `dtype` its two sides.
struct DtypeSelection {
  std::string target;
  std::string dtype; ///< "fp32", "bf16" or "fp16"
  Origin origin;

  std::string text() const { return target + "=" + dtype; }
};

/// A recipe that a precision file, or the policy in the IR, declares.
struct RecipeDefinition {
  Recipe recipe;
  Origin origin;
  bool sound = true; ///< false: a field was refused, and what follows from the others is not reported on top
};

/// The four layers of PRECISION.md. An empty string means: not given, what the mode or the recipe says holds.
struct PrecisionOptions {
  // Layer 1: parameter storage.
  Setting<std::string> paramsDtype; ///< fp32 | bf16 | fp16
  Setting<bool> fp8Param, fp4Param;
  Setting<std::string> fp4ParamFormat{"nf4", {}};
  Setting<std::string> persistentLowbitMode{"off", {}}; ///< off | fp8 | fp4
  std::vector<PatternSelection> persistentInclude, persistentExclude;
  Setting<std::string> persistentScaleGranularity{"per_channel", {}}; ///< per_channel | per_tensor

  // Layer 2: run policy.
  std::vector<PatternSelection> modes;  ///< fp32 | bf16 | fp16 | fp8 | fp4, as often as one was asked for
  Setting<std::string> activationDtype; ///< fp32 | bf16 | fp16
  Setting<std::string> recipe{"default", {}};
  std::vector<RecipeDefinition> recipes; ///< declared beside the built-in ones, each name once
  Setting<double> lossScaleInit{65536, {}}, lossScaleGrowthFactor{2, {}}, lossScaleBackoffFactor{0.5, {}};
  Setting<int64_t> lossScaleGrowthInterval{2000, {}};
  Setting<double> lossScaleMin{1, {}}, lossScaleMax{16777216, {}};

  // Layer 3: low-bit compute of the linear family.
  Setting<std::string> computeLowbitMode; ///< fp8 | fp4
  std::vector<PatternSelection> computeInclude, computeExclude;
  Setting<std::string> patternType{"regex", {}};                   ///< regex | glob
  Setting<std::string> fp8Backend;                                 ///< emulated | native; not given: the target's own
  Setting<std::string> fp8Format{"e4m3", {}};                      ///< e4m3 | hybrid
  Setting<std::string> fp8Rounding{"nearest", {}};                 ///< nearest | stochastic
  Setting<std::string> fp8ScaleFormat{"fp32", {}};                 ///< fp32 | ue8m0
  Setting<double> fp8AmaxFloor{0, {}};                             ///< amax of a tile is at least this
  Setting<int64_t> roundingSeed{0, {}};                            ///< of stochastic rounding
  Setting<std::string> fp8ActivationGranularity{"tile_1x128", {}}; ///< tile_1x128 | tensor | channel
  Setting<std::string> fp8WeightGranularity{"block_128x128", {}};  ///< block_128x128 | tensor | channel
  Setting<bool> fp8CommQuant;                                      ///< --fp8-comm-quant, --no-fp8-comm-quant
  Setting<std::string> fp8CommGranularity{"tile_1x128", {}};       ///< tile_1x128 | block_128x128 | tensor | channel
  Setting<int64_t> fp8AmaxHistoryLen{16, {}};
  Setting<std::string> fp8AmaxComputeAlgo{"most_recent", {}}; ///< most_recent | max
  Setting<std::string> fp4Format{"nvfp4", {}};                ///< nvfp4 | mxfp4
  Setting<std::string> fp4Backend{"emulated", {}};

  // Layer 4: dtypes of single modules, and by pattern.
  std::vector<DtypeSelection> overrides;
  std::vector<DtypeSelection> rules;

  // Training state: rides along into the plan.
  Setting<std::string> mainParamsDtype{"fp32", {}}, mainGradsDtype{"fp32", {}}, expAvgDtype{"fp32", {}}, expAvgSqDtype{"fp32", {}};
  Setting<std::string> lowbitMasterOwnership{"optimizer", {}}; ///< optimizer | module

  // Accounting.
  Setting<bool> strictRules;

  /// Values that set() refused: validate() and resolve() report them with everything else.
  std::vector<Finding> refused;
};

enum class OptionKind : uint8_t {
  Flag,          ///< present or not; JSON true or false
  NegatableFlag, ///< --x and --no-x
  Mode,          ///< one of --fp32 ... --fp4
  Choice,        ///< one of `choices`
  RecipeName,    ///< one of `choices`, or a recipe that a precision file declares: validate() knows all of them
  Number,        ///< a finite FP64 value
  Integer,
  Patterns,      ///< repeatable
  DtypeRules,    ///< repeatable PATTERN=DTYPE
  DtypeOverrides ///< repeatable PATH=DTYPE; in JSON also an object {PATH: DTYPE}
};

/// What a reader of the plan sees of an option.
enum class OptionEffect : uint8_t {
  Modules,       ///< which module computes, or is stored, in what
  Formats,       ///< tiles, scales and rounding of the operands
  Communication, ///< payloads of collectives
  Training,      ///< the training section: accepted, listed, without effect on inference
  Target,        ///< how the target runs it: the target's section
  Accounting     ///< which findings are errors
};

struct OptionDescriptor {
  std::string name; ///< without dashes: "fp8-scale-format"
  std::string key;  ///< in the precision file and in #ds.policy: "fp8_scale_format"
  OptionKind kind;
  int layer; ///< 1..4 of PRECISION.md, 0: training state and accounting
  OptionEffect effect;
  std::string help;                 ///< one line
  std::vector<std::string> choices; ///< of Choice; the dtypes of the two dtype lists
  std::string defaultText;          ///< empty where the default depends on mode, recipe or target

  using Storage = std::variant<Setting<bool> PrecisionOptions::*, Setting<double> PrecisionOptions::*, Setting<int64_t> PrecisionOptions::*,
                               Setting<std::string> PrecisionOptions::*, std::vector<PatternSelection> PrecisionOptions::*,
                               std::vector<DtypeSelection> PrecisionOptions::*>;
  Storage storage;

  bool isList() const { return kind == OptionKind::Patterns || kind == OptionKind::DtypeRules || kind == OptionKind::DtypeOverrides; }
};

/// All options in the order of PRECISION.md.
const std::vector<OptionDescriptor> &optionTable();

/// By the name on the command line or the key of the precision file ("fp8-param", "--fp8-param", "fp8_param"; not "no-..."). Also
/// "overrides" and "module_compute_dtype_overrides", the names in a policy. Null where there is none.
const OptionDescriptor *findOption(std::string_view name);

/// Sets an option from text. `name` as for findOption; "no-NAME" negates a negatable flag. A flag takes "", "true" or "false"; a
/// list takes one more element a call. Scalars of a weaker origin than the present one leave it as it is.
/// Errors: DSRT_USAGE for an unknown name, with the nearest one; DSRT_REJECTED for a value that the option cannot take, with the
/// option's name and what it expects: such a value is also kept in `options.refused`, so that a caller may go on collecting.
dsrt::Status set(PrecisionOptions &options, std::string_view name, std::string_view value, const Origin &origin);

/// Reads a precision file: one JSON object, keys as the flags with underscores, flags true or false, lists as arrays (or one
/// string), `module_compute_dtype_overrides` as an object from path to dtype, `recipes` as an object from name to recipe.
/// Errors: DSRT_UNREADABLE for a file that is not JSON, DSRT_REJECTED for a key or a value that is not an option's.
dsrt::Status readConfigFile(const std::string &path, PrecisionOptions &options);
dsrt::Status readConfig(const dsrt::Json &json, const std::string &what, PrecisionOptions &options);

/// Reads a recipe of the user's own: an object of recipeFields(), and `based_on`, a built-in recipe from which the fields come that are
/// left out ("default" where it is left out). What is wrong (a name that is taken, an unknown field, a bad value) goes to
/// `options.refused`. A name that a weaker origin declared is declared anew.
void readRecipe(const std::string &name, const dsrt::Json &fields, const Origin &origin, PrecisionOptions &options);
/// All fields of a recipe: what readRecipe() reads as the same recipe.
dsrt::Json recipeFieldsJson(const Recipe &recipe);
/// A declared or built-in recipe; null for "auto" and unknown names.
const Recipe *findRecipe(std::string_view name, const PrecisionOptions &options);
/// What --precision-recipe takes.
std::vector<std::string> recipeNames(const PrecisionOptions &options);

/// The option nearest to a name that is none, for messages: "--fp8-param"; empty where nothing is near.
std::string nearestOption(std::string_view name);

/// Contradictions between options, before any module is looked at: two modes, a recipe with another mode, two storage formats,
/// loss scaling out of range, one path with two dtypes, patterns that do not parse; and everything that set() refused.
std::vector<Finding> validate(const PrecisionOptions &options);

/// The run mode asked for by the strongest origin that asks, or empty.
std::string requestedMode(const PrecisionOptions &options);

/// An option as it stands in `#ds.policy`: key and values, one value for a scalar. `set(options, key, value, origin)` for each
/// value gives back the same options. Overrides stand under "overrides", their values as PATH=DTYPE.
struct PolicyEntry {
  std::string key;
  bool list;
  std::vector<std::string> values;

  bool operator==(const PolicyEntry &) const = default;
};

/// Every option that was given, in the order of the table.
std::vector<PolicyEntry> policyEntries(const PrecisionOptions &options);

} // namespace dsmlir
