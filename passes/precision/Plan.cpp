// The plan as JSON: decisions, and what they are in the graph. It is read off the graph as it was resolved, applied or not, so that
// it depends on no target: also what none can run has a plan.
#include "passes/precision/Plan.h"

#include "passes/precision/ModelModules.h"
#include "passes/precision/ParameterSteps.h"
#include "runtime/launcher/Manifest.h"

#include "llvm/ADT/StringMap.h"

#include <map>

using namespace mlir;

namespace dsmlir {
namespace {

std::string text(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// Bytes of a parameter of [experts,] rows, columns in a format, its F32 scales included: what the runtime allocates.
int64_t bytesOf(ArrayRef<int64_t> shape, const dsrt::Json &format) {
  uint64_t payload = 0, scales = 0;
  ::dsrt::Expected<dsrt_quant> quant = ::dsrt::formatFromJson(format, "plan");
  int64_t rows = shape.size() > 1 ? shape[shape.size() - 2] : 1, experts = shape.size() == 3 ? shape[0] : 1;
  if (!quant || !::dsrt::formatBytes(*quant, experts, rows, shape.back(), payload, scales))
    llvm::report_fatal_error("a format or a shape that passed the verifiers has no size");
  return int64_t(payload + scales);
}

class Planner {
public:
  Planner(ds::ModelOp model, const Resolution &resolution) : model(model), resolution(resolution) {}

  dsrt::Json run() {
    dsrt::Json plan = {{"schema", planSchema}};
    plan.update(policyJson(resolution));
    operations = dsrt::Json::array();
    withoutParameters = dsrt::Json::array();
    FailureOr<ModelModules> modules = ModelModules::collect(model);
    if (failed(modules) || modules->modules.size() != resolution.decisions.size())
      llvm::report_fatal_error("the model has changed since precision was resolved");
    llvm::DenseMap<Operation *, const ModuleOperation *> entries;
    for (const ModuleOperation &entry : modules->operations)
      entries[entry.operation] = &entry;
    // Both entry points hold the same modules, and what lies between them.
    if (auto prefill = symbols.lookup<ds::FuncOp>("prefill"))
      for (Operation &op : prefill.getBody().front()) {
        if (auto entry = entries.find(&op); entry != entries.end())
          addModules(*entry->second);
        if (auto attention = dyn_cast<ds::MLAAttentionOp>(op))
          addAttention(attention);
        if (auto policy = dyn_cast<ds::RunPolicyInterface>(op))
          addWithoutParameters(policy);
      }
    addUses();
    plan["operations"] = std::move(operations);
    plan["without_parameters"] = std::move(withoutParameters);
    return plan;
  }

private:
  void addModules(const ModuleOperation &entry) {
    ds::ModulePrecisionInterface op = entry.operation;
    auto whole = symbols.lookup<ds::ParamOp>(op.getModuleParameter().getAttr());
    std::vector<std::pair<size_t, size_t>> runs = runsDecidedAlike(entry, resolution);
    for (auto [begin, end] : runs) {
      std::string path = op.getModulePath().str(), name = whole.getSymName().str();
      SmallVector<int64_t> shape(whole.getShape());
      int64_t first = whole.getFirstExpert();
      if (runs.size() > 1) { // the names that applyResolution gives
        path = expertPath(path, op.getFirstExpert() + int64_t(begin), int64_t(end - begin));
        name = path + ".weight";
        shape[0] = int64_t(end - begin);
        first += int64_t(begin);
      }
      addRun(op, entry.modules[begin], end - begin, path, parameterJson(whole, name, shape, first, entry.modules[begin]));
    }
  }

  void addRun(ds::ModulePrecisionInterface op, uint32_t module, size_t count, const std::string &path, dsrt::Json parameter) {
    const Decision &decision = resolution.decisions[module];
    const ProductFormat *product = decision.product < 0 ? nullptr : &resolution.products[size_t(decision.product)];
    // Logits are F32 whatever the policy says; every other result is an activation.
    bool activation = op.resultIsActivation();
    std::string compute = product ? product->activation.payload : typeName(decision.compute);
    dsrt::Json entry = {{"path", path},
                        {"modules", count},
                        {"kind", op.getLegalName(product != nullptr).str()},
                        {"type", op.getModuleType().str()},
                        {"compute", compute},
                        {"accumulate", "f32"},
                        {"promote", product ? product->promote : 0},
                        {"result", activation ? typeName(resolution.activationDtype) : "f32"},
                        {"storage", decision.stored < 0 ? dsrt::Json(typeName(resolution.paramsDtype))
                                                        : formatJson(resolution.storedFormats[size_t(decision.stored)])},
                        {"reason", decision.reason},
                        {"storage_reason", resolution.storageReason(module)},
                        {"activation", product ? formatJson(product->activation) : dsrt::Json(nullptr)},
                        {"weight", product ? formatJson(product->weight) : dsrt::Json(nullptr)},
                        {"parameter", std::move(parameter)},
                        {"flops_per_token", flopsOf(op)}};
    if (product && isa<ds::MLAAttentionOp>(op.getOperation()))
      // Absorbed: the weight's values act on queries and outputs that are not quantised.
      entry["decode"] = {{"compute", typeName(resolution.activationDtype)},
                         {"accumulate", "f32"},
                         {"activation", nullptr},
                         {"weight", "dequantised values"}};
    operations.push_back(std::move(entry));
  }

  dsrt::Json parameterJson(ds::ParamOp param, const std::string &name, ArrayRef<int64_t> shape, int64_t first, uint32_t module) {
    ParameterFormat stored = storedFormatOf(param);
    dsrt::Json steps = dsrt::Json::array();
    for (const ParameterStep &step : parameterSteps(stored, resolution.decisions[module], resolution))
      steps.push_back({{"stage", step.stage}, {"format", formatJson(step.format)}, {"how", step.how}});
    dsrt::Json resident = steps.back()["format"];
    return {{"name", name},
            {"tensor", param.getFrom().str()},
            {"first_expert", first},
            {"shape", std::vector<int64_t>(shape.begin(), shape.end())},
            {"stored", formatJson(stored)},
            {"steps", std::move(steps)},
            {"resident", resident},
            {"bytes", bytesOf(shape, resident)}};
  }

  /// Of one token, for routed experts of one that chose the expert.
  int64_t flopsOf(ds::ModulePrecisionInterface op) {
    ArrayRef<int64_t> shape = symbols.lookup<ds::ParamOp>(op.getModuleParameter().getAttr()).getShape();
    if (op.getModuleType() == "Linear") // a product and a sum for each value of the weight
      return 2 * shape[shape.size() - 2] * shape.back();
    return op.getModuleType() == "RMSNorm" ? 4 * shape.back() : 0; // x^2 and its sum, the product with 1 / rms, that with the weight
  }

  /// The core of attention: scores and softmax in F32, between queries and a cache of the activation dtype.
  void addAttention(ds::MLAAttentionOp attention) {
    int64_t heads = attention.getHeads(), nope = attention.getNope(), rope = attention.getRope(), value = attention.getValue();
    int64_t latent = attention.getCache().getType().getWidth() - rope;
    StringRef block = attention.getPath().rsplit('.').first;
    dsrt::Json entry = withoutParametersJson((block + ".core").str(), "attention", typeName(resolution.activationDtype), true);
    // Products of scores and outputs, for each position that a token looks at.
    entry["flops_per_position"] = {{"prefill", 2 * heads * (nope + rope + value)}, {"decode", 2 * heads * (2 * latent + rope)}};
    withoutParameters.push_back(std::move(entry));
  }

  void addWithoutParameters(ds::RunPolicyInterface op) {
    std::string path = op.getOperationPath().str(), dtype = typeName(resolution.activationDtype);
    if (op->getNumResults() && !op->hasTrait<ds::ResultLikeFirstOperand>())
      dtype = text(cast<RankedTensorType>(op->getResult(0).getType()).getElementType());
    int64_t flops = op.getFlopsPerRow();
    auto [place, fresh] = withoutParametersAt.try_emplace(path, withoutParameters.size());
    if (!fresh) { // queries and keys are rotated, and split, by two operations of one path
      dsrt::Json &known = withoutParameters[place->second];
      known["flops_per_row"] = known["flops_per_row"].get<int64_t>() + flops;
      return;
    }
    dsrt::Json entry = withoutParametersJson(path, op->getName().stripDialect().str(), dtype, flops > 0);
    entry["flops_per_row"] = flops;
    if (auto route = dyn_cast<ds::RouteOp>(op.getOperation()); route && route.getBias()) {
      // Rounding the correction bias changes which experts are chosen: F32 whatever the mode.
      auto bias = symbols.lookup<ds::ParamOp>(*route.getBias());
      entry["parameter"] = {{"name", bias.getSymName().str()},
                            {"tensor", bias.getFrom().str()},
                            {"shape", std::vector<int64_t>(bias.getShape().begin(), bias.getShape().end())},
                            {"stored", formatJson(storedFormatOf(bias))},
                            {"resident", "f32"},
                            {"bytes", bytesOf(bias.getShape(), "f32")}};
    }
    withoutParameters.push_back(std::move(entry));
  }

  static dsrt::Json withoutParametersJson(const std::string &path, const std::string &kind, const std::string &dtype, bool computes) {
    return {{"path", path},
            {"kind", kind},
            {"compute", dtype},
            {"accumulate", computes ? dsrt::Json("f32") : dsrt::Json(nullptr)},
            {"reason", "run policy"}};
  }

  /// Tied embeddings are two uses of one tensor, and share one copy of it while they hold it in one format.
  void addUses() {
    std::map<std::pair<std::string, int64_t>, std::vector<dsrt::Json *>> byTensor;
    for (dsrt::Json &entry : operations)
      byTensor[{entry["parameter"]["tensor"], entry["parameter"]["first_expert"]}].push_back(&entry);
    for (auto &[tensor, uses] : byTensor) {
      dsrt::Json paths = dsrt::Json::array();
      for (dsrt::Json *use : uses)
        paths.push_back((*use)["path"]);
      for (auto use = uses.begin(); use != uses.end(); ++use) {
        dsrt::Json &parameter = (**use)["parameter"];
        auto sharing = std::find_if(uses.begin(), use, [&](dsrt::Json *other) {
          const dsrt::Json &held = (*other)["parameter"];
          return held["shape"] == parameter["shape"] && held["steps"] == parameter["steps"];
        });
        bool named = std::any_of(uses.begin(), use, [&](dsrt::Json *other) { return (*other)["parameter"]["name"] == parameter["name"]; });
        if (named && sharing == use) // legalisation gives it a parameter of its own
          parameter["name"] = (**use)["path"].get<std::string>() + ".weight";
        parameter["uses"] = paths;
        parameter["shares"] = sharing == use ? dsrt::Json(nullptr) : (**sharing)["parameter"]["name"];
      }
    }
  }

  ds::ModelOp model;
  const Resolution &resolution;
  SymbolTable symbols{model};
  dsrt::Json operations, withoutParameters;
  llvm::StringMap<size_t> withoutParametersAt; ///< by path
};

} // namespace

dsrt::Json planJson(ds::ModelOp model, const Resolution &resolution) { return Planner(model, resolution).run(); }

std::string planSummary(const dsrt::Json &plan) {
  struct Line {
    int64_t operations = 0, bytes = 0;
  };
  std::map<std::pair<std::string, std::string>, Line> lines;
  int64_t total = 0;
  for (const dsrt::Json &entry : plan["operations"]) {
    Line &line = lines[{entry["compute"], entry["reason"]}];
    ++line.operations;
    if (!entry["parameter"]["shares"].is_null()) // counted where the copy is
      continue;
    line.bytes += entry["parameter"]["bytes"].get<int64_t>();
    total += entry["parameter"]["bytes"].get<int64_t>();
  }
  std::string summary =
      "precision: mode " + plan["mode"].get<std::string>() + ", activations " + plan["activation_dtype"].get<std::string>() + "\n";
  for (const auto &[key, line] : lines)
    summary +=
        dsrt::format("  %5lld %-10s in %-9s by %s, %.1f MB resident\n", static_cast<long long>(line.operations),
                     line.operations == 1 ? "operation" : "operations", key.first.c_str(), key.second.c_str(), double(line.bytes) / 1e6);
  return summary + dsrt::format("  weights %.1f MB in all\n", double(total) / 1e6);
}

} // namespace dsmlir
