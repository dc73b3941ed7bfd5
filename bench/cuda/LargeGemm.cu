// Products of many rows on a GPU: checks each tile configuration of Large.cu against a plain kernel, then times them next to cuBLASLt.
//
// Usage: LargeGemm [check] [dense] [plain] [grouped], all without arguments. Operands are random, results poisoned before each check; a
// result outside of the tolerance fails the program. Prints JSON, a line a measurement (and with VERBOSE in the
// environment each check): median of the runs, in microseconds and TFLOP/s
// (2 m n k operations; grouped: of the rows that there are).
#include "bench/cuda/ProductCase.cuh"
#include "runtime/backend/cuda/gemm/Large.h"

namespace {

const LargeTile configurations[] = {{1, 1, 1, 0}, {1, 2, 1, 0}, {1, 2, 1, 1}, {2, 1, 1, 0}, {2, 1, 1, 1}, {2, 2, 1, 0},
                                    {2, 2, 1, 1}, {2, 1, 2, 0}, {2, 1, 2, 1}, {2, 2, 2, 0}, {2, 2, 2, 1}};

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
      snprintf(what, sizeof what, "%d,%d,%d,%d", tile.waves, tile.cluster, tile.slabs, tile.ordered);
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

/// Medians in microseconds of contestants that take turns, so that all of them find the same clocks: the card lowers them under load.
std::vector<float> medians(const std::vector<std::function<void()>> &runs, int repeats) {
  const size_t count = (repeats + 2) * runs.size();
  std::vector<cudaEvent_t> events(count + 1);
  for (auto &event : events)
    CHECK(cudaEventCreate(&event));
  CHECK(cudaEventRecord(events[0], state.stream));
  for (size_t i = 0; i < count; ++i) { // all queued, so that the host's share does not show
    runs[i % runs.size()]();
    CHECK(cudaEventRecord(events[i + 1], state.stream));
  }
  CHECK(cudaStreamSynchronize(state.stream));
  std::vector<std::vector<float>> times(runs.size());
  for (size_t i = 2 * runs.size(); i < count; ++i) {
    float time;
    CHECK(cudaEventElapsedTime(&time, events[i], events[i + 1]));
    times[i % runs.size()].push_back(time * 1000);
  }
  for (auto event : events)
    cudaEventDestroy(event);
  std::vector<float> result;
  for (auto &list : times) {
    std::sort(list.begin(), list.end());
    result.push_back(list[list.size() / 2]);
  }
  return result;
}

/// Spins for some microseconds: what the clock of the multiprocessors is.
__global__ void probeClock(float *megahertz) {
  uint64_t begin, end;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(begin));
  const int64_t cycles = clock64();
  do
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(end));
  while (end - begin < 20000);
  *megahertz = float(clock64() - cycles) * 1000 / float(end - begin);
}

/// A product of cuBLASLt, by the best of its heuristic's first answers.
struct Blas {
  const Product &p;
  int64_t blocks = (p.k + 127) / 128, leading = (blocks + 3) / 4 * 4; ///< of the 128 x 128 scales: a multiple of 4
  Memory<float> xScales{p.rows * leading}, weightScales{(p.sides[0].n + 127) / 128 * leading};
  cublasLtMatmulDesc_t description;
  cublasLtMatrixLayout_t layouts[3];
  cublasLtMatmulHeuristicResult_t answers[6];
  static constexpr size_t bytes = size_t(32) << 20;
  int count = 0, best = 0;

  explicit Blas(const Product &product) : p(product) {
    const bool scaled = p.xType == DSRT_F8E4M3;
    const int64_t m = p.rows, n = p.sides[0].n, k = p.k;
    CHECK(cublasLtMatmulDescCreate(&description, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    auto set = [&](cublasLtMatmulDescAttributes_t attribute, auto value) {
      CHECK(cublasLtMatmulDescSetAttribute(description, attribute, &value, sizeof value));
    };
    set(CUBLASLT_MATMUL_DESC_TRANSA, int32_t(CUBLAS_OP_T));
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
    CHECK(cublasLtMatrixLayoutCreate(&layouts[0], type, k, n, k));
    CHECK(cublasLtMatrixLayoutCreate(&layouts[1], type, k, m, k));
    CHECK(cublasLtMatrixLayoutCreate(&layouts[2], p.yType == DSRT_BF16 ? CUDA_R_16BF : CUDA_R_32F, n, m, n));
    cublasLtMatmulPreference_t preference;
    CHECK(cublasLtMatmulPreferenceCreate(&preference));
    CHECK(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &bytes, sizeof bytes));
    if (cublasLtMatmulAlgoGetHeuristic(state.blas, description, layouts[0], layouts[1], layouts[2], layouts[2], preference, 6, answers,
                                       &count) != CUBLAS_STATUS_SUCCESS)
      count = 0;
    cublasLtMatmulPreferenceDestroy(preference);
  }

  ~Blas() {
    for (auto layout : layouts)
      cublasLtMatrixLayoutDestroy(layout);
    cublasLtMatmulDescDestroy(description);
  }

  void run(int answer) {
    const float one = 1, zero = 0;
    CHECK(cublasLtMatmul(state.blas, description, &one, p.sides[0].weight, layouts[0], p.x, layouts[1], &zero, p.sides[0].y, layouts[2],
                         p.sides[0].y, layouts[2], &answers[answer].algo, state.workspace, bytes, state.stream));
  }

  void choose() {
    std::vector<std::function<void()>> runs;
    for (int i = 0; i < count; ++i)
      runs.push_back([this, i] { run(i); });
    std::vector<float> times = medians(runs, 5);
    best = int(std::min_element(times.begin(), times.end()) - times.begin());
  }
};

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
  std::vector<std::string> names;
  std::vector<std::function<void()>> runs;
  std::unique_ptr<Blas> peer;
  if (blas) {
    peer = std::make_unique<Blas>(c.product);
    if (peer->count > 0) {
      peer->choose();
      names.push_back("cublaslt"), runs.push_back([&] { peer->run(peer->best); });
    }
  }
  for (LargeTile tile : configurations) {
    if (tile.ordered && c.product.xType != DSRT_F8E4M3)
      continue;
    char name[64];
    snprintf(name, sizeof name, "%d,%d,%d,%d", tile.waves, tile.cluster, tile.slabs, tile.ordered);
    names.push_back(name), runs.push_back([&c, tile] { CHECK(runLarge(state, c.product, tile)); });
  }
  names.push_back("chosen"), runs.push_back([&c] { CHECK(runLarge(state, c.product)); });
  for (size_t i = 0; i < runs.size(); ++i) {
    c.poison();
    runs[i]();
    CHECK(cudaStreamSynchronize(state.stream));
    if (!c.check(names[i].c_str(), 1 << 16) && names[i] == "cublaslt")
      --failures; // the peer's, not ours: said, not counted
  }
  std::vector<float> times = medians(runs, repeats);
  Memory<float> clock(1);
  float megahertz;
  probeClock<<<1, 1, 0, state.stream>>>(clock.data);
  CHECK(cudaMemcpyAsync(&megahertz, clock.data, 4, cudaMemcpyDeviceToHost, state.stream));
  CHECK(cudaStreamSynchronize(state.stream));
  printf("{\"kind\": \"%s\", \"type\": \"%s\", \"result\": \"%s\", \"m\": %d, \"n\": %d, \"k\": %d, \"experts\": %d, \"device\": \"%s\", "
         "\"mhz\": %.0f",
         kind, typeName(c.product.xType), typeName(c.product.yType), int(rows), int(n), int(c.product.k), int(c.product.experts),
         deviceName(), megahertz);
  for (size_t i = 0; i < runs.size(); ++i)
    printf(", \"%s\": [%.1f, %.0f]", names[i].c_str(), times[i], flops / times[i] * 1e-6);
  printf("}\n");
}

} // namespace

int main(int count, char **arguments) {
  auto asked = [&](const char *part) {
    for (int i = 1; i < count; ++i)
      if (!strcmp(arguments[i], part))
        return true;
    return count == 1;
  };
  setvbuf(stdout, nullptr, _IOLBF, 0);
  cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0));
  state.multiprocessors = properties.multiProcessorCount;
  state.workspaceBytes = workspaceSize;
  CHECK(cudaStreamCreateWithFlags(&state.stream, cudaStreamNonBlocking));
  CHECK(cudaMalloc(&state.workspace, workspaceSize));
  CHECK(cublasLtCreate(&state.blas));
  if (asked("check"))
    checkAll();
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
  if (count == 2 && !strcmp(arguments[1], "profile")) // for a profiler: one launch of each
    for (auto [n, k] : {std::pair<int64_t, int64_t>{7168, 16384}, {24576, 1536}}) {
      Case c(DSRT_F8E4M3, DSRT_BF16, 4096, k, {n});
      Blas(c.product).run(0);
      for (LargeTile tile : {LargeTile{2, 2, 1, 0}, {2, 2, 1, 1}, {2, 2, 2, 1}})
        CHECK(runLarge(state, c.product, tile));
      CHECK(cudaStreamSynchronize(state.stream));
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
