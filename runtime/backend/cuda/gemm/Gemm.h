// The products that the operations linear, scaled_matmul and their grouped forms share: what is to be multiplied, and the kernels that can.
#pragma once

#include "runtime/backend/cuda/Operations.h"

#include <cstdint>

namespace dsrt::cuda {

/// One operand pair: y[rows, n] = x[rows, k] weight^T.
struct Side {
  void *y;                   ///< [rows, n] of the product's yType, row major
  const void *weight;        ///< [experts, n, k] of the product's xType, row major
  const float *weightScales; ///< [experts, ceil(n / 128), ceil(k / 128)], or null where not scaled
  int64_t n;
};

/// All memory is the device's. FP8 accumulates at most 128 of K in the tensor core, then FP32: sum += partial * xScale * weightScale.
struct Product {
  int32_t yType;        ///< DSRT_F32, DSRT_BF16, DSRT_F16
  int32_t xType;        ///< element type of x and of the weights: DSRT_F8E4M3 with scales, or DSRT_BF16, DSRT_F16
  const void *x;        ///< [rows, k], row major
  const float *xScales; ///< [rows, ceil(k / 128)], row major, or null where not scaled
  int64_t rows, k;
  int64_t experts; ///< 1, and offsets null: dense
  /// [experts + 1]: rows offsets[e] .. offsets[e + 1] are multiplied with the weight of expert e; other rows of y are not touched.
  const int32_t *offsets;
  Side sides[2];
  int sideCount; ///< 2: two weights that read the same x in one launch (gate and up; q_a and kv_a)
};

/// Many rows (more than 64 or 128 of a dense product or an expert): tiles of 256 or 128 rows, Large.cu.
bool largeTakes(const Product &);
cudaError_t runLarge(State &, const Product &);

/// Few rows: weights are streamed once, memory bound, Small.cu.
bool smallTakes(const Product &);
cudaError_t runSmall(State &, const Product &);

} // namespace dsrt::cuda
