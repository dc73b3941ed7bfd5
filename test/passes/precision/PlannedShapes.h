// Planned operations for tests, from published shapes.
#pragma once

#include "passes/precision/Legality.h"
#include "test/passes/precision/TestModels.h"

namespace dsmlir::test {

/// What the flags make of an operand of a low-bit product.
inline Operand lowBit(const std::vector<std::string> &words, bool weight) {
  ProductFormat product = resolveWords(words).products.at(0);
  QuantFormat format = weight ? product.weight : product.activation;
  return {format.payload, format};
}

/// The product of a low-bit module of [n, k] under the flags.
inline PlannedOperation product(const std::vector<std::string> &words, int64_t n, int64_t k, int64_t experts = 0) {
  PlannedOperation operation;
  operation.path = "blocks.0.ffn.down_proj";
  operation.kind = experts ? "grouped_scaled_matmul" : "scaled_matmul";
  operation.family = experts ? KernelFamily::GroupedProduct : KernelFamily::Product;
  operation.activation = lowBit(words, false);
  operation.weight = lowBit(words, true);
  operation.n = n;
  operation.k = k;
  operation.experts = experts;
  return operation;
}

inline PlannedOperation plainProduct(const std::string &type, int64_t n, int64_t k, int64_t experts = 0) {
  PlannedOperation operation = product({"--fp8"}, n, k, experts);
  operation.kind = experts ? "grouped_linear" : "linear";
  operation.activation = operation.weight = {type, std::nullopt};
  return operation;
}

/// A module's product with its place in the mesh.
inline PlannedOperation sharded(const std::string &path, Cut cut, int64_t heads, PlannedOperation operation) {
  operation.path = path;
  operation.cut = cut;
  operation.heads = heads;
  return operation;
}

} // namespace dsmlir::test
