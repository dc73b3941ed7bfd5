// The stable order of (token, choice) pairs by expert inside one block: a counting sort whose counts are kept a warp, so that no atomic
// decides a place.
#pragma once

#include "runtime/backend/cuda/Faults.h"

#include <cuda_runtime.h>

#include <cstdint>

namespace dsrt::cuda {

constexpr int pairsOfBlock = 1024, expertsOfBlock = 1024;

inline size_t orderBytes(int pairs, int experts) {
  return size_t((pairs + 31) / 32 + 1) * experts * sizeof(int32_t) + 32 * sizeof(int32_t);
}

/// All threads of a block of at least `pairs` threads (rounded up to warps) call it. Pairs of experts that do not exist are a fault and
/// have no place in the order.
/// \param offsets  [experts + 1]  \param shared  orderBytes
__device__ inline void orderInBlock(int32_t *order, int32_t *offsets, const int32_t *experts, int pairs, int topK, int expertCount,
                                    const FaultReport &fault, uint32_t *shared) {
  int thread = int(threadIdx.x), lane = thread % 32, warp = thread / 32, warps = (pairs + 31) / 32;
  int32_t *counts = reinterpret_cast<int32_t *>(shared), *first = counts + warps * expertCount, *sums = first + expertCount;
  for (int i = thread; i < warps * expertCount; i += blockDim.x)
    counts[i] = 0;
  __syncthreads();
  int32_t expert = thread < pairs ? experts[thread] : -1;
  if (thread < pairs && (expert < 0 || expert >= expertCount)) {
    fault.raise(FaultKind::expert, expert, thread / topK, expertCount);
    expert = -1;
  }
  uint32_t same = __match_any_sync(~0u, expert);
  int before = __popc(same & ((1u << lane) - 1)); // of the warp's own pairs
  if (expert >= 0 && before == 0)
    counts[warp * expertCount + expert] = __popc(same);
  __syncthreads();
  // Each expert's count of each warp becomes what the warps before have; then all experts' totals become their first places.
  int32_t base = 0;
  for (int begin = 0; begin < expertCount; begin += blockDim.x) {
    int e = begin + thread, total = 0;
    for (int w = 0; e < expertCount && w < warps; ++w) {
      int32_t count = counts[w * expertCount + e];
      counts[w * expertCount + e] = total;
      total += count;
    }
    int32_t sum = total;
    for (int distance = 1; distance < 32; distance *= 2) {
      int32_t other = __shfl_up_sync(~0u, sum, distance);
      sum += lane >= distance ? other : 0;
    }
    if (lane == 31)
      sums[warp] = sum;
    __syncthreads();
    int32_t ofWarp = lane < int(blockDim.x) / 32 ? sums[lane] : 0;
    int32_t place = base + __reduce_add_sync(~0u, lane < warp ? ofWarp : 0) + sum - total;
    base += __reduce_add_sync(~0u, ofWarp);
    if (e < expertCount)
      first[e] = offsets[e] = place;
    __syncthreads(); // `sums` is free again, `first` is complete
  }
  if (thread == 0)
    offsets[expertCount] = base;
  if (expert >= 0)
    order[first[expert] + counts[warp * expertCount + expert] + before] = thread;
}

} // namespace dsrt::cuda
