// Which kernel computes a product.
#include "runtime/backend/cuda/gemm/Multiply.h"

namespace dsrt::cuda {

bool asProduct(const Multiplication &m, Product &result) {
  bool scaled = m.x.type == DSRT_F8E4M3;
  if (!scaled && m.x.type != DSRT_BF16 && m.x.type != DSRT_F16)
    return false;
  // Any number of promotions more would do, but the fast kernels promote at multiples of 128 alone.
  if (scaled && (m.x.scales == nullptr || m.x.tileCols != 128 || m.promote % 128 != 0))
    return false;
  result = {.yType = m.yType,
            .xType = m.x.type,
            .x = m.x.data,
            .xScales = m.x.scales,
            .rows = m.rows,
            .k = m.k,
            .experts = m.experts,
            .offsets = m.offsets,
            .sides = {},
            .sideCount = m.sideCount};
  for (int side = 0; side < m.sideCount; ++side) {
    const Operand &weight = m.sides[side].weight;
    if (weight.type != m.x.type || (scaled && (weight.tileRows != 128 || weight.tileCols != 128)))
      return false;
    result.sides[side] = {.y = m.sides[side].y, .weight = weight.data, .weightScales = weight.scales, .n = m.sides[side].n};
  }
  return true;
}

Status multiply(State &state, const Multiplication &m) {
  return cudaStatus(fewRowsTakes(m) ? runFewRows(state, m) : runGeneric(state, m), "the product");
}

} // namespace dsrt::cuda
