// The products of mla_decode with kv_b on tensor cores: the queries with its key rows, and the attended latent with its value rows.
// Both read kv_b once per 16 tokens at most, mostly before the kernels that they wait for have ended, and widen E4M3 payloads to BF16,
// which holds them exactly; scales act on F32 sums. The attended latent, an F32, is multiplied as two BF16 parts (splitPair): one
// would cost 2^-9 of accuracy, and the second product is free where memory is the bound.
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/attention/Decode.h"
#include "runtime/backend/cuda/attention/Mma.cuh"

#include <algorithm>

namespace dsrt::cuda {

namespace {

/// 16 E4M3 values as two times eight BF16. A magnitude's bits, moved to BF16's places, are 2^-120 of the value, subnormal ones too: the
/// multiplication is exact, and cheaper than conversions. Code 0x7f, which would be 480, is NaN.
__device__ __forceinline__ void widen(uint4 payload, uint4 (&values)[2]) {
  const __nv_bfloat162 factor = __float2bfloat162_rn(0x1p120f);
  const uint32_t words[4] = {payload.x, payload.y, payload.z, payload.w};
  uint32_t pairs[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    uint32_t codes = __byte_perm(words[i / 2], 0, i % 2 == 0 ? 0x1404 : 0x3424); // in the upper byte of each half
    uint32_t isNaN = ((codes & 0x7f007f00) + 0x01000100) >> 15 & 0x00010001;
    uint32_t pair = (codes & 0x80008000) | (codes >> 4 & 0x07f007f0);
    pairs[i] = packed(__hmul2(*reinterpret_cast<__nv_bfloat162 *>(&pair), factor)) | isNaN * 0x7fff;
  }
  values[0] = {pairs[0], pairs[1], pairs[2], pairs[3]};
  values[1] = {pairs[4], pairs[5], pairs[6], pairs[7]};
}

/// Brings rows [row, row + rows) and columns [column, column + columns) of kv_b to shared memory as BF16: `place(r, chunk)` is where the
/// eight columns from 8 chunk on of row r go. Columns are a multiple of 16, and `threads` of as many loads or more as a row takes. Each
/// thread takes one place of every so many rows, and has several loads under way.
template <bool scaled, int threads, typename Place>
__device__ __forceinline__ void stageWeight(const DecodeCall &call, int row, int rows, int column, int columns, Place place) {
  constexpr int batch = 8, perLoad = scaled ? 16 : 8, bytes = scaled ? 1 : 2;
  int perRow = columns / perLoad, step = threads / perRow, first = threadIdx.x / perRow, load = threadIdx.x % perRow;
  int64_t stride = int64_t(call.latent) * bytes;
  const char *from = static_cast<const char *>(call.weight) + (row + first) * stride + (column + load * perLoad) * bytes;
#pragma unroll 1
  for (int begin = first < step ? first : rows; begin < rows; begin += batch * step) {
    uint4 loaded[batch];
#pragma unroll
    for (int i = 0; i < batch; ++i, from += step * stride)
      if (begin + i * step < rows)
        loaded[i] = __ldg(reinterpret_cast<const uint4 *>(from));
#pragma unroll
    for (int i = 0; i < batch; ++i)
      if (int r = begin + i * step; r < rows) {
        if constexpr (scaled) {
          uint4 values[2];
          widen(loaded[i], values);
          *place(r, 2 * load) = values[0];
          *place(r, 2 * load + 1) = values[1];
        } else
          *place(r, load) = loaded[i];
      }
  }
}

__device__ __forceinline__ float scaleAt(const DecodeCall &call, int row, int column) {
  int tileRow = call.format.tile_rows == 0 ? 0 : row / call.format.tile_rows;
  int tileColumns = call.format.tile_cols == 0 ? call.latent : call.format.tile_cols;
  return __ldg(call.scales + int64_t(tileRow) * ((call.latent + tileColumns - 1) / tileColumns) + column / tileColumns);
}

// Absorb: a block takes 64 columns of the latent of one head, and some tokens, up to 64 at a time; a warp takes 16 of the columns.
constexpr int absorbThreads = 128, absorbColumns = 64, absorbTokens = 64, maxNope = 256;

__device__ __forceinline__ void copyAsync(uint32_t to, const void *from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}

template <bool scaled>
__global__ void __launch_bounds__(absorbThreads) absorbKernel(const __grid_constant__ DecodeCall call, int blockTokens) {
  // The weight [nope, 8 chunks], then queries [64, nope + 8]: strides and swizzle keep the rows of one ldmatrix off each other's banks.
  extern __shared__ uint4 tile[];
  __shared__ float scales[maxNope / 32];
  auto place = [](int k, int chunk) { return k * 8 + (chunk ^ k % 8); };
  int head = blockIdx.y, firstColumn = blockIdx.x * absorbColumns, firstRow = head * (call.nope + call.value);
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, g = lane / 4, q = lane % 4;
  allowNext();
  stageWeight<scaled, absorbThreads>(call, firstRow, call.nope, firstColumn, absorbColumns,
                                     [&](int r, int chunk) { return tile + place(r, chunk); });
  if (scaled && threadIdx.x < call.nope / 32)
    scales[threadIdx.x] = scaleAt(call, firstRow + threadIdx.x * 32, firstColumn);
  if (threadIdx.x == 0 && blockIdx.z == 0) { // the value rows of this head are wanted two kernels later
    int bytes = call.latent * (scaled ? 1 : 2), share = call.value / gridDim.x;
    const char *rows = static_cast<const char *>(call.weight) + int64_t(firstRow + call.nope + blockIdx.x * share) * bytes;
    asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(rows), "r"(share * bytes) : "memory");
  }
  // A thread copies one place of every so many queries.
  int perRow = call.nope / 8, queryStep = absorbThreads / perRow, chunk = threadIdx.x % perRow, firstQuery = threadIdx.x / perRow;
  if (firstQuery >= queryStep)
    firstQuery = absorbTokens;
  waitForPrevious();

  uint32_t weight = sharedAddress(tile), queries = weight + call.nope * absorbColumns * 2;
  int stride = call.nope + 8;
  const __nv_bfloat16 *source = static_cast<const __nv_bfloat16 *>(call.q) + head * (call.nope + call.rope);
  int last = min(call.tokens, int(blockIdx.z + 1) * blockTokens);
  for (int begin = blockIdx.z * blockTokens; begin < last; begin += absorbTokens) {
    int end = min(last, begin + absorbTokens), rows = (end - begin + 15) / 16 * 16;
#pragma unroll 1
    for (int r = firstQuery; r < rows; r += queryStep) {
      int token = begin + r;
      copyAsync(queries + (r * stride + chunk * 8) * 2,
                source + int64_t(min(token, call.tokens - 1)) * call.heads * (call.nope + call.rope) + chunk * 8, token < end);
    }
    asm volatile("cp.async.wait_all;" ::: "memory");
    __syncthreads();
    for (int first = begin; first < end; first += 16) {
      float sums[2][4] = {};
#pragma unroll 2
      for (int k = 0; k < call.nope; k += 32) {
        float part[2][4] = {};
#pragma unroll
        for (int step = 0; step < 2; ++step) {
          uint32_t a[4], w[4];
          loadMatrices(a, queries + ((first - begin + lane % 16) * stride + k + step * 16 + lane / 16 * 8) * 2);
          loadTransposed(w, weight + place(k + step * 16 + lane % 16, warp * 2 + lane / 16) * 16);
#pragma unroll
          for (int n = 0; n < 2; ++n)
            mma(scaled ? part[n] : sums[n], a[0], a[1], a[2], a[3], w[2 * n], w[2 * n + 1]);
        }
        if (scaled)
#pragma unroll
          for (int n = 0; n < 2; ++n)
#pragma unroll
            for (int i = 0; i < 4; ++i)
              sums[n][i] += part[n][i] * scales[k / 32];
      }
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        // Neighbours exchange pairs, so that each stores four columns in a row.
        uint32_t high[2], low[2];
        splitPair(sums[0][2 * half], sums[0][2 * half + 1], high[0], low[0]);
        splitPair(sums[1][2 * half], sums[1][2 * half + 1], high[1], low[1]);
        bool odd = q % 2 == 1;
        uint32_t otherHigh = __shfl_xor_sync(~0u, odd ? high[0] : high[1], 1), otherLow = __shfl_xor_sync(~0u, odd ? low[0] : low[1], 1);
        if (int token = first + g + 8 * half; token < end) {
          int64_t index = (int64_t(token) * call.heads + head) * call.latent + firstColumn + warp * 16 + q % 2 * 8 + q / 2 * 4;
          *reinterpret_cast<uint2 *>(call.queriesHigh + index) = odd ? make_uint2(otherHigh, high[1]) : make_uint2(high[0], otherHigh);
          *reinterpret_cast<uint2 *>(call.queriesLow + index) = odd ? make_uint2(otherLow, low[1]) : make_uint2(low[0], otherLow);
        }
      }
    }
    __syncthreads(); // before the next queries come
  }
}

// Project: a block takes some value rows of one head, which it keeps in shared memory, and some tokens, up to 16 at a time: it joins the
// splits of each, and multiplies them with the rows. A warp takes 16 of the rows and, where there are few, a part of the columns.
constexpr int projectThreads = 512, projectWarps = projectThreads / 32, projectTokens = 16, maxBlockRows = 128;

struct ProjectLayout {
  int tokens;      ///< at a time: a power of two, 16 at most
  int stride;      ///< elements of a row of weight and attended latent: 16 bytes more than 128 k, so that ldmatrix meets no bank twice
  size_t attended; ///< bytes before: the weight, BF16 [rows, stride]
  size_t sums;     ///< the attended latent, BF16 [2, tokens, stride], upper parts and lower parts
  size_t weights;  ///< partial sums: F32 [parts of the columns, tokens, rows], or before [512, 4] of threads that share columns
  size_t bytes;    ///< weights of the splits, F32 [tokens, splits]

  __host__ __device__ ProjectLayout(const DecodeCall &call, int rows, int blockTokens) {
    tokens = blockTokens > 8 ? 16 : blockTokens > 4 ? 8 : blockTokens > 2 ? 4 : blockTokens;
    stride = call.latent + 8;
    attended = size_t(rows) * stride * 2;
    sums = attended + size_t(2) * tokens * stride * 2;
    size_t shared = size_t(projectWarps) * tokens * 16 * 4;
    weights = sums + (shared < projectThreads * 16 ? projectThreads * 16 : shared);
    bytes = weights + size_t(tokens) * call.splits * 4;
  }
};

template <bool scaled>
__global__ void __launch_bounds__(projectThreads, 1) projectKernel(const __grid_constant__ DecodeCall call, int blockTokens) {
  extern __shared__ __align__(16) char memory[];
  int head = blockIdx.y, rows = call.value / gridDim.x;
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, g = lane / 4, q = lane % 4;
  int firstRow = head * (call.nope + call.value) + call.nope + blockIdx.x * rows;
  ProjectLayout layout(call, rows, blockTokens);
  float *partial = reinterpret_cast<float *>(memory + layout.sums), *weights = reinterpret_cast<float *>(memory + layout.weights);
  uint32_t weight = sharedAddress(memory), attended = sharedAddress(memory + layout.attended);
  // Warps over the rows, and warps over the columns, which take every columnWarps-th 64.
  int rowWarps = rows / 16, columnWarps = projectWarps / rowWarps, myRows = warp % rowWarps * 16, myPart = warp / rowWarps;

  // A warp's 16 rows have one scale for 64 columns.
  __shared__ float scales[maxBlockRows / 16][8];
  allowNext();
  if (int slab = threadIdx.x % 8, block = threadIdx.x / 8; scaled && block < rowWarps && slab * 64 < call.latent)
    scales[block][slab] = scaleAt(call, firstRow + block * 16, slab * 64);
  stageWeight<scaled, projectThreads>(call, firstRow, rows, 0, call.latent, [&](int r, int chunk) {
    return reinterpret_cast<uint4 *>(memory + size_t(r) * layout.stride * 2) + chunk;
  });
  waitForPrevious();

  int end = min(call.tokens, int(blockIdx.z + 1) * blockTokens);
  for (int first = blockIdx.z * blockTokens; first < end; first += projectTokens) {
    int tokens = min(projectTokens, end - first);
    // The weight of each split in its token's softmax: 2^(maximum - overall maximum) / overall sum.
    for (int t = warp; t < tokens; t += projectWarps) {
      int token = first + t, used = DecodePart(__ldcg(call.starts + token) + 1, call.splits, 0).used;
      const float2 *sums = call.sums + int64_t(token) * call.splits * call.heads + head;
      float maximum = -INFINITY, sum = 0;
#pragma unroll 1
      for (int s = lane; s < used; s += 32)
        maximum = fmaxf(maximum, sums[s * call.heads].x);
      for (int distance = 16; distance > 0; distance /= 2)
        maximum = fmaxf(maximum, __shfl_xor_sync(~0u, maximum, distance));
#pragma unroll 1
      for (int s = lane; s < used; s += 32) {
        float2 one = sums[s * call.heads];
        float factor = exp2f(one.x - maximum);
        weights[t * call.splits + s] = factor;
        sum += factor * one.y;
      }
      for (int distance = 16; distance > 0; distance /= 2)
        sum += __shfl_xor_sync(~0u, sum, distance);
#pragma unroll 1
      for (int s = lane; s < used; s += 32)
        weights[t * call.splits + s] /= sum;
    }
    __syncthreads();

    // The sum of the splits: a thread takes four columns of a token, and several threads share them where there are few.
    int quads = call.latent / 4, items = tokens * quads, sharing = max(1, projectThreads / items);
#pragma unroll 1
    for (int base = 0; base < items; base += projectThreads) {
      int item = base + (sharing > 1 ? threadIdx.x % items : threadIdx.x), group = sharing > 1 ? threadIdx.x / items : 0;
      bool takesPart = item < items && group < sharing;
      int t = item / quads, column = item % quads * 4;
      float4 sum = {};
      if (takesPart) {
        int used = DecodePart(__ldcg(call.starts + first + t) + 1, call.splits, 0).used;
        const float *source = call.attended + (int64_t(first + t) * call.splits * call.heads + head) * call.latent + column;
        int64_t stride = int64_t(call.heads) * call.latent;
        constexpr int batch = 8; // loads under way
#pragma unroll 1
        for (int begin = group; begin < used; begin += batch * sharing) {
          float4 ones[batch];
#pragma unroll
          for (int i = 0; i < batch; ++i)
            if (int s = begin + i * sharing; s < used)
              ones[i] = __ldcg(reinterpret_cast<const float4 *>(source + s * stride));
#pragma unroll
          for (int i = 0; i < batch; ++i)
            if (int s = begin + i * sharing; s < used) {
              float factor = weights[t * call.splits + s];
              sum.x += factor * ones[i].x, sum.y += factor * ones[i].y, sum.z += factor * ones[i].z, sum.w += factor * ones[i].w;
            }
        }
      }
      if (sharing > 1) {
        float4 *shared = reinterpret_cast<float4 *>(partial);
        shared[threadIdx.x] = sum;
        __syncthreads();
#pragma unroll 1
        for (int other = 1; takesPart && group == 0 && other < sharing; ++other) {
          float4 one = shared[other * items + item];
          sum.x += one.x, sum.y += one.y, sum.z += one.z, sum.w += one.w;
        }
      }
      if (takesPart && group == 0) {
        uint2 high, low;
        splitPair(sum.x, sum.y, high.x, low.x);
        splitPair(sum.z, sum.w, high.y, low.y);
        char *to = memory + layout.attended + (t * layout.stride + column) * 2;
        *reinterpret_cast<uint2 *>(to) = high;
        *reinterpret_cast<uint2 *>(to + layout.tokens * layout.stride * 2) = low;
      }
    }
    __syncthreads(); // rows of tokens that are not there hold anything, and only they see it

    float sums[2][4] = {};
#pragma unroll 1
    for (int begin = myPart * 64; begin < call.latent && myPart < columnWarps; begin += columnWarps * 64) {
      float upper[2][4] = {}, lower[2][4] = {};
#pragma unroll
      for (int step = 0; step < 4; ++step) {
        uint32_t high[4], low[4], w[4];
        uint32_t from = attended + (lane % layout.tokens * layout.stride + begin + step * 16 + lane / 16 * 8) * 2;
        loadMatrices(high, from);
        loadMatrices(low, from + layout.tokens * layout.stride * 2);
        loadMatrices(w, weight + ((myRows + lane / 16 * 8 + lane % 8) * layout.stride + begin + step * 16 + lane / 8 % 2 * 8) * 2);
#pragma unroll
        for (int n = 0; n < 2; ++n) {
          mma(upper[n], high[0], high[1], high[2], high[3], w[2 * n], w[2 * n + 1]);
          mma(lower[n], low[0], low[1], low[2], low[3], w[2 * n], w[2 * n + 1]);
        }
      }
      float factor = scaled ? scales[myRows / 16][begin / 64] : 1;
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i)
          sums[n][i] += (upper[n][i] + lower[n][i]) * factor;
    }
    if (myPart < columnWarps)
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int half = 0; half < 2; ++half)
          if (g + 8 * half < tokens)
            *reinterpret_cast<float2 *>(partial + (myPart * layout.tokens + g + 8 * half) * rows + myRows + n * 8 +
                                        2 * q) = {sums[n][2 * half], sums[n][2 * half + 1]};
    __syncthreads();
    __nv_bfloat16 *y = static_cast<__nv_bfloat16 *>(call.y);
#pragma unroll 1
    for (int i = threadIdx.x; i < tokens * rows; i += projectThreads) {
      float sum = 0;
#pragma unroll 1
      for (int part = 0; part < columnWarps; ++part)
        sum += partial[part * layout.tokens * rows + i];
      y[(int64_t(first + i / rows) * call.heads + head) * call.value + blockIdx.x * rows + i % rows] = __float2bfloat16_rn(sum);
    }
    __syncthreads(); // before the next tokens' sums come
  }
}

bool aligned(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

} // namespace

bool takesProjections(const DecodeCall &call) {
  const dsrt_quant &format = call.format;
  bool plain = format.payload == DSRT_BF16 && format.scale == DSRT_NONE;
  bool scaled = format.payload == DSRT_F8E4M3 && format.scale != DSRT_NONE && format.tile_rows % 32 == 0 && format.tile_cols % 64 == 0;
  return call.type == DSRT_BF16 && (plain || scaled) && call.nope % 32 == 0 && call.nope <= maxNope && call.rope % 8 == 0 &&
         call.value % (call.value <= 256 ? 32 : 128) == 0 && call.latent % 64 == 0 && call.latent <= 512 && aligned(call.q) &&
         aligned(call.weight);
}

cudaError_t absorb(State &state, const DecodeCall &call) {
  // About four blocks for each multiprocessor: more hide each other's waits, and read the weight again.
  int columns = call.latent / absorbColumns,
      groups = std::clamp(4 * state.multiprocessors / (columns * call.heads), 1, (call.tokens + 15) / 16);
  int blockTokens = ((call.tokens + groups - 1) / groups + 15) / 16 * 16, held = std::min(blockTokens, absorbTokens);
  LaunchShape shape = {dim3(columns, call.heads, (call.tokens + blockTokens - 1) / blockTokens), dim3(absorbThreads),
                       size_t(call.nope) * absorbColumns * 2 + size_t(held) * (call.nope + 8) * 2};
  return launch(state.stream, shape, call.format.scale == DSRT_NONE ? absorbKernel<false> : absorbKernel<true>, call, blockTokens);
}

cudaError_t project(State &state, const DecodeCall &call) {
  // A block for each multiprocessor: first tokens are shared out, then rows, for which splits are joined more than once.
  int groups = std::clamp(state.multiprocessors / call.heads, 1, call.tokens), blockTokens = (call.tokens + groups - 1) / groups;
  groups = (call.tokens + blockTokens - 1) / blockTokens;
  int parts = 1;
  while (call.value % (32 * parts) == 0 && (call.value / parts > maxBlockRows || 2 * parts * call.heads * groups <= state.multiprocessors))
    parts *= 2;
  LaunchShape shape = {dim3(parts, call.heads, groups), dim3(projectThreads), ProjectLayout(call, call.value / parts, blockTokens).bytes};
  return launch(state.stream, shape, call.format.scale == DSRT_NONE ? projectKernel<false> : projectKernel<true>, call, blockTokens);
}

} // namespace dsrt::cuda
