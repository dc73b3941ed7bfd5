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

Type KVCacheType::parse(AsmParser &parser) {
  SmallVector<int64_t> extents;
  Type element;
  if (parser.parseLess() || parser.parseDimensionList(extents, /*allowDynamic=*/false) || parser.parseType(element) ||
      parser.parseGreater())
    return {};
  if (extents.size() != 2) {
    parser.emitError(parser.getNameLoc(), "expects layers x width x dtype");
    return {};
  }
  return get(parser.getContext(), extents[0], extents[1], element);
}

void KVCacheType::print(AsmPrinter &printer) const { printer << "<" << getLayers() << "x" << getWidth() << "x" << getElement() << ">"; }
