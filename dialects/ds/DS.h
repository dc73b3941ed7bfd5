// The ds dialect: declarations.
#pragma once

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::ds {

/// Rows x columns of a quantisation tile; 0 is the whole extent, printed `all`.
struct Tile {
  int64_t rows = 0, columns = 0;
  bool operator==(const Tile &other) const { return rows == other.rows && columns == other.columns; }
};
inline llvm::hash_code hash_value(const Tile &tile) { return llvm::hash_combine(tile.rows, tile.columns); }
AsmPrinter &operator<<(AsmPrinter &printer, const Tile &tile);

/// tensor<?xN>, N in 1 .. 2^31 - 1: sums and products of two such extents do not overflow.
bool holdsRows(Type type);
/// tensor<?x...> and tensor<Nx...>, N in 1 .. 2^31 - 1.
bool isDynamicVector(Type type);
bool isStaticVector(Type type);
/// Dtypes of activations, caches and unquantised parameters: f32, bf16, f16.
bool isPlainDtype(Type type);

/// layers x width x dtype: the latent cache, in ds and in dsrt.
struct CacheShape {
  int64_t layers, width;
  Type element;
};
FailureOr<CacheShape> parseCacheShape(AsmParser &parser);
void printCacheShape(AsmPrinter &printer, const CacheShape &shape);
LogicalResult verifyCacheShape(function_ref<InFlightDiagnostic()> emitError, const CacheShape &shape);

/// A double as a parameter of attributes: equal and hashed by its bits. Reads back as it was written; an integer is a number too.
struct Number {
  Number(double value = 0) : value(value) {}
  operator double() const { return value; }
  bool operator==(const Number &other) const { return llvm::bit_cast<uint64_t>(value) == llvm::bit_cast<uint64_t>(other.value); }
  double value;
};
inline llvm::hash_code hash_value(const Number &number) { return llvm::hash_value(llvm::bit_cast<uint64_t>(number.value)); }
/// Kernels compute in F32: a value that rounds to 0 or infinity there is none.
bool isPositiveF32(double value);
FailureOr<Number> parseNumber(AsmParser &parser);
void printNumber(AsmPrinter &printer, Number number);
FailureOr<bool> parseBool(AsmParser &parser);

/// The cache that cache_append writes and mla_attention reads.
struct CacheResource : SideEffects::Resource::Base<CacheResource> {
  StringRef getName() final { return "KVCache"; }
};

template <typename ConcreteType> class ResultLikeFirstOperand : public OpTrait::TraitBase<ConcreteType, ResultLikeFirstOperand> {};

} // namespace mlir::ds

namespace mlir {
template <> struct FieldParser<ds::Tile> {
  static FailureOr<ds::Tile> parse(AsmParser &parser);
};
} // namespace mlir

#include "dialects/ds/DSDialect.h.inc"
#include "dialects/ds/DSEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/ds/DSAttributes.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/ds/DSTypes.h.inc"

#include "dialects/ds/DSInterfaces.h.inc"

#define GET_OP_CLASSES
#include "dialects/ds/DSOps.h.inc"
