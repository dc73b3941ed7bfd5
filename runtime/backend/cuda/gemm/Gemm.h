// The products of the CUDA backend by the kernels that compute them: what a product is, and who takes which. Host code.
//
// A product is y[rows, n] = x[rows, k] weight^T in the formats of the fast kernels: E4M3 with scales of 1x128 and 128x128, BF16 or
// FP16; dense, or grouped by expert with the offsets on the device. Everything lies row major as the operations get it. FP8 is
// accumulated over at most 128 of K in the tensor core and then promoted: sum += partial * xScale * wScale in F32 (DeepSeek-V3,
// section 3.3.2). What no fast kernel takes is the generic kernel's (Generic.h).
#pragma once

#include "runtime/backend/cuda/Operations.h"

namespace dsrt::cuda {

/// One operand pair: y[rows, n] = x[rows, k] weight^T.
struct Side {
  void *y;
  const void *weight;        ///< [experts, n, k]
  const float *weightScales; ///< [experts, ceil(n / 128), ceil(k / 128)], or null
  int64_t n;
};

struct Product {
  int32_t yType;            ///< DSRT_F32, BF16, F16
  int32_t xType;            ///< element type of x and of the weights: DSRT_F8E4M3 with scales, or DSRT_BF16, DSRT_F16
  const void *x;            ///< [rows, k]
  const float *xScales;     ///< [rows, ceil(k / 128)], row major; null where not scaled
  int64_t rows, k, experts; ///< experts 1 and offsets null: dense
  const int32_t *offsets;   ///< on the device, [experts + 1]: rows offsets[e] .. offsets[e + 1] are multiplied with weight[e]; other rows
                            ///< of y are not touched
  Side sides[2];
  int sideCount; ///< 2: two weights that read the same x in one launch (gate and up; q_a and kv_a)
};

/// Many rows (an expert or a dense product with more than about 64 to 128): Large.cu.
bool largeTakes(const Product &product);
cudaError_t runLarge(State &state, const Product &product);

/// Few rows, the weights are streamed once (dense: up to 128 rows; grouped: few rows an expert): Small.cu.
bool smallTakes(const Product &product);
cudaError_t runSmall(State &state, const Product &product);

} // namespace dsrt::cuda
