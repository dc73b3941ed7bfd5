// The dsrt dialect: declarations.
#pragma once

#include "dialects/ds/DS.h"

#include <optional>
#include <vector>

namespace mlir::dsrt {

/// One extent of a buffer: a constant, or a size of the call times a constant.
struct Extent {
  enum Size { Constant, Tokens, Wanted };
  Size size = Constant;
  int64_t factor = 1;
  bool operator==(const Extent &other) const { return size == other.size && factor == other.factor; }
};
inline llvm::hash_code hash_value(const Extent &extent) { return llvm::hash_combine(int(extent.size), extent.factor); }
llvm::raw_ostream &operator<<(llvm::raw_ostream &stream, const Extent &extent);

/// What the table (runtime/include/dsrt/dsrt_ops.def) says of an operation.
enum class Role { Attribute, Out, In, Scratch, Weight, OptionalWeight, Batch, CacheIn, CacheOut };
struct SignatureOperand {
  Role role;
  StringRef name;
  StringRef type; ///< f32, i32, i8, a letter; of an attribute its kind: i64, f32, quant, optional_quant, floats
  std::vector<StringRef> dims;

  bool isBuffer() const { return role == Role::Out || role == Role::In || role == Role::Scratch; }
  bool isWeight() const { return role == Role::Weight || role == Role::OptionalWeight; }
  bool isValue() const { return !isWeight() && role != Role::Attribute; } ///< an SSA operand; they stand in the order of the table
};
struct Signature {
  StringRef name;
  std::vector<SignatureOperand> operands;
  std::vector<StringRef> dims;    ///< extents that the call passes, in order
  std::vector<StringRef> letters; ///< element types that the call passes, in order
};

/// All lines of the table, in its order.
ArrayRef<Signature> signatures();
/// The line of an operation, "dsrt.rms_norm". The name must be one of the table.
const Signature &signature(StringRef operationName);

/// C1, C2, C3 and C5 of a call, as far as they need no symbols.
LogicalResult verifyCall(Operation *call);
/// C1 to C4 where weights are concerned.
LogicalResult verifyWeights(Operation *call, SymbolTableCollection &symbols);

/// The extent that a call passes for a dim of its signature, and the element type for a letter: of the first operand that has
/// it. The call verifies.
Extent extentOf(Operation *call, StringRef dim, SymbolTableCollection &symbols);
Type elementOf(Operation *call, StringRef letter);

} // namespace mlir::dsrt

#include "dialects/dsrt/DSRTDialect.h.inc"
#include "dialects/dsrt/DSRTEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/dsrt/DSRTAttributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/dsrt/DSRTTypes.h.inc"

#include "dialects/dsrt/DSRTInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/dsrt/DSRTOps.h.inc"
