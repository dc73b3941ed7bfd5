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
    llvm::SMLoc location = parser.getCurrentLocation();
    OptionalParseResult constant = parser.parseOptionalInteger(extent.factor);
    if (constant.has_value()) {
      if (failed(*constant))
        return {};
    } else if (succeeded(parser.parseOptionalKeyword(&word, {"tokens", "wanted"}))) {
      extent.size = word == "tokens" ? Extent::Tokens : Extent::Wanted;
      if (succeeded(parser.parseOptionalStar()) && parser.parseInteger(extent.factor))
        return {};
    } else if (!extents.empty()) {
      break;
    } else {
      parser.emitError(location, "expects an extent: a number, 'tokens' or 'wanted'");
      return {};
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
    return emitError() << "expects an extent at least";
  for (const Extent &extent : extents)
    if (extent.factor <= 0)
      return emitError() << "expects positive extents, but got " << extent.factor;
  if (!element.isIntOrFloat() || element.getIntOrFloatBitWidth() % 8 != 0)
    return emitError() << "expects an element type of whole bytes, but got " << element;
  return success();
}

std::optional<int64_t> BufferType::getBytes(int64_t tokens, int64_t wanted) const {
  int64_t bytes = getElement().getIntOrFloatBitWidth() / 8;
  for (const Extent &extent : getExtents()) {
    int64_t size = extent.size == Extent::Tokens ? tokens : extent.size == Extent::Wanted ? wanted : 1;
    if (__builtin_mul_overflow(bytes, extent.factor, &bytes) || __builtin_mul_overflow(bytes, size, &bytes))
      return std::nullopt;
  }
  return bytes;
}

Type CacheType::parse(AsmParser &parser) {
  SmallVector<int64_t> extents;
  Type element;
  llvm::SMLoc location = parser.getCurrentLocation();
  if (parser.parseLess() || parser.parseDimensionList(extents, /*allowDynamic=*/false) || parser.parseType(element) ||
      parser.parseGreater())
    return {};
  if (extents.size() != 2) {
    parser.emitError(location, "expects layers x width x dtype");
    return {};
  }
  return get(parser.getContext(), extents[0], extents[1], element);
}

void CacheType::print(AsmPrinter &printer) const { printer << "<" << getLayers() << "x" << getWidth() << "x" << getElement() << ">"; }

LogicalResult LimitsAttr::verify(function_ref<InFlightDiagnostic()> emitError, int64_t tokens, int64_t sequences, int64_t length,
                                 int64_t wanted) {
  if (tokens <= 0 || sequences <= 0 || length <= 0 || wanted <= 0)
    return emitError() << "expects positive limits";
  if (wanted > tokens || sequences > tokens)
    return emitError() << "expects at most as many sequences and wanted tokens as tokens";
  return success();
}
