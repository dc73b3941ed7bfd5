// The dsrt dialect: registration, types, attributes.
#include "dialects/dsrt/DSRT.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::dsrt;

#include "dialects/dsrt/DSRTDialect.cpp.inc"
#include "dialects/dsrt/DSRTEnums.cpp.inc"
#include "dialects/dsrt/DSRTInterfaces.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/dsrt/DSRTAttributes.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/dsrt/DSRTTypes.cpp.inc"

void DSRTDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/dsrt/DSRTAttributes.cpp.inc"
      >();
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/dsrt/DSRTTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/dsrt/DSRTOps.cpp.inc"
      >();
}

llvm::raw_ostream &dsrt::operator<<(llvm::raw_ostream &stream, const Extent &extent) {
  if (extent.size == Extent::Constant)
    return stream << extent.factor;
  stream << (extent.size == Extent::Tokens ? "tokens" : "wanted");
  if (extent.factor != 1)
    stream << "*" << extent.factor;
  return stream;
}

//===--- Types ----------------------------------------------------------------------------------------------------------===//

Type BufferType::parse(AsmParser &parser) {
  SmallVector<Extent> extents;
  if (parser.parseLess())
    return {};
  for (;;) {
    Extent extent;
    StringRef word;
    OptionalParseResult constant = parser.parseOptionalInteger(extent.factor);
    if (constant.has_value()) {
      if (failed(*constant))
        return {};
    } else if (succeeded(parser.parseOptionalKeyword(&word, {"tokens", "wanted"}))) {
      extent.size = word == "tokens" ? Extent::Tokens : Extent::Wanted;
      if (succeeded(parser.parseOptionalStar()) && parser.parseInteger(extent.factor))
        return {};
    } else {
      break;
    }
    if (parser.parseKeyword("x"))
      return {};
    extents.push_back(extent);
  }
  Type element;
  if (parser.parseType(element) || parser.parseGreater())
    return {};
  return parser.getChecked<BufferType>(parser.getContext(), extents, element);
}

void BufferType::print(AsmPrinter &printer) const {
  printer << "<";
  for (const Extent &extent : getExtents())
    printer.getStream() << extent << " x ";
  printer << getElement() << ">";
}

LogicalResult BufferType::verify(function_ref<InFlightDiagnostic()> emitError, ArrayRef<Extent> extents, Type element) {
  if (extents.empty())
    return emitError() << "(C1) expects an extent at least";
  for (const Extent &extent : extents)
    if (extent.factor <= 0)
      return emitError() << "(C2) expects positive extents, but got " << extent.factor;
  if (!ds::isPlainDtype(element) && !isa<Float8E4M3FNType, Float8E5M2Type, Float4E2M1FNType>(element) && !element.isInteger(32) &&
      !element.isInteger(8))
    return emitError() << "(C3) expects elements of f32, bf16, f16, f8E4M3FN, f8E5M2, f4E2M1FN, i32 or i8, but got " << element;
  return success();
}

std::optional<int64_t> BufferType::getBytes(int64_t tokens, int64_t wanted) const {
  int64_t bytes = 1, width = getElement().getIntOrFloatBitWidth();
  for (const Extent &extent : getExtents()) {
    int64_t size = extent.size == Extent::Tokens ? tokens : extent.size == Extent::Wanted ? wanted : 1;
    if (__builtin_mul_overflow(size, extent.factor, &size))
      return std::nullopt;
    if (width < 8 && &extent == &getExtents().back())
      size = llvm::divideCeil(size, 8 / width);
    if (__builtin_mul_overflow(bytes, size, &bytes))
      return std::nullopt;
  }
  if (width > 8 && __builtin_mul_overflow(bytes, width / 8, &bytes))
    return std::nullopt;
  return bytes;
}

Type CacheType::parse(AsmParser &parser) {
  FailureOr<ds::CacheShape> shape = ds::parseCacheShape(parser);
  return succeeded(shape) ? parser.getChecked<CacheType>(parser.getContext(), shape->layers, shape->width, shape->element) : Type();
}
void CacheType::print(AsmPrinter &printer) const { ds::printCacheShape(printer, {getLayers(), getWidth(), getElement()}); }
LogicalResult CacheType::verify(function_ref<InFlightDiagnostic()> emitError, int64_t layers, int64_t width, Type element) {
  return ds::verifyCacheShape(emitError, {layers, width, element});
}

LogicalResult LimitsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t tokens, int64_t sequences, int64_t length,
                                 int64_t wanted) {
  for (auto [name, value] :
       {std::pair("tokens", tokens), std::pair("sequences", sequences), std::pair("length", length), std::pair("wanted", wanted)})
    if (value <= 0 || value > INT32_MAX)
      return emitError() << "(C1) expects positive limits within 31 bits, but got " << name << " = " << value;
  for (auto [name, value] : {std::pair("sequences", sequences), std::pair("wanted", wanted)})
    if (value > tokens)
      return emitError() << "(C2) expects at most tokens = " << tokens << " " << name << ", but got " << value;
  return success();
}
