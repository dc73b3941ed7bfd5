// Random weights made where they are used: a benchmark of a model whose weights are tens of gigabytes needs no checkpoint, no host memory
// and no upload.
#include "runtime/backend/cuda/Backend.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <algorithm>
#include <cmath>

namespace dsrt::cuda {

namespace {

/// 64 random bits for each index: splitmix64 (Steele, Lea, Flood 2014), a counter-based generator.
__device__ uint64_t mixed(uint64_t seed, uint64_t index) {
  uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/// A value of [-1, 1) of the upper 24 bits.
__device__ float uniform(uint64_t bits) { return float(int64_t(bits) >> 40) * 0x1p-23f; }

__device__ void store(float *target, float value) { *target = value; }
__device__ void store(__nv_bfloat16 *target, float value) { *target = __float2bfloat16(value); }
__device__ void store(__half *target, float value) { *target = __float2half(value); }
__device__ void store(__nv_fp8_e4m3 *target, float value) { *target = __nv_fp8_e4m3(value); }
__device__ void store(__nv_fp8_e5m2 *target, float value) { *target = __nv_fp8_e5m2(value); }

/// Values of [-1, 1) times `amplitude`, or `amplitude` itself where they are constant.
template <typename Element> __global__ void fillValues(Element *values, int64_t count, uint64_t seed, float amplitude, bool constant) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x)
    store(values + i, constant ? amplitude : amplitude * uniform(mixed(seed, i)));
}

/// Every code of a four-bit type is a finite value. The upper half behind the last of an odd number of columns is 0.
__global__ void fillFourBits(uint8_t *values, int64_t rows, int64_t columns, uint64_t seed) {
  int64_t rowBytes = (columns + 1) / 2;
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < rows * rowBytes; i += int64_t(gridDim.x) * blockDim.x)
    values[i] = uint8_t(mixed(seed, i) >> 56) & (columns % 2 && i % rowBytes == rowBytes - 1 ? 0x0f : 0xff);
}

/// Scales about `scale`: within a quarter of it, or the power of two below.
__global__ void fillScales(float *scales, int64_t count, uint64_t seed, float scale, bool powersOfTwo) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    float value = scale * (1 + 0.25f * uniform(mixed(seed, i)));
    scales[i] = powersOfTwo ? exp2f(floorf(log2f(value))) : value;
  }
}

int64_t tiles(int64_t extent, int32_t tile) { return tile == 0 ? (extent > 0 ? 1 : 0) : (extent + tile - 1) / tile; }

} // namespace

int32_t fillRandom(void *state, const dsrt_weight *weight, uint64_t seed) {
  Whole &whole = wholeOf(state);
  const dsrt_quant &format = weight->format;
  int64_t rows = weight->experts * weight->rows, count = rows * weight->cols;
  if (count == 0)
    return DSRT_OK;
  bool vector = weight->use == DSRT_USE_VECTOR, quantised = format.scale != DSRT_NONE;
  float amplitude = vector ? 1 : std::sqrt(3.f / float(weight->cols));
  float largest = format.payload == DSRT_F8E4M3 ? 448 : format.payload == DSRT_F8E5M2 ? 57344 : format.payload == DSRT_F4E2M1 ? 6 : 1;
  float ofPayload = quantised ? largest : amplitude;
  dim3 grid(unsigned(whole.multiprocessors) * 8), block(256);
  auto fill = [&](auto *data) { fillValues<<<grid, block, 0, whole.stream>>>(data, count, seed, ofPayload, vector); };
  void *data = const_cast<void *>(weight->data);
  switch (format.payload) {
  case DSRT_F32:
    fill(static_cast<float *>(data));
    break;
  case DSRT_BF16:
    fill(static_cast<__nv_bfloat16 *>(data));
    break;
  case DSRT_F16:
    fill(static_cast<__half *>(data));
    break;
  case DSRT_F8E4M3:
    fill(static_cast<__nv_fp8_e4m3 *>(data));
    break;
  case DSRT_F8E5M2:
    fill(static_cast<__nv_fp8_e5m2 *>(data));
    break;
  case DSRT_F4E2M1:
  case DSRT_NF4:
    fillFourBits<<<grid, block, 0, whole.stream>>>(static_cast<uint8_t *>(data), rows, weight->cols, seed);
    break;
  default:
    whole.message = "expects a weight of a type that weights have, but got " + typeName(format.payload);
    return DSRT_INTERNAL;
  }
  if (quantised)
    fillScales<<<grid, block, 0, whole.stream>>>(const_cast<float *>(weight->scales),
                                                 weight->experts * tiles(weight->rows, format.tile_rows) *
                                                     tiles(weight->cols, format.tile_cols),
                                                 ~seed, amplitude / largest, format.scale == DSRT_UE8M0);
  return whole.result(cudaGetLastError(), "random weights");
}

} // namespace dsrt::cuda
