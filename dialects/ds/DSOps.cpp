// Operations of the ds dialect: structure, operations without parameters, explicit precision. Modules are in DSModuleOps.cpp.
#include "dialects/ds/DS.h"

#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::ds;

// eps(1.0e-06): an F64Attr without its type.
static ParseResult parseF64(OpAsmParser &parser, FloatAttr &value) {
  FailureOr<Number> number = parseNumber(parser);
  if (failed(number))
    return failure();
  value = parser.getBuilder().getF64FloatAttr(number->value);
  return success();
}
static void printF64(OpAsmPrinter &printer, Operation *, FloatAttr value) { printNumber(printer, value.getValue().convertToDouble()); }

#define GET_OP_CLASSES
#include "dialects/ds/DSOps.cpp.inc"

/// Columns of a [tokens, columns] tensor.
static int64_t columns(Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(1); }
static Type element(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

//===--- Structure ------------------------------------------------------------------------------------------------------===//

LogicalResult ModelOp::verifyRegions() {
  ConfigAttr config = getConfig();
  FuncOp first;
  for (Operation &op : getBody().front()) {
    if (isa<ParamOp>(op))
      continue;
    auto function = dyn_cast<FuncOp>(op);
    if (!function)
      return op.emitOpError("(C2) stands in a ds.model, which expects ds.param and ds.func alone");
    if (function.getSymName() != "prefill" && function.getSymName() != "decode")
      return function.emitOpError("(C1) expects the name 'prefill' or 'decode', but got '") << function.getSymName() << "'";
    auto cache = cast<KVCacheType>(function.getCache().getType());
    int64_t width = config.getKvLoraRank() + config.getRopeHeadDim();
    if (cache.getLayers() != config.getLayers() || cache.getWidth() != width)
      return function.emitOpError("(C3) expects a cache of ")
             << config.getLayers() << "x" << width << ", as the configuration says, but got " << cache;
    auto logits = cast<RankedTensorType>(function.getFunctionType().getResult(0));
    if (logits.getDimSize(1) != config.getVocabulary())
      return function.emitOpError("(C4) expects logits of ")
             << config.getVocabulary() << " columns, the vocabulary of the configuration, but got " << logits;
    if (first && first.getFunctionType() != function.getFunctionType()) {
      InFlightDiagnostic diagnostic = function.emitOpError("(C5) expects the type of the other entry point, ") << first.getFunctionType();
      diagnostic.attachNote(first.getLoc()) << "@" << first.getSymName() << " is here";
      return diagnostic;
    }
    first = function;
  }
  return success();
}

LogicalResult ParamOp::verify() {
  RankedTensorType type = getTensorType();
  int64_t values = 1;
  bool countable = llvm::all_of(type.getShape(), [&](int64_t extent) {
    return extent > 0 && !llvm::MulOverflow(values, extent, values) && values < (int64_t(1) << 60);
  });
  if (!countable || type.getEncoding() || type.getRank() < 1 || type.getRank() > 3 || isStacked() != (type.getRank() == 3))
    return emitOpError("(C1) expects a static shape of rank 1 or 2, or 3 where the name holds {e}, of fewer than 2^60 values, but got ")
           << type;
  bool payload = type.getElementTypeBitWidth() == 8;
  if (getStored().has_value() != payload || getScales().has_value() != payload)
    return emitOpError("(C2) expects `stored` and `scales` exactly where the element type is a payload, but got ") << type.getElementType();
  if (payload && getStored()->getPayloadType() != type.getElementType())
    return emitOpError("(C3) expects a stored payload of ") << type.getElementType() << ", but got " << getStored()->getPayloadType();
  int64_t first = getFirstExpert();
  if (first < 0 || (first && !isStacked()))
    return emitOpError("(C4) expects first_expert 0, or a positive one where the name holds {e}, but got ") << first;
  for (auto [name, format] : {std::pair("via", getViaAttr()), std::pair("resident", getResidentAttr())}) {
    if (!format || isa<QuantAttr>(format))
      continue;
    auto dtype = dyn_cast<TypeAttr>(format);
    if (!dtype || !isPlainDtype(dtype.getValue()))
      return emitOpError("(C5) expects `") << name << "` to be f32, bf16, f16 or a #ds.quant, but got " << format;
  }
  if (getVia() && !getResident())
    return emitOpError("(C6) expects `resident` beside `via`: a value is rounded on the way to what is resident");
  if (getScales() && getScales()->contains("{e}") != isStacked())
    return emitOpError("(C7) expects {e} in the name of the scales exactly where it is in the parameter's, but got '")
           << *getScales() << "'";
  return success();
}

ParseResult FuncOp::parse(OpAsmParser &parser, OperationState &result) {
  auto functionType = [](Builder &builder, ArrayRef<Type> arguments, ArrayRef<Type> results, function_interface_impl::VariadicFlag,
                         std::string &) { return builder.getFunctionType(arguments, results); };
  return function_interface_impl::parseFunctionOp(parser, result, /*allowVariadic=*/false, getFunctionTypeAttrName(result.name),
                                                  functionType, getArgAttrsAttrName(result.name), getResAttrsAttrName(result.name));
}

void FuncOp::print(OpAsmPrinter &printer) {
  function_interface_impl::printFunctionOp(printer, *this, /*isVariadic=*/false, getFunctionTypeAttrName(), getArgAttrsAttrName(),
                                           getResAttrsAttrName());
}

void FuncOp::getAsmBlockArgumentNames(Region &region, OpAsmSetValueNameFn setName) {
  constexpr StringRef names[] = {"tokens", "batch", "wanted", "cache"};
  for (auto [argument, name] : llvm::zip(region.getArguments(), names))
    setName(argument, name);
}

LogicalResult FuncOp::verify() {
  FunctionType type = getFunctionType();
  auto ids = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getRank() == 1 && isDynamicVector(tensor) && tensor.getElementType().isInteger(32);
  };
  auto logits = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getRank() == 2 && holdsRows(tensor) && tensor.getElementType().isF32();
  };
  if (type.getNumInputs() != 4 || type.getNumResults() != 1 || !ids(type.getInput(0)) || !isa<BatchType>(type.getInput(1)) ||
      !ids(type.getInput(2)) || !isa<KVCacheType>(type.getInput(3)) || !logits(type.getResult(0)))
    return emitOpError("(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got ") << type;
  return success();
}

LogicalResult ReturnOp::verify() {
  // The function may itself be invalid, and have no result.
  ArrayRef<Type> results = cast<FuncOp>((*this)->getParentOp()).getResultTypes();
  if (results != ArrayRef<Type>(getLogits().getType()))
    return emitOpError("(C1) expects operands of ") << results << ", but got " << getLogits().getType();
  return success();
}

//===--- Operations without parameters ----------------------------------------------------------------------------------===//

LogicalResult RopeTableOp::verify() {
  for (Value result : getResults())
    if (columns(result) != getRope().getDims() / 2)
      return emitOpError("(C1) expects ") << getRope().getDims() / 2 << " columns for " << getRope().getDims() << " dims, but got "
                                          << columns(result);
  return success();
}

LogicalResult RopeOp::verify() {
  int64_t heads = getHeads();
  if (heads <= 0 || columns(getX()) % heads)
    return emitOpError("(C1) expects columns that ") << heads << " heads divide, but got " << columns(getX());
  int64_t width = columns(getX()) / heads;
  int64_t begin = getBegin();
  if (begin < 0 || begin > width - 2 * columns(getCosine()))
    return emitOpError("(C2) expects ") << 2 * columns(getCosine()) << " columns from " << begin << " on in a head of " << width;
  return success();
}

LogicalResult SliceColumnsOp::verify() {
  int64_t begin = getBegin();
  if (begin < 0 || begin > columns(getX()) - columns(getResult()))
    return emitOpError("(C1) expects ") << columns(getResult()) << " columns from " << begin << " on inside of " << columns(getX());
  if (element(getX()) != element(getResult()))
    return emitOpError("(C2) expects a result of ") << element(getX()) << ", but got " << element(getResult());
  return success();
}

LogicalResult CacheAppendOp::verify() {
  KVCacheType cache = getCache().getType();
  if (columns(getLatent()) + columns(getKey()) != cache.getWidth())
    return emitOpError("(C1) expects latent and key of ")
           << cache.getWidth() << " columns together, but got " << columns(getLatent()) << " and " << columns(getKey());
  if (element(getLatent()) != cache.getElement() || element(getKey()) != cache.getElement())
    return emitOpError("(C2) expects latent and key of ")
           << cache.getElement() << ", but got " << element(getLatent()) << " and " << element(getKey());
  if (int64_t(getLayer()) < 0 || int64_t(getLayer()) >= cache.getLayers())
    return emitOpError("(C3) expects a layer in 0 .. ") << cache.getLayers() - 1 << ", but got " << int64_t(getLayer());
  return success();
}

void CacheAppendOp::getEffects(SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>> &effects) {
  effects.emplace_back(MemoryEffects::Write::get(), CacheResource::get());
}

LogicalResult RouteOp::verify() {
  RoutingAttr routing = getRouting();
  if (columns(getLogits()) != routing.getExperts())
    return emitOpError("(C1) expects ") << routing.getExperts() << " logits, but got " << columns(getLogits());
  for (Value result : getResults())
    if (columns(result) != routing.getTopK())
      return emitOpError("(C2) expects results of ") << routing.getTopK() << " columns, but got " << columns(result);
  if (getBias().has_value() != (routing.getSelection() == Selection::noaux_tc))
    return emitOpError("(C3) expects a bias exactly where the selection is noaux_tc, but the selection is ")
           << stringifySelection(routing.getSelection());
  return success();
}

LogicalResult RouteOp::verifySymbolUses(SymbolTableCollection &symbols) {
  if (!getBias())
    return success();
  auto param = symbols.lookupNearestSymbolFrom<ParamOp>(*this, getBiasAttr());
  if (!param)
    return emitOpError("(C3) refers to ") << getBiasAttr() << ", which is no ds.param";
  if (param.getShape() != ArrayRef<int64_t>{getRouting().getExperts()})
    return emitOpError("(C3) expects a bias of ") << getRouting().getExperts() << " values, but got " << param.getTensorType();
  return success();
}

LogicalResult ExpertOrderOp::verify() {
  auto type = cast<RankedTensorType>(getOffsets().getType());
  if (type.getDimSize(0) < 2)
    return emitOpError("(C1) expects offsets of an extent of at least 2, but got ") << type;
  return success();
}

LogicalResult DispatchOp::verify() {
  if (columns(getX()) != columns(getResult()) || element(getX()) != element(getResult()))
    return emitOpError("(C1) expects a result of ")
           << columns(getX()) << " columns of " << element(getX()) << ", but got " << getResult().getType();
  if (int64_t(getChoices()) <= 0)
    return emitOpError("(C2) expects a positive number of choices, but got ") << int64_t(getChoices());
  return success();
}

LogicalResult CombineOp::verify() {
  if (columns(getX()) != columns(getResult()) || element(getX()) != element(getResult()))
    return emitOpError("(C1) expects a result of ")
           << columns(getX()) << " columns of " << element(getX()) << ", but got " << getResult().getType();
  return success();
}

// Operations of one row, for the plan.
StringRef RopeTableOp::getOperationPath() { return "rope_table"; }
int64_t RopeTableOp::getFlopsPerRow() { return 3 * columns(getCosine()); } // the angle, its cosine and its sine
int64_t RopeOp::getFlopsPerRow() { return 6 * int64_t(getHeads()) * columns(getCosine()); }
int64_t SwiGLUOp::getFlopsPerRow() { return 5 * columns(getResult()); } // gate / (1 + exp(-gate)) * up
int64_t AddOp::getFlopsPerRow() { return columns(getResult()); }
int64_t CombineOp::getFlopsPerRow() { return 2 * columns(getWeights()) * columns(getResult()); }
int64_t RouteOp::getFlopsPerRow() {
  RoutingAttr routing = getRouting();
  // Four a score, for sigmoid 1 / (1 + exp(-x)) as for softmax exp(x - max) / sum. The comparisons of the selection are not counted.
  int64_t scores = 4 * routing.getExperts();
  return scores + (getBias() ? routing.getExperts() : 0) + (routing.getNormalize() ? 3 : 1) * routing.getTopK();
}

//===--- Explicit precision ---------------------------------------------------------------------------------------------===//

LogicalResult CastOp::verify() {
  if (columns(getX()) != columns(getResult()))
    return emitOpError("(C1) expects ") << columns(getX()) << " columns, but got " << columns(getResult());
  return success();
}

OpFoldResult CastOp::fold(FoldAdaptor) { return getX().getType() == getResult().getType() ? getX() : OpFoldResult(); }

LogicalResult QuantizeOp::verify() {
  QuantAttr format = getQuant();
  int64_t width = columns(getX());
  if (columns(getPayload()) != width)
    return emitOpError("(C1) expects a payload of ") << width << " columns, but got " << columns(getPayload());
  if (columns(getScales()) != format.getTileColumns(width))
    return emitOpError("(C2) expects ") << format.getTileColumns(width) << " scale columns for " << width << " columns in tiles of "
                                        << format.getTile().columns << ", but got " << columns(getScales());
  if (element(getPayload()) != format.getPayloadType())
    return emitOpError("(C3) expects a payload of ") << format.getPayloadType() << ", but got " << element(getPayload());
  if (getOffsets() && !format.spansRows())
    return emitOpError("(C4) expects no `experts` with ") << format << ", which looks at no other row";
  return success();
}
