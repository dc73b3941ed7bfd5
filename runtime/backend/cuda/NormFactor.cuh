// The order of a norm's sum of squares, and the factor that follows from it. Thread t of a block adds the squares of the vectors t,
// t + blockDim.x, ... of eight elements, one after the other; then blockSum adds the threads. With normThreads threads, or more of which
// the rest adds nothing, the bits depend on the row's length alone: the same in every batch, fusion and alignment.
#pragma once

#include "runtime/backend/cuda/Elements.cuh"

namespace dsrt::cuda {

constexpr int normThreadsMost = 256;

inline unsigned normThreads(int64_t hidden) {
  return hidden >= normThreadsMost * vectorColumns ? normThreadsMost
                                                   : unsigned(hidden + 32 * vectorColumns - 1) / (32 * vectorColumns) * 32;
}

/// \param squares  the thread's own sum
__device__ inline float normFactor(float squares, int64_t hidden, float eps, float *scratch) {
  return 1 / sqrtf(blockSum(squares, scratch) / float(hidden) + eps);
}

} // namespace dsrt::cuda
