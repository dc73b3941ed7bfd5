// Products by cuBLASLt (Lt.h). It counts columns first: y^T [n, rows] = weight [n, k] x^T, A the weight and B the activations.
#include "runtime/backend/cuda/gemm/Lt.h"

#include <algorithm>

namespace dsrt::cuda {

namespace {

enum class Scaling { none, blocks, vectors };

cudaDataType_t typeOf(int32_t dtype) {
  return dtype == DSRT_F32 ? CUDA_R_32F : dtype == DSRT_BF16 ? CUDA_R_16BF : dtype == DSRT_F16 ? CUDA_R_16F : CUDA_R_8F_E4M3;
}

bool aligned(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

int64_t blocksOf(int64_t extent) { return (extent + 127) / 128; }
int64_t paddedBlocks(int64_t k) { return (blocksOf(k) + 3) / 4 * 4; }

/// How the operands are scaled; false where cuBLASLt does not know them.
bool scalingOf(const Multiplication &m, int side, Scaling &scaling) {
  const Operand &x = m.x, &weight = m.sides[side].weight;
  if (x.type != weight.type)
    return false;
  if (x.type != DSRT_F8E4M3) {
    scaling = Scaling::none;
    return x.type == m.yType || (m.yType == DSRT_F32 && isActivation(x.type));
  }
  // F32 results are summed in F32 (asProduct).
  if (x.scales == nullptr || weight.scales == nullptr || m.yType == DSRT_F32)
    return false;
  auto spansK = [&](const Operand &operand) { return operand.tileCols == 0 || operand.tileCols >= m.k; };
  bool blocks = x.tileCols == 128 && weight.tileRows == 128 && weight.tileCols == 128 && m.promote % 128 == 0;
  scaling = blocks ? Scaling::blocks : Scaling::vectors;
  return blocks || (spansK(x) && spansK(weight));
}

/// What a call needs, on the stack.
struct Call {
  cublasLtMatmulDescOpaque_t operation;
  cublasLtMatrixLayoutOpaque_t a, b, d;
  Scaling scaling = Scaling::none;
  int64_t rows = 0;
  bool ok = false;

  Call(const Multiplication &m, int side) {
    rows = ltRows(m, side);
    if (rows == 0 || !scalingOf(m, side, scaling))
      return;
    int64_t n = m.sides[side].n;
    cublasOperation_t transposed = CUBLAS_OP_T;
    ok = cublasLtMatmulDescInit(&operation, CUBLAS_COMPUTE_32F, CUDA_R_32F) == CUBLAS_STATUS_SUCCESS &&
         cublasLtMatrixLayoutInit(&a, typeOf(m.x.type), uint64_t(m.k), uint64_t(n), m.k) == CUBLAS_STATUS_SUCCESS &&
         cublasLtMatrixLayoutInit(&b, typeOf(m.x.type), uint64_t(m.k), uint64_t(rows), m.k) == CUBLAS_STATUS_SUCCESS &&
         cublasLtMatrixLayoutInit(&d, typeOf(m.yType), uint64_t(n), uint64_t(rows), n) == CUBLAS_STATUS_SUCCESS &&
         set(CUBLASLT_MATMUL_DESC_TRANSA, transposed);
    if (scaling == Scaling::none)
      return;
    int32_t forWeight =
        scaling == Scaling::blocks ? CUBLASLT_MATMUL_MATRIX_SCALE_BLK128x128_32F : CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F;
    int32_t forX = scaling == Scaling::blocks ? CUBLASLT_MATMUL_MATRIX_SCALE_VEC128_32F : CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F;
    ok = ok && set(CUBLASLT_MATMUL_DESC_A_SCALE_MODE, forWeight) && set(CUBLASLT_MATMUL_DESC_B_SCALE_MODE, forX) &&
         scales(m.x.scales, m.x.scales);
  }

  template <typename Value> bool set(cublasLtMatmulDescAttributes_t attribute, const Value &value) {
    return cublasLtMatmulDescSetAttribute(&operation, attribute, &value, sizeof value) == CUBLAS_STATUS_SUCCESS;
  }
  bool scales(const float *weight, const float *x) {
    return set(CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, weight) && set(CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, x);
  }
};

/// Bytes of the scales that are laid out in the workspace: of x, then of the weight.
int64_t scaleBytes(const Multiplication &m, int side, Scaling scaling, int64_t rows, int64_t &ofX) {
  int64_t n = m.sides[side].n, blocks = blocksOf(m.k);
  ofX = scaling == Scaling::blocks ? rows * blocks * 4 : 0;
  ofX = (ofX + 255) / 256 * 256;
  return ofX + (scaling == Scaling::blocks ? blocksOf(n) * paddedBlocks(m.k) * 4 : scaling == Scaling::vectors ? n * 4 : 0);
}

} // namespace

int64_t ltRows(const Multiplication &m, int side) {
  Scaling scaling;
  int64_t n = m.sides[side].n, ofX;
  const Operand &weight = m.sides[side].weight;
  if (m.offsets != nullptr || n == 0 || m.k == 0 || !scalingOf(m, side, scaling))
    return 0;
  if (!aligned(m.x.data) || !aligned(weight.data) || !aligned(m.sides[side].y))
    return 0;
  if (scaling != Scaling::none && (m.k % 16 != 0 || n % 16 != 0))
    return 0;
  int64_t rows = scaling == Scaling::blocks ? m.rows / 4 * 4 : m.rows;
  return scaleBytes(m, side, scaling, rows, ofX) <= int64_t(workspaceSize - ltWorkspace) ? rows : 0;
}

std::vector<cublasLtMatmulAlgo_t> ltAlgorithms(State &state, const Multiplication &m, int side, int count) {
  Call call(m, side);
  std::vector<cublasLtMatmulAlgo_t> algorithms;
  if (!call.ok)
    return algorithms;
  cublasLtMatmulPreferenceOpaque_t preference;
  uint64_t workspace = ltWorkspace;
  uint32_t alignment = 16, reductions = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE; // partial sums stay F32
  bool ok = cublasLtMatmulPreferenceInit(&preference) == CUBLAS_STATUS_SUCCESS;
  auto set = [&](cublasLtMatmulPreferenceAttributes_t attribute, const void *value, size_t size) {
    ok = ok && cublasLtMatmulPreferenceSetAttribute(&preference, attribute, value, size) == CUBLAS_STATUS_SUCCESS;
  };
  set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace);
  set(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &reductions, sizeof reductions);
  for (auto attribute : {CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES,
                         CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES})
    set(attribute, &alignment, sizeof alignment);
  if (!ok)
    return algorithms;
  std::vector<cublasLtMatmulHeuristicResult_t> results(static_cast<size_t>(count));
  int found = 0;
  if (cublasLtMatmulAlgoGetHeuristic(state.blas, &call.operation, &call.a, &call.b, &call.d, &call.d, &preference, count, results.data(),
                                     &found) != CUBLAS_STATUS_SUCCESS)
    return algorithms;
  for (int i = 0; i < found; ++i)
    if (results[size_t(i)].state == CUBLAS_STATUS_SUCCESS)
      algorithms.push_back(results[size_t(i)].algo);
  return algorithms;
}

bool ltFits(State &state, const Multiplication &m, int side, const cublasLtMatmulAlgo_t &algorithm) {
  Call call(m, side);
  cublasLtMatmulHeuristicResult_t result;
  return call.ok &&
         cublasLtMatmulAlgoCheck(state.blas, &call.operation, &call.a, &call.b, &call.d, &call.d, &algorithm, &result) ==
             CUBLAS_STATUS_SUCCESS &&
         result.state == CUBLAS_STATUS_SUCCESS && result.workspaceSize <= ltWorkspace;
}

Expected<LtScales> ltScales(State &state, const Multiplication &m, int side) {
  Scaling scaling;
  int64_t ofX, blocks = blocksOf(m.k), padded = paddedBlocks(m.k), rows = ltRows(m, side);
  if (rows == 0 || !scalingOf(m, side, scaling))
    return Status(DSRT_INTERNAL, "cuBLASLt does not take this product");
  const auto &s = m.sides[side];
  scaleBytes(m, side, scaling, rows, ofX);
  char *base = static_cast<char *>(state.workspace) + ltWorkspace;
  float *xOut = reinterpret_cast<float *>(base), *weightOut = reinterpret_cast<float *>(base + ofX);
  LtScales result = {s.weight.scales, m.x.scales};
  cudaError_t error = cudaSuccess;
  if (scaling == Scaling::blocks) {
    bool stays = padded == blocks && aligned(s.weight.scales);
    error = layOutBlockScales(state, m.x.scales, xOut, rows, blocks, s.weight.scales, stays ? nullptr : weightOut, blocksOf(s.n), padded);
    result = {stays ? s.weight.scales : weightOut, xOut};
  } else if (scaling == Scaling::vectors && s.weight.tileRows != 1) {
    error = spreadChannelScales(state, s.weight.scales, weightOut, s.n, s.weight.tileRows ? s.weight.tileRows : s.n);
    result.weight = weightOut;
  }
  return error == cudaSuccess ? Expected<LtScales>(result) : cudaStatus(error, "the scales of a product");
}

Status runLt(State &state, const Multiplication &m, int side, const cublasLtMatmulAlgo_t &algorithm, const LtScales &scales) {
  Call call(m, side);
  if (!call.ok || (call.scaling != Scaling::none && !call.scales(scales.weight, scales.x)))
    return {DSRT_INTERNAL, "cuBLASLt does not take this product"};
  const auto &s = m.sides[side];
  float one = 1, zero = 0;
  cublasStatus_t status = cublasLtMatmul(state.blas, &call.operation, &one, s.weight.data, &call.a, m.x.data, &call.b, &zero, s.y, &call.d,
                                         s.y, &call.d, &algorithm, state.workspace, ltWorkspace, state.stream);
  if (status == CUBLAS_STATUS_SUCCESS)
    return {};
  return {DSRT_UNAVAILABLE, format("cuBLASLt: %s", cublasLtGetStatusString(status))};
}

} // namespace dsrt::cuda
