// Judges planned operations against the table of kernels: those of a family are narrowed down by format, scale, tile, rounding,
// shape and alignment in turn, and where none is left, that is the reason.
#include "passes/precision/Legality.h"
#include "passes/precision/PathRanges.h"
#include "runtime/support/Status.h"

#include <algorithm>
#include <tuple>

using namespace dsmlir;

namespace {

bool contains(const std::vector<std::string> &list, const std::string &value) {
  return list.empty() || value.empty() || std::find(list.begin(), list.end(), value) != list.end();
}

std::string tileText(int64_t rows, int64_t columns) {
  auto extent = [](int64_t value) { return value ? std::to_string(value) : std::string("all"); };
  return extent(rows) + "x" + extent(columns);
}

bool takesType(const OperandRule &rule, const Operand &operand) { return contains(rule.types, operand.type); }

bool takesTile(const OperandRule &rule, const Operand &operand) {
  if (!operand.format || rule.tiles.empty())
    return true;
  auto tile = std::pair(operand.format->tileRows, operand.format->tileCols);
  return std::find(rule.tiles.begin(), rule.tiles.end(), tile) != rule.tiles.end();
}

bool takesScale(const OperandRule &rule, const Operand &operand) {
  if (!operand.format || rule.scales.empty())
    return true;
  return contains(rule.scales, operand.format->scale) && operand.format->outerScale.empty();
}

bool takesRounding(const OperandRule &rule, const Operand &operand) {
  return !operand.format || contains(rule.roundings, operand.format->rounding);
}

int64_t dimensionOf(const PlannedOperation &operation, Dimension dimension) {
  switch (dimension) {
  case Dimension::N:
    return operation.n;
  case Dimension::K:
    return operation.k;
  case Dimension::QueryWidth:
    return operation.queryWidth;
  case Dimension::ValueWidth:
    return operation.valueWidth;
  case Dimension::LatentWidth:
    return operation.latentWidth;
  }
  return 0;
}

const char *dimensionName(Dimension dimension) {
  const char *names[] = {"N", "K", "the query's head", "the value's head", "the latent"};
  return names[size_t(dimension)];
}

bool meets(const PlannedOperation &operation, const Requirement &requirement) {
  int64_t value = dimensionOf(operation, requirement.dimension);
  switch (requirement.kind) {
  case Requirement::Kind::Multiple:
    return value % requirement.value == 0;
  case Requirement::Kind::AtMost:
    return value <= requirement.value;
  }
  return false;
}

std::string unmet(const PlannedOperation &operation, const Requirement &requirement) {
  const char *relation = requirement.kind == Requirement::Kind::Multiple ? " is no multiple of " : " is above ";
  return std::string(dimensionName(requirement.dimension)) + " = " + std::to_string(dimensionOf(operation, requirement.dimension)) +
         relation + std::to_string(requirement.value) + ": " + requirement.why;
}

void addOnce(std::vector<std::string> &texts, const std::string &text) {
  if (std::find(texts.begin(), texts.end(), text) == texts.end())
    texts.push_back(text);
}

/// Texts each once, in their order: "a, b or c".
std::string eitherOf(const std::vector<std::string> &texts) {
  std::vector<std::string> once;
  for (const std::string &text : texts)
    addOnce(once, text);
  std::string list;
  for (size_t i = 0; i < once.size(); ++i)
    list += (i == 0 ? "" : i + 1 == once.size() ? " or " : ", ") + once[i];
  return list;
}

/// The kernels of one verdict for one operation, narrowed down.
class Candidates {
public:
  Candidates(const Target &target, const PlannedOperation &operation, Verdict verdict) : operation(operation) {
    for (const Kernel &kernel : target.kernels)
      if (kernel.verdict == verdict && std::find(kernel.families.begin(), kernel.families.end(), operation.family) != kernel.families.end())
        kernels.push_back(&kernel);
  }

  bool empty() const { return kernels.empty(); }

  /// The first that fits, or null and in `reason` what left none.
  const Kernel *choose(Reason &reason) {
    const Operand &activation = operation.activation, &weight = operation.weight;
    auto both = [&](auto takes) {
      return [takes, this](const Kernel &kernel) {
        return takes(kernel.activation, operation.activation) && takes(kernel.weight, operation.weight);
      };
    };
    if (!narrow(
            both(takesType), "format", [&] { return activation.type + (weight.type.empty() ? "" : " by " + weight.type); },
            [&](const Kernel &kernel) { return typesOf(kernel, !weight.type.empty()); }, reason))
      return nullptr;
    if (!narrow(
            both(takesScale), "scale", [&] { return scalesOf(activation) + (weight.format ? " by " + scalesOf(weight) : ""); },
            [](const Kernel &kernel) { return "scales of " + eitherOf(kernel.activation.scales); }, reason))
      return nullptr;
    if (!narrow(
            both(takesTile), "tile", [&] { return "tiles of " + tilesOf(activation) + (weight.format ? " by " + tilesOf(weight) : ""); },
            [&](const Kernel &kernel) { return tilesOf(kernel.activation) + (weight.format ? " by " + tilesOf(kernel.weight) : ""); },
            reason))
      return nullptr;
    // Weights are rounded when they are loaded, not by the product; only quantisation itself asks for a rounding.
    if (!narrow(
            both(takesRounding), "rounding", [&] { return (activation.format ? activation.format->rounding : "no") + " rounding"; },
            [](const Kernel &kernel) { return eitherOf(kernel.activation.roundings) + " rounding"; }, reason))
      return nullptr;
    for (const Kernel *kernel : kernels) {
      auto broken = std::find_if(kernel->requirements.begin(), kernel->requirements.end(),
                                 [&](const Requirement &requirement) { return !meets(operation, requirement); });
      if (broken == kernel->requirements.end())
        return kernel;
      reason = {broken->kind == Requirement::Kind::Multiple ? "alignment" : "shape", unmet(operation, *broken)};
    }
    return nullptr;
  }

private:
  static std::string typesOf(const Kernel &kernel, bool weight) {
    auto list = [](const OperandRule &rule) {
      std::string text;
      for (const std::string &type : rule.types)
        text += (text.empty() ? "" : "/") + type;
      return text;
    };
    return list(kernel.activation) + (weight ? " by " + list(kernel.weight) : "");
  }
  static std::string scalesOf(const Operand &operand) {
    if (!operand.format)
      return "no scales";
    return operand.format->scale + " scales" + (operand.format->outerScale.empty() ? "" : " with an outer scale");
  }
  static std::string tilesOf(const Operand &operand) {
    return operand.format ? tileText(operand.format->tileRows, operand.format->tileCols) : "none";
  }
  static std::string tilesOf(const OperandRule &rule) {
    std::vector<std::string> texts;
    for (auto [rows, columns] : rule.tiles)
      texts.push_back(tileText(rows, columns));
    return eitherOf(texts);
  }

  /// Keeps the kernels that take it. False, with the reason, where there is none; `described` is what one of the others takes.
  template <typename Takes, typename Got, typename Describe>
  bool narrow(Takes takes, const char *kind, Got got, Describe described, Reason &reason) {
    std::vector<const Kernel *> left;
    for (const Kernel *kernel : kernels)
      if (takes(*kernel))
        left.push_back(kernel);
    if (left.empty()) {
      std::vector<std::string> texts;
      for (const Kernel *kernel : kernels)
        texts.push_back(described(*kernel));
      reason = {kind, got() + ", but kernels take " + eitherOf(texts)};
      return false;
    }
    kernels = std::move(left);
    return true;
  }

  const PlannedOperation &operation;
  std::vector<const Kernel *> kernels;
};

/// What a kernel that runs does at the edges of its operands.
void addPartialTiles(const PlannedOperation &operation, std::vector<Reason> &notes) {
  auto partial = [&](const char *what, int64_t extent, int64_t tile) {
    if (tile > 1 && extent % tile != 0 && extent > 0)
      notes.push_back({"tile", dsrt::format("%s = %lld is no multiple of %lld: the last tile is partial, and a tile of its own", what,
                                            (long long)extent, (long long)tile)});
  };
  if (operation.weight.format) {
    partial("N", operation.n, operation.weight.format->tileRows);
    partial("K", operation.k, operation.weight.format->tileCols);
  } else if (operation.activation.format && operation.family == KernelFamily::Quantise) {
    partial("K", operation.k, operation.activation.format->tileCols);
  }
}

bool isFP8(const PlannedOperation &operation) {
  return operation.activation.type.starts_with("f8") || operation.weight.type.starts_with("f8");
}
bool isFP4(const PlannedOperation &operation) { return operation.activation.type == "f4E2M1FN" || operation.weight.type == "f4E2M1FN"; }
/// Decode reads FP8 weights and multiplies in the activation dtype: what `--fp8-backend` speaks of are products of payloads.
bool isLowBitArithmetic(const PlannedOperation &operation) { return operation.activation.format.has_value(); }

} // namespace

const char *dsmlir::name(Verdict verdict) {
  const char *names[] = {"native", "emulated", "unsupported"};
  return names[size_t(verdict)];
}

Judgement dsmlir::judge(const Target &target, const PlannedOperation &operation, const PrecisionOptions &options) {
  Judgement judgement;
  Reason whyNotNative, whyNotEmulated;
  Candidates natives(target, operation, Verdict::Native), emulations(target, operation, Verdict::Emulated);
  bool hasNatives = !natives.empty();
  const Kernel *chosen = natives.choose(whyNotNative);
  if (chosen && options.fp8Backend.value == "emulated" && isFP8(operation) && isLowBitArithmetic(operation)) {
    chosen = nullptr;
    whyNotNative = {"backend", "--fp8-backend emulated asks for the emulation"};
  }
  judgement.verdict = Verdict::Native;
  if (!chosen) {
    judgement.verdict = Verdict::Emulated;
    chosen = emulations.choose(whyNotEmulated);
    if (hasNatives)
      judgement.reasons.push_back(whyNotNative);
  }
  if (!chosen) {
    judgement.verdict = Verdict::Unsupported;
    if (!whyNotEmulated.kind.empty() && whyNotEmulated != whyNotNative)
      judgement.reasons.push_back({whyNotEmulated.kind, "emulation: " + whyNotEmulated.text});
    return judgement;
  }
  judgement.kernel = chosen->name;
  addPartialTiles(operation, judgement.notes);
  return judgement;
}

//===--- What is refused, and what would run --------------------------------------------------------------------------------===//

namespace {

/// Why an operation is refused.
enum class Refusal : uint8_t { None, Unsupported, NotNative, Fallback };

Refusal refusalOf(const Target &target, const PlannedOperation &operation, const Judgement &judgement, const PrecisionOptions &options,
                  bool allowFallback) {
  if (judgement.verdict == Verdict::Unsupported)
    return Refusal::Unsupported;
  if (judgement.verdict == Verdict::Native)
    return Refusal::None;
  bool fp8 = isFP8(operation) && isLowBitArithmetic(operation);
  if (fp8 && options.fp8Backend.value == "native")
    return Refusal::NotNative;
  bool askedFor = (fp8 && options.fp8Backend.value == "emulated") ||
                  (isFP4(operation) && options.fp4Backend.given() && options.fp4Backend.value == "emulated");
  return target.emulatesByDefault || allowFallback || askedFor ? Refusal::None : Refusal::Fallback;
}

/// A change to an operation, and what has to be written for it.
struct Change {
  std::string write;
  void (*apply)(PlannedOperation &operation);
};

void setFormats(PlannedOperation &operation, void (*change)(QuantFormat &, bool weight)) {
  auto set = [&](Operand &operand, bool weight) {
    if (!operand.format)
      return;
    change(*operand.format, weight);
    operand.type = operand.format->payload;
  };
  set(operation.activation, false);
  set(operation.weight, true);
}

void setBlocks(QuantFormat &format, bool weight) {
  format = {.payload = "f8E4M3FN",
            .tileRows = weight ? 128 : 1,
            .tileCols = 128,
            .scale = format.scale == "ue8m0" ? "ue8m0" : "f32",
            .rule = format.scale == "ue8m0" ? "power_of_two" : "amax",
            .rounding = format.rounding,
            .outerScale = ""};
}

/// What could be written instead, the smallest change first.
const std::vector<Change> &changes() {
  static const std::vector<Change> list = {
      {"--fp8-rounding nearest",
       [](PlannedOperation &operation) { setFormats(operation, [](QuantFormat &format, bool) { format.rounding = "nearest"; }); }},
      {"--fp8-activation-granularity tile_1x128 --fp8-weight-granularity block_128x128",
       [](PlannedOperation &operation) {
         if (isFP8(operation))
           setFormats(operation, setBlocks);
       }},
      {"--fp8 instead of FP4", [](PlannedOperation &operation) { setFormats(operation, setBlocks); }},
      {"bf16, for these modules alone with --compute-lowbit-exclude or --module-compute-dtype-override PATH=bf16",
       [](PlannedOperation &operation) {
         if (operation.family == KernelFamily::Quantise) // there is nothing to quantise then
           operation.family = KernelFamily::RowWise;
         operation.activation = {"bf16", std::nullopt};
         if (!operation.weight.type.empty())
           operation.weight = {"bf16", std::nullopt};
       }},
  };
  return list;
}

std::string remedies(const Target &target, const PlannedOperation &operation, Refusal refusal, const PrecisionOptions &options) {
  std::vector<std::string> texts;
  PrecisionOptions without = options; // the changed operation is asked for as the target runs it best
  without.fp8Backend = {};
  auto runs = [&](const Target &other, const PlannedOperation &changed, const PrecisionOptions &under) {
    return refusalOf(other, changed, judge(other, changed, under), under, false) == Refusal::None;
  };
  if (refusal == Refusal::Fallback)
    texts.push_back("--allow-fallback (" + judge(target, operation, options).kernel + ")");
  if (refusal == Refusal::NotNative)
    texts.push_back("leaving out --fp8-backend native" + std::string(runs(target, operation, without) ? "" : ", with --allow-fallback"));
  if (operation.isLowBit() && refusal != Refusal::NotNative)
    for (const Change &change : changes()) {
      PlannedOperation changed = operation;
      change.apply(changed);
      if (runs(target, changed, without)) {
        texts.push_back(change.write);
        break; // the smallest one
      }
    }
  for (const Target &other : targets())
    if (&other != &target && runs(other, operation, options))
      texts.push_back("--target=" + other.name);
  return texts.empty() ? "" : "what would run: " + eitherOf(texts);
}

/// Whether the table has one answer for both. Stochastic rounding has a key of its own for each operand, which no kernel looks at.
bool asksTheSame(const PlannedOperation &a, const PlannedOperation &b) {
  auto likeFormats = [](const Operand &x, const Operand &y) {
    auto parts = [](const QuantFormat &f) { return std::tie(f.tileRows, f.tileCols, f.scale, f.rule, f.rounding, f.outerScale); };
    return x.type == y.type && x.format.has_value() == y.format.has_value() && (!x.format || parts(*x.format) == parts(*y.format));
  };
  auto sizes = [](const PlannedOperation &o) { return std::tie(o.family, o.n, o.k, o.queryWidth, o.valueWidth, o.latentWidth); };
  return sizes(a) == sizes(b) && likeFormats(a.activation, b.activation) && likeFormats(a.weight, b.weight);
}

Finding refuse(const Target &target, const LegalityGroup &group, const PlannedOperation &operation, Refusal refusal,
               const PrecisionOptions &options) {
  std::string paths = group.pathsText(3);
  std::string what = "target '" + target.name + "' ";
  switch (refusal) {
  case Refusal::Unsupported:
    what += "cannot run " + group.kindsText(3) + " of ";
    break;
  case Refusal::NotNative:
    what += "runs " + group.kindsText(3) + " emulated, but --fp8-backend is native: ";
    break;
  default:
    what += "runs " + group.kindsText(3) + " emulated alone, and --allow-fallback is not given: ";
  }
  Finding finding = makeFinding(refusal == Refusal::Fallback ? Code::FallbackNotAllowed : Code::NotExecutable, what + paths);
  finding.location = operation.location;
  finding.module = group.paths.front();
  for (const Reason &reason : group.judgement.reasons)
    finding.notes.push_back({reason.kind + ": " + reason.text, operation.location});
  if (std::string remedy = remedies(target, operation, refusal, options); !remedy.empty())
    finding.notes.push_back({remedy, operation.location});
  return finding;
}

} // namespace

std::string LegalityGroup::kindsText(size_t most) const { return listOf(kinds, most); }

std::string LegalityGroup::pathsText(size_t most) const { return listOf(pathRanges(paths), most); }

size_t Legality::count(Verdict verdict) const {
  size_t operations = 0;
  for (const LegalityGroup &group : groups)
    if (group.judgement.verdict == verdict)
      operations += group.paths.size();
  return operations;
}

std::vector<LegalityGroup> Legality::notNative() const {
  std::vector<LegalityGroup> merged;
  for (const LegalityGroup &group : groups) {
    if (group.judgement.verdict == Verdict::Native)
      continue;
    auto like = std::find_if(merged.begin(), merged.end(), [&](const LegalityGroup &other) {
      return other.judgement.verdict == group.judgement.verdict && other.judgement.kernel == group.judgement.kernel &&
             other.judgement.reasons == group.judgement.reasons;
    });
    if (like == merged.end()) {
      merged.push_back(group);
      continue;
    }
    like->paths.insert(like->paths.end(), group.paths.begin(), group.paths.end());
    for (const std::string &kind : group.kinds)
      addOnce(like->kinds, kind);
  }
  return merged;
}

Legality dsmlir::judgeAll(const Target &target, const std::vector<PlannedOperation> &operations, const PrecisionOptions &options,
                          bool allowFallback) {
  Legality legality{&target, allowFallback, {}, {}};
  std::vector<std::pair<size_t, size_t>> judged; // an operation, and its group: layers ask the same again
  for (size_t i = 0; i < operations.size(); ++i) {
    auto before =
        std::find_if(judged.begin(), judged.end(), [&](const auto &entry) { return asksTheSame(operations[entry.first], operations[i]); });
    size_t at;
    if (before != judged.end()) {
      at = before->second;
    } else {
      Judgement judgement = judge(target, operations[i], options);
      auto group = std::find_if(legality.groups.begin(), legality.groups.end(),
                                [&](const LegalityGroup &known) { return known.judgement == judgement; });
      at = size_t(group - legality.groups.begin());
      if (group == legality.groups.end())
        legality.groups.push_back({std::move(judgement), {}, {}, i});
      judged.push_back({i, at});
    }
    legality.groups[at].paths.push_back(operations[i].path);
    addOnce(legality.groups[at].kinds, operations[i].kind);
  }
  for (const LegalityGroup &group : legality.notNative()) {
    const PlannedOperation &operation = operations[group.first];
    Refusal refusal = refusalOf(target, operation, group.judgement, options, allowFallback);
    if (refusal != Refusal::None)
      legality.refusals.push_back(refuse(target, group, operation, refusal, options));
  }
  return legality;
}

std::optional<Finding> dsmlir::unusedFallback(const Legality &legality, const std::vector<PlannedOperation> &operations,
                                              const PrecisionOptions &options) {
  if (!legality.allowFallback)
    return std::nullopt;
  for (const LegalityGroup &group : legality.groups)
    if (refusalOf(*legality.target, operations[group.first], group.judgement, options, false) == Refusal::Fallback)
      return std::nullopt;
  return makeFinding(Code::FallbackUnused, "--allow-fallback has no effect: target '" + legality.target->name +
                                               (legality.target->emulatesByDefault ? "' emulates low precision by itself"
                                                                                   : "' runs nothing of this plan by a fallback"));
}
