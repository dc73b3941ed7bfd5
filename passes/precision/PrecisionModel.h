// Precision resolution: which dtype every module of a model computes and is stored in, and why. Plain C++ without MLIR: the
// passes give the modules in the order of the graph and write the decisions back to the ops. The specification is
// design/PRECISION.md; the order of decisions per module is in Resolution.cpp.
//
// Resolution is a function of modules, options and checkpoint: it depends on no target, no mesh, and not on the order in which
// options of equal rank were given (dtype rules are ordered among themselves: the last match wins).
#pragma once

#include "passes/precision/PrecisionOptions.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace dsmlir {

/// A module of the model, under its exact path.
struct Module {
  std::string path; ///< "blocks.0.attn.q_a_proj"; experts one by one: "blocks.1.ffn.experts.3.gate_proj"
  std::string type; ///< "Linear", "RMSNorm", "Embedding"
  bool lowBitCapable = false;
  std::string location; ///< of the op in an .mlir file: "model.mlir:41:12"; empty where imported
};

/// The dtype of a product's operands, of a parameter, or none.
enum class Precision : uint8_t { None, FP32, BF16, FP16, FP8, FP4 };

/// "fp32", "bf16", "fp16", "fp8", "fp4"; "" for None. And back (None: unknown).
const char *name(Precision precision);
Precision precisionNamed(std::string_view text);

/// A quantisation format as `#ds.quant` and the manifest write it.
struct QuantFormat {
  std::string payload;  ///< f8E4M3FN | f8E5M2 | f4E2M1FN | nf4
  int64_t tileRows = 0; ///< tokens of an activation, output channels of a weight; 0: the whole extent
  int64_t tileCols = 0; ///< along K; 0: the whole extent
  std::string scale;    ///< f32 | ue8m0 | f8E4M3FN
  std::string rule;     ///< amax: amax / largest value; power_of_two: not below that; mx: 2^(floor(log2 amax) - 2) (OCP MX 1.0)
  std::string rounding; ///< nearest | stochastic
  double amaxFloor = 0;
  uint64_t seed = 0;      ///< of stochastic rounding
  std::string outerScale; ///< second scale, F32, of NVFP4: "row" (a token), "tensor"; empty: none

  bool operator==(const QuantFormat &) const = default;
};

/// The operands of a low-bit product.
struct ProductFormat {
  QuantFormat activation, weight;
  int64_t promote = 0; ///< elements of K after which partial sums are promoted to FP32; 0: one FP32 sum

  bool operator==(const ProductFormat &) const = default;
};

/// How collectives carry activations.
struct CommunicationPlan {
  bool quantised = false;
  std::string granularity; ///< of the payload
  std::string dispatch;    ///< "bf16", "expert input payload" (its own payload and scales, nothing quantised twice), "fp8"
  std::string combine;     ///< "bf16", "fp8"
};

/// A recipe that is active, with the FP8 flags applied to it.
struct RecipePlan {
  std::string name;   ///< "deepseek_v3"
  std::string source; ///< "--precision-recipe deepseek_v3"; for auto, what of the checkpoint says so
  std::string activationGranularity, weightGranularity, rounding;
  bool commQuant = false;
  std::string commGranularity;
};

/// What --precision-recipe auto looks at: quantization_config, and how the files store the linear weights.
struct Checkpoint {
  std::string storedDtype; ///< what the config says of what is not quantised: "bf16", "fp16", "fp32"; empty where it says nothing
  std::string quantMethod; ///< "fp8"; empty: there is no quantization_config
  std::string format;      ///< quantization_config.fmt: "e4m3"
  int64_t blockRows = 0, blockCols = 0;
  bool ue8m0 = false; ///< scale_fmt
  /// The dtypes of the linear weights by the files' headers, each with the number of its tensors: {"F8_E4M3", 39}. Empty: no files.
  std::vector<std::pair<std::string, size_t>> linearDtypes = {};
};

/// One step of a module's chain of decisions.
struct ChainLink {
  std::string layer; ///< "run policy", "low-bit compute", "recipe", "rule", "override", "low-bit storage"
  std::string said;  ///< "fp8: include 'ffn\.experts\.'"
  bool won = false;
};

struct Decision {
  Precision compute = Precision::None;
  Precision persistent = Precision::None; ///< FP8 or FP4; None: stored in the params dtype
  std::string reason;   ///< what decided compute: "recipe deepseek_v3", "run policy", "rule 2 '.*q_a_norm=fp16'", "override"
  int32_t product = -1; ///< index into Resolution::products where compute is low-bit
  int32_t stored = -1;  ///< index into Resolution::storedFormats where persistent is set
};

class Resolution {
public:
  Precision mode = Precision::BF16; ///< the run mode, that may be FP8 or FP4
  Precision activationDtype = Precision::BF16, paramsDtype = Precision::BF16;
  Precision lowBitMode = Precision::None;     ///< of the modules that compute in low precision
  Precision persistentMode = Precision::None; ///< of the parameters that are stored in low precision
  std::optional<RecipePlan> recipe;           ///< none where it is "default"
  Recipe declaredRecipe;                      ///< as declared, "default" too
  std::string recipeSource;                   ///< who chose it: "--precision-recipe deepseek_v3", "auto: ..."; "the default"
  std::string lowBitSource; ///< what asks for low-bit compute: "recipe deepseek_v3", "mode fp8", "compute-lowbit-mode fp8"
  CommunicationPlan communication;
  std::vector<Decision> decisions; ///< as modules()
  std::vector<ProductFormat> products;
  std::vector<QuantFormat> storedFormats;
  std::vector<Finding> findings; ///< errors first, then warnings, each in the order of the options
  PrecisionOptions options;      ///< as given

  const std::vector<Module> &modules() const { return *moduleList; }
  bool hasErrors() const;

  /// The index of a path, or nothing.
  std::optional<size_t> find(std::string_view path) const;
  const Decision *decision(std::string_view path) const;

  /// The options that lead to the same decisions without a checkpoint: for "auto", what was found in it. The policy of the IR.
  PrecisionOptions policy() const;

  /// Every layer that spoke about a module, in the order in which they do, with the one that won.
  std::vector<ChainLink> chain(size_t module) const;
  /// What decided how its parameter is stored: "params dtype", "fp8 storage", "exclude 'norm'", "recipe deepseek_v3: high precision".
  std::string storageReason(size_t module) const;

private:
  friend class Resolver;
  /// What spoke about a module: -1 for nothing. Indices into the options' lists.
  struct Evidence {
    int32_t include = -1, exclude = -1, storedInclude = -1, storedExclude = -1, override = -1;
    uint32_t firstRule = 0, rules = 0; ///< into matchedRules
    bool selected = false;             ///< after include and exclude
    bool storedSelected = false;
    bool highPrecision = false; ///< the recipe's
  };
  std::shared_ptr<const std::vector<Module>> moduleList;
  std::shared_ptr<const std::unordered_map<std::string_view, uint32_t>> byPath;
  std::vector<Evidence> evidence;
  std::vector<uint32_t> matchedRules;
};

/// Resolves all modules. Never fails: with errors among `findings` the decisions are not to be used. `checkpoint` is what
/// `--precision-recipe auto` reads; null: there is none, and auto is an error.
Resolution resolve(std::vector<Module> modules, const PrecisionOptions &options, const Checkpoint *checkpoint = nullptr);

/// At most `limit` existing paths that a path which does not exist may have meant, the most likely first: a Hugging Face name,
/// indices swapped, a dense name on an MoE block, an index out of range, a misspelling.
class Suggester {
public:
  /// Keeps a reference to `modules`.
  explicit Suggester(const std::vector<Module> &modules);
  ~Suggester();
  Suggester(const Suggester &) = delete;
  Suggester &operator=(const Suggester &) = delete;

  std::vector<std::string> suggest(std::string_view path, size_t limit = 3) const;
  /// What is wrong with the path, where more can be said than a likeness: "blocks are 0..2", "blocks.1.ffn has router, experts,
  /// shared_experts"; empty otherwise.
  std::string explain(std::string_view path) const;
  /// Existing paths that a pattern which matches nothing may have meant.
  std::vector<std::string> suggestForPattern(std::string_view pattern, size_t limit = 3) const;

private:
  struct Index;
  std::unique_ptr<Index> index;
};

/// `ds-compile --list-modules=json`, as CLI.md has it.
dsrt::Json listModulesJson(const Resolution &resolution);
/// `ds-compile --list-modules`: a header and one line a module, in columns.
std::string listModulesText(const Resolution &resolution);
/// What a plan says of itself; docs/plan.schema.json describes what follows. Another layout is another number.
inline constexpr char planSchema[] = "ds-mlir/plan/1";
/// The options that were given, as the plan has them: by key, a string or a list of strings.
dsrt::Json optionsJson(const PrecisionOptions &options);
/// The policy sections of the plan: run policy, recipe, formats, communication, training state, options.
dsrt::Json policyJson(const Resolution &resolution);
/// `ds-compile --explain PATH`: the chain of one module, or, for a pattern of the options' pattern type, modules grouped by
/// equal chains. With a plan of the resolution (planJson) also what the parameter goes through.
/// Errors: DSRT_REJECTED where nothing matches, with suggestions.
dsrt::Expected<std::string> explain(const Resolution &resolution, std::string_view pathOrPattern, const dsrt::Json *plan = nullptr);

} // namespace dsmlir
