// The ds dialect: registration and types.
#include "dialects/ds/DS.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::ds;

#include "dialects/ds/DSDialect.cpp.inc"

#define GET_TYPEDEF_CLASSES
#include "dialects/ds/DSTypes.cpp.inc"

#include "dialects/ds/DSInterfaces.cpp.inc"

void DSDialect::initialize() {
  registerAttributes();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/ds/DSTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/ds/DSOps.cpp.inc"
      >();
}

//===--- Constraints of types -------------------------------------------------------------------------------------------===//

static bool isExtent(int64_t extent) { return extent > 0 && extent <= INT32_MAX; }

bool mlir::ds::holdsRows(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.isDynamicDim(0) && isExtent(tensor.getDimSize(1)) && !tensor.getEncoding();
}
bool mlir::ds::isDynamicVector(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return tensor.isDynamicDim(0) && !tensor.getEncoding();
}
bool mlir::ds::isStaticVector(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return isExtent(tensor.getDimSize(0)) && !tensor.getEncoding();
}
bool mlir::ds::isPlainDtype(Type type) { return type.isF32() || type.isBF16() || type.isF16(); }

//===--- The cache ------------------------------------------------------------------------------------------------------===//

FailureOr<CacheShape> mlir::ds::parseCacheShape(AsmParser &parser) {
  SmallVector<int64_t> extents;
  Type element;
  SMLoc location = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(extents, /*allowDynamic=*/false) || parser.parseType(element) ||
      parser.parseGreater())
    return failure();
  if (extents.size() != 2) {
    parser.emitError(location, "expects layers x width x dtype, but got ") << extents.size() << " extents";
    return failure();
  }
  return CacheShape{extents[0], extents[1], element};
}

LogicalResult mlir::ds::verifyCacheShape(function_ref<InFlightDiagnostic()> emitError, const CacheShape &shape) {
  if (!isExtent(shape.layers) || !isExtent(shape.width))
    return emitError() << "(C1) expects positive layers and width within 31 bits, but got " << shape.layers << " and " << shape.width;
  if (!isPlainDtype(shape.element))
    return emitError() << "(C2) expects elements of f32, bf16 or f16, but got " << shape.element;
  return success();
}

void mlir::ds::printCacheShape(AsmPrinter &printer, const CacheShape &shape) {
  printer << "<" << shape.layers << "x" << shape.width << "x" << shape.element << ">";
}

Type KVCacheType::parse(AsmParser &parser) {
  FailureOr<CacheShape> shape = parseCacheShape(parser);
  return succeeded(shape) ? parser.getChecked<KVCacheType>(parser.getContext(), shape->layers, shape->width, shape->element) : Type();
}
void KVCacheType::print(AsmPrinter &printer) const { printCacheShape(printer, {getLayers(), getWidth(), getElement()}); }
LogicalResult KVCacheType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t layers, int64_t width, Type element) {
  return verifyCacheShape(emitError, {layers, width, element});
}
