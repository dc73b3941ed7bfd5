// Latent attention over expanded keys and values for every type and extent: F32 arithmetic on the ordinary cores, with running maximum and
// sum as in FlashAttention (arXiv 2205.14135). PrefillFlash.cu has the fast one.
//
// A block takes 16 queries of one head and goes over the context in tiles of 32 positions: a warp has four queries, whose scores its lanes
// compute for a position each and whose results they hold a column each. Nothing of a query depends on the others of its block.
#include "runtime/backend/cuda/attention/Prefill.h"

#include "runtime/backend/cuda/Launch.cuh"

#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include <cmath>

namespace dsrt::cuda {

namespace {

constexpr int positions = 32, warpQueries = 4, warps = 4, blockQueries = warpQueries * warps, tileBlocks = prefillTile / blockQueries;
constexpr int slice = 64, sliceStride = slice + 4; // columns of keys at a time; lines of 16 bytes that fall into different banks

struct ExactArguments {
  PrefillSegments segments;
  PrefillTiles tiles;
  const void *q, *expanded, *cache;
  void *y;
  float *states;
  int64_t cacheRows, layerRow, width; ///< of a slot; of the layer in it; columns of a row
  int heads, nope, rope, value, latent;
  int stride; ///< of a query in shared memory: its columns rounded up to slices
  float softmaxScale;
};
static_assert(sizeof(ExactArguments) <= 4096, "the parameters of a kernel");

__device__ __forceinline__ float toFloat(float x) { return x; }
__device__ __forceinline__ float toFloat(__nv_bfloat16 x) { return __bfloat162float(x); }
__device__ __forceinline__ float toFloat(__half x) { return __half2float(x); }
__device__ __forceinline__ void store(float *to, float x) { *to = x; }
__device__ __forceinline__ void store(__nv_bfloat16 *to, float x) { *to = __float2bfloat16_rn(x); }
__device__ __forceinline__ void store(__half *to, float x) { *to = __float2half_rn(x); }

/// An element of the cache, whose type need not be T.
__device__ __forceinline__ float loadCache(const void *cache, int64_t index, int type) {
  if (type == DSRT_F32)
    return static_cast<const float *>(cache)[index];
  return type == DSRT_BF16 ? toFloat(static_cast<const __nv_bfloat16 *>(cache)[index]) : toFloat(static_cast<const __half *>(cache)[index]);
}

/// Grid: (heads x blocks of queries of a tile, tiles).
template <typename T> __global__ __launch_bounds__(32 * warps) void exactKernel(const __grid_constant__ ExactArguments a, int cacheType) {
  waitForPrevious();
  allowNext();
  extern __shared__ __align__(16) float memory[];
  float *queries = memory, *results = queries + blockQueries * a.stride, *keys = results + blockQueries * a.value;
  float *weights = keys + positions * sliceStride; // [warps][positions][warpQueries]
  const PrefillTile tile = a.tiles.items[blockIdx.y];
  const PrefillSegment &segment = a.segments.items[tile.segment];
  const int head = blockIdx.x / tileBlocks, warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int first = tile.tile * prefillTile + blockIdx.x % tileBlocks * blockQueries; // the position of the block's first query
  // Of the block's queries, those that the row has.
  const int from = max(first, segment.start), to = min(first + blockQueries, segment.start + segment.tokens);
  if (from >= to)
    return;
  const int end = segment.begin + segment.count;
  const T *expanded =
      static_cast<const T *>(a.expanded) + int64_t(segment.at) * a.heads * (a.nope + a.value) + head * int64_t(a.nope + a.value);
  const int64_t expandedStride = int64_t(a.heads) * (a.nope + a.value);
  const int64_t cacheBase = (segment.slot * a.cacheRows + a.layerRow + segment.begin) * a.width + a.latent;
  const int columns = a.nope + a.rope;
  auto tokenOf = [&](int i) { return int64_t(segment.offset) + first + i - segment.start; };
  auto exists = [&](int i) { return first + i >= from && first + i < to; };

  for (int i = threadIdx.x; i < blockQueries * a.stride; i += 32 * warps) {
    const int query = i / a.stride, column = i % a.stride;
    queries[i] = column < columns && exists(query)
                     ? toFloat(static_cast<const T *>(a.q)[(tokenOf(query) * a.heads + head) * columns + column])
                     : 0.f;
  }
  float maximum[warpQueries], sum[warpQueries];
  float *result = results + warp * warpQueries * a.value, *warpWeights = weights + warp * positions * warpQueries;
#pragma unroll
  for (int i = 0; i < warpQueries; ++i) {
    const int query = warp * warpQueries + i;
    const float *state = segment.begin > 0 && exists(query) ? a.states + (tokenOf(query) * a.heads + head) * (a.value + 2) : nullptr;
    maximum[i] = state ? state[a.value] : -INFINITY, sum[i] = state ? state[a.value + 1] : 0;
    for (int column = lane; column < a.value; column += 32)
      result[i * a.value + column] = state ? state[column] : 0;
  }

  const int seen = min(end, to) - segment.begin; // positions that any of the block sees
  for (int begin = 0; begin < seen; begin += positions) {
    float scores[warpQueries] = {};
    for (int column = 0; column < columns; column += slice) {
      __syncthreads();
      for (int i = threadIdx.x; i < positions * slice; i += 32 * warps) {
        const int position = begin + i / slice, c = column + i % slice;
        float x = 0;
        if (position < seen && c < columns)
          x = c < a.nope ? toFloat(expanded[position * expandedStride + c])
                         : loadCache(a.cache, cacheBase + position * a.width + (c - a.nope), cacheType);
        keys[i / slice * sliceStride + i % slice] = x;
      }
      __syncthreads();
      // Four sums for each score and slice: fewer roundings on the way of a term, as in the CPU's vectors.
      float4 sums[warpQueries] = {};
#pragma unroll 4
      for (int c = 0; c < slice; c += 4) {
        const float4 key = *reinterpret_cast<const float4 *>(keys + lane * sliceStride + c);
#pragma unroll
        for (int i = 0; i < warpQueries; ++i) {
          const float4 query = *reinterpret_cast<const float4 *>(queries + (warp * warpQueries + i) * a.stride + column + c);
          sums[i].x = fmaf(query.x, key.x, sums[i].x), sums[i].y = fmaf(query.y, key.y, sums[i].y);
          sums[i].z = fmaf(query.z, key.z, sums[i].z), sums[i].w = fmaf(query.w, key.w, sums[i].w);
        }
      }
#pragma unroll
      for (int i = 0; i < warpQueries; ++i)
        scores[i] += (sums[i].x + sums[i].y) + (sums[i].z + sums[i].w);
    }
    float factors[warpQueries];
#pragma unroll
    for (int i = 0; i < warpQueries; ++i) {
      const int visible = first + warp * warpQueries + i + 1 - segment.begin - begin; // positions of this tile that the query sees
      const bool sees = lane < visible && begin + lane < seen;
      const float score = scores[i] * a.softmaxScale;
      float largest = sees ? score : -INFINITY;
      for (int other = 16; other > 0; other /= 2)
        largest = fmaxf(largest, __shfl_xor_sync(0xffffffff, largest, other)); // a NaN shows in the sum
      largest = fmaxf(largest, maximum[i]);
      // Equal maxima: the result stays as it is, also where both are minus infinity.
      factors[i] = largest == maximum[i] ? 1.f : expf(maximum[i] - largest);
      maximum[i] = largest;
      const float weight = sees ? expf(score - largest) : 0.f;
      float total = weight;
      for (int other = 16; other > 0; other /= 2)
        total += __shfl_xor_sync(0xffffffff, total, other);
      sum[i] = sum[i] * factors[i] + total;
      warpWeights[lane * warpQueries + i] = weight;
    }
    __syncwarp();
    // Positions that a query does not see have weight 0, but are not added: a value that is not finite would show.
    const int visible = first + warp * warpQueries + 1 - segment.begin - begin, valid = min(positions, seen - begin);
    const int common = max(0, min(valid, visible)), any = min(valid, visible + warpQueries - 1);
    for (int column = lane; column < a.value; column += 32) {
      float sums[warpQueries];
#pragma unroll
      for (int i = 0; i < warpQueries; ++i)
        sums[i] = result[i * a.value + column] * factors[i];
      for (int p = 0; p < common; ++p) {
        const float x = toFloat(expanded[(begin + p) * expandedStride + a.nope + column]);
        const float4 weight = *reinterpret_cast<const float4 *>(warpWeights + p * warpQueries);
        sums[0] = fmaf(weight.x, x, sums[0]), sums[1] = fmaf(weight.y, x, sums[1]);
        sums[2] = fmaf(weight.z, x, sums[2]), sums[3] = fmaf(weight.w, x, sums[3]);
      }
      for (int p = common; p < any; ++p) {
        const float x = toFloat(expanded[(begin + p) * expandedStride + a.nope + column]);
#pragma unroll
        for (int i = 0; i < warpQueries; ++i)
          if (p < visible + i)
            sums[i] = fmaf(warpWeights[p * warpQueries + i], x, sums[i]);
      }
#pragma unroll
      for (int i = 0; i < warpQueries; ++i)
        result[i * a.value + column] = sums[i];
    }
    __syncwarp();
  }

#pragma unroll
  for (int i = 0; i < warpQueries; ++i) {
    const int query = warp * warpQueries + i;
    if (!exists(query))
      continue;
    const bool final = first + query < end;
    const int64_t index = tokenOf(query) * a.heads + head;
    for (int column = lane; column < a.value; column += 32)
      if (final)
        store(static_cast<T *>(a.y) + index * a.value + column, result[i * a.value + column] / sum[i]);
      else
        a.states[index * (a.value + 2) + column] = result[i * a.value + column];
    if (!final && lane == 0)
      a.states[index * (a.value + 2) + a.value] = maximum[i], a.states[index * (a.value + 2) + a.value + 1] = sum[i];
  }
}

} // namespace

cudaError_t runExactAttention(State &state, const PrefillAttention &a, const PrefillSegments &segments, const PrefillTiles &tiles) {
  const dsrt_cache &cache = *a.cache;
  const MlaShape &shape = a.shape;
  const int stride = int((shape.query() + slice - 1) / slice * slice);
  const ExactArguments arguments = {segments,
                                    tiles,
                                    a.q,
                                    a.expanded,
                                    cache.data,
                                    a.y,
                                    a.states,
                                    cache.layers * cache.length,
                                    a.layer * cache.length,
                                    cache.width,
                                    int(shape.heads),
                                    int(shape.nope),
                                    int(shape.rope),
                                    int(shape.value),
                                    int(shape.latent),
                                    stride,
                                    a.softmaxScale};
  const size_t bytes = sizeof(float) * (size_t(blockQueries) * (stride + shape.value) + positions * sliceStride + blockQueries * positions);
  const LaunchShape launchShape = {{unsigned(shape.heads * tileBlocks), unsigned(tiles.count)}, 32 * warps, bytes};
  auto *kernel = a.type == DSRT_F32 ? exactKernel<float> : a.type == DSRT_BF16 ? exactKernel<__nv_bfloat16> : exactKernel<__half>;
  return launch(state.stream, launchShape, kernel, arguments, int(cache.dtype));
}

} // namespace dsrt::cuda
