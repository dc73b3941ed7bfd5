// Products of few rows on a GPU: checks tile configurations of Small.cu against a plain kernel, then times them with weights that are not
// in L2, next to cuBLASLt.
//
// Usage: SmallGemm [check] [dense] [lite] [plain] [grouped] [tiles] [brief], all but tiles and brief without arguments. Operands are
// random, results poisoned before each check; a result outside of the tolerance fails the program. A timing is the median replay of a CUDA
// graph of many launches that rotate through more than 200 MB of weights. Prints a line a measurement: microseconds, and GB/s of the
// weights and scales that must be read.
#include "bench/cuda/ProductCase.cuh"
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/gemm/Small.h"

namespace {

/// `brief`: what a sanitizer has time for.
void checkAll(bool brief) {
  int checks = 0;
  const int before = failures;
  const int multiprocessors = state.multiprocessors;
  auto all = [&](Case &&c, int few = 0) {
    state.multiprocessors = few ? few : multiprocessors; // few: each cluster has many items
    std::vector<SmallTile> tiles = {smallTile(state, c.product)};
    for (int columns : {8, 16, 32, 64, 128})
      for (int split : {1, 2, 4, 8})
        if (columns < 2 * c.product.rows + 16)
          tiles.push_back({columns, split, columns == 16 && split == 2 ? 2 : 1});
    for (SmallTile tile : tiles) {
      c.poison();
      if (!smallTakes(c.product)) {
        printf("FAILED: not taken\n"), ++failures;
        return;
      }
      CHECK(runSmall(state, c.product, tile));
      const cudaError_t error = cudaStreamSynchronize(state.stream);
      char what[64];
      snprintf(what, sizeof what, "columns %d split %d", tile.columns, tile.split);
      if (error != cudaSuccess) {
        printf("FAILED %s: %s, m %d n %d k %d\n", what, cudaGetErrorString(error), int(c.product.rows), int(c.product.sides[0].n),
               int(c.product.k));
        exit(1);
      }
      c.check(what, int64_t(1) << 40), ++checks;
      if (failures - before > 30)
        return;
    }
  };
  const std::vector<int> types = brief ? std::vector<int>{DSRT_F8E4M3, DSRT_BF16} : std::vector<int>{DSRT_F8E4M3, DSRT_BF16, DSRT_F16};
  const std::vector<int> results = brief ? std::vector<int>{DSRT_BF16} : std::vector<int>{DSRT_F32, DSRT_BF16, DSRT_F16};
  for (int x : types)
    for (int y : results) {
      all({x, y, 1, 16, {1}});
      all({x, y, 7, 144, {201}});
      all({x, y, 23, 2064, {577}});
      all({x, y, 61, 656, {264, 72}});
      all({x, y, 128, 1152, {320, 130}});
      all({x, y, 41, 400, {333, 128}, {3, 3, 6, 29, 29, 38, 39}}); // experts of 0, 3, 23, 0, 9, 1 rows; rows before and after
    }
  std::vector<int32_t> offsets = {0};
  for (int i = 0; i < 300; ++i)
    offsets.push_back(offsets.back() + int(generator() % 3 ? 0 : generator() % 20));
  all({DSRT_F8E4M3, DSRT_F32, offsets.back(), 256, {128}, offsets});
  all({DSRT_F8E4M3, DSRT_F32, 100, 256, {128}, std::vector<int32_t>(71, 50)});
  for (int x : types)
    for (int few : {8, 16}) {
      all({x, DSRT_BF16, 5, 2000, {1800}}, few);
      all({x, DSRT_F32, 9, 7104, {1500}}, few);
      all({x, DSRT_F32, 128, 1152, {720, 1130}}, few);
      all({x, DSRT_F32, offsets.back(), 256, {128, 576}, offsets}, few);
    }
  state.multiprocessors = multiprocessors;
  printf("{\"checks\": %d, \"failed\": %d}\n", checks, failures - before);
}

/// Microseconds of one launch in a graph of `launches` launches.
template <typename Run> float timeGraph(int launches, Run &&run) {
  cudaGraph_t graph;
  cudaGraphExec_t executable;
  run(0);
  CHECK(cudaStreamSynchronize(state.stream));
  CHECK(cudaStreamBeginCapture(state.stream, cudaStreamCaptureModeThreadLocal));
  for (int i = 0; i < launches; ++i)
    run(i);
  CHECK(cudaStreamEndCapture(state.stream, &graph));
  CHECK(cudaGraphInstantiate(&executable, graph, 0));
  constexpr int repeats = 7;
  cudaEvent_t events[2];
  for (auto &event : events)
    CHECK(cudaEventCreate(&event));
  std::vector<float> times;
  for (int i = 0; i < repeats + 2; ++i) {
    float time;
    CHECK(cudaEventRecord(events[0], state.stream));
    CHECK(cudaGraphLaunch(executable, state.stream));
    CHECK(cudaEventRecord(events[1], state.stream));
    CHECK(cudaStreamSynchronize(state.stream));
    CHECK(cudaEventElapsedTime(&time, events[0], events[1]));
    if (i >= 2)
      times.push_back(time * 1000 / float(launches));
  }
  for (auto event : events)
    cudaEventDestroy(event);
  cudaGraphExecDestroy(executable), cudaGraphDestroy(graph);
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

/// cuBLASLt's product of the same operands: weight i of a case of several.
struct Blas {
  const Product &p;
  cublasLtMatmulDesc_t description;
  cublasLtMatrixLayout_t layouts[3];
  Memory<float> xScales, weightScales;
  cublasLtMatmulHeuristicResult_t answers[6];
  int count = 0, chosen = 0;
  const size_t bytes = size_t(32) << 20;

  int64_t leading() const { return ((p.k + 127) / 128 + 3) / 4 * 4; }
  int64_t scaleRows() const { return (p.sides[0].n + 127) / 128; }
  template <typename Value> void set(cublasLtMatmulDescAttributes_t attribute, Value value) {
    CHECK(cublasLtMatmulDescSetAttribute(description, attribute, &value, sizeof value));
  }

  explicit Blas(const Product &product)
      : p(product), xScales(p.rows * ((p.k + 127) / 128)), weightScales(p.experts * scaleRows() * leading()) {
    const bool scaled = p.xType == DSRT_F8E4M3;
    const int64_t blocks = (p.k + 127) / 128;
    CHECK(cublasLtMatmulDescCreate(&description, CUBLAS_COMPUTE_32F, CUDA_R_32F));
    set(CUBLASLT_MATMUL_DESC_TRANSA, int32_t(CUBLAS_OP_T));
    if (scaled) {
      std::vector<float> x(p.rows * blocks), xT(p.rows * blocks);
      CHECK(cudaMemcpy(x.data(), p.xScales, x.size() * 4, cudaMemcpyDeviceToHost));
      for (int64_t i = 0; i < p.rows; ++i)
        for (int64_t j = 0; j < blocks; ++j)
          xT[j * p.rows + i] = x[i * blocks + j];
      CHECK(cudaMemcpy(xScales.data, xT.data(), xT.size() * 4, cudaMemcpyHostToDevice));
      CHECK(cudaMemcpy2D(weightScales.data, leading() * 4, p.sides[0].weightScales, blocks * 4, blocks * 4, p.experts * scaleRows(),
                         cudaMemcpyDeviceToDevice));
      set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, int32_t(CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F));
      set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, int32_t(CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F));
      set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, static_cast<const void *>(xScales.data));
      set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, static_cast<const void *>(weightScales.data));
      set(CUBLASLT_MATMUL_DESC_FAST_ACCUM, int8_t(0));
    }
    const cudaDataType type = scaled ? CUDA_R_8F_E4M3 : p.xType == DSRT_BF16 ? CUDA_R_16BF : CUDA_R_16F;
    const int64_t n = p.sides[0].n;
    CHECK(cublasLtMatrixLayoutCreate(&layouts[0], type, p.k, n, p.k));
    CHECK(cublasLtMatrixLayoutCreate(&layouts[1], type, p.k, p.rows, p.k));
    CHECK(cublasLtMatrixLayoutCreate(&layouts[2], p.yType == DSRT_BF16 ? CUDA_R_16BF : CUDA_R_32F, n, p.rows, n));
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

  cublasStatus_t run(int64_t i) {
    const float one = 1, zero = 0;
    const Side &side = p.sides[0];
    if (p.xScales)
      set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, static_cast<const void *>(weightScales.data + i * scaleRows() * leading()));
    const void *weight = static_cast<const uint8_t *>(side.weight) + i * side.n * p.k * (p.xScales ? 1 : 2);
    return cublasLtMatmul(state.blas, description, &one, weight, layouts[0], p.x, layouts[1], &zero, side.y, layouts[2], side.y, layouts[2],
                          &answers[chosen].algo, state.workspace, bytes, state.stream);
  }

  /// The time of its best answer, or 0.
  float time(int launches) {
    float best = 0;
    for (int i = 0; i < count; ++i) {
      chosen = i;
      if (run(0) != CUBLAS_STATUS_SUCCESS)
        continue;
      const float time = timeGraph(launches, [&](int i) { run(i % p.experts); });
      if (best == 0 || time < best)
        best = time;
    }
    return best;
  }
};

const char *deviceName() {
  static cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0));
  return properties.name;
}

double readBytes(const Product &p, int64_t experts) {
  double bytes = 0;
  for (int i = 0; i < p.sideCount; ++i)
    bytes += double(p.sides[i].n) * double(p.k) * (p.xScales ? 1 : 2) +
             (p.xScales ? 4. * double((p.sides[i].n + 127) / 128) * double((p.k + 127) / 128) : 0);
  return bytes * double(experts);
}

void print(const char *name, float time, double bytes) { printf(" | %s %.2f us %.0f GB/s", name, time, bytes / time * 1e-3); }

void measure(const char *kind, Case &c, double experts, int launches, const std::function<Product(int)> &nth, Blas *blas, bool tiles) {
  const Product p = nth(0);
  const double bytes = readBytes(p, int64_t(experts));
  int64_t n = 0;
  for (int i = 0; i < p.sideCount; ++i)
    n += p.sides[i].n;
  printf("%s %s m %d n %d k %d experts %d (%.1f read)", kind, typeName(p.xType), int(p.rows), int(n), int(p.k), int(p.experts), experts);
  const SmallTile chosen = smallTile(state, p);
  auto one = [&](SmallTile tile) {
    c.poison();
    const float time = timeGraph(launches, [&](int i) { CHECK(runSmall(state, nth(i), tile)); });
    char name[64];
    snprintf(name, sizeof name, "%d/%d/%d", tile.columns, tile.split, tile.residency);
    print(name, time, bytes);
    c.poison();
    CHECK(runSmall(state, p, tile));
    CHECK(cudaStreamSynchronize(state.stream));
    Product kept = c.product;
    c.product = p;
    c.check(name, 1 << 15);
    c.product = kept;
  };
  if (blas)
    print("cuBLASLt", blas->time(launches), bytes);
  one(chosen);
  if (tiles) {
    for (int split : {1, 2, 4, 8})
      for (int residency : {1, 2})
        if ((split != chosen.split || residency != chosen.residency) && (residency == 1 || chosen.columns < 128))
          one({chosen.columns, split, residency});
    if (p.offsets)
      for (int columns : {chosen.columns / 2, chosen.columns * 2})
        if (columns >= 8 && columns <= 128)
          one({columns, chosen.split, chosen.residency});
  }
  printf("\n");
  fflush(stdout);
}

void measureDense(int type, int64_t rows, int64_t n, int64_t k, bool tiles) {
  const double each = double(n) * double(k) * (type == DSRT_F8E4M3 ? 1 : 2);
  const int64_t copies = std::min<int64_t>(std::max<int64_t>(int64_t(2.4e8 / each) + 1, 1), 256);
  const int64_t allocated = (rows + 3) / 4 * 4; // cuBLASLt takes multiples of 4
  Case c(type, DSRT_BF16, allocated, k, {n}, std::vector<int32_t>(copies + 1, 0));
  Blas blas(c.product);
  const int launches = int(std::max<int64_t>(copies, each > 1e8 ? 4 : 12));
  auto nth = [&](int i) {
    Product p = c.product;
    i %= int(copies);
    p.rows = rows, p.experts = 1, p.offsets = nullptr;
    Side &side = p.sides[0];
    side.weight = static_cast<const uint8_t *>(side.weight) + i * int64_t(each);
    if (side.weightScales)
      side.weightScales += i * ((n + 127) / 128) * ((k + 127) / 128);
    return p;
  };
  measure("dense", c, 1, launches, nth, &blas, tiles);
}

void measureGrouped(int type, int tokens, int top, int experts, std::vector<int64_t> n, int64_t k, bool tiles) {
  Case c(type, DSRT_BF16, tokens * top, k, n, std::vector<int32_t>(experts + 1, 0));
  constexpr int draws = 12; // of experts, so that those of one launch are not in L2
  std::vector<int32_t> offsets;
  double active = 0;
  for (int draw = 0; draw < draws; ++draw) {
    std::vector<int32_t> rows(experts + 1, 0);
    for (int token = 0; token < tokens; ++token) {
      std::vector<int> order(experts);
      for (int i = 0; i < experts; ++i)
        order[i] = i;
      std::shuffle(order.begin(), order.end(), generator);
      for (int i = 0; i < top; ++i)
        ++rows[order[i] + 1];
    }
    for (int i = 0; i < experts; ++i) {
      active += rows[i + 1] > 0;
      rows[i + 1] += rows[i];
    }
    offsets.insert(offsets.end(), rows.begin(), rows.end());
  }
  Memory<int32_t> memory(int64_t(offsets.size()));
  CHECK(cudaMemcpy(memory.data, offsets.data(), offsets.size() * 4, cudaMemcpyHostToDevice));
  auto nth = [&](int i) {
    Product p = c.product;
    p.offsets = memory.data + i % draws * (experts + 1);
    return p;
  };
  measure("grouped", c, active / draws, draws, nth, nullptr, tiles);
}

/// What a launch costs when the next one waits for it.
__global__ void one(const float *x, float *y) {
  allowNext();
  waitForPrevious();
  if (threadIdx.x == 0)
    y[blockIdx.x] = x[blockIdx.x] + 1;
}

__global__ void readAll(const uint4 *data, int64_t count, uint32_t *result) {
  uint32_t sum = 0;
#pragma unroll 8
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    const uint4 value = __ldcs(data + i);
    sum += value.x ^ value.y ^ value.z ^ value.w;
  }
  if (sum == 0x12345678)
    *result = sum;
}

void measureMemory() {
  const int64_t bytes = int64_t(1) << 30;
  Memory<uint8_t> from(bytes), to(bytes);
  CHECK(cudaMemset(from.data, 1, bytes));
  const float copy = timeGraph(2, [&](int) { CHECK(cudaMemcpyAsync(to.data, from.data, bytes, cudaMemcpyDeviceToDevice, state.stream)); });
  const float read = timeGraph(2, [&](int) {
    readAll<<<state.multiprocessors * 8, 256, 0, state.stream>>>(reinterpret_cast<const uint4 *>(from.data), bytes / 16,
                                                                 reinterpret_cast<uint32_t *>(to.data));
  });
  auto *numbers = reinterpret_cast<float *>(from.data);
  const float chained = timeGraph(200, [&](int) { CHECK(launch(state.stream, {dim3(132), dim3(128)}, one, numbers, numbers)); });
  printf("%s | copy %.0f GB/s (read and written) | read %.0f GB/s | a launch of a chain %.2f us\n", deviceName(),
         2. * double(bytes) / copy * 1e-3, double(bytes) / read * 1e-3, chained);
}

} // namespace

int main(int count, char **arguments) {
  auto asked = [&](const char *part) {
    for (int i = 1; i < count; ++i)
      if (!strcmp(arguments[i], part))
        return true;
    return count == 1 && strcmp(part, "tiles") != 0 && strcmp(part, "brief") != 0;
  };
  cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0));
  state.multiprocessors = properties.multiProcessorCount;
  state.workspaceBytes = workspaceSize;
  CHECK(cudaStreamCreateWithFlags(&state.stream, cudaStreamNonBlocking));
  CHECK(cudaMalloc(&state.workspace, workspaceSize));
  CHECK(cublasLtCreate(&state.blas));
  if (asked("check") || asked("brief"))
    checkAll(!asked("check"));
  fflush(stdout);
  if (asked("brief"))
    return failures != 0;
  const bool tiles = asked("tiles");
  measureMemory();
  fflush(stdout);
  if (asked("dense")) {
    const int64_t shapes[][2] = {{7168, 16384}, {4096, 7168}, {24576, 1536}, {2112, 7168},
                                 {1536, 7168},  {7168, 2048}, {36864, 7168}, {7168, 18432}};
    for (auto [n, k] : shapes)
      for (int64_t m : {1, 16, 64, 128})
        measureDense(DSRT_F8E4M3, m, n, k, tiles);
  }
  if (asked("lite")) {
    const int64_t shapes[][2] = {{3072, 2048}, {576, 2048}, {2048, 2048}, {10944, 2048}, {2048, 10944}, {2816, 2048}};
    for (auto [n, k] : shapes)
      for (int64_t m : {1, 16, 32, 64})
        measureDense(DSRT_F8E4M3, m, n, k, tiles);
  }
  if (asked("plain")) {
    const int64_t shapes[][2] = {{3072, 2048}, {2048, 2048}, {2048, 10944}, {2816, 2048}, {102400, 2048}, {129280, 7168}};
    for (auto [n, k] : shapes)
      for (int64_t m : {1, 64})
        measureDense(DSRT_BF16, m, n, k, tiles);
  }
  if (asked("grouped")) {
    for (int tokens : {1, 8, 64}) {
      measureGrouped(DSRT_F8E4M3, tokens, 6, 64, {1408, 1408}, 2048, tiles);
      measureGrouped(DSRT_F8E4M3, tokens, 6, 64, {2048}, 1408, tiles);
    }
    measureGrouped(DSRT_BF16, 1, 6, 64, {1408, 1408}, 2048, tiles);
    measureGrouped(DSRT_BF16, 1, 6, 64, {2048}, 1408, tiles);
    for (int tokens : {1, 64, 128}) {
      measureGrouped(DSRT_F8E4M3, tokens, 8, 256, {2048, 2048}, 7168, tiles);
      measureGrouped(DSRT_F8E4M3, tokens, 8, 256, {7168}, 2048, tiles);
    }
  }
  return failures != 0;
}
