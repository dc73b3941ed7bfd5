// The kernel of RoundRows.h: one thread an element, in strides.
#include "runtime/backend/cuda/RoundRows.h"

#include "runtime/backend/cuda/Launch.cuh"

#include <algorithm>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace dsrt::cuda {

namespace {

constexpr int threads = 256;

__global__ void __launch_bounds__(threads)
    roundKernel(int32_t through, int32_t yType, void *y, int64_t rows, int64_t n, const int32_t *offsets, int64_t experts) {
  waitForPrevious();
  allowNext();
  int64_t begin = offsets ? offsets[0] * n : 0, end = offsets ? offsets[experts] * n : rows * n;
  for (int64_t i = begin + int64_t(blockIdx.x) * threads + threadIdx.x; i < end; i += int64_t(gridDim.x) * threads) {
    if (yType == DSRT_F32) {
      float &value = static_cast<float *>(y)[i];
      value = through == DSRT_BF16 ? __bfloat162float(__float2bfloat16_rn(value)) : __half2float(__float2half_rn(value));
    } else if (yType == DSRT_F16) {
      float value = __bfloat162float(static_cast<const __nv_bfloat16 *>(y)[i]);
      static_cast<__half *>(y)[i] = __float2half_rn(value);
    } else {
      float value = __half2float(static_cast<const __half *>(y)[i]);
      static_cast<__nv_bfloat16 *>(y)[i] = __float2bfloat16_rn(value);
    }
  }
}

} // namespace

cudaError_t roundRows(State &state, int32_t through, int32_t yType, void *y, int64_t rows, int64_t n, const int32_t *offsets,
                      int64_t experts) {
  if (rows * n == 0)
    return cudaSuccess;
  int64_t blocks = std::min<int64_t>((rows * n + threads - 1) / threads, 8 * state.multiprocessors);
  return launch(state.stream, {.grid = dim3(unsigned(blocks)), .block = dim3(threads)}, roundKernel, through, yType, y, rows, n, offsets,
                experts);
}

} // namespace dsrt::cuda
