// Operations of modules with parameters: their constraints, and what they become in their resolved precision.
#include "dialects/ds/DS.h"
#include "dialects/ds/ParameterSteps.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace mlir::ds;

static int64_t columns(Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(1); }
static Type element(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }
static RankedTensorType withElement(Type type, Type element) { return cast<RankedTensorType>(type).clone(element); }

/// The parameter of a module, which must have `shape`; `constraint` is the number that the message cites.
static FailureOr<ParamOp> parameter(Operation *op, FlatSymbolRefAttr symbol, SymbolTableCollection &symbols, StringRef constraint,
                                    ArrayRef<int64_t> shape) {
  auto param = symbols.lookupNearestSymbolFrom<ParamOp>(op, symbol);
  if (!param) {
    op->emitOpError("(") << constraint << ") refers to " << symbol << ", which is no ds.param";
    return failure();
  }
  if (param.getShape() != shape) {
    InFlightDiagnostic diagnostic = op->emitOpError("(") << constraint << ") expects " << symbol << " to be ";
    llvm::interleave(shape, [&](int64_t extent) { diagnostic << extent; }, [&] { diagnostic << "x"; });
    diagnostic << ", but got " << param.getTensorType();
    diagnostic.attachNote(param.getLoc()) << "the parameter is here";
    return failure();
  }
  return param;
}

namespace {
/// A dtype or a #ds.quant, as holdParameter takes it.
struct FormatAttribute {
  Attribute format;

  bool isQuantised() const { return isa<QuantAttr>(format); }
  bool holdsSameAs(FormatAttribute other) const { return cast<QuantAttr>(format).holdsSameAs(cast<QuantAttr>(other.format)); }
  bool widensTo(FormatAttribute other) const { return *this == other || cast<TypeAttr>(other.format).getValue().isF32(); }
  bool operator==(FormatAttribute other) const { return format == other.format; }
};
} // namespace

/// Says on the parameter what it becomes in memory: `resident`, and `via` where the storage step changes values on the way. Where another
/// operation holds it in another format, as a tied embedding beside a head of its own precision, the module gets a parameter of its own,
/// from the same tensor.
static LogicalResult makeResident(ModulePrecisionInterface op, Attribute compute, SymbolTableCollection &symbols) {
  auto param = symbols.lookupNearestSymbolFrom<ParamOp>(op, op.getModuleParameter());
  Attribute stored = param.getStoredAttr() ? Attribute(param.getStoredAttr()) : TypeAttr::get(param.getTensorType().getElementType());
  std::optional<FormatAttribute> storage;
  if (Attribute asked = op.getModulePrecision().getStorage())
    storage = FormatAttribute{asked};
  HeldParameter<FormatAttribute> held = holdParameter(FormatAttribute{stored}, storage, FormatAttribute{compute});
  Attribute resident = held.resident.format, via = held.via ? held.via->format : Attribute();
  auto fits = [&](ParamOp other) { return !other.getResidentAttr() || (other.getResidentAttr() == resident && other.getViaAttr() == via); };
  if (!fits(param)) {
    std::string name = (op.getModulePath() + ".weight").str();
    auto own = symbols.lookupNearestSymbolFrom<ParamOp>(op, StringAttr::get(op.getContext(), name));
    if (!own) {
      OpBuilder builder(op.getContext());
      builder.setInsertionPointAfter(param);
      own = cast<ParamOp>(builder.clone(*param));
      own.setSymName(name);
      own.removeViaAttr();
      own.removeResidentAttr();
      symbols.getSymbolTable(param->getParentOp()).insert(own, builder.getInsertionPoint());
    } else if (own.getFrom() != param.getFrom() || !fits(own)) {
      InFlightDiagnostic diagnostic = op.emitOpError("expects ") << op.getModuleParameter() << " resident as " << resident
                                                                 << ", but another operation holds it as " << param.getResidentAttr();
      diagnostic.attachNote(own.getLoc()) << "the module cannot have a parameter of its own: @" << name << " is here";
      return diagnostic;
    }
    param = own;
    op.setModuleParameter(FlatSymbolRefAttr::get(param.getSymNameAttr()));
  }
  param.setResidentAttr(resident);
  if (via)
    param.setViaAttr(via);
  return success();
}

/// The module's path as keys of stochastic rounding have it: experts without their index.
static std::string keyPath(ModulePrecisionInterface op) {
  StringRef path = op.getModulePath();
  if (op.getExpertCount() == 0)
    return path.str();
  auto [experts, projection] = path.rsplit('.');
  return (experts.rsplit('.').first + "." + projection).str();
}
static QuantAttr activationFormat(ModulePrecisionInterface op) {
  return op.getModulePrecision().getLhs().keyedFor(keyPath(op), "activation");
}
static QuantAttr weightFormat(ModulePrecisionInterface op) { return op.getModulePrecision().getRhs().keyedFor(keyPath(op), "weight"); }

/// x in the dtype, through a cast where it has another.
static Value castTo(RewriterBase &rewriter, Location location, Value x, Type dtype, StringRef path) {
  if (element(x) == dtype)
    return x;
  return CastOp::create(rewriter, location, withElement(x.getType(), dtype), x, path);
}

/// Payload and scales of x. Rows that were dispatched are quantised before, so that dispatch carries the expert input's own payload and
/// nothing is quantised twice; other rows of experts, those of `offsets`, are each expert's operand.
static std::pair<Value, Value> quantize(RewriterBase &rewriter, Location location, Value x, QuantAttr format, Value offsets = {}) {
  if (auto dispatch = x.getDefiningOp<DispatchOp>()) {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(dispatch);
    auto [payload, scales] = quantize(rewriter, dispatch.getLoc(), dispatch.getX(), format);
    auto move = [&](Value rows) -> Value {
      return DispatchOp::create(rewriter, dispatch.getLoc(), rows.getType(), rows, dispatch.getOrder(), dispatch.getChoices(),
                                dispatch.getPath());
    };
    return {move(payload), move(scales)};
  }
  int64_t width = columns(x);
  auto payload = withElement(x.getType(), format.getPayloadType());
  auto scales =
      RankedTensorType::get({cast<RankedTensorType>(x.getType()).getDimSize(0), format.getTileColumns(width)}, rewriter.getF32Type());
  auto op = QuantizeOp::create(rewriter, location, payload, scales, x, format, format.spansRows() ? offsets : Value());
  return {op.getPayload(), op.getScales()};
}

/// DeepSeek promotes partial sums to F32 every 128 elements of K (DeepSeek-V3, section 3.3.2); a narrower tile promotes at its own end.
static int64_t promotion(QuantAttr lhs) { return lhs.getTile().columns ? lhs.getTile().columns : 128; }

//===--- Constraints ----------------------------------------------------------------------------------------------------===//

LogicalResult EmbeddingOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto param = symbols.lookupNearestSymbolFrom<ParamOp>(*this, getTableAttr());
  if (!param)
    return emitOpError("(C1) refers to ") << getTableAttr() << ", which is no ds.param";
  if (param.getShape().size() != 2 || param.getShape()[1] != columns(getResult()))
    return emitOpError("(C1) expects a table of ") << columns(getResult()) << " columns, but got " << param.getTensorType();
  int64_t vocabulary = (*this)->getParentOfType<ModelOp>().getConfig().getVocabulary();
  if (param.getShape()[0] != vocabulary)
    return emitOpError("(C2) expects a table of ")
           << vocabulary << " rows, the vocabulary of the configuration, but got " << param.getTensorType();
  return success();
}

LogicalResult RMSNormOp::verify() {
  if (columns(getX()) != columns(getResult()))
    return emitOpError("(C2) expects ") << columns(getX()) << " columns, but got " << columns(getResult());
  if (!isPositiveF32(getEps().convertToDouble()))
    return emitOpError("(C3) expects an eps that is finite and positive in F32, but got ") << getEps().convertToDouble();
  return success();
}

LogicalResult RMSNormOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return parameter(*this, getWeightAttr(), symbols, "C1", {columns(getX())});
}

LogicalResult LinearOp::verify() {
  if (getLogits() && !element(getResult()).isF32())
    return emitOpError("(C2) expects logits in f32, but got ") << element(getResult());
  return success();
}

LogicalResult LinearOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return parameter(*this, getWeightAttr(), symbols, "C1", {columns(getResult()), columns(getX())});
}

/// Offsets of expert_order reach past the last expert of a group.
static bool offsetsReach(Value offsets, int64_t first, int64_t count) {
  int64_t experts = cast<RankedTensorType>(offsets.getType()).getDimSize(0) - 1;
  return first >= 0 && count > 0 && first <= experts && count <= experts - first;
}

LogicalResult GroupedLinearOp::verify() {
  if (!offsetsReach(getOffsets(), getFirst(), getCount()))
    return emitOpError("(C2) expects experts first .. first + count inside of the offsets, but got ")
           << int64_t(getFirst()) << " + " << int64_t(getCount()) << " in " << getOffsets().getType();
  if (getInit() && getInit().getType() != getResult().getType())
    return emitOpError("(C3) expects init of ") << getResult().getType() << ", but got " << getInit().getType();
  return success();
}

LogicalResult GroupedLinearOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return parameter(*this, getWeightAttr(), symbols, "C1", {int64_t(getCount()), columns(getResult()), columns(getX())});
}

LogicalResult MLAAttentionOp::verify() {
  int64_t heads = getHeads(), nope = getNope(), rope = getRope(), value = getValue(), layer = getLayer();
  for (auto [name, size] : {std::pair("heads", heads), std::pair("nope", nope), std::pair("rope", rope), std::pair("value", value)})
    if (size <= 0 || size > INT32_MAX)
      return emitOpError("(C5) expects a positive number of ") << name << " within 31 bits, but got " << size;
  if (rope >= getCache().getType().getWidth())
    return emitOpError("(C5) expects rope below the cache's width of ") << getCache().getType().getWidth() << ", but got " << rope;
  if (columns(getQ()) != heads * (nope + rope))
    return emitOpError("(C1) expects ") << heads * (nope + rope) << " query columns for " << heads << " heads of " << nope << " + " << rope
                                        << ", but got " << columns(getQ());
  if (columns(getResult()) != heads * value)
    return emitOpError("(C2) expects ") << heads * value << " result columns for " << heads << " heads of " << value << ", but got "
                                        << columns(getResult());
  if (layer < 0 || layer >= getCache().getType().getLayers())
    return emitOpError("(C4) expects a layer in 0 .. ") << getCache().getType().getLayers() - 1 << ", but got " << layer;
  if (!isPositiveF32(getScale().convertToDouble()))
    return emitOpError("(C6) expects a scale that is finite and positive in F32, but got ") << getScale().convertToDouble();
  if (getActivation() && getPhase() == Phase::decode)
    return emitOpError("(C7) expects `activation` in prefill only: decode quantises nothing");
  if (element(getQ()) != element(getResult()))
    return emitOpError("(C8) expects a result of ") << element(getQ()) << ", but got " << element(getResult());
  if (getActivation() && getActivation()->getPayload() == Payload::nf4)
    return emitOpError("(C9) expects no `activation` of nf4, which is a format of parameters");
  return success();
}

LogicalResult MLAAttentionOp::verifySymbolUses(SymbolTableCollection &symbols) {
  int64_t latent = getCache().getType().getWidth() - int64_t(getRope());
  return parameter(*this, getKvBAttr(), symbols, "C3", {int64_t(getHeads() * (getNope() + getValue())), latent});
}

void MLAAttentionOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  effects.emplace_back(MemoryEffects::Read::get(), CacheResource::get());
}

/// (C2) .. (C4) of both scaled products.
template <typename Op> static LogicalResult verifyScaled(Op op) {
  QuantAttr lhs = op.getLhs();
  int64_t k = columns(op.getPayload());
  if (columns(op.getScales()) != lhs.getTileColumns(k))
    return op.emitOpError("(C2) expects ") << lhs.getTileColumns(k) << " scale columns for K = " << k << " in tiles of "
                                           << lhs.getTile().columns << ", but got " << columns(op.getScales());
  if (element(op.getPayload()) != lhs.getPayloadType())
    return op.emitOpError("(C3) expects a payload of ") << lhs.getPayloadType() << ", but got " << element(op.getPayload());
  if (int64_t(op.getPromote()) <= 0)
    return op.emitOpError("(C4) expects a positive promotion, but got ") << int64_t(op.getPromote());
  return success();
}

/// (C1) and the parameter's half of (C3).
template <typename Op> static LogicalResult verifyScaledWeight(Op op, SymbolTableCollection &symbols, ArrayRef<int64_t> shape) {
  FailureOr<ParamOp> param = parameter(op, op.getWeightAttr(), symbols, "C1", shape);
  if (failed(param))
    return failure();
  auto resident = dyn_cast_or_null<QuantAttr>(param->getResidentAttr());
  if (!resident || !resident.holdsSameAs(op.getRhs())) {
    InFlightDiagnostic diagnostic = op.emitOpError("(C3) expects ") << op.getWeightAttr() << " resident as " << op.getRhs();
    diagnostic.attachNote(param->getLoc()) << "it is resident as " << param->getResidentAttr();
    return diagnostic;
  }
  return success();
}

LogicalResult ScaledMatmulOp::verify() {
  if (getLogits() && !element(getResult()).isF32())
    return emitOpError("(C5) expects logits in f32, but got ") << element(getResult());
  return verifyScaled(*this);
}

LogicalResult ScaledMatmulOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyScaledWeight(*this, symbols, {columns(getResult()), columns(getPayload())});
}

LogicalResult GroupedScaledMatmulOp::verify() {
  if (!offsetsReach(getOffsets(), getFirst(), getCount()))
    return emitOpError("(C5) expects experts first .. first + count inside of the offsets, but got ")
           << int64_t(getFirst()) << " + " << int64_t(getCount()) << " in " << getOffsets().getType();
  if (getInit() && getInit().getType() != getResult().getType())
    return emitOpError("(C6) expects init of ") << getResult().getType() << ", but got " << getInit().getType();
  return verifyScaled(*this);
}

LogicalResult GroupedScaledMatmulOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifyScaledWeight(*this, symbols, {int64_t(getCount()), columns(getResult()), columns(getPayload())});
}

//===--- What modules are -----------------------------------------------------------------------------------------------===//

StringRef EmbeddingOp::getModuleType() { return "Embedding"; }
bool EmbeddingOp::isLowBitCapable() { return false; }
FlatSymbolRefAttr EmbeddingOp::getModuleParameter() { return getTableAttr(); }
void EmbeddingOp::setModuleParameter(FlatSymbolRefAttr parameter) { setTableAttr(parameter); }
Type EmbeddingOp::getActivationElement() { return {}; }
bool EmbeddingOp::resultIsActivation() { return true; }

StringRef RMSNormOp::getModuleType() { return "RMSNorm"; }
bool RMSNormOp::isLowBitCapable() { return false; }
FlatSymbolRefAttr RMSNormOp::getModuleParameter() { return getWeightAttr(); }
void RMSNormOp::setModuleParameter(FlatSymbolRefAttr parameter) { setWeightAttr(parameter); }
Type RMSNormOp::getActivationElement() { return element(getX()); }
bool RMSNormOp::resultIsActivation() { return true; }

StringRef LinearOp::getModuleType() { return "Linear"; }
bool LinearOp::isLowBitCapable() { return true; }
FlatSymbolRefAttr LinearOp::getModuleParameter() { return getWeightAttr(); }
void LinearOp::setModuleParameter(FlatSymbolRefAttr parameter) { setWeightAttr(parameter); }
Type LinearOp::getActivationElement() { return element(getX()); }
bool LinearOp::resultIsActivation() { return !getLogits(); }

StringRef GroupedLinearOp::getModuleType() { return "Linear"; }
bool GroupedLinearOp::isLowBitCapable() { return true; }
FlatSymbolRefAttr GroupedLinearOp::getModuleParameter() { return getWeightAttr(); }
void GroupedLinearOp::setModuleParameter(FlatSymbolRefAttr parameter) { setWeightAttr(parameter); }
Type GroupedLinearOp::getActivationElement() { return element(getX()); }
int64_t GroupedLinearOp::getExpertCount() { return getCount(); }
int64_t GroupedLinearOp::getFirstExpert() { return getFirst(); }

StringRef MLAAttentionOp::getModuleType() { return "Linear"; }
bool MLAAttentionOp::isLowBitCapable() { return true; }
FlatSymbolRefAttr MLAAttentionOp::getModuleParameter() { return getKvBAttr(); }
void MLAAttentionOp::setModuleParameter(FlatSymbolRefAttr parameter) { setKvBAttr(parameter); }
Type MLAAttentionOp::getActivationElement() {
  // Prefill quantises latents itself where it is told to; decode multiplies with the dequantised weight.
  if (getPhase() == Phase::decode || !getPrecision() || !getPrecision()->isLowBit())
    return {};
  return getActivation() ? getActivation()->getPayloadType() : element(getQ());
}
bool MLAAttentionOp::resultIsActivation() { return true; }

StringRef ScaledMatmulOp::getModuleType() { return "Linear"; }
bool ScaledMatmulOp::isLowBitCapable() { return true; }
FlatSymbolRefAttr ScaledMatmulOp::getModuleParameter() { return getWeightAttr(); }
void ScaledMatmulOp::setModuleParameter(FlatSymbolRefAttr parameter) { setWeightAttr(parameter); }
Type ScaledMatmulOp::getActivationElement() { return element(getPayload()); }
bool ScaledMatmulOp::resultIsActivation() { return !getLogits(); }

StringRef GroupedScaledMatmulOp::getModuleType() { return "Linear"; }
bool GroupedScaledMatmulOp::isLowBitCapable() { return true; }
FlatSymbolRefAttr GroupedScaledMatmulOp::getModuleParameter() { return getWeightAttr(); }
void GroupedScaledMatmulOp::setModuleParameter(FlatSymbolRefAttr parameter) { setWeightAttr(parameter); }
Type GroupedScaledMatmulOp::getActivationElement() { return element(getPayload()); }
int64_t GroupedScaledMatmulOp::getExpertCount() { return getCount(); }
int64_t GroupedScaledMatmulOp::getFirstExpert() { return getFirst(); }

static StringRef product(bool lowBit) { return lowBit ? "scaled_matmul" : "linear"; }
static StringRef groupedProduct(bool lowBit) { return lowBit ? "grouped_scaled_matmul" : "grouped_linear"; }
StringRef LinearOp::getLegalName(bool lowBit) { return product(lowBit); }
StringRef ScaledMatmulOp::getLegalName(bool lowBit) { return product(lowBit); }
StringRef GroupedLinearOp::getLegalName(bool lowBit) { return groupedProduct(lowBit); }
StringRef GroupedScaledMatmulOp::getLegalName(bool lowBit) { return groupedProduct(lowBit); }

//===--- What modules become --------------------------------------------------------------------------------------------===//

LogicalResult EmbeddingOp::legalizePrecision(RewriterBase &, SymbolTableCollection &symbols) {
  // The table is resident in the compute dtype; the operation rounds its rows to the result's.
  return makeResident(*this, TypeAttr::get(getPrecision()->getCompute()), symbols);
}

LogicalResult RMSNormOp::legalizePrecision(RewriterBase &rewriter, SymbolTableCollection &symbols) {
  Type compute = getPrecision()->getCompute(), activation = element(getResult());
  if (compute != activation) {
    rewriter.setInsertionPoint(*this);
    getXMutable().assign(castTo(rewriter, getLoc(), getX(), compute, getPath()));
    getResult().setType(withElement(getResult().getType(), compute));
    rewriter.setInsertionPointAfter(*this);
    auto back = CastOp::create(rewriter, getLoc(), withElement(getResult().getType(), activation), getResult(), getPath());
    rewriter.replaceAllUsesExcept(getResult(), back, back);
  }
  return makeResident(*this, TypeAttr::get(compute), symbols);
}

LogicalResult LinearOp::legalizePrecision(RewriterBase &rewriter, SymbolTableCollection &symbols) {
  PrecisionAttr precision = *getPrecision();
  rewriter.setInsertionPoint(*this);
  if (!precision.isLowBit()) {
    // The operation itself rounds to x's dtype and then to the result's.
    getXMutable().assign(castTo(rewriter, getLoc(), getX(), precision.getCompute(), getPath()));
    return makeResident(*this, TypeAttr::get(precision.getCompute()), symbols);
  }
  QuantAttr lhs = activationFormat(*this), rhs = weightFormat(*this);
  if (failed(makeResident(*this, rhs, symbols)))
    return failure();
  auto [payload, scales] = quantize(rewriter, getLoc(), getX(), lhs);
  rewriter.replaceOpWithNewOp<ScaledMatmulOp>(*this, getResult().getType(), payload, scales, getWeightAttr(), lhs, rhs,
                                              rewriter.getI64IntegerAttr(promotion(lhs)), getLogitsAttr(), getPathAttr(), precision);
  return success();
}

LogicalResult GroupedLinearOp::legalizePrecision(RewriterBase &rewriter, SymbolTableCollection &symbols) {
  PrecisionAttr precision = *getPrecision();
  rewriter.setInsertionPoint(*this);
  if (!precision.isLowBit()) {
    getXMutable().assign(castTo(rewriter, getLoc(), getX(), precision.getCompute(), getPath()));
    return makeResident(*this, TypeAttr::get(precision.getCompute()), symbols);
  }
  QuantAttr lhs = activationFormat(*this), rhs = weightFormat(*this);
  if (failed(makeResident(*this, rhs, symbols)))
    return failure();
  auto [payload, scales] = quantize(rewriter, getLoc(), getX(), lhs, getOffsets());
  rewriter.replaceOpWithNewOp<GroupedScaledMatmulOp>(*this, getResult().getType(), payload, scales, getOffsets(), getWeightAttr(),
                                                     getFirstAttr(), getCountAttr(), lhs, rhs, rewriter.getI64IntegerAttr(promotion(lhs)),
                                                     getPathAttr(), precision, getInit());
  return success();
}

LogicalResult MLAAttentionOp::legalizePrecision(RewriterBase &, SymbolTableCollection &symbols) {
  PrecisionAttr precision = *getPrecision();
  if (!precision.isLowBit())
    return makeResident(*this, TypeAttr::get(precision.getCompute()), symbols);
  // Decode is absorbed: the quantised weight acts with its dequantised values on queries and outputs that are not quantised.
  if (getPhase() == Phase::prefill)
    setActivationAttr(activationFormat(*this));
  return makeResident(*this, weightFormat(*this), symbols);
}

// Explicit already.
LogicalResult ScaledMatmulOp::legalizePrecision(RewriterBase &, SymbolTableCollection &) { return success(); }
LogicalResult GroupedScaledMatmulOp::legalizePrecision(RewriterBase &, SymbolTableCollection &) { return success(); }
