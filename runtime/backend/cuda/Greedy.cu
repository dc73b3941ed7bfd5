// The greedy token of each row of logits, and with it the inputs of the next decode call: a generation without decisions of the host
// never leaves the device. A cluster of blocks shares a row, because one block alone would take longer than all rows together need.
#include "runtime/backend/cuda/Backend.h"
#include "runtime/backend/cuda/Launch.cuh"

#include <cooperative_groups.h>

namespace cg = cooperative_groups;

namespace dsrt::cuda {

namespace {

constexpr int threads = 512, blocksOfRow = 8, warps = threads / 32;

/// The largest value so far, the lowest index that has it; notFinite: some value was infinite or NaN.
struct Best {
  float value;
  int32_t index;
  int32_t notFinite;
};

__device__ Best better(const Best &a, const Best &b) {
  bool first = a.value > b.value || (a.value == b.value && a.index < b.index);
  return {first ? a.value : b.value, first ? a.index : b.index, a.notFinite | b.notFinite};
}

__device__ Best ofWarp(Best best) {
  for (int distance = 16; distance > 0; distance /= 2)
    best = better(best, {__shfl_xor_sync(~0u, best.value, distance), __shfl_xor_sync(~0u, best.index, distance),
                         __shfl_xor_sync(~0u, best.notFinite, distance)});
  return best;
}

__global__ void __launch_bounds__(threads)
    greedyKernel(const float *logits, int64_t vocabulary, int32_t *ids, int32_t *nextIds, int32_t *starts, int32_t length) {
  __shared__ Best ofWarps[warps];
  __shared__ Best ofBlock;
  cg::cluster_group cluster = cg::this_cluster();
  int64_t row = blockIdx.x / blocksOfRow;
  const float *values = logits + row * vocabulary;
  waitForPrevious();
  Best best = {-INFINITY, INT32_MAX, 0};
  for (int64_t i = int64_t(cluster.block_rank()) * threads + threadIdx.x; i < vocabulary; i += blocksOfRow * threads)
    best = better(best, {values[i], int32_t(i), !isfinite(values[i])});
  best = ofWarp(best);
  if (threadIdx.x % 32 == 0)
    ofWarps[threadIdx.x / 32] = best;
  __syncthreads();
  if (threadIdx.x < 32) {
    best = ofWarp(ofWarps[threadIdx.x % warps]);
    if (threadIdx.x == 0)
      ofBlock = best;
  }
  cluster.sync();
  if (cluster.block_rank() == 0 && threadIdx.x == 0) {
    for (int block = 1; block < blocksOfRow; ++block)
      best = better(best, *cluster.map_shared_rank(&ofBlock, block));
    ids[row] = best.notFinite ? -1 : best.index;
    if (nextIds) {
      nextIds[row] = best.notFinite ? 0 : best.index;
      starts[row] = min(starts[row] + 1, length - 1);
    }
  }
  cluster.sync(); // the other blocks' results are read until here
}

} // namespace

int32_t greedy(void *opaque, const float *logits, int64_t rows, int64_t vocabulary, int32_t *ids, int32_t *nextIds, int32_t *starts,
               int32_t length) {
  Whole &whole = wholeOf(opaque);
  if (rows == 0)
    return DSRT_OK;
  whole.operations += !whole.capturing;
  cudaError_t error = launch(whole.stream, {dim3(unsigned(rows * blocksOfRow)), dim3(threads), 0, blocksOfRow}, greedyKernel, logits,
                             vocabulary, ids, nextIds, starts, length);
  return whole.result(error, "greedy tokens");
}

} // namespace dsrt::cuda
