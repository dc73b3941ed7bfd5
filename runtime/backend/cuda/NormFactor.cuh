// The order of a norm's sum of squares, and the factor that follows from it. The squares of each vector of eight elements are added up;
// thread t of normThreads threads adds the sums of vectors t, t + normThreads, ..., one after the other; then blockSum adds the threads, of
// which there may be more that add nothing. So the bits depend on the row's length alone: the same in every batch, fusion and alignment.
#pragma once

#include "runtime/backend/cuda/Elements.cuh"

namespace dsrt::cuda {

constexpr int normThreadsMost = 256;

inline unsigned normThreads(int64_t hidden) {
  return hidden >= normThreadsMost * vectorColumns ? normThreadsMost
                                                   : unsigned(hidden + 32 * vectorColumns - 1) / (32 * vectorColumns) * 32;
}

template <int32_t T> __device__ float squaresOf(const Vector<T> &values) {
  float sum = 0;
#pragma unroll
  for (int i = 0; i < vectorColumns; ++i)
    sum += values[i] * values[i];
  return sum;
}

/// The same of the vectors that thread t has of a row which is read element by element.
template <int32_t T> __device__ float squaresOfRow(const void *base, int64_t from, int64_t columns) {
  float squares = 0;
  for (int64_t begin = threadIdx.x * vectorColumns; begin < columns; begin += blockDim.x * vectorColumns) {
    float sum = 0;
    for (int64_t i = begin; i < min(begin + vectorColumns, columns); ++i) {
      float value = load<T>(base, from + i);
      sum += value * value;
    }
    squares += sum;
  }
  return squares;
}

/// \param squares  the thread's own sum
__device__ inline float normFactor(float squares, int64_t hidden, float eps, float *scratch) {
  return 1 / sqrtf(blockSum(squares, scratch) / float(hidden) + eps);
}

} // namespace dsrt::cuda
