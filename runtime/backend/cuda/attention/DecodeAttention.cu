// The attention of mla_decode on tensor cores: 16 heads of a token share each tile of 32 cache rows, which the copy engine brings to
// shared memory. The eight warps split the 512 latent columns among them: a warp multiplies its 64 columns of the queries, which it
// keeps in registers, with those of the tile; the block adds the warps' scores, takes the softmax, and each warp adds the tile's
// weighted rows to its 64 columns of the attended latent. So each warp reads only its own columns of the tile, twice.
//
// Absorbed queries and softmax weights are F32 in the definition: each is multiplied as two BF16 parts (splitPair), which keeps 16 bits
// or more of it. At 16 heads the cache's bytes are the bound, and the second product costs no time.
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/attention/Decode.h"
#include "runtime/backend/cuda/attention/Mma.cuh"
#include "runtime/backend/cuda/gemm/Tma.cuh"

namespace dsrt::cuda {

namespace {

constexpr int threads = 256, warps = 8, blockHeads = 16, warpColumns = 64, maxRope = 16 * warps, maxStages = 8;

/// Shared memory, in bytes: scores of the warps, F32 [8, 16, scoreStride]; softmax weights, BF16 [2, 16, weightStride], upper and lower
/// parts; factors, F32 [16]; barriers; then the ring of tiles, [stages, panels, 32, 128 bytes]: panels of 64 columns, swizzled by 128
/// bytes. The strides and the swizzle keep accesses off each other's banks.
constexpr int scoreStride = decodeTile + 8, weightStride = decodeTile + 8;
constexpr int weightsAt = warps * blockHeads * scoreStride * 4, factorsAt = weightsAt + 2 * blockHeads * weightStride * 2;
constexpr int barriersAt = factorsAt + blockHeads * 4, ringAt = (barriersAt + maxStages * 8 + 1023) / 1024 * 1024;
constexpr int panelBytes = decodeTile * 128;

__host__ __device__ int panelsOf(const DecodeCall &call) { return (call.latent + call.rope + warpColumns - 1) / warpColumns; }

__device__ __forceinline__ float exponential(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

__global__ void __launch_bounds__(threads, 2)
    attendKernel(const __grid_constant__ DecodeCall call, const __grid_constant__ CUtensorMap cache, int stages) {
  extern __shared__ __align__(1024) char memory[];
  float *scores = reinterpret_cast<float *>(memory), *factors = reinterpret_cast<float *>(memory + factorsAt);
  uint64_t *filled = reinterpret_cast<uint64_t *>(memory + barriersAt);
  uint32_t weights = sharedAddress(memory + weightsAt), ring = sharedAddress(memory + ringAt);
  int firstHead = blockIdx.x * blockHeads, split = blockIdx.y, token = blockIdx.z;
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, g = lane / 4, q = lane % 4;
  int width = call.latent + call.rope, panels = panelsOf(call), stageBytes = panels * panelBytes;

  allowNext();
  if (threadIdx.x == 0) {
    prefetchTensorMap(&cache);
#pragma unroll 1
    for (int stage = 0; stage < stages; ++stage)
      initBarrier(filled + stage, 1);
    fenceBarriers();
    // Most of the cache is older than the kernels before: its rows begin their way to the L2 while those run. A hint alone, from
    // positions that may be stale; they are read again below.
    int length = min(max(__ldcg(call.starts + token), 0) + 1, call.positions),
        slot = min(max(__ldcg(call.slots + token), 0), call.slotCount - 1);
    DecodePart part(length, call.splits, split);
    int rows = min(min(part.end, part.begin + stages) * decodeTile, length) - part.begin * decodeTile;
    if (firstHead == 0 && part.begin < part.end) {
      const char *from = static_cast<const char *>(call.cache) +
                         ((int64_t(slot) * call.layers + call.layer) * call.positions + part.begin * decodeTile) * width * 2;
      asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(from), "r"(rows * width * 2) : "memory");
    }
  }
  waitForPrevious();
  int length = __ldcg(call.starts + token) + 1, slot = __ldcg(call.slots + token);
  DecodePart part(length, call.splits, split);
  if (part.begin >= part.end)
    return;
  __syncthreads(); // the barriers are there

  int firstRow = (slot * call.layers + call.layer) * call.positions;
  auto fill = [&](int tile, int stage) { // one thread's
    arriveExpecting(filled + stage, uint32_t(stageBytes));
#pragma unroll 1
    for (int panel = 0; panel < panels; ++panel)
      loadBox(&cache, memory + ringAt + stage * stageBytes + panel * panelBytes, filled + stage, panel * warpColumns,
              firstRow + tile * decodeTile);
  };
  if (threadIdx.x == 0)
    for (int i = 0; i < stages && part.begin + i < part.end; ++i)
      fill(part.begin + i, i);

  // This warp's columns of the queries of 16 heads: 64 of the latent, upper and lower parts, and 16 rotated ones.
  int firstColumn = warp * warpColumns;
  bool takesLatent = firstColumn < call.latent, takesRope = warp * 16 < call.rope;
  uint32_t high[4][4] = {}, low[4][4] = {}, rotated[4] = {};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    // Rows beyond the last head repeat it, and are not stored.
    int head = min(firstHead + g + i % 2 * 8, call.heads - 1), column = 2 * q + i / 2 * 8;
    int64_t at = int64_t(token) * call.heads + head;
    if (takesLatent)
#pragma unroll
      for (int step = 0; step < 4; ++step) {
        int64_t index = at * call.latent + firstColumn + step * 16 + column;
        high[step][i] = *reinterpret_cast<const uint32_t *>(call.queriesHigh + index);
        low[step][i] = *reinterpret_cast<const uint32_t *>(call.queriesLow + index);
      }
    if (takesRope)
      rotated[i] = *reinterpret_cast<const uint32_t *>(static_cast<const __nv_bfloat16 *>(call.q) + at * (call.nope + call.rope) +
                                                       call.nope + warp * 16 + column);
  }

  float sums[8][4] = {}, maximum = -INFINITY, sum = 0; // attended columns; of head threadIdx.x / 16: maximum, and this lane's sum
  int stage = 0;
  uint32_t parity = 0;
  for (int tile = part.begin; tile < part.end; ++tile) {
    int count = min(decodeTile, length - tile * decodeTile);
    // Where eight columns of a row of the tile are.
    auto at = [&](int panel, int row, int chunk) {
      return ring + stage * stageBytes + panel * panelBytes + row * 128 + (chunk ^ row % 8) * 16;
    };
    wait(filled + stage, parity);
    if (count < decodeTile) { // rows behind the last position weigh nothing, but must be numbers
      int missing = decodeTile - count;
#pragma unroll 1
      for (int i = threadIdx.x; i < panels * missing * 8; i += threads) {
        int panel = i / (missing * 8), chunk = i % (missing * 8);
        reinterpret_cast<uint4 *>(memory + ringAt + stage * stageBytes + panel * panelBytes + count * 128)[chunk] = {};
      }
      __syncthreads();
    }

    float products[4][4] = {};
    if (takesLatent)
#pragma unroll
      for (int pair = 0; pair < 2; ++pair)
#pragma unroll
        for (int n = 0; n < 4; ++n) {
          uint32_t b[4];
          loadMatrices(b, at(warp, n * 8 + lane % 8, pair * 4 + lane / 8));
#pragma unroll
          for (int step = 0; step < 2; ++step) {
            const auto &upper = high[pair * 2 + step], &lower = low[pair * 2 + step];
            mma(products[n], upper[0], upper[1], upper[2], upper[3], b[2 * step], b[2 * step + 1]);
            mma(products[n], lower[0], lower[1], lower[2], lower[3], b[2 * step], b[2 * step + 1]);
          }
        }
    if (takesRope)
#pragma unroll
      for (int n = 0; n < 4; n += 2) {
        uint32_t b[4];
        int chunk = warp * 2 + lane / 8 % 2;
        loadMatrices(b, at(call.latent / warpColumns + chunk / 8, (n + lane / 16) * 8 + lane % 8, chunk % 8));
        mma(products[n], rotated[0], rotated[1], rotated[2], rotated[3], b[0], b[1]);
        mma(products[n + 1], rotated[0], rotated[1], rotated[2], rotated[3], b[2], b[3]);
      }
    float *mine = scores + (warp * blockHeads + g) * scoreStride + 2 * q;
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      *reinterpret_cast<float2 *>(mine + n * 8) = {products[n][0], products[n][1]};
      *reinterpret_cast<float2 *>(mine + 8 * scoreStride + n * 8) = {products[n][2], products[n][3]};
    }
    __syncthreads(); // all scores are there, and nobody reads the tile before any more

    if (int next = tile - 1 + stages; threadIdx.x == 0 && tile > part.begin && next < part.end)
      fill(next, stage == 0 ? stages - 1 : stage - 1);
    {
      int head = threadIdx.x / 16, position = threadIdx.x % 16 * 2;
      float2 score = {0, 0};
#pragma unroll
      for (int w = 0; w < warps; ++w) {
        float2 one = *reinterpret_cast<const float2 *>(scores + (w * blockHeads + head) * scoreStride + position);
        score.x += one.x, score.y += one.y;
      }
      score.x = position < count ? score.x * call.softmaxScale : -INFINITY;
      score.y = position + 1 < count ? score.y * call.softmaxScale : -INFINITY;
      float largest = fmaxf(score.x, score.y); // a NaN shows in the sum
#pragma unroll
      for (int distance = 8; distance > 0; distance /= 2)
        largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, distance));
      float before = maximum;
      maximum = fmaxf(maximum, largest);
      float factor = exponential(before - maximum);
      score.x = exponential(score.x - maximum), score.y = exponential(score.y - maximum);
      sum = sum * factor + (score.x + score.y);
      uint32_t upper, lower, to = weights + (head * weightStride + position) * 2;
      splitPair(score.x, score.y, upper, lower);
      asm volatile("st.shared.u32 [%0], %1;" ::"r"(to), "r"(upper) : "memory");
      asm volatile("st.shared.u32 [%0], %1;" ::"r"(to + blockHeads * weightStride * 2), "r"(lower) : "memory");
      if (threadIdx.x % 16 == 0)
        factors[head] = factor;
    }
    __syncthreads(); // all weights are there

    float upperFactor = factors[g], lowerFactor = factors[g + 8];
#pragma unroll
    for (int n = 0; n < 8; ++n)
      sums[n][0] *= upperFactor, sums[n][1] *= upperFactor, sums[n][2] *= lowerFactor, sums[n][3] *= lowerFactor;
    if (takesLatent)
#pragma unroll
      for (int step = 0; step < 2; ++step) {
        uint32_t upper[4], lower[4], from = weights + (lane % 16 * weightStride + step * 16 + lane / 16 * 8) * 2;
        loadMatrices(upper, from);
        loadMatrices(lower, from + blockHeads * weightStride * 2);
#pragma unroll
        for (int n = 0; n < 8; n += 2) {
          uint32_t b[4];
          loadTransposed(b, at(warp, step * 16 + lane % 16, n + lane / 16));
#pragma unroll
          for (int i = 0; i < 2; ++i) {
            mma(sums[n + i], upper[0], upper[1], upper[2], upper[3], b[2 * i], b[2 * i + 1]);
            mma(sums[n + i], lower[0], lower[1], lower[2], lower[3], b[2 * i], b[2 * i + 1]);
          }
        }
      }
    if (++stage == stages)
      stage = 0, parity ^= 1;
  }

  int64_t result = (int64_t(token) * call.splits + split) * call.heads + firstHead;
#pragma unroll
  for (int half = 0; half < 2; ++half)
    if (takesLatent && firstHead + g + 8 * half < call.heads) {
      float *to = call.attended + (result + g + 8 * half) * call.latent + firstColumn + 2 * q;
#pragma unroll
      for (int n = 0; n < 8; ++n)
        *reinterpret_cast<float2 *>(to + n * 8) = {sums[n][2 * half], sums[n][2 * half + 1]};
    }
#pragma unroll
  for (int distance = 8; distance > 0; distance /= 2)
    sum += __shfl_xor_sync(~0u, sum, distance);
  if (int head = threadIdx.x / 16; threadIdx.x % 16 == 0 && firstHead + head < call.heads)
    call.sums[result + head] = {maximum, sum};
}

} // namespace

bool takesAttention(const DecodeCall &call) {
  return call.type == DSRT_BF16 && call.cacheType == DSRT_BF16 && call.latent % warpColumns == 0 && call.latent <= warps * warpColumns &&
         call.rope % 16 == 0 && call.rope <= maxRope && int64_t(call.slotCount) * call.layers * call.positions <= INT32_MAX &&
         call.nope % 2 == 0 && reinterpret_cast<uintptr_t>(call.cache) % 16 == 0 && reinterpret_cast<uintptr_t>(call.q) % 4 == 0;
}

int64_t attentionBlocks(const DecodeCall &call) { return int64_t(call.tokens) * ((call.heads + blockHeads - 1) / blockHeads); }

// One head block reads each byte of the cache once: one block with many bytes under way. Several share them in the L2, and are bound by
// their products, which two blocks interleave.
int attentionBlocksAtOnce(const DecodeCall &call) { return call.heads <= blockHeads ? 1 : 2; }

cudaError_t attend(State &state, const DecodeCall &call) {
  int stages = attentionBlocksAtOnce(call) == 1 ? 5 : 2;
  CUtensorMap cache;
  if (cudaError_t error =
          makeTensorMap(&cache, call.cache, int64_t(call.slotCount) * call.layers * call.positions, call.latent + call.rope, 2, decodeTile);
      error != cudaSuccess)
    return error;
  LaunchShape shape = {dim3((call.heads + blockHeads - 1) / blockHeads, call.splits, call.tokens), dim3(threads),
                       size_t(ringAt + stages * panelsOf(call) * panelBytes)};
  return launch(state.stream, shape, attendKernel, call, cache, stages);
}

} // namespace dsrt::cuda
