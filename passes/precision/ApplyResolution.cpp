// applyResolution: decisions to types and attributes.
#include "passes/precision/ModelModules.h"
#include "passes/precision/Passes.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace dsmlir {
namespace {

Type typeOf(MLIRContext *context, Precision precision) {
  switch (precision) {
  case Precision::FP32:
    return Float32Type::get(context);
  case Precision::FP16:
    return Float16Type::get(context);
  case Precision::BF16:
    return BFloat16Type::get(context);
  default:
    llvm_unreachable("a dtype of activations and parameters");
  }
}

ds::QuantAttr quantOf(MLIRContext *context, const QuantFormat &format) {
  // e4m3 is short for f8E4M3FN where scales are meant.
  ds::Scale scale = format.scale == "f32" ? ds::Scale::f32 : format.scale == "ue8m0" ? ds::Scale::ue8m0 : ds::Scale::e4m3;
  return ds::QuantAttr::get(context, *ds::symbolizePayload(format.payload), {format.tileRows, format.tileCols}, scale,
                            *ds::symbolizeScaleRule(format.rule), *ds::symbolizeRounding(format.rounding), ds::Number(format.amaxFloor),
                            format.seed, *ds::symbolizeOuterScale(format.outerScale.empty() ? "none" : format.outerScale));
}

class Application {
public:
  Application(ds::ModelOp model, const Resolution &resolution) : model(model), resolution(resolution), context(model.getContext()) {}

  LogicalResult run() {
    FailureOr<ModelModules> modules = ModelModules::collect(model);
    if (failed(modules))
      return failure();
    if (modules->modules.size() != resolution.decisions.size())
      return model.emitError("has changed since precision was resolved");
    for (auto function : model.getBody().getOps<ds::FuncOp>())
      retype(function);
    for (ModuleOperation &entry : modules->operations)
      decide(entry);
    for (ds::ParamOp param : splitParams)
      if (!stillUsed.contains(param.getSymNameAttr()))
        param.erase();
    if (ds::PolicyAttr policy = policyOf(context, resolution.policy()))
      model.setPolicyAttr(policy);
    return success();
  }

private:
  /// Activations and the cache in the activation dtype.
  void retype(ds::FuncOp function) {
    Type activation = typeOf(context, resolution.activationDtype);
    auto setElement = [](Value value, Type element) { value.setType(cast<RankedTensorType>(value.getType()).clone(element)); };
    auto cache = cast<ds::KVCacheType>(function.getCache().getType());
    Type newCache = ds::KVCacheType::get(context, cache.getLayers(), cache.getWidth(), activation);
    function.getCache().setType(newCache);
    SmallVector<Type> inputs(function.getFunctionType().getInputs());
    inputs[3] = newCache;
    function.setFunctionType(FunctionType::get(context, inputs, function.getFunctionType().getResults()));
    for (Operation &op : function.getBody().front()) {
      if (auto module = dyn_cast<ds::ModulePrecisionInterface>(op)) {
        if (module.resultIsActivation())
          setElement(op.getResult(0), activation);
      } else if (op.hasTrait<ds::ResultLikeFirstOperand>()) {
        setElement(op.getResult(0), cast<RankedTensorType>(op.getOperand(0).getType()).getElementType());
      }
    }
  }

  ds::PrecisionAttr precisionOf(const Decision &decision) {
    Attribute storage = decision.stored >= 0 ? Attribute(quantOf(context, resolution.storedFormats[size_t(decision.stored)]))
                                             : TypeAttr::get(typeOf(context, resolution.paramsDtype));
    if (decision.product < 0)
      return ds::PrecisionAttr::get(context, typeOf(context, decision.compute), decision.reason, {}, {}, storage);
    const ProductFormat &product = resolution.products[size_t(decision.product)];
    ds::QuantAttr lhs = quantOf(context, product.activation), rhs = quantOf(context, product.weight);
    return ds::PrecisionAttr::get(context, lhs.getPayloadType(), decision.reason, lhs, rhs, storage);
  }

  void decide(ModuleOperation &entry) {
    std::vector<std::pair<size_t, size_t>> runs = runsDecidedAlike(entry, resolution);
    auto grouped = dyn_cast<ds::GroupedLinearOp>(entry.operation.getOperation());
    if (runs.size() == 1 || !grouped) {
      stillUsed.insert(entry.operation.getModuleParameter().getAttr());
      entry.operation.setModulePrecision(precisionOf(resolution.decisions[entry.modules[0]]));
      return;
    }
    split(grouped, entry, runs);
  }

  /// One operation a run, each writing its rows into the result of the one before.
  void split(ds::GroupedLinearOp op, const ModuleOperation &entry, ArrayRef<std::pair<size_t, size_t>> runs) {
    OpBuilder builder(op);
    Value last = op.getInit();
    for (auto [begin, end] : runs) {
      int64_t first = int64_t(op.getFirst()) + int64_t(begin), experts = int64_t(end - begin);
      std::string path = expertPath(op.getPath(), first, experts);
      FlatSymbolRefAttr weight = part(op, path, int64_t(begin), experts);
      last = ds::GroupedLinearOp::create(builder, op.getLoc(), op.getResult().getType(), op.getX(), op.getOffsets(), weight,
                                         builder.getI64IntegerAttr(first), builder.getI64IntegerAttr(experts), builder.getStringAttr(path),
                                         precisionOf(resolution.decisions[entry.modules[begin]]), last);
    }
    op.getResult().replaceAllUsesWith(last);
    op.erase();
  }

  /// The parameter of experts [begin, begin + experts) of a stacked one; both entry points share it.
  FlatSymbolRefAttr part(ds::GroupedLinearOp op, const std::string &path, int64_t begin, int64_t experts) {
    std::string name = path + ".weight";
    if (!symbols.lookup<ds::ParamOp>(name)) {
      auto whole = symbols.lookup<ds::ParamOp>(op.getWeight());
      splitParams.insert(whole);
      SmallVector<int64_t> shape(whole.getShape());
      shape[0] = experts;
      OpBuilder builder(whole);
      auto type = RankedTensorType::get(shape, whole.getTensorType().getElementType());
      auto param = ds::ParamOp::create(builder, whole.getLoc(), builder.getStringAttr(name), TypeAttr::get(type), whole.getFromAttr(),
                                       whole.getScalesAttr(), whole.getStoredAttr(), whole.getViaAttr(), whole.getResidentAttr(),
                                       builder.getI64IntegerAttr(int64_t(whole.getFirstExpert()) + begin));
      symbols.insert(param);
    }
    return FlatSymbolRefAttr::get(context, name);
  }

  ds::ModelOp model;
  const Resolution &resolution;
  MLIRContext *context;
  SymbolTable symbols{model};
  llvm::SmallSetVector<ds::ParamOp, 4> splitParams;
  llvm::DenseSet<StringAttr> stillUsed;
};

} // namespace

LogicalResult applyResolution(ds::ModelOp model, const Resolution &resolution) { return Application(model, resolution).run(); }

} // namespace dsmlir
