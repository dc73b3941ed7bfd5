// The products of mla_decode with kv_b on tensor cores: the queries with its key rows, and the attended latent with its value rows.
// Both read kv_b once per 16 tokens at most, mostly before the kernels that they wait for have ended, and widen E4M3 payloads to BF16,
// which holds them exactly; scales act on F32 sums. The attended latent, an F32, is multiplied as two BF16 parts (splitPair): one
// would cost 2^-9 of accuracy, and the second product is free where memory is the bound.
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/attention/Decode.h"
#include "runtime/backend/cuda/attention/Mma.cuh"

#include <cuda_fp8.h>

#include <algorithm>

namespace dsrt::cuda {

namespace {

/// Four E4M3 values as BF16. A magnitude's bits, moved to BF16's places, are 2^-120 of the value, subnormal ones too; the multiplication is
/// exact, and cheaper than conversions. The code of NaN has none of that form, and takes them.
__device__ __forceinline__ uint2 widen(uint32_t codes) {
  const __nv_bfloat162 factor = __float2bfloat162_rn(0x1p120f);
  if ((((codes & 0x7f7f7f7f) + 0x01010101) & 0x80808080) != 0) {
    uint32_t pairs[2];
    for (int i = 0; i < 2; ++i) {
      float2 both = __half22float2(__half2(__nv_cvt_fp8x2_to_halfraw2(__nv_fp8x2_storage_t(codes >> (16 * i)), __NV_E4M3)));
      pairs[i] = packed(__floats2bfloat162_rn(both.x, both.y));
    }
    return {pairs[0], pairs[1]};
  }
  uint32_t pairs[2] = {__byte_perm(codes, 0, 0x1404), __byte_perm(codes, 0, 0x3424)}; // a code in the upper byte of each half
#pragma unroll
  for (uint32_t &pair : pairs) {
    pair = (pair & 0x80008000) | ((pair >> 4) & 0x07f007f0);
    pair = packed(__hmul2(*reinterpret_cast<__nv_bfloat162 *>(&pair), factor));
  }
  return {pairs[0], pairs[1]};
}

/// 16 E4M3 values as two times eight BF16.
__device__ __forceinline__ void widen(uint4 payload, uint4 (&values)[2]) {
  uint2 a = widen(payload.x), b = widen(payload.y), c = widen(payload.z), d = widen(payload.w);
  values[0] = {a.x, a.y, b.x, b.y};
  values[1] = {c.x, c.y, d.x, d.y};
}

/// Brings rows [row, row + rows) and columns [column, column + columns) of kv_b to shared memory as BF16: `address(r, chunk)` is where
/// the eight columns from 8 chunk on of row r go. Columns are a multiple of 16. Each thread has several loads under way.
template <bool scaled, int threads, typename Address>
__device__ __forceinline__ void stageWeight(const DecodeCall &call, int row, int rows, int column, int columns, Address address) {
  constexpr int batch = 8, perLoad = scaled ? 16 : 8;
  const char *base = static_cast<const char *>(call.weight) + (int64_t(row) * call.latent + column) * (scaled ? 1 : 2);
  int perRow = columns / perLoad, total = rows * perRow;
  for (int first = threadIdx.x; first < total; first += batch * threads) {
    uint4 loaded[batch];
#pragma unroll
    for (int i = 0; i < batch; ++i)
      if (int item = first + i * threads; item < total)
        loaded[i] = __ldg(reinterpret_cast<const uint4 *>(base + int64_t(item / perRow) * call.latent * (scaled ? 1 : 2)) + item % perRow);
#pragma unroll
    for (int i = 0; i < batch; ++i)
      if (int item = first + i * threads; item < total) {
        int r = item / perRow, chunk = item % perRow;
        if constexpr (scaled) {
          uint4 values[2];
          widen(loaded[i], values);
          *address(r, 2 * chunk) = values[0];
          *address(r, 2 * chunk + 1) = values[1];
        } else
          *address(r, chunk) = loaded[i];
      }
  }
}

__device__ __forceinline__ float scaleAt(const DecodeCall &call, int row, int column) {
  int tileRow = call.format.tile_rows == 0 ? 0 : row / call.format.tile_rows;
  int tileColumns = call.format.tile_cols == 0 ? call.latent : call.format.tile_cols;
  return __ldg(call.scales + int64_t(tileRow) * ((call.latent + tileColumns - 1) / tileColumns) + column / tileColumns);
}

// Absorb: a block takes 64 columns of the latent of one head, and all tokens, 64 at a time; a warp takes 16 of the columns.
constexpr int absorbThreads = 128, absorbColumns = 64, absorbTokens = 64, maxNope = 256;

__device__ __forceinline__ void copyAsync(uint32_t to, const void *from, bool there) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(there ? 16 : 0) : "memory");
}

template <bool scaled> __global__ void __launch_bounds__(absorbThreads) absorbKernel(DecodeCall call) {
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
  if (threadIdx.x == 0) { // the value rows of this head are wanted two kernels later
    int bytes = call.latent * (scaled ? 1 : 2), share = call.value / gridDim.x;
    const char *rows = static_cast<const char *>(call.weight) + int64_t(firstRow + call.nope + blockIdx.x * share) * bytes;
    asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(rows), "r"(share * bytes) : "memory");
  }
  waitForPrevious();

  uint32_t weight = sharedAddress(tile), queries = weight + call.nope * absorbColumns * 2;
  int stride = call.nope + 8, perRow = call.nope / 8;
  const __nv_bfloat16 *source = static_cast<const __nv_bfloat16 *>(call.q) + head * (call.nope + call.rope);
  for (int begin = 0; begin < call.tokens; begin += absorbTokens) {
    int end = min(call.tokens, begin + absorbTokens), rows = (end - begin + 15) / 16 * 16;
    for (int i = threadIdx.x; i < rows * perRow; i += absorbThreads) {
      int token = begin + i / perRow;
      copyAsync(queries + (i / perRow * stride + i % perRow * 8) * 2,
                source + int64_t(min(token, call.tokens - 1)) * call.heads * (call.nope + call.rope) + i % perRow * 8, token < end);
    }
    asm volatile("cp.async.wait_all;" ::: "memory");
    __syncthreads();
    for (int first = begin; first < end; first += 16) {
      float sums[2][4] = {};
#pragma unroll 4
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
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int half = 0; half < 2; ++half)
          if (int token = first + g + 8 * half; token < end) {
            uint32_t high, low;
            splitPair(sums[n][2 * half], sums[n][2 * half + 1], high, low);
            int64_t index = (int64_t(token) * call.heads + head) * call.latent + firstColumn + warp * 16 + n * 8 + 2 * q;
            *reinterpret_cast<uint32_t *>(call.queriesHigh + index) = high;
            *reinterpret_cast<uint32_t *>(call.queriesLow + index) = low;
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

  allowNext();
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
      for (int s = lane; s < used; s += 32)
        maximum = fmaxf(maximum, sums[s * call.heads].x);
      for (int distance = 16; distance > 0; distance /= 2)
        maximum = fmaxf(maximum, __shfl_xor_sync(~0u, maximum, distance));
      for (int s = lane; s < used; s += 32) {
        float2 one = sums[s * call.heads];
        float factor = exp2f(one.x - maximum);
        weights[t * call.splits + s] = factor;
        sum += factor * one.y;
      }
      for (int distance = 16; distance > 0; distance /= 2)
        sum += __shfl_xor_sync(~0u, sum, distance);
      for (int s = lane; s < used; s += 32)
        weights[t * call.splits + s] /= sum;
    }
    __syncthreads();

    // The sum of the splits: a thread takes four columns of a token, and several threads share them where there are few.
    int quads = call.latent / 4, items = tokens * quads, sharing = max(1, projectThreads / items);
    for (int base = 0; base < items; base += projectThreads) {
      int item = base + (sharing > 1 ? threadIdx.x % items : threadIdx.x), group = sharing > 1 ? threadIdx.x / items : 0;
      bool takesPart = item < items && group < sharing;
      int t = takesPart ? item / quads : 0, column = item % quads * 4;
      float4 sum = {};
      if (takesPart) {
        int used = DecodePart(__ldcg(call.starts + first + t) + 1, call.splits, 0).used;
        const float *source = call.attended + (int64_t(first + t) * call.splits * call.heads + head) * call.latent + column;
        int64_t stride = int64_t(call.heads) * call.latent;
        constexpr int batch = 8; // loads under way
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
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        int row = firstRow + myRows + n * 8 + 2 * q;
        float left = scaled ? scaleAt(call, row, begin) : 1, right = scaled ? scaleAt(call, row + 1, begin) : 1;
        sums[n][0] += (upper[n][0] + lower[n][0]) * left, sums[n][1] += (upper[n][1] + lower[n][1]) * right;
        sums[n][2] += (upper[n][2] + lower[n][2]) * left, sums[n][3] += (upper[n][3] + lower[n][3]) * right;
      }
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
    for (int i = threadIdx.x; i < tokens * rows; i += projectThreads) {
      float sum = 0;
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
  LaunchShape shape = {dim3(call.latent / absorbColumns, call.heads), dim3(absorbThreads),
                       size_t(call.nope) * absorbColumns * 2 +
                           size_t(std::min(call.tokens + 15, absorbTokens)) / 16 * 16 * (call.nope + 8) * 2};
  return launch(state.stream, shape, call.format.scale == DSRT_NONE ? absorbKernel<false> : absorbKernel<true>, call);
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
