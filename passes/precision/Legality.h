// Which operations of a plan a target runs natively, which it emulates, which it cannot run, and why. Plain C++ without MLIR: the
// graph is read by PlannedOperations.cpp, and what targets take is data (Targets.cpp). The plan itself depends on no target.
#pragma once

#include "passes/precision/PrecisionModel.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmlir {

/// What kernels of one kind have in common.
enum class KernelFamily : uint8_t {
  Product,        ///< y[t, n] = x[t, k] w[n, k]; also the expansion of latents in prefill
  GroupedProduct, ///< the same for each expert's rows
  Prefill,        ///< attention over expanded keys and values
  Decode,         ///< attention over the latent, kv_b_proj absorbed
  Quantise,       ///< payload and scales of activations
  RowWise         ///< norms, RoPE, routing, SwiGLU, ...: row by row, F32 inside
};

/// How a tensor-parallel group holds a weight.
enum class Cut : uint8_t {
  Whole,   ///< on every rank
  Columns, ///< output channels (or rows of the vocabulary) are dealt out
  Rows     ///< K is dealt out, and results are summed over the ranks
};

/// An operand: a dtype, or a payload and the format that it is in.
struct Operand {
  std::string type; ///< "bf16", "f8E4M3FN"; empty where there is no such operand
  std::optional<QuantFormat> format;

  bool operator==(const Operand &) const = default;
};

/// An operation of the legalised graph, as far as targets and meshes ask about it.
struct PlannedOperation {
  std::string path; ///< of its module; experts as a range
  std::string kind; ///< "scaled_matmul", "mla_attention decode", "quantize"
  KernelFamily family = KernelFamily::RowWise;
  Operand activation, weight;
  std::optional<QuantFormat> through; ///< a format that the weight goes through on its way to memory
  int64_t n = 0, k = 0;               ///< of the weight [n, k], of one expert
  int64_t experts = 0;                ///< 0 where it is not grouped
  std::string group;                  ///< of experts: the same for all runs that one projection of a layer is split into
  int64_t heads = 0;                  ///< of attention; of a projection, the heads that its columns are dealt to
  int64_t queryWidth = 0, valueWidth = 0, latentWidth = 0; ///< of attention, a head
  Cut cut = Cut::Whole;
  std::string location; ///< of the op in an .mlir file; empty where imported

  bool isLowBit() const { return activation.format || weight.format; }
};

enum class Verdict : uint8_t { Native, Emulated, Unsupported };
const char *name(Verdict verdict);

/// Why a verdict is what it is, or what to know about it.
struct Reason {
  std::string kind; ///< format | scale | tile | rounding | shape | alignment | backend
  std::string text;

  bool operator==(const Reason &) const = default;
};

struct Judgement {
  Verdict verdict = Verdict::Unsupported;
  std::string kernel;          ///< what runs it; empty where nothing does
  std::vector<Reason> reasons; ///< why it is not native
  std::vector<Reason> notes;   ///< partial tiles, where it runs

  bool operator==(const Judgement &) const = default;
};

//===--- Targets ----------------------------------------------------------------------------------------------------------===//

/// What a kernel takes of an operand. An empty list takes anything.
struct OperandRule {
  std::vector<std::string> types = {};
  std::vector<std::pair<int64_t, int64_t>> tiles = {}; ///< rows x columns, 0 the whole extent
  std::vector<std::string> scales = {}, roundings = {};
};

enum class Dimension : uint8_t { N, K, QueryWidth, ValueWidth, LatentWidth };

/// What a kernel asks of a dimension.
struct Requirement {
  enum class Kind : uint8_t { Multiple, AtMost };
  Dimension dimension;
  Kind kind;
  int64_t value;
  std::string why;
};

struct Kernel {
  Verdict verdict; ///< Native or Emulated
  std::vector<KernelFamily> families;
  std::string name;
  OperandRule activation = {}, weight = {};
  std::vector<Requirement> requirements = {};
};

struct Target {
  std::string name;
  bool emulatesByDefault;      ///< low precision is emulated here by definition, and that is no fallback
  std::string source;          ///< what the table follows
  std::vector<Kernel> kernels; ///< of a family the first that fits runs it, native ones before emulations
};

/// The table (Targets.cpp).
const std::vector<Target> &targets();
/// Null for an unknown name.
const Target *findTarget(std::string_view name);

//===--- Judging ----------------------------------------------------------------------------------------------------------===//

/// How the target runs the operation. `options` say whether FP8 is asked for emulated (`--fp8-backend emulated`).
Judgement judge(const Target &target, const PlannedOperation &operation, const PrecisionOptions &options);

/// Operations of one target that are judged alike.
struct LegalityGroup {
  Judgement judgement;
  std::vector<std::string> kinds; ///< each once
  std::vector<std::string> paths; ///< one an operation, in the order of the graph
  size_t first = 0;               ///< the first of them, an index into the operations

  /// "scaled_matmul, quantize and 2 more": at most `most` of the kinds.
  std::string kindsText(size_t most) const;
  /// The paths as ranges, at most `most` of them.
  std::string pathsText(size_t most) const;
};

struct Legality {
  const Target *target;
  bool allowFallback;
  std::vector<LegalityGroup> groups; ///< in the order of the graph
  std::vector<Finding> refusals;     ///< DS1016, DS1050: why the target does not take the plan; empty where it does

  bool runs() const { return refusals.empty(); }
  /// The groups that are not native, those whose notes alone differ as one.
  std::vector<LegalityGroup> notNative() const;
  /// Operations with that verdict.
  size_t count(Verdict verdict) const;
};

/// All operations of a plan on a target, and what it refuses: an operation that it cannot run at all (or FP8 that it cannot run natively
/// under `--fp8-backend native`) is DS1016; one that it only emulates, unless emulation is the target's own way or was asked for with
/// `--fp8-backend emulated`, `--fp4-backend emulated` or `allowFallback`, is DS1050. Each refusal notes what would run.
Legality judgeAll(const Target &target, const std::vector<PlannedOperation> &operations, const PrecisionOptions &options,
                  bool allowFallback);

/// A warning (DS1150) where `allowFallback` lets nothing pass that would be refused without it.
std::optional<Finding> unusedFallback(const Legality &legality, const std::vector<PlannedOperation> &operations,
                                      const PrecisionOptions &options);

} // namespace dsmlir
