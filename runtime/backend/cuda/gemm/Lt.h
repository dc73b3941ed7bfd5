// Dense products by cuBLASLt: BF16, FP16 and F32 (no TF32), and E4M3 with scales of 1x128 by 128x128, or of rows by channels, one
// of either operand counting as all alike. Host code.
//
// What cuBLASLt 13 asks of FP8 on Hopper: the product's K contiguous in both operands; rows in multiples of four for 1x128 (the last
// rows go to another kernel, Multiply.cpp); scales of 1x128 with the rows contiguous, and scales of 128x128 with K contiguous, each row
// of them padded to four: both are copied so, once a product (LtScales.cu), where they do not lie so.
#pragma once

#include "runtime/backend/cuda/gemm/Multiply.h"

#include <vector>

namespace dsrt::cuda {

/// How many of the product's first rows cuBLASLt can multiply with the side's weight: all, a multiple of four of them, or none.
int64_t ltRows(const Multiplication &product, int side);

/// At most `count` algorithms for the product's first ltRows rows, by cuBLASLt's own estimate the best first. None where it has none,
/// or where it takes no rows.
std::vector<cublasLtMatmulAlgo_t> ltAlgorithms(State &state, const Multiplication &product, int side, int count);

/// Whether an algorithm that was found for like operands fits these.
bool ltFits(State &state, const Multiplication &product, int side, const cublasLtMatmulAlgo_t &algorithm);

/// The scales as cuBLASLt reads them: those of the operands, or copies in the workspace, which are queued; null where there are none.
struct LtScales {
  const float *weight = nullptr, *x = nullptr;
};
Expected<LtScales> ltScales(State &state, const Multiplication &product, int side);

/// Queues the first ltRows rows.
Status runLt(State &state, const Multiplication &product, int side, const cublasLtMatmulAlgo_t &algorithm, const LtScales &scales);

/// Of the workspace, the part that is cuBLASLt's; the scales stand behind it.
inline constexpr size_t ltWorkspace = size_t(32) << 20;

/// Lays out scales for cuBLASLt.
///
/// \param xScales       [rows of x, blocks]; xOut [blocks, rows], of the first `rows`
/// \param weightScales  [channelBlocks, blocks]; weightOut [channelBlocks, paddedBlocks], or null where they can stay
cudaError_t layOutBlockScales(State &state, const float *xScales, float *xOut, int64_t rows, int64_t blocks, const float *weightScales,
                              float *weightOut, int64_t channelBlocks, int64_t paddedBlocks);

/// out [n] = scales[channel / tileRows].
cudaError_t spreadChannelScales(State &state, const float *scales, float *out, int64_t n, int64_t tileRows);

} // namespace dsrt::cuda
