// Reads planned operations off the legalised graph.
#include "passes/precision/PlannedOperations.h"
#include "passes/precision/ModelModules.h"

#include <unordered_set>

using namespace mlir;

namespace dsmlir {

QuantFormat formatOf(ds::QuantAttr format) {
  QuantFormat quant;
  quant.payload = ds::stringifyPayload(format.getPayload()).str();
  quant.tileRows = format.getTile().rows;
  quant.tileCols = format.getTile().columns;
  quant.scale = format.getScale() == ds::Scale::e4m3 ? "f8E4M3FN" : ds::stringifyScale(format.getScale()).str();
  quant.rule = ds::stringifyScaleRule(format.getRule()).str();
  quant.rounding = ds::stringifyRounding(format.getRounding()).str();
  quant.amaxFloor = format.getFloor();
  quant.seed = format.getSeed();
  if (format.getOuter() != ds::OuterScale::none)
    quant.outerScale = ds::stringifyOuterScale(format.getOuter()).str();
  return quant;
}

namespace {

std::string dtypeName(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

Operand operandOf(Type type) { return {dtypeName(type), std::nullopt}; }

/// A format, or a dtype as an attribute; nothing for null.
Operand operandOf(Attribute format) {
  if (!format)
    return {};
  if (auto quant = dyn_cast<ds::QuantAttr>(format))
    return {ds::stringifyPayload(quant.getPayload()).str(), formatOf(quant)};
  return operandOf(cast<TypeAttr>(format).getValue());
}

Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

class Reader {
public:
  explicit Reader(ds::ModelOp model) : model(model), symbols(model) {}

  std::vector<PlannedOperation> run() {
    for (auto function : model.getBody().getOps<ds::FuncOp>()) {
      before.insert(seen.begin(), seen.end());
      findCuts(function);
      for (Operation &op : function.getBody().front())
        read(&op);
    }
    return std::move(result);
  }

private:
  struct Sharding {
    Cut cut = Cut::Whole;
    int64_t heads = 0;
  };

  /// Whether results are rows of the first operand, changed one by one: rounded, quantised, rotated, dispatched.
  static bool passesRowsOn(Operation *op) {
    return (op->hasTrait<ds::ResultLikeFirstOperand>() && !op->hasTrait<OpTrait::SameOperandsAndResultType>()) ||
           isa<ds::CastOp, ds::QuantizeOp>(op);
  }

  /// Marks the modules whose products a value holds.
  void cutProducers(Value value, Sharding sharding) {
    Operation *op = value.getDefiningOp();
    if (!op)
      return;
    if (auto module = dyn_cast<ds::ModulePrecisionInterface>(op)) {
      if (!shardings.try_emplace(op, sharding).second || module.getExpertCount() == 0)
        return;
      for (Value operand : op->getOperands()) // earlier runs of the projection, which this one writes its rows into
        if (auto run = dyn_cast_or_null<ds::ModulePrecisionInterface>(operand.getDefiningOp()); run && run.getExpertCount() > 0)
          cutProducers(operand, sharding);
    } else if (passesRowsOn(op)) {
      cutProducers(op->getOperand(0), sharding);
    }
  }

  /// Marks the modules that multiply a value.
  void cutConsumers(Value value, Sharding sharding) {
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (isa<ds::ModulePrecisionInterface>(user))
        shardings.try_emplace(user, sharding);
      else if (passesRowsOn(user) && use.getOperandNumber() == 0)
        for (Value next : user->getResults())
          cutConsumers(next, sharding);
    }
  }

  void findCuts(ds::FuncOp function) {
    for (Operation &op : function.getBody().front()) {
      if (auto attention = dyn_cast<ds::MLAAttentionOp>(op)) {
        int64_t heads = attention.getHeads();
        shardings[&op] = {Cut::Columns, heads};
        cutProducers(attention.getQ(), {Cut::Columns, heads});
        cutConsumers(attention.getResult(), {Cut::Rows, heads});
      } else if (auto swiglu = dyn_cast<ds::SwiGLUOp>(op)) {
        cutProducers(swiglu.getGate(), {Cut::Columns, 0});
        cutProducers(swiglu.getUp(), {Cut::Columns, 0});
        cutConsumers(swiglu.getResult(), {Cut::Rows, 0});
      } else if (auto end = dyn_cast<ds::ReturnOp>(op)) {
        cutProducers(end.getLogits(), {Cut::Columns, 0});
      } else if (isa<ds::EmbeddingOp>(op)) {
        shardings[&op] = {Cut::Columns, 0};
      }
    }
  }

  void read(Operation *op) {
    if (auto module = dyn_cast<ds::ModulePrecisionInterface>(op))
      return readModule(module);
    if (op->getNumResults() == 0 && !op->hasAttr("path")) // the end of the function
      return;
    PlannedOperation planned = start(op, pathOf(op));
    if (auto format = op->getAttrOfType<ds::QuantAttr>("quant")) { // whatever quantises has it
      planned.family = KernelFamily::Quantise;
      planned.activation = operandOf(format);
      planned.k = cast<RankedTensorType>(op->getOperand(0).getType()).getDimSize(1);
    } else if (op->getNumResults() > 0) {
      if (auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType()))
        planned.activation = operandOf(type.getElementType());
    }
    add(std::move(planned));
  }

  void readModule(ds::ModulePrecisionInterface module) {
    Operation *op = module;
    auto param = symbols.lookup<ds::ParamOp>(module.getModuleParameter().getAttr());
    PlannedOperation planned = start(op, module.getModulePath().str());
    ArrayRef<int64_t> shape = param.getShape();
    planned.n = shape.size() > 1 ? shape[shape.size() - 2] : 0;
    planned.k = shape.back();
    planned.experts = module.getExpertCount();
    if (planned.experts > 0)
      planned.group = expertPath(module.getModulePath(), 0, 1);
    planned.weight = operandOf(param.getResidentAttr());
    planned.through = operandOf(param.getViaAttr()).format;
    if (auto found = shardings.find(op); found != shardings.end()) {
      planned.cut = found->second.cut;
      planned.heads = found->second.heads;
    }
    if (auto attention = dyn_cast<ds::MLAAttentionOp>(op))
      return readAttention(attention, std::move(planned));
    if (module.getModuleType() != "Linear") {
      planned.family = KernelFamily::RowWise;
      planned.activation = operandOf(elementOf(op->getResult(0)));
    } else {
      planned.family = planned.experts > 0 ? KernelFamily::GroupedProduct : KernelFamily::Product;
      auto quantised = op->getAttrOfType<ds::QuantAttr>("lhs"); // of scaled products
      planned.activation = quantised ? operandOf(quantised) : operandOf(module.getActivationElement());
    }
    add(std::move(planned));
  }

  /// The product that expands latents to keys and values, which has kv_b_proj's formats, and attention itself.
  void readAttention(ds::MLAAttentionOp attention, PlannedOperation planned) {
    bool prefill = attention.getPhase() == ds::Phase::prefill;
    PlannedOperation core = planned;
    core.kind += prefill ? " prefill" : " decode";
    core.family = prefill ? KernelFamily::Prefill : KernelFamily::Decode;
    core.activation = operandOf(elementOf(attention.getQ()));
    core.queryWidth = int64_t(attention.getNope()) + int64_t(attention.getRope());
    core.valueWidth = int64_t(attention.getValue());
    core.latentWidth = planned.k;
    core.cut = Cut::Whole; // said by the expansion, of the same weight
    if (prefill) {
      core.weight = {};
      planned.kind += " expansion";
      planned.family = KernelFamily::Product;
      planned.activation = attention.getActivationAttr() ? operandOf(attention.getActivationAttr()) : planned.weight;
      add(std::move(planned));
    }
    add(std::move(core));
  }

  PlannedOperation start(Operation *op, std::string path) {
    PlannedOperation planned;
    planned.path = std::move(path);
    planned.kind = op->getName().stripDialect().str();
    planned.location = fileLocation(op->getLoc());
    return planned;
  }

  /// The path that the operation carries; without one, that of what its operand comes from (of quantisation), else its own name.
  static std::string pathOf(Operation *op) {
    if (auto path = op->getAttrOfType<StringAttr>("path"))
      return path.str();
    for (Value operand : op->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        return pathOf(producer);
    return op->getName().stripDialect().str();
  }

  /// What the entry point before has as well stands once.
  void add(PlannedOperation planned) {
    std::string name = planned.kind + " " + planned.path + " " + planned.activation.type;
    seen.insert(name);
    if (!before.contains(name))
      result.push_back(std::move(planned));
  }

  ds::ModelOp model;
  SymbolTable symbols;
  llvm::DenseMap<Operation *, Sharding> shardings;
  std::unordered_set<std::string> seen, before; ///< names of all operations, and of those in earlier entry points
  std::vector<PlannedOperation> result;
};

} // namespace

std::vector<PlannedOperation> plannedOperations(ds::ModelOp model) { return Reader(model).run(); }

} // namespace dsmlir
