// Products of many rows on a GPU: checks each tile configuration of Large.cu against a plain kernel, then times them next to cuBLASLt.
//
// Usage: LargeGemm [check] [dense] [plain] [grouped], all without arguments. Operands are random, results poisoned before each check; a
// result outside of the tolerance fails the program. Prints JSON, a line a measurement: median of the runs, in microseconds and TFLOP/s
// (2 m n k operations; grouped: of the rows that there are).
#include "runtime/backend/cuda/gemm/Large.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
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

const LargeTile configurations[] = {{1, 1}, {1, 2}, {2, 1}, {2, 2}};

void checkAll() {
  int checks = 0, bad = failures;
  auto all = [&](Case &&c) {
    for (LargeTile tile : configurations) {
      c.poison();
      if (!largeTakes(c.product)) {
        printf("FAILED: not taken\n"), ++failures;
        return;
      }
      CHECK(runLarge(state, c.product, tile));
      cudaError_t error = cudaStreamSynchronize(state.stream);
      char what[64];
      snprintf(what, sizeof what, "waves %d cluster %d", tile.waves, tile.cluster);
      if (error != cudaSuccess) {
        printf("FAILED %s: %s, m %d n %d k %d\n", what, cudaGetErrorString(error), int(c.product.rows), int(c.product.sides[0].n),
               int(c.product.k));
        exit(1);
      }
      c.check(what, int64_t(1) << 40), ++checks;
    }
  };
  const int types[] = {DSRT_F8E4M3, DSRT_BF16, DSRT_F16}, results[] = {DSRT_F32, DSRT_BF16, DSRT_F16};
  for (int x : types)
    for (int y : results) {
      all({x, y, 1, 16, {1}});
      all({x, y, 130, 144, {200}});
      all({x, y, 300, 2064, {577}});
      all({x, y, 257, 656, {264, 72}});
      std::vector<int32_t> offsets = {7, 7, 10, 310, 374, 503}; // experts of 0, 3, 300, 64, 129 rows; rows before and after
      all({x, y, 520, 400, {333, 128}, offsets});
    }
  all({DSRT_F8E4M3, DSRT_BF16, 4096, 512, {576, 1536}});
  std::vector<int32_t> offsets = {0};
  for (int i = 0; i < 70; ++i)
    offsets.push_back(offsets.back() + int(generator() % 3 ? generator() % 200 : 0));
  all({DSRT_F8E4M3, DSRT_F32, offsets.back(), 256, {128}, offsets});
  all({DSRT_F8E4M3, DSRT_F32, 100, 256, {128}, std::vector<int32_t>(71, 50)});
  printf("{\"checks\": %d, \"failed\": %d}\n", checks, failures - bad);
}

template <typename Run> float median(Run &&run, int repeats) {
  std::vector<cudaEvent_t> events(repeats + 1);
  for (auto &event : events)
    CHECK(cudaEventCreate(&event));
  for (int i = 0; i < 3; ++i)
    run();
  CHECK(cudaEventRecord(events[0], state.stream));
  for (int i = 0; i < repeats; ++i) {
    run();
    CHECK(cudaEventRecord(events[i + 1], state.stream));
  }
  CHECK(cudaStreamSynchronize(state.stream));
  std::vector<float> times(repeats);
  for (int i = 0; i < repeats; ++i)
    CHECK(cudaEventElapsedTime(&times[i], events[i], events[i + 1]));
  for (auto event : events)
    cudaEventDestroy(event);
  std::sort(times.begin(), times.end());
  return times[repeats / 2] * 1000;
}

/// cuBLASLt's best of its heuristic's first answers: microseconds, or 0 where it takes no such product. The results are checked
/// against the same reference where `checked`.
float timeBlas(Case &c, bool checked, int repeats) {
  const Product &p = c.product;
  const bool scaled = p.xType == DSRT_F8E4M3;
  const int64_t m = p.rows, n = p.sides[0].n, k = p.k, blocks = (k + 127) / 128, leading = (blocks + 3) / 4 * 4;
  cublasLtMatmulDesc_t description;
  CHECK(cublasLtMatmulDescCreate(&description, CUBLAS_COMPUTE_32F, CUDA_R_32F));
  auto set = [&](cublasLtMatmulDescAttributes_t attribute, auto value) {
    CHECK(cublasLtMatmulDescSetAttribute(description, attribute, &value, sizeof value));
  };
  set(CUBLASLT_MATMUL_DESC_TRANSA, int32_t(CUBLAS_OP_T));
  Memory<float> xScales(m * leading), weightScales((n + 127) / 128 * leading);
  if (scaled) {
    std::vector<float> x(m * blocks), xT(m * blocks), w((n + 127) / 128 * blocks), wPadded((n + 127) / 128 * leading, 1.f);
    CHECK(cudaMemcpy(x.data(), p.xScales, x.size() * 4, cudaMemcpyDeviceToHost));
    CHECK(cudaMemcpy(w.data(), p.sides[0].weightScales, w.size() * 4, cudaMemcpyDeviceToHost));
    for (int64_t i = 0; i < m; ++i)
      for (int64_t j = 0; j < blocks; ++j)
        xT[j * m + i] = x[i * blocks + j];
    for (int64_t i = 0; i < (n + 127) / 128; ++i)
      for (int64_t j = 0; j < blocks; ++j)
        wPadded[i * leading + j] = w[i * blocks + j];
    CHECK(cudaMemcpy(xScales.data, xT.data(), xT.size() * 4, cudaMemcpyHostToDevice));
    CHECK(cudaMemcpy(weightScales.data, wPadded.data(), wPadded.size() * 4, cudaMemcpyHostToDevice));
    set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, int32_t(CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F));
    set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, int32_t(CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F));
    set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, static_cast<const void *>(weightScales.data));
    set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, static_cast<const void *>(xScales.data));
    set(CUBLASLT_MATMUL_DESC_FAST_ACCUM, int8_t(0));
  }
  const cudaDataType type = scaled ? CUDA_R_8F_E4M3 : p.xType == DSRT_BF16 ? CUDA_R_16BF : CUDA_R_16F;
  cublasLtMatrixLayout_t layouts[3];
  CHECK(cublasLtMatrixLayoutCreate(&layouts[0], type, k, n, k));
  CHECK(cublasLtMatrixLayoutCreate(&layouts[1], type, k, m, k));
  CHECK(cublasLtMatrixLayoutCreate(&layouts[2], p.yType == DSRT_BF16 ? CUDA_R_16BF : CUDA_R_32F, n, m, n));
  cublasLtMatmulPreference_t preference;
  CHECK(cublasLtMatmulPreferenceCreate(&preference));
  const size_t bytes = size_t(32) << 20;
  CHECK(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes));
  cublasLtMatmulHeuristicResult_t answers[6];
  int count = 0;
  if (cublasLtMatmulAlgoGetHeuristic(state.blas, description, layouts[0], layouts[1], layouts[2], layouts[2], preference, 6, answers,
                                     &count) != CUBLAS_STATUS_SUCCESS)
    count = 0;
  const float one = 1, zero = 0;
  float best = 0;
  for (int i = 0; i < count; ++i) {
    auto run = [&] {
      return cublasLtMatmul(state.blas, description, &one, p.sides[0].weight, layouts[0], p.x, layouts[1], &zero, p.sides[0].y, layouts[2],
                            p.sides[0].y, layouts[2], &answers[i].algo, state.workspace, bytes, state.stream);
    };
    if (run() != CUBLAS_STATUS_SUCCESS)
      continue;
    float time = median([&] { run(); }, 5);
    if (best == 0 || time < best) {
      best = time;
      std::swap(answers[0], answers[i]);
    }
  }
  if (best > 0) {
    auto run = [&] {
      return cublasLtMatmul(state.blas, description, &one, p.sides[0].weight, layouts[0], p.x, layouts[1], &zero, p.sides[0].y, layouts[2],
                            p.sides[0].y, layouts[2], &answers[0].algo, state.workspace, bytes, state.stream);
    };
    best = median([&] { run(); }, repeats);
    if (checked && !c.check("cuBLASLt", 1 << 16))
      --failures; // the peer's, not ours: said, not counted
  }
  cublasLtMatmulPreferenceDestroy(preference);
  for (auto layout : layouts)
    cublasLtMatrixLayoutDestroy(layout);
  cublasLtMatmulDescDestroy(description);
  return best;
}

const char *deviceName() {
  static cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0));
  return properties.name;
}

void measure(const char *kind, Case &c, double rows, int repeats, bool blas) {
  double n = 0;
  for (int i = 0; i < c.product.sideCount; ++i)
    n += double(c.product.sides[i].n);
  const double flops = 2 * rows * n * double(c.product.k);
  printf("{\"kind\": \"%s\", \"type\": \"%s\", \"result\": \"%s\", \"m\": %d, \"n\": %d, \"k\": %d, \"experts\": %d, \"device\": \"%s\"",
         kind, typeName(c.product.xType), typeName(c.product.yType), int(rows), int(n), int(c.product.k), int(c.product.experts),
         deviceName());
  if (blas)
    if (float time = timeBlas(c, true, repeats); time > 0)
      printf(", \"cublaslt\": [%.1f, %.0f]", time, flops / time * 1e-6);
  float best = 0;
  auto one = [&](const char *name, LargeTile tile) {
    c.poison();
    float time = median([&] { CHECK(runLarge(state, c.product, tile)); }, repeats);
    printf(", \"%s\": [%.1f, %.0f]", name, time, flops / time * 1e-6);
    c.check(name, 1 << 16);
    best = best == 0 ? time : std::min(best, time);
  };
  for (LargeTile tile : configurations) {
    char name[32];
    snprintf(name, sizeof name, "waves %d cluster %d", tile.waves, tile.cluster);
    one(name, tile);
  }
  one("chosen", largeTile(state, c.product));
  printf("}\n");
  fflush(stdout);
}

} // namespace

int main(int count, char **arguments) {
  auto asked = [&](const char *part) {
    for (int i = 1; i < count; ++i)
      if (!strcmp(arguments[i], part))
        return true;
    return count == 1;
  };
  cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0));
  state.multiprocessors = properties.multiProcessorCount;
  state.workspaceBytes = workspaceSize;
  CHECK(cudaStreamCreateWithFlags(&state.stream, cudaStreamNonBlocking));
  CHECK(cudaMalloc(&state.workspace, workspaceSize));
  CHECK(cublasLtCreate(&state.blas));
  if (asked("check"))
    checkAll();
  fflush(stdout);
  if (asked("dense")) {
    const int64_t shapes[][2] = {{7168, 16384}, {24576, 1536}, {32768, 512}, {7168, 2048}, {4096, 7168}, {36864, 7168}, {7168, 18432}};
    for (auto [n, k] : shapes) {
      Case c(DSRT_F8E4M3, DSRT_BF16, 4096, k, {n});
      measure("dense", c, 4096, 15, true);
    }
    for (int64_t m : {256, 512, 1024}) {
      Case c(DSRT_F8E4M3, DSRT_BF16, m, 7168, {4096});
      measure("dense", c, double(m), 15, true);
    }
  }
  if (asked("plain")) {
    const int64_t shapes[][3] = {{4096, 7168, 16384}, {4096, 24576, 1536}, {4096, 4096, 7168}, {4096, 10944, 2048}, {512, 2048, 2048}};
    for (auto [m, n, k] : shapes) {
      Case c(DSRT_BF16, DSRT_BF16, m, k, {n});
      measure("dense", c, double(m), 15, true);
    }
  }
  auto ragged = [&](int experts, int top, int tokens) {
    std::vector<int32_t> offsets(experts + 1);
    for (int i = 0; i < tokens * top; ++i)
      ++offsets[1 + generator() % experts];
    for (int i = 0; i < experts; ++i)
      offsets[i + 1] += offsets[i];
    return offsets;
  };
  if (asked("grouped")) {
    for (int tokens : {512, 4096}) {
      {
        Case c(DSRT_F8E4M3, DSRT_BF16, tokens * 8, 7168, {2048, 2048}, ragged(256, 8, tokens));
        measure("grouped", c, tokens * 8, 15, false);
      }
      Case c(DSRT_F8E4M3, DSRT_BF16, tokens * 8, 2048, {7168}, ragged(256, 8, tokens));
      measure("grouped", c, tokens * 8, 15, false);
    }
    for (int type : {int(DSRT_F8E4M3), int(DSRT_BF16)}) { // V2-Lite
      Case c(type, DSRT_BF16, 4096 * 6, 2048, {1408, 1408}, ragged(64, 6, 4096));
      measure("grouped", c, 4096 * 6, 15, false);
      Case d(type, DSRT_BF16, 4096 * 6, 1408, {2048}, ragged(64, 6, 4096));
      measure("grouped", d, 4096 * 6, 15, false);
    }
  }
  return failures != 0;
}
