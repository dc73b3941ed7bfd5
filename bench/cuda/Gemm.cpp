// ds-bench-cuda-gemm: the products of the CUDA backend beside cuBLASLt's in one run, on the shapes of DeepSeek-V3 and V2-Lite.
//
//   ds-bench-cuda-gemm [-o FILE] [--without KERNEL]... [--only WORD]
//
// Contestants: each of our kernels that takes the product, what the backend takes by rule and after measuring, and cuBLASLt: FP8 with
// scales of 1x128 by 128x128 that are laid out for it beforehand (rows padded to four), BF16, F32, the best of five algorithms. Times are
// microseconds a call, medians of seven replays of a graph; up to 128 rows each call of a graph reads other weights, more than the
// second-level cache holds. After every contestant 2048 elements are checked against F64: a wrong one has no figure, and the exit code
// is 1.
#include "bench/cuda/GemmData.h"
#include "runtime/backend/cuda/gemm/Algorithms.h"
#include "runtime/backend/cuda/gemm/Lt.h"
#include "runtime/support/Json.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <random>
#include <set>

using namespace dsrt;
using namespace dsrt::cuda;

// The operations' messages have no reader here.
void *dsrt_context_state(dsrt_context *context) { return context; }
int32_t dsrt_context_fail(dsrt_context *, int32_t code, const char *, ...) { return code; }

namespace {

constexpr int64_t poolBytes = int64_t(8) << 30, coldBytes = int64_t(160) << 20;

struct Shape {
  const char *kind, *model, *module;
  int32_t type;
  int64_t n, k, experts, topK;
};

const Shape shapes[] = {
    {"fp8", "v3", "q_a_proj", DSRT_F8E4M3, 1536, 7168, 1, 1},
    {"fp8", "v3", "q_b_proj", DSRT_F8E4M3, 24576, 1536, 1, 1},
    {"fp8", "v3", "kv_a_proj", DSRT_F8E4M3, 576, 7168, 1, 1},
    {"fp8", "v3", "o_proj", DSRT_F8E4M3, 7168, 16384, 1, 1},
    {"fp8", "v3", "gate_proj", DSRT_F8E4M3, 18432, 7168, 1, 1},
    {"fp8", "v3", "down_proj", DSRT_F8E4M3, 7168, 18432, 1, 1},
    {"fp8", "v3", "shared gate_proj", DSRT_F8E4M3, 2048, 7168, 1, 1},
    {"fp8", "v3", "shared down_proj", DSRT_F8E4M3, 7168, 2048, 1, 1},
    {"fp8", "v2-lite", "q_proj", DSRT_F8E4M3, 3072, 2048, 1, 1},
    {"fp8", "v2-lite", "o_proj", DSRT_F8E4M3, 2048, 2048, 1, 1},
    {"fp8", "v2-lite", "gate_proj", DSRT_F8E4M3, 10944, 2048, 1, 1},
    {"fp8", "v2-lite", "down_proj", DSRT_F8E4M3, 2048, 10944, 1, 1},
    {"bf16", "v2-lite", "q_proj", DSRT_BF16, 3072, 2048, 1, 1},
    {"bf16", "v2-lite", "kv_a_proj", DSRT_BF16, 576, 2048, 1, 1},
    {"bf16", "v2-lite", "o_proj", DSRT_BF16, 2048, 2048, 1, 1},
    {"bf16", "v2-lite", "gate_proj", DSRT_BF16, 10944, 2048, 1, 1},
    {"bf16", "v2-lite", "down_proj", DSRT_BF16, 2048, 10944, 1, 1},
    {"bf16", "v2-lite", "head", DSRT_BF16, 102400, 2048, 1, 1},
    {"bf16", "v3", "o_proj", DSRT_BF16, 7168, 16384, 1, 1},
    {"f32", "v3", "router", DSRT_F32, 256, 7168, 1, 1},
    {"f32", "v2-lite", "router", DSRT_F32, 64, 2048, 1, 1},
    {"fp8 grouped", "v3", "experts gate_proj", DSRT_F8E4M3, 2048, 7168, 256, 8},
    {"fp8 grouped", "v3", "experts down_proj", DSRT_F8E4M3, 7168, 2048, 256, 8},
    {"fp8 grouped", "v2-lite", "experts gate_proj", DSRT_F8E4M3, 1408, 2048, 64, 6},
    {"bf16 grouped", "v2-lite", "experts gate_proj", DSRT_BF16, 1408, 2048, 64, 6},
    {"bf16 grouped", "v2-lite", "experts down_proj", DSRT_BF16, 2048, 1408, 64, 6},
};

void must(cudaError_t error, const char *what) {
  if (error != cudaSuccess) {
    fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
    exit(DSRT_UNAVAILABLE);
  }
}

void must(const Status &status) {
  if (!status.ok()) {
    fprintf(stderr, "%s\n", status.message().c_str());
    exit(status.code());
  }
}

/// The device's memory of the operands of all shapes.
struct Memory {
  char *weights, *x, *y;
  float *scales, *xScales;
  int32_t *offsets;
};

class Bench {
public:
  Bench(State &state, Memory memory, std::set<std::string> without) : state(state), memory(memory), without(std::move(without)) {}

  bool allRight = true;
  Json results = Json::array();

  void run(const Shape &shape, int64_t tokens) {
    int64_t rows = tokens * shape.topK;
    Multiplication m = productOf(shape, rows, shape.experts > 1 ? dealt(shape, rows) : nullptr);
    int64_t weightBytes = shape.experts * shape.n * rowBytes(shape.type, shape.k);
    int64_t calls = rows <= 128 && shape.experts == 1 ? std::clamp<int64_t>(coldBytes / weightBytes, 4, 64) : 4;
    // Each call of a graph has other weights where it should find them cold, as many as the pool has.
    int64_t copies = std::clamp<int64_t>(poolBytes / weightBytes, 1, calls);
    auto callOf = [&](int64_t call) {
      Multiplication one = m;
      one.sides[0].weight.data = memory.weights + call % copies * weightBytes;
      return one;
    };
    Json line = {{"kind", shape.kind}, {"model", shape.model}, {"module", shape.module},
                 {"tokens", tokens},   {"n", shape.n},         {"k", shape.k}};
    if (shape.experts > 1)
      line["experts"] = shape.experts;
    double ours = 0, peer = 0;
    for (const Choice &choice : choicesFor(state, m)) {
      std::string name = kernelNames[int(choice.kernel)];
      if (without.count(name))
        continue;
      bool isLt = choice.kernel == Kernel::cublasLt;
      double time = timeOf(m, calls, [&](int64_t call) { return multiplyBy(state, callOf(call), choice); });
      std::string key = isLt ? "cublaslt with scales" : name;
      if (time > 0 && (!line.contains(key) || time < line[key].get<double>()))
        line[key] = time;
      if (time > 0 && (ours == 0 || time < ours))
        ours = time;
    }
    // The peer alone: scales as it wants them, rows in fours.
    Multiplication padded = m;
    padded.rows = shape.type == DSRT_F8E4M3 ? (rows + 3) / 4 * 4 : rows;
    if (shape.experts == 1) {
      std::vector<cublasLtMatmulAlgo_t> algorithms = ltAlgorithms(state, padded, 0, 5);
      for (const cublasLtMatmulAlgo_t &algorithm : algorithms) {
        Expected<LtScales> scales = ltScales(state, padded, 0);
        must(scales.status());
        double time = timeOf(padded, calls, [&](int64_t call) {
          Multiplication one = callOf(call);
          one.rows = padded.rows;
          return runLt(state, one, 0, algorithm, *scales);
        });
        if (time > 0 && (peer == 0 || time < peer))
          peer = time;
      }
    }
    Choice byRule = *choiceOf(state, m);
    line["rule"] = kernelNames[int(byRule.kernel)];
    double ruled = without.count(kernelNames[int(byRule.kernel)])
                       ? -1
                       : timeOf(m, calls, [&](int64_t call) { return multiplyBy(state, callOf(call), byRule); });
    if (ruled > 0)
      line["by_rule"] = ruled;
    double terabytes = double(weightBytes) / shape.experts * double(std::min(shape.experts, rows)) * 1e-12;
    if (ours > 0) {
      line["best"] = ours;
      line["weights_tb_per_s"] = terabytes / (ours * 1e-6);
      line["tflop_per_s"] = 2e-12 * double(rows) * double(shape.n) * double(shape.k) / (ours * 1e-6);
    }
    if (peer > 0)
      line["cublaslt"] = peer;
    if (peer > 0 && ours > 0)
      line["cublaslt_over_best"] = peer / ours;
    if (peer > 0 && ruled > 0)
      line["cublaslt_over_by_rule"] = peer / ruled;
    results.push_back(line);
    std::string text;
    for (auto &[key, value] : line.items())
      text += " " + key + "=" +
              (value.is_number_float() ? format("%.4g", value.get<double>())
               : value.is_string()     ? value.get<std::string>()
                                       : value.dump());
    printf("%s\n", text.c_str());
    fflush(stdout);
  }

private:
  Multiplication productOf(const Shape &shape, int64_t rows, const int32_t *offsets) {
    Multiplication m;
    bool scaled = shape.type == DSRT_F8E4M3;
    m.yType = shape.type == DSRT_F32 || !strcmp(shape.module, "head") ? DSRT_F32 : DSRT_BF16;
    m.x = {.type = shape.type, .data = memory.x, .scales = scaled ? memory.xScales : nullptr, .tileRows = 1, .tileCols = scaled ? 128 : 0};
    m.rows = rows, m.k = shape.k, m.experts = shape.experts, m.offsets = offsets, m.promote = scaled ? 128 : 0;
    m.sides[0] = {memory.y,
                  {.type = shape.type,
                   .data = memory.weights,
                   .scales = scaled ? memory.scales : nullptr,
                   .tileRows = scaled ? 128 : 1,
                   .tileCols = scaled ? 128 : 0},
                  shape.n};
    bench::fill(shape.type, memory.x, rows * shape.k + 4 * shape.k, 1, 1, state.stream);
    if (lastType != shape.type)
      bench::fill(shape.type, memory.weights, poolBytes / std::max<int64_t>(1, rowBytes(shape.type, 1)), 2, 1, state.stream);
    lastType = shape.type;
    return m;
  }

  /// Offsets of the experts' rows: each token's choices fall on random experts.
  const int32_t *dealt(const Shape &shape, int64_t rows) {
    std::mt19937 engine(7);
    std::vector<int32_t> offsets(size_t(shape.experts) + 1, 0);
    for (int64_t row = 0; row < rows; ++row)
      ++offsets[1 + engine() % uint32_t(shape.experts)];
    for (size_t e = 0; e < size_t(shape.experts); ++e)
      offsets[e + 1] += offsets[e];
    must(cudaMemcpy(memory.offsets, offsets.data(), offsets.size() * 4, cudaMemcpyHostToDevice), "offsets");
    return memory.offsets;
  }

  /// Microseconds a call; negative where the result is wrong or the call is refused.
  template <typename Call> double timeOf(const Multiplication &m, int64_t calls, Call &&call) {
    must(cudaMemsetAsync(memory.y, 0xff, size_t(m.rows * m.sides[0].n) * elementBytes(m.yType), state.stream), "poison");
    if (Status status = call(0); !status.ok()) {
      fprintf(stderr, "refused: %s\n", status.message().c_str());
      cudaGetLastError();
      return -1;
    }
    must(cudaStreamSynchronize(state.stream), "a product");
    double error = bench::errorOf(m, 2048, 99, state.stream);
    double most = m.x.type == DSRT_F8E4M3 ? 2e-4 : 4e-6; // tensor cores sum FP8 in about 14 bits for 128 of K
    if (!(error <= most)) {
      fprintf(stderr, "wrong: rows %lld n %lld k %lld: error %g, at most %g\n", (long long)m.rows, (long long)m.sides[0].n, (long long)m.k,
              error, most);
      allRight = false;
      return -1;
    }
    cudaGraph_t graph;
    cudaGraphExec_t executable;
    must(cudaStreamBeginCapture(state.stream, cudaStreamCaptureModeThreadLocal), "capture");
    for (int64_t i = 0; i < calls; ++i)
      must(call(i));
    must(cudaStreamEndCapture(state.stream, &graph), "capture");
    must(cudaGraphInstantiate(&executable, graph, 0), "capture");
    cudaEvent_t begin, end;
    must(cudaEventCreate(&begin), "events"), must(cudaEventCreate(&end), "events");
    std::vector<float> times;
    for (int i = 0; i < 8; ++i) {
      must(cudaEventRecord(begin, state.stream), "a product");
      must(cudaGraphLaunch(executable, state.stream), "a product");
      must(cudaEventRecord(end, state.stream), "a product");
      must(cudaEventSynchronize(end), "a product");
      float time;
      must(cudaEventElapsedTime(&time, begin, end), "a product");
      if (i > 0)
        times.push_back(time);
    }
    cudaEventDestroy(begin), cudaEventDestroy(end);
    cudaGraphExecDestroy(executable), cudaGraphDestroy(graph);
    std::nth_element(times.begin(), times.begin() + 3, times.end());
    return double(times[3]) * 1000 / double(calls);
  }

  State &state;
  Memory memory;
  std::set<std::string> without;
  int32_t lastType = DSRT_NONE;
};

} // namespace

int main(int count, char **words) {
  std::string output, only;
  std::set<std::string> without;
  std::vector<int64_t> tokens = {1, 16, 64, 128, 4096};
  for (int i = 1; i < count; i += 2) {
    if (i + 1 == count ||
        (strcmp(words[i], "-o") && strcmp(words[i], "--without") && strcmp(words[i], "--only") && strcmp(words[i], "--tokens"))) {
      fprintf(stderr, "usage: %s [-o FILE] [--without KERNEL]... [--only WORD] [--tokens N]\n", words[0]);
      return DSRT_USAGE;
    }
    if (!strcmp(words[i], "-o"))
      output = words[i + 1];
    else if (!strcmp(words[i], "--only"))
      only = words[i + 1];
    else if (!strcmp(words[i], "--tokens"))
      tokens = {atoll(words[i + 1])};
    else
      without.insert(words[i + 1]);
  }
  State state;
  cudaDeviceProp properties;
  must(cudaSetDevice(0), "device 0"), must(cudaGetDeviceProperties(&properties, 0), "device 0");
  state.multiprocessors = properties.multiProcessorCount;
  state.sharedBytesPerBlock = int64_t(properties.sharedMemPerBlockOptin);
  state.workspaceBytes = workspaceSize;
  must(cudaStreamCreateWithFlags(&state.stream, cudaStreamNonBlocking), "stream");
  must(cudaMalloc(&state.workspace, workspaceSize), "memory");
  if (cublasLtCreate(&state.blas) != CUBLAS_STATUS_SUCCESS)
    return DSRT_UNAVAILABLE;
  state.algorithms = *Algorithms::open({}, properties.name);
  Memory memory;
  const int64_t mostRows = 4096 * 8;
  must(cudaMalloc(&memory.weights, poolBytes), "memory"), must(cudaMalloc(&memory.x, mostRows * 7168 * 2 + (64 << 20)), "memory");
  must(cudaMalloc(&memory.y, int64_t(2) << 30), "memory");
  must(cudaMalloc(&memory.scales, 64 << 20), "memory"), must(cudaMalloc(&memory.xScales, 64 << 20), "memory");
  must(cudaMalloc(&memory.offsets, 1024 * 4), "memory");
  bench::fill(DSRT_F32, memory.scales, (64 << 20) / 4, 3, -1, state.stream);
  bench::fill(DSRT_F32, memory.xScales, (64 << 20) / 4, 4, -1, state.stream);

  Bench bench(state, memory, without);
  for (const Shape &shape : shapes) {
    if (!only.empty() && format("%s %s %s", shape.kind, shape.model, shape.module).find(only) == std::string::npos)
      continue;
    for (int64_t m : tokens)
      if (strcmp(shape.module, "head") || m < 4096) // logits are for the wanted tokens alone
        bench.run(shape, m);
  }
  if (!output.empty()) {
    int driver = 0;
    cudaDriverGetVersion(&driver);
    char date[32];
    time_t now = time(nullptr);
    strftime(date, sizeof date, "%Y-%m-%d", gmtime(&now));
    Json json = {{"device", properties.name},     {"driver", driver},         {"cublaslt", cublasLtGetVersion()}, {"date", date},
                 {"unit", "microseconds a call"}, {"products", bench.results}};
    must(writeFile(output, json.dump(1) + "\n"));
  }
  return bench.allRight ? 0 : 1;
}
