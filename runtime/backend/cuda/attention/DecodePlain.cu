// mla_decode without tensor cores, in F32: every shape, every activation and cache type, and every format of kv_b.
#include "runtime/backend/cuda/Elements.cuh"
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/attention/Decode.h"

namespace dsrt::cuda {

namespace {

constexpr int threads = 256, warps = threads / 32;
constexpr int maxLatentPlain = int(maxLatent), maxHeadPlain = int(maxHeadColumns);

/// The value of kv_b's element: payload times the scale of its tile (dequantizeRow of runtime/numerics/Quantize.h).
__device__ float weightAt(const DecodeCall &call, int row, int column) {
  const dsrt_quant &format = call.format;
  float value = decodeAt(format.payload, static_cast<const uint8_t *>(call.weight) + row * rowBytes(format.payload, call.latent), column);
  if (format.scale == DSRT_NONE)
    return value;
  int tileRow = format.tile_rows == 0 ? 0 : row / format.tile_rows, tileColumns = format.tile_cols == 0 ? call.latent : format.tile_cols;
  return value * call.scales[int64_t(tileRow) * ((call.latent + tileColumns - 1) / tileColumns) + column / tileColumns];
}

__device__ float warpSum(float value) {
  for (int distance = 16; distance > 0; distance /= 2)
    value += __shfl_xor_sync(~0u, value, distance);
  return value;
}

__device__ float warpMaximum(float value) {
  for (int distance = 16; distance > 0; distance /= 2)
    value = fmaxf(value, __shfl_xor_sync(~0u, value, distance));
  return value;
}

/// A block: one head of one token. Threads take columns of the latent.
__global__ void __launch_bounds__(threads) absorbPlainKernel(DecodeCall call) {
  __shared__ float query[maxHeadPlain];
  waitForPrevious();
  allowNext();
  int token = blockIdx.x, head = blockIdx.y;
  int64_t at = int64_t(token) * call.heads + head;
  for (int n = threadIdx.x; n < call.nope; n += threads)
    query[n] = decodeAt(call.type, call.q, at * (call.nope + call.rope) + n);
  __syncthreads();
  for (int column = threadIdx.x; column < call.latent; column += threads) {
    float sum = 0;
    for (int n = 0; n < call.nope; ++n)
      sum += query[n] * weightAt(call, head * (call.nope + call.value) + n, column);
    int64_t index = at * call.latent + column;
    if (call.queriesSplit) {
      __nv_bfloat16 high = __float2bfloat16_rn(sum);
      call.queriesHigh[index] = high;
      call.queriesLow[index] = __float2bfloat16_rn(isinf(sum) ? 0.f : sum - __bfloat162float(high));
    } else
      call.queries[index] = sum;
  }
}

/// A block: one head of one token and one split. Warps take positions for the scores, threads take columns for the attended latent;
/// `columns` of them at most, times the block's threads.
template <int columns> __global__ void __launch_bounds__(threads) attendPlainKernel(DecodeCall call) {
  __shared__ float query[maxLatentPlain + maxHeadPlain], scores[decodeTile];
  waitForPrevious();
  allowNext();
  int token = blockIdx.x, head = blockIdx.y, split = blockIdx.z, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int length = call.starts[token] + 1, width = call.latent + call.rope;
  DecodePart part(length, call.splits, split);
  if (part.begin >= part.end)
    return;
  int64_t at = int64_t(token) * call.heads + head;
  for (int c = threadIdx.x; c < width; c += threads)
    query[c] = c < call.latent ? call.queries[at * call.latent + c]
                               : decodeAt(call.type, call.q, at * (call.nope + call.rope) + call.nope + c - call.latent);
  int64_t firstRow = (int64_t(call.slots[token]) * call.layers + call.layer) * call.positions;
  float sums[columns] = {}, maximum = -INFINITY, sum = 0;
  for (int tile = part.begin; tile < part.end; ++tile) {
    int begin = tile * decodeTile, count = min(decodeTile, length - begin);
    __syncthreads(); // the query is there, and the scores before have been read
    for (int p = warp; p < count; p += warps) {
      float score = 0;
      for (int c = lane; c < width; c += 32)
        score += query[c] * decodeAt(call.cacheType, call.cache, (firstRow + begin + p) * width + c);
      score = warpSum(score);
      if (lane == 0)
        scores[p] = score * call.softmaxScale;
    }
    __syncthreads();
    float score = lane < count ? scores[lane] : -INFINITY, before = maximum;
    maximum = fmaxf(maximum, warpMaximum(score)); // a NaN shows in the sum
    float factor = before == maximum ? 1 : exp2f(before - maximum), weight = lane < count ? exp2f(score - maximum) : 0;
    sum = sum * factor + warpSum(weight);
#pragma unroll
    for (int i = 0; i < columns; ++i)
      sums[i] *= factor;
    for (int p = 0; p < count; ++p) {
      float w = __shfl_sync(~0u, weight, p);
#pragma unroll
      for (int i = 0; i < columns; ++i)
        if (int c = threadIdx.x + i * threads; c < call.latent)
          sums[i] += w * decodeAt(call.cacheType, call.cache, (firstRow + begin + p) * width + c);
    }
  }
  int64_t result = (int64_t(token) * call.splits + split) * call.heads + head;
#pragma unroll
  for (int i = 0; i < columns; ++i)
    if (int c = threadIdx.x + i * threads; c < call.latent)
      call.attended[result * call.latent + c] = sums[i];
  if (threadIdx.x == 0)
    call.sums[result] = {maximum, sum};
}

/// A block: one head of one token. The splits are joined, then warps take value rows of kv_b.
__global__ void __launch_bounds__(threads) projectPlainKernel(DecodeCall call) {
  __shared__ float attended[maxLatentPlain];
  waitForPrevious();
  allowNext();
  int token = blockIdx.x, head = blockIdx.y, lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int used = DecodePart(call.starts[token] + 1, call.splits, 0).used;
  auto at = [&](int split) { return (int64_t(token) * call.splits + split) * call.heads + head; };
  float maximum = -INFINITY, sum = 0;
  for (int split = 0; split < used; ++split)
    maximum = fmaxf(maximum, call.sums[at(split)].x);
  auto factor = [&](int split) { return call.sums[at(split)].x == maximum ? 1 : exp2f(call.sums[at(split)].x - maximum); };
  for (int split = 0; split < used; ++split)
    sum += factor(split) * call.sums[at(split)].y;
  for (int c = threadIdx.x; c < call.latent; c += threads) {
    float total = 0;
    for (int split = 0; split < used; ++split)
      total += factor(split) * call.attended[at(split) * call.latent + c];
    attended[c] = total;
  }
  __syncthreads();
  for (int v = warp; v < call.value; v += warps) {
    float dot = 0;
    for (int c = lane; c < call.latent; c += 32)
      dot += attended[c] * weightAt(call, head * (call.nope + call.value) + call.nope + v, c);
    dot = warpSum(dot);
    if (lane == 0)
      encodeAt(call.type, call.y, (int64_t(token) * call.heads + head) * call.value + v, dot / sum);
  }
}

} // namespace

cudaError_t absorbPlain(State &state, const DecodeCall &call) {
  return launch(state.stream, {dim3(call.tokens, call.heads), dim3(threads)}, absorbPlainKernel, call);
}

cudaError_t attendPlain(State &state, const DecodeCall &call) {
  auto kernel = call.latent <= 2 * threads ? attendPlainKernel<2> : attendPlainKernel<maxLatentPlain / threads>;
  return launch(state.stream, {dim3(call.tokens, call.heads, call.splits), dim3(threads)}, kernel, call);
}

cudaError_t projectPlain(State &state, const DecodeCall &call) {
  return launch(state.stream, {dim3(call.tokens, call.heads), dim3(threads)}, projectPlainKernel, call);
}

} // namespace dsrt::cuda
