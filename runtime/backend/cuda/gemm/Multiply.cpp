// Which kernel computes a product: a known choice, a measurement, or the rule.
#include "runtime/backend/cuda/gemm/Multiply.h"

#include "runtime/backend/cuda/gemm/Algorithms.h"
#include "runtime/backend/cuda/gemm/Lt.h"

#include <algorithm>
#include <array>

namespace dsrt::cuda {

namespace {

/// Rows [begin, end) of a dense product.
Multiplication rowsOf(Multiplication m, int64_t begin, int64_t end) {
  m.x.data = static_cast<const char *>(m.x.data) + begin * rowBytes(m.x.type, m.k);
  if (m.x.scales)
    m.x.scales += begin * (m.x.tileCols ? (m.k + m.x.tileCols - 1) / m.x.tileCols : 1);
  for (int side = 0; side < m.sideCount; ++side)
    m.sides[side].y = static_cast<char *>(m.sides[side].y) + begin * rowBytes(m.yType, m.sides[side].n);
  m.rows = end - begin;
  return m;
}

Multiplication sideOf(Multiplication m, int side) {
  m.sides[0] = m.sides[side], m.sideCount = 1;
  return m;
}

/// The most rows, dense or of an expert, up to which streaming the weights through Small.cu is at least as fast as cuBLASLt (measured on an
/// H100, bench/results/gemm-h100.json).
int64_t mostStreamedRows(const Multiplication &m) {
  int64_t n = std::max(m.sides[0].n, m.sideCount == 2 ? m.sides[1].n : 0);
  return m.offsets ? 64 : m.x.type != DSRT_F8E4M3 ? 32 : n <= 8192 ? 128 : 64;
}

/// The rows of one expert, if the experts share them evenly.
int64_t rowsOfOne(const Multiplication &m) { return (m.rows + m.experts - 1) / m.experts; }

/// The best of our kernels.
Kernel ownKernel(const Multiplication &m) {
  Product product;
  bool fast = asProduct(m, product);
  if (fast && rowsOfOne(m) <= std::max<int64_t>(64, mostStreamedRows(m)) && smallTakes(product))
    return Kernel::small;
  if (fast && largeTakes(product))
    return Kernel::large;
  if (fast && smallTakes(product))
    return Kernel::small;
  return fewRowsTakes(m) ? Kernel::fewRows : Kernel::generic;
}

bool fits(State &state, const Multiplication &m, const Choice &choice) {
  Product product;
  switch (choice.kernel) {
  case Kernel::small:
    return asProduct(m, product) && smallTakes(product);
  case Kernel::large:
    return asProduct(m, product) && largeTakes(product);
  case Kernel::cublasLt:
    if (int(choice.algorithms.size()) != m.sideCount)
      return false;
    for (int side = 0; side < m.sideCount; ++side)
      if (ltRows(m, side) == 0 || (m.rows > exactRows && !ltFits(state, m, side, choice.algorithms[size_t(side)])))
        return false;
    return true;
  case Kernel::fewRows:
    return fewRowsTakes(m);
  case Kernel::generic:
    return true;
  }
  return false;
}

/// cuBLASLt's i-th algorithms for all sides; false where a side has none.
bool ltChoice(const std::vector<cublasLtMatmulAlgo_t> (&algorithms)[2], int sides, size_t i, Choice &choice) {
  choice = Choice(Kernel::cublasLt);
  for (int side = 0; side < sides; ++side) {
    if (i >= algorithms[side].size())
      return false;
    choice.algorithms.push_back(algorithms[side][i]);
  }
  return true;
}

/// What to take without measuring: ours where weights are streamed, cuBLASLt for more rows of what it knows.
Choice rule(State &state, const Multiplication &m) {
  const Choice own(ownKernel(m));
  bool streams = own.kernel == Kernel::small ? rowsOfOne(m) <= mostStreamedRows(m)
                                             : own.kernel == Kernel::fewRows && m.x.type == DSRT_F32 && m.rows <= 16;
  if (streams || m.offsets != nullptr)
    return own;
  std::vector<cublasLtMatmulAlgo_t> algorithms[2];
  for (int side = 0; side < m.sideCount; ++side)
    algorithms[side] = ltAlgorithms(state, m, side, 1);
  Choice choice;
  return ltChoice(algorithms, m.sideCount, 0, choice) ? choice : own;
}

/// Runs every kernel that takes the product, with the weights cold, and takes the fastest: the median of a few runs by the device's clock.
class Measurement {
public:
  explicit Measurement(State &state) : state(state) {
    for (cudaEvent_t &event : events)
      if (error == cudaSuccess)
        error = cudaEventCreate(&event);
  }
  ~Measurement() {
    for (cudaEvent_t event : events)
      if (event)
        cudaEventDestroy(event);
  }
  Measurement(const Measurement &) = delete;

  /// The median in microseconds; negative where the kernel refused.
  Expected<double> timeOf(const Multiplication &m, const Choice &choice) {
    constexpr int runs = 5;
    std::array<float, runs> times;
    for (int i = -1; i < runs; ++i) { // the first loads the kernel
      // Evicts the weights: the workspace is larger than the second-level cache.
      step(cudaMemsetAsync(state.workspace, 0, state.workspaceBytes, state.stream));
      step(cudaEventRecord(events[0], state.stream));
      if (Status status = multiplyBy(state, m, choice); !status.ok()) {
        cudaGetLastError();
        return -1.0;
      }
      step(cudaEventRecord(events[1], state.stream));
      step(cudaEventSynchronize(events[1]));
      if (i >= 0)
        step(cudaEventElapsedTime(&times[size_t(i)], events[0], events[1]));
      if (error != cudaSuccess)
        return cudaStatus(error, "measuring products");
    }
    std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
    // Ours begin while the kernel before them ends, cuBLASLt's do not: about a microsecond in a run, which does not show here.
    return std::max(double(times[runs / 2]) * 1000, 1e-3) + (choice.kernel == Kernel::cublasLt ? 1 : 0);
  }

private:
  void step(cudaError_t result) {
    if (error == cudaSuccess)
      error = result;
  }

  State &state;
  cudaEvent_t events[2] = {};
  cudaError_t error = cudaSuccess;
};

Expected<Choice> measure(State &state, const Multiplication &m) {
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  if (cudaError_t error = cudaStreamIsCapturing(state.stream, &capture); error != cudaSuccess)
    return cudaStatus(error, "measuring products");
  if (capture != cudaStreamCaptureStatusNone)
    return rule(state, m);
  std::vector<Choice> candidates = choicesFor(state, m);
  Measurement measurement(state);
  Choice best;
  for (Choice &candidate : candidates) {
    Expected<double> time = measurement.timeOf(m, candidate);
    if (!time)
      return time.status();
    candidate.microseconds = *time;
    if (*time > 0 && (best.microseconds == 0 || *time < best.microseconds))
      best = candidate;
  }
  return best;
}

} // namespace

bool asProduct(const Multiplication &m, Product &result) {
  bool scaled = m.x.type == DSRT_F8E4M3;
  if (!scaled && m.x.type != DSRT_BF16 && m.x.type != DSRT_F16)
    return false;
  // FP8 tensor cores keep about 14 bits of a sum (DeepSeek-V3, section 3.3.2): enough below a result of 16 bits, not below F32.
  if (scaled && m.yType == DSRT_F32)
    return false;
  // Any number of promotions more would do, but the fast kernels promote at multiples of 128 alone.
  if (scaled && (m.x.scales == nullptr || m.x.tileCols != 128 || m.promote % 128 != 0))
    return false;
  result = {.yType = m.yType,
            .xType = m.x.type,
            .x = m.x.data,
            .xScales = m.x.scales,
            .rows = m.rows,
            .k = m.k,
            .experts = m.experts,
            .offsets = m.offsets,
            .sides = {},
            .sideCount = m.sideCount};
  for (int side = 0; side < m.sideCount; ++side) {
    const Operand &weight = m.sides[side].weight;
    if (weight.type != m.x.type || (scaled && (weight.tileRows != 128 || weight.tileCols != 128)))
      return false;
    result.sides[side] = {.y = m.sides[side].y, .weight = weight.data, .weightScales = weight.scales, .n = m.sides[side].n};
  }
  return true;
}

Status multiplyBy(State &state, const Multiplication &m, const Choice &choice) {
  Product product;
  asProduct(m, product);
  switch (choice.kernel) {
  case Kernel::small:
    return cudaStatus(runSmall(state, product), "the kernel for few rows");
  case Kernel::large:
    return cudaStatus(runLarge(state, product), "the kernel for many rows");
  case Kernel::cublasLt:
    for (int side = 0; side < m.sideCount; ++side) {
      Expected<LtScales> scales = ltScales(state, m, side);
      if (!scales)
        return scales.status();
      if (Status status = runLt(state, m, side, choice.algorithms[size_t(side)], *scales); !status.ok())
        return status;
      if (int64_t rows = ltRows(m, side); rows < m.rows) {
        Multiplication rest = rowsOf(sideOf(m, side), rows, m.rows);
        if (Status status = multiplyBy(state, rest, Choice(ownKernel(rest))); !status.ok())
          return status;
      }
    }
    return {};
  case Kernel::fewRows:
    return cudaStatus(runFewRows(state, m), "the plain kernel for few rows");
  case Kernel::generic:
    return cudaStatus(runGeneric(state, m), "the plain kernel");
  }
  return {};
}

std::vector<Choice> choicesFor(State &state, const Multiplication &m) {
  std::vector<Choice> choices;
  for (Kernel kernel : {Kernel::small, Kernel::large, Kernel::fewRows})
    // The plain kernel is no match where tensor cores multiply.
    if (Choice own(kernel); fits(state, m, own) && (kernel != Kernel::fewRows || choices.empty()))
      choices.push_back(own);
  constexpr int most = 5;
  std::vector<cublasLtMatmulAlgo_t> algorithms[2];
  for (int side = 0; side < m.sideCount; ++side)
    algorithms[side] = ltAlgorithms(state, m, side, most);
  Choice choice;
  for (size_t i = 0; ltChoice(algorithms, m.sideCount, i, choice); ++i)
    choices.push_back(choice);
  if (choices.empty())
    choices.emplace_back(Kernel::generic);
  return choices;
}

Expected<Choice> choiceOf(State &state, const Multiplication &m) {
  auto choice = state.algorithms->choose(m, [&]() { return measure(state, m); }, [&]() { return rule(state, m); });
  // What was measured for about as many rows may not fit for these, or their addresses.
  return !choice || fits(state, m, *choice) ? choice : rule(state, m);
}

Status multiply(State &state, const Multiplication &m) {
  if (m.rows == 0)
    return {};
  Expected<Choice> choice = choiceOf(state, m);
  return choice ? multiplyBy(state, m, *choice) : choice.status();
}

} // namespace dsrt::cuda
