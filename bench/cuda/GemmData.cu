// The kernels of GemmData.h.
#include "bench/cuda/GemmData.h"

#include "runtime/backend/cuda/gemm/Decode.cuh"

#include <cmath>
#include <cstdio>
#include <vector>

namespace bench {

namespace {

using namespace dsrt::cuda;

__device__ uint32_t mixed(uint64_t x) {
  x ^= x >> 33, x *= 0xff51afd7ed558ccdull, x ^= x >> 33, x *= 0xc4ceb9fe1a85ec53ull, x ^= x >> 33;
  return uint32_t(x);
}

__global__ void fillKernel(int32_t dtype, void *memory, int64_t count, uint64_t seed, float scale) {
  for (int64_t i = int64_t(blockIdx.x) * blockDim.x + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    float sum = 0;
    for (uint64_t part = 0; part < 4; ++part)
      sum += float(mixed(seed + uint64_t(i) * 4 + part)) * 0x1p-32f - 0.5f;
    float value = sum * 1.732f * scale;
    if (dtype == DSRT_F8E4M3)
      static_cast<uint8_t *>(memory)[i] = __nv_cvt_float_to_fp8(value, __NV_SATFINITE, __NV_E4M3);
    else
      storeRounded(memory, dtype, i,
                   dtype == DSRT_F32 && scale < 0 ? (float(mixed(seed + uint64_t(i))) * 0x1p-32f + 0.5f) * -scale : value);
  }
}

/// A warp an element.
__global__ void checkKernel(Arguments a, int64_t samples, uint64_t seed, float half, float *errors) {
  int64_t sample = (int64_t(blockIdx.x) * blockDim.x + threadIdx.x) / 32;
  int lane = int(threadIdx.x % 32);
  if (sample >= samples)
    return;
  int64_t row = mixed(seed + uint64_t(sample) * 2) % uint64_t(a.rows), column = mixed(seed + uint64_t(sample) * 2 + 1) % uint64_t(a.n);
  if (sample == 0)
    row = a.rows - 1, column = a.n - 1;
  int64_t expert = 0;
  if (a.offsets)
    while (a.offsets[expert + 1] <= row)
      ++expert;
  double sum = 0, magnitude = 0;
  for (int64_t k = lane * 8; k < a.x.k; k += 256) {
    float x[8], w[8];
    loadEight(a.x, 0, row, k, x);
    loadEight(a.weight, expert, column, k, w);
    for (int i = 0; i < 8; ++i)
      sum += double(x[i]) * double(w[i]), magnitude += fabs(double(x[i]) * double(w[i]));
  }
  for (int step = 16; step > 0; step /= 2)
    sum += __shfl_xor_sync(~0u, sum, step), magnitude += __shfl_xor_sync(~0u, magnitude, step);
  if (lane == 0) {
    double got = elementOf(a.yType, static_cast<const uint8_t *>(a.y), row * a.n + column);
    errors[sample] = isfinite(got) ? float(fmax(0.0, fabs(got - sum) - half * fabs(sum)) / magnitude) : INFINITY;
  }
}

} // namespace

void fill(int32_t dtype, void *memory, int64_t count, uint64_t seed, float scale, cudaStream_t stream) {
  fillKernel<<<1024, 256, 0, stream>>>(dtype, memory, count, seed, scale);
}

double errorOf(const Multiplication &product, int64_t samples, uint64_t seed, cudaStream_t stream) {
  float *errors = nullptr, half = product.yType == DSRT_BF16 ? 0x1p-8f : product.yType == DSRT_F16 ? 0x1p-11f : 0x1p-24f;
  std::vector<float> host(size_t(samples), INFINITY);
  cudaMalloc(&errors, size_t(samples) * sizeof(float));
  checkKernel<<<unsigned((samples + 7) / 8), 256, 0, stream>>>(argumentsOf(product, 0), samples, seed, half, errors);
  cudaMemcpyAsync(host.data(), errors, size_t(samples) * sizeof(float), cudaMemcpyDeviceToHost, stream);
  if (cudaStreamSynchronize(stream) != cudaSuccess)
    return INFINITY;
  cudaFree(errors);
  double most = 0;
  for (float error : host)
    most = std::isnan(error) ? INFINITY : std::max(most, double(error));
  return most;
}

} // namespace bench
