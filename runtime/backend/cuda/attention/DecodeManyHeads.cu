// The attention of mla_decode for many heads (DeepSeek-V3: 128) and several tokens, where products and not the cache's bytes are the
// bound: two warpgroups multiply 64 heads with each tile of 32 cache rows by wgmma, while the copy engine brings the next one.
//
// As in DecodeAttention.cu, absorbed queries and softmax weights are multiplied as two BF16 parts. One warpgroup multiplies the upper parts
// of the queries, the other the lower parts, and each half of the rotated columns; each hands the other half of its scores' rows, so that
// each holds the sums of 32 heads, takes their softmax, and writes the weights for both. Then each adds the tile's weighted rows to 256 of
// the 512 latent columns. The next tile's scores are queued behind that product.
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/attention/Decode.h"
#include "runtime/backend/cuda/attention/Mma.cuh"
#include "runtime/backend/cuda/gemm/Tma.cuh"
#include "runtime/backend/cuda/gemm/Wgmma.cuh"

namespace dsrt::cuda {

namespace {

constexpr int blockHeads = 64, latent = 512, rope = 64, panel = 64 /* columns */, latentPanels = latent / panel, stages = 2;
constexpr int threads = 256, warps = threads / 32;
constexpr int queryPanelBytes = blockHeads * 128, tilePanelBytes = decodeTile * 128, tileBytes = (latentPanels + 1) * tilePanelBytes;

/// Shared memory. Matrices lie in panels of 64 columns, rows of 128 bytes, swizzled by 128 bytes.
struct Shared {
  char high[latentPanels][queryPanelBytes], low[latentPanels][queryPanelBytes], rotated[queryPanelBytes];
  char tiles[stages][latentPanels + 1][tilePanelBytes];
  char weights[blockHeads * 128];   ///< [64, upper parts of 32 positions | lower parts]
  float2 handed[2][4][threads / 2]; ///< scores from a warpgroup to the other
  float factors[blockHeads];
  uint64_t queries, filled[stages], emptied[stages];
};

struct Maps {
  CUtensorMap high, low, query, cache;
};

__device__ __forceinline__ float exponential(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

/// The descriptor of B [k, n] with n contiguous: panels of 64 columns that lie `panelBytes` apart, rows (of K) of 128 bytes, swizzled.
__device__ __forceinline__ uint64_t transposedDescriptor(uint32_t address, int panelBytes) {
  return uint64_t((address & 0x3ffff) >> 4) | uint64_t(panelBytes >> 4) << 16 | uint64_t(1024 >> 4) << 32 | uint64_t(1) << 62;
}

#define D4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define D16(i) D4(i), D4(i + 4), D4(i + 8), D4(i + 12)
/// d += a b of a [64, 16], K contiguous, and b [16, 128], n contiguous; accumulators as in Wgmma.cuh.
__device__ __forceinline__ void multiplyTransposed(float (&d)[64], uint64_t a, uint64_t b) {
  asm volatile("wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 "
               "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,"
               "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,"
               "%62,%63}, %64, %65, 1, 1, 1, 0, 1;"
               : D16(0), D16(16), D16(32), D16(48)
               : "l"(a), "l"(b));
}
#undef D16
#undef D4

__global__ void __launch_bounds__(threads, 1)
    attendManyHeadsKernel(const __grid_constant__ DecodeCall call, const __grid_constant__ Maps maps) {
  extern __shared__ __align__(1024) char memory[];
  Shared &shared = *reinterpret_cast<Shared *>(memory);
  int firstHead = blockIdx.x * blockHeads, split = blockIdx.y, token = blockIdx.z;
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  allowNext();
  if (threadIdx.x == 0) {
    initBarrier(&shared.queries, 1);
    for (int stage = 0; stage < stages; ++stage)
      initBarrier(shared.filled + stage, 1), initBarrier(shared.emptied + stage, warps);
    fenceBarriers();
  }
  waitForPrevious();
  int length = __ldcg(call.starts + token) + 1;
  DecodePart part(length, call.splits, split);
  if (part.begin >= part.end)
    return;
  __syncthreads();

  int cacheRow = (__ldcg(call.slots + token) * call.layers + call.layer) * call.positions;
  auto fill = [&](int tile, int stage) { // one thread's
    arriveExpecting(shared.filled + stage, tileBytes);
    for (int p = 0; p <= latentPanels; ++p)
      loadBox(&maps.cache, shared.tiles[stage][p], shared.filled + stage, p * panel, cacheRow + tile * decodeTile);
  };
  if (threadIdx.x == 0) {
    int row = token * call.heads + firstHead;
    arriveExpecting(&shared.queries, (2 * latentPanels + 1) * queryPanelBytes);
    for (int p = 0; p < latentPanels; ++p) {
      loadBox(&maps.high, shared.high[p], &shared.queries, p * panel, row);
      loadBox(&maps.low, shared.low[p], &shared.queries, p * panel, row);
    }
    loadBox(&maps.query, shared.rotated, &shared.queries, call.nope, row);
    for (int i = 0; i < stages && part.begin + i < part.end; ++i)
      fill(part.begin + i, i);
  }

  int group = __shfl_sync(~0u, warp / 4, 0), thread = threadIdx.x % 128, g = lane / 4, q = lane % 4;
  int row = warp % 4 * 16 + g, myRow = row + 8 * group; // of the accumulators (and row + 8); of the softmax
  uint32_t weights = sharedAddress(shared.weights);
  float products[16], sums[2][64] = {}, maximum = -INFINITY, sum = 0;

  auto queueScores = [&](int stage) {
#pragma unroll
    for (float &product : products)
      product = 0;
    fenceWgmma();
    uint64_t a = swizzledDescriptor(sharedAddress(group == 0 ? shared.high : shared.low));
    uint64_t b = swizzledDescriptor(sharedAddress(shared.tiles[stage]));
#pragma unroll
    for (int p = 0; p < latentPanels; ++p)
#pragma unroll
      for (int k = 0; k < 4; ++k)
        multiply<__nv_bfloat16, decodeTile>(products, a + p * (queryPanelBytes / 16) + 2 * k, b + p * (tilePanelBytes / 16) + 2 * k, true);
    uint64_t rotated = swizzledDescriptor(sharedAddress(shared.rotated));
#pragma unroll
    for (int k = 0; k < 2; ++k)
      multiply<__nv_bfloat16, decodeTile>(products, rotated + 4 * group + 2 * k,
                                          b + latentPanels * (tilePanelBytes / 16) + 4 * group + 2 * k, true);
    commitWgmma();
  };

  // From the products of a tile to its weights in shared memory, for which the products of the tile before must be done.
  auto weigh = [&](int tile, int stage) {
    int count = min(decodeTile, length - tile * decodeTile);
#pragma unroll
    for (int n = 0; n < 4; ++n)
      shared.handed[group][n][thread] =
          group == 0 ? make_float2(products[4 * n + 2], products[4 * n + 3]) : make_float2(products[4 * n], products[4 * n + 1]);
    __syncthreads(); // and all products with this tile's scores are done
    float2 scores[4];
    float largest = -INFINITY;
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      float2 other = shared.handed[1 - group][n][thread];
      float2 own = group == 0 ? make_float2(products[4 * n], products[4 * n + 1]) : make_float2(products[4 * n + 2], products[4 * n + 3]);
      int position = n * 8 + 2 * q;
      scores[n].x = position < count ? (own.x + other.x) * call.softmaxScale : -INFINITY;
      scores[n].y = position + 1 < count ? (own.y + other.y) * call.softmaxScale : -INFINITY;
      largest = fmaxf(largest, fmaxf(scores[n].x, scores[n].y)); // a NaN shows in the sum
    }
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 1));
    largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, 2));
    float previous = maximum;
    maximum = fmaxf(maximum, largest);
    float factor = exponential(previous - maximum);
    sum *= factor;
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      float x = exponential(scores[n].x - maximum), y = exponential(scores[n].y - maximum);
      sum += x + y;
      uint32_t upper, lower, to = weights + myRow * 128 + 4 * q;
      splitPair(x, y, upper, lower);
      asm volatile("st.shared.u32 [%0], %1;" ::"r"(to + (n ^ g) * 16), "r"(upper) : "memory");
      asm volatile("st.shared.u32 [%0], %1;" ::"r"(to + ((4 + n) ^ g) * 16), "r"(lower) : "memory");
    }
    if (q == 0)
      shared.factors[myRow] = factor;
    if (count < decodeTile) // rows behind the last position weigh nothing, but must be numbers
      for (int i = threadIdx.x; i < latentPanels * (decodeTile - count) * 8; i += threads) {
        int line = i / 8;
        char *to = shared.tiles[stage][line / (decodeTile - count)] + (count + line % (decodeTile - count)) * 128;
        reinterpret_cast<uint4 *>(to)[i % 8] = {};
      }
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); // the tensor cores read what was written
    __syncthreads();
  };

  wait(&shared.queries, 0);
  Stage<stages> at;
  wait(shared.filled, 0);
  queueScores(0);
  waitWgmma<0>();
  weigh(part.begin, 0);
  for (int tile = part.begin;; ++tile) {
    float upperFactor = shared.factors[row], lowerFactor = shared.factors[row + 8];
#pragma unroll
    for (int i = 0; i < 64; ++i) {
      float one = i / 2 % 2 == 0 ? upperFactor : lowerFactor;
      sums[0][i] *= one, sums[1][i] *= one;
    }
    fenceWgmma();
#pragma unroll
    for (int k = 0; k < 4; ++k) // upper parts of 16 positions and 16 more, then the lower parts
#pragma unroll
      for (int j = 0; j < 2; ++j)
        multiplyTransposed(
            sums[j], swizzledDescriptor(weights) + 2 * k,
            transposedDescriptor(sharedAddress(shared.tiles[at.index][4 * group + 2 * j]) + k % 2 * 16 * 128, tilePanelBytes));
    commitWgmma();
    if (tile + 1 == part.end)
      break;
    Stage<stages> before = at;
    at.advance();
    wait(shared.filled + at.index, at.parity);
    queueScores(at.index);
    waitWgmma<0>(); // waiting for this tile's sums alone would make ptxas serialise all products (C7514)
    if (lane == 0)
      arrive(shared.emptied + before.index);
    if (threadIdx.x == 0 && tile + stages < part.end) {
      wait(shared.emptied + before.index, before.parity);
      fill(tile + stages, before.index);
    }
    weigh(tile + 1, at.index);
  }
  waitWgmma<0>();

  int64_t result = (int64_t(token) * call.splits + split) * call.heads + firstHead;
#pragma unroll
  for (int half = 0; half < 2; ++half)
    if (firstHead + row + 8 * half < call.heads) {
      float *to = call.attended + (result + row + 8 * half) * latent + group * 256 + 2 * q;
#pragma unroll
      for (int j = 0; j < 2; ++j)
#pragma unroll
        for (int n = 0; n < 16; ++n)
          *reinterpret_cast<float2 *>(to + j * 128 + n * 8) = {sums[j][4 * n + 2 * half], sums[j][4 * n + 2 * half + 1]};
    }
  sum += __shfl_xor_sync(~0u, sum, 1);
  sum += __shfl_xor_sync(~0u, sum, 2);
  if (q == 0 && firstHead + myRow < call.heads)
    call.sums[result + myRow] = {maximum, sum};
}

} // namespace

int64_t manyHeadsBlocks(const DecodeCall &call) { return int64_t(call.tokens) * ((call.heads + blockHeads - 1) / blockHeads); }

bool takesManyHeads(const DecodeCall &call) {
  // With few tokens there are more blocks, and less to load for each, in the kernel of 16 heads.
  return call.type == DSRT_BF16 && call.cacheType == DSRT_BF16 && call.latent == latent && call.rope == rope && call.nope % 8 == 0 &&
         call.heads >= blockHeads && manyHeadsBlocks(call) >= 16 && reinterpret_cast<uintptr_t>(call.q) % 16 == 0;
}

cudaError_t attendManyHeads(State &state, const DecodeCall &call) {
  Maps maps;
  int64_t queries = int64_t(call.tokens) * call.heads;
  cudaError_t error = makeTensorMap(&maps.high, call.queriesHigh, queries, latent, 2, blockHeads);
  if (error == cudaSuccess)
    error = makeTensorMap(&maps.low, call.queriesLow, queries, latent, 2, blockHeads);
  if (error == cudaSuccess)
    error = makeTensorMap(&maps.query, call.q, queries, call.nope + rope, 2, blockHeads);
  if (error == cudaSuccess)
    error = makeTensorMap(&maps.cache, call.cache, int64_t(call.slotCount) * call.layers * call.positions, latent + rope, 2, decodeTile);
  if (error != cudaSuccess)
    return error;
  LaunchShape shape = {dim3(unsigned(manyHeadsBlocks(call) / call.tokens), call.splits, call.tokens), dim3(threads), sizeof(Shared)};
  return launch(state.stream, shape, attendManyHeadsKernel, call, maps);
}

} // namespace dsrt::cuda
