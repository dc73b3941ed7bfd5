// What the programs that measure products share: operands on the device, random, and a plain kernel that checks results.
#pragma once

#include "runtime/backend/cuda/gemm/Gemm.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

using namespace dsrt::cuda;

namespace {

#define CHECK(call)                                                                                                                        \
  do {                                                                                                                                     \
    if (auto status = (call); int(status) != 0) {                                                                                          \
      printf("%s:%d: %s gives %d\n", __FILE__, __LINE__, #call, int(status));                                                              \
      exit(1);                                                                                                                             \
    }                                                                                                                                      \
  } while (0)

State state;
int failures = 0;
std::mt19937 generator(1);

__device__ uint32_t hashed(uint64_t value) {
  value *= 0x9e3779b97f4a7c15ull, value ^= value >> 29, value *= 0xbf58476d1ce4e5b9ull, value ^= value >> 32;
  return uint32_t(value);
}
__device__ float uniform(uint64_t seed, uint64_t i) { return float(hashed(seed * 0x100000001b3ull + i) >> 8) * 0x1p-24f; }
/// About normal: a sum of four.
__device__ float normal(uint64_t seed, uint64_t i) {
  return (uniform(seed, 4 * i) + uniform(seed, 4 * i + 1) + uniform(seed, 4 * i + 2) + uniform(seed, 4 * i + 3) - 2) * 1.7f;
}

template <typename Element> __global__ void fill(Element *values, int64_t count, uint64_t seed, float factor) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x)
    values[i] = Element(normal(seed, i) * factor);
}
__global__ void fillScales(float *values, int64_t count, uint64_t seed) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x)
    values[i] = 0.01f * (0.25f + uniform(seed, i));
}

template <typename Type> struct Memory {
  Type *data = nullptr;
  explicit Memory(int64_t count) { CHECK(cudaMalloc(&data, std::max<int64_t>(count, 1) * sizeof(Type))); }
  Memory(Memory &&other) : data(std::exchange(other.data, nullptr)) {}
  ~Memory() { cudaFree(data); }
};

struct Worst {
  float error;
  int count, row, column;
  float got, want;
};

/// Compares rows of y with the product: every element, or a sample of one in `stride`. Rows outside of the experts must be poison still.
template <typename Element, typename Result>
__global__ void compare(Product p, int side, int64_t stride, float tolerance, float typical, Worst *worst) {
  const Side s = p.sides[side];
  const int64_t total = p.rows * s.n, blocks = (p.k + 127) / 128;
  for (int64_t i = (blockIdx.x * int64_t(blockDim.x) + threadIdx.x); i * stride < total; i += int64_t(gridDim.x) * blockDim.x) {
    const int64_t at = stride == 1 ? i : min(total - 1, i * stride + hashed(i) % stride), row = at / s.n, column = at % s.n;
    int64_t expert = 0;
    bool inside = true;
    if (p.offsets) {
      inside = row >= p.offsets[0] && row < p.offsets[p.experts];
      while (inside && row >= p.offsets[expert + 1])
        ++expert;
    }
    const float got = float(static_cast<const Result *>(s.y)[at]);
    float want = 0, error;
    if (inside) {
      const Element *x = static_cast<const Element *>(p.x) + row * p.k;
      const Element *w = static_cast<const Element *>(s.weight) + (expert * s.n + column) * p.k;
      double sum = 0;
      for (int64_t block = 0; block < blocks; ++block) {
        float partial = 0;
        for (int64_t k = block * 128; k < min(p.k, block * 128 + 128); ++k)
          partial += float(x[k]) * float(w[k]);
        if (p.xScales)
          partial *= p.xScales[row * blocks + block] * s.weightScales[(expert * ((s.n + 127) / 128) + column / 128) * blocks + block];
        sum += partial;
      }
      want = float(sum);
      error = fabsf(got - want) / (typical + fabsf(want));
      if (!(error <= tolerance) && isnan(error))
        error = 1e30f;
    } else {
      error = isnan(got) ? 0 : 1e30f;
    }
    if (error > tolerance)
      atomicAdd(&worst->count, 1);
    int old = atomicMax(reinterpret_cast<int *>(&worst->error), __float_as_int(error));
    if (__int_as_float(old) < error)
      worst->row = int(row), worst->column = int(column), worst->got = got, worst->want = want;
  }
}

int resultBytes(int type) { return type == DSRT_F32 ? 4 : 2; }
const char *typeName(int type) { return type == DSRT_F8E4M3 ? "f8" : type == DSRT_BF16 ? "bf16" : type == DSRT_F16 ? "f16" : "f32"; }

/// A product and its memory.
struct Case {
  Product product = {};
  Memory<uint8_t> x;
  Memory<float> xScales;
  Memory<int32_t> offsets;
  std::vector<Memory<uint8_t>> memory;
  std::vector<Memory<float>> scales;

  Case(int xType, int yType, int64_t rows, int64_t k, std::vector<int64_t> n, const std::vector<int32_t> &expertOffsets = {})
      : x(rows * k * (xType == DSRT_F8E4M3 ? 1 : 2)), xScales(rows * ((k + 127) / 128)), offsets(int64_t(expertOffsets.size())) {
    const bool scaled = xType == DSRT_F8E4M3;
    product.yType = yType, product.xType = xType;
    product.x = x.data, product.rows = rows, product.k = k;
    product.experts = expertOffsets.empty() ? 1 : int64_t(expertOffsets.size()) - 1;
    if (!expertOffsets.empty()) {
      CHECK(cudaMemcpy(offsets.data, expertOffsets.data(), expertOffsets.size() * 4, cudaMemcpyHostToDevice));
      product.offsets = offsets.data;
    }
    fillPayload(x.data, rows * k, 1.f);
    if (scaled) {
      product.xScales = xScales.data;
      fillScales<<<264, 256>>>(xScales.data, rows * ((k + 127) / 128), generator());
    }
    product.sideCount = int(n.size());
    for (size_t i = 0; i < n.size(); ++i) {
      Side &side = product.sides[i];
      side.n = n[i];
      memory.emplace_back(product.experts * n[i] * k * (scaled ? 1 : 2));
      side.weight = memory.back().data;
      fillPayload(memory.back().data, product.experts * n[i] * k, scaled ? 1.f : 1e-4f);
      memory.emplace_back(rows * n[i] * resultBytes(yType));
      side.y = memory.back().data;
      if (scaled) {
        const int64_t count = product.experts * ((n[i] + 127) / 128) * ((k + 127) / 128);
        scales.emplace_back(count);
        side.weightScales = scales.back().data;
        fillScales<<<264, 256>>>(scales.back().data, count, generator());
      }
    }
    CHECK(cudaDeviceSynchronize());
  }

  void fillPayload(void *data, int64_t count, float factor) {
    if (product.xType == DSRT_F8E4M3)
      fill<<<2640, 256>>>(static_cast<__nv_fp8_e4m3 *>(data), count, generator(), factor);
    else if (product.xType == DSRT_BF16)
      fill<<<2640, 256>>>(static_cast<__nv_bfloat16 *>(data), count, generator(), factor);
    else
      fill<<<2640, 256>>>(static_cast<__half *>(data), count, generator(), factor);
  }

  void poison() {
    for (int i = 0; i < product.sideCount; ++i)
      CHECK(cudaMemset(product.sides[i].y, 0xff, product.rows * product.sides[i].n * resultBytes(product.yType)));
    CHECK(cudaDeviceSynchronize());
  }

  template <typename Element> void compareSide(int side, int64_t stride, float tolerance, float typical, Worst *worst) {
    if (product.yType == DSRT_F32)
      compare<Element, float><<<264, 256>>>(product, side, stride, tolerance, typical, worst);
    else if (product.yType == DSRT_BF16)
      compare<Element, __nv_bfloat16><<<264, 256>>>(product, side, stride, tolerance, typical, worst);
    else
      compare<Element, __half><<<264, 256>>>(product, side, stride, tolerance, typical, worst);
  }

  bool check(const char *what, int64_t sampled) {
    bool good = true;
    for (int i = 0; i < product.sideCount; ++i) {
      Memory<Worst> worst(1);
      CHECK(cudaMemset(worst.data, 0, sizeof(Worst)));
      const int64_t total = product.rows * product.sides[i].n, stride = std::max<int64_t>(1, total / sampled);
      // the typical size of a result, from the sizes of the operands; FP8 tensor cores keep about 14 bits of a sum
      const bool scaled = product.xType == DSRT_F8E4M3;
      const float typical = std::sqrt(float(product.k)) * (scaled ? 5.6e-5f : 1e-4f);
      const float tolerance = product.yType == DSRT_BF16 ? 8e-3f : scaled ? 5e-3f : 1e-3f;
      if (scaled)
        compareSide<__nv_fp8_e4m3>(i, stride, tolerance, typical, worst.data);
      else if (product.xType == DSRT_BF16)
        compareSide<__nv_bfloat16>(i, stride, tolerance, typical, worst.data);
      else
        compareSide<__half>(i, stride, tolerance, typical, worst.data);
      Worst w;
      CHECK(cudaMemcpy(&w, worst.data, sizeof w, cudaMemcpyDeviceToHost));
      if (w.count || getenv("VERBOSE"))
        printf("%s %s: %s -> %s, m %d n %d k %d experts %d side %d: worst error %.3g, %d bad; [%d, %d] is %g, expected %g\n",
               w.count ? "FAILED" : "ok", what, typeName(product.xType), typeName(product.yType), int(product.rows),
               int(product.sides[i].n), int(product.k), int(product.experts), i, w.error, w.count, w.row, w.column, w.got, w.want);
      good &= w.count == 0;
    }
    failures += !good;
    return good;
  }
};

} // namespace
