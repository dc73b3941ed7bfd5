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

/// 16 E4M3 values as two times eight BF16.
__device__ __forceinline__ void widen(uint4 payload, uint4 (&values)[2]) {
  const uint32_t words[4] = {payload.x, payload.y, payload.z, payload.w};
  uint32_t pairs[8];
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    __nv_fp8x2_storage_t codes = __nv_fp8x2_storage_t(words[i / 2] >> (i % 2 * 16));
    float2 both = __half22float2(__half2(__nv_cvt_fp8x2_to_halfraw2(codes, __NV_E4M3)));
    pairs[i] = packed(__floats2bfloat162_rn(both.x, both.y));
  }
  values[0] = {pairs[0], pairs[1], pairs[2], pairs[3]};
  values[1] = {pairs[4], pairs[5], pairs[6], pairs[7]};
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

// Project: a cluster takes one head and 16 tokens; each of its blocks joins the splits of a part of the latent's columns, hands them to
// the others, and multiplies all columns with a part of the head's value rows. A warp takes every eighth 64 columns, all rows.
constexpr int projectThreads = 256, projectWarps = projectThreads / 32, projectTokens = 16, maxBlockRows = 32;

struct ProjectLayout {
  int tokens;      ///< rows of the attended latent: a power of two, 16 at most
  int stride;      ///< elements of a row of weight and attended latent: 16 bytes more than 128 k, so that ldmatrix meets no bank twice
  size_t attended; ///< bytes before: the weight [rows, stride]
  size_t sums;     ///< the attended latent [2, tokens, stride], upper parts and lower parts
  size_t weights;  ///< partial sums: F32 [8, tokens, rows] of the warps, or before [256, 4] of threads that share a column
  size_t bytes;    ///< weights of the splits, F32 [tokens, splits]

  __host__ __device__ ProjectLayout(const DecodeCall &call, int rows) {
    tokens = call.tokens > 8 ? 16 : call.tokens > 4 ? 8 : call.tokens > 2 ? 4 : call.tokens;
    stride = call.latent + 8;
    attended = size_t(rows) * stride * 2;
    sums = attended + size_t(2) * tokens * stride * 2;
    size_t shared = size_t(projectWarps) * tokens * rows * 4;
    weights = sums + (shared < projectThreads * 16 ? projectThreads * 16 : shared);
    bytes = weights + size_t(tokens) * call.splits * 4;
  }
};

/// Writes to the same place in the shared memory of another block of the cluster.
__device__ __forceinline__ void storeAt(uint32_t address, uint32_t rank, uint2 value) {
  uint32_t remote;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(remote) : "r"(address), "r"(rank));
  asm volatile("st.shared::cluster.v2.u32 [%0], {%1, %2};" ::"r"(remote), "r"(value.x), "r"(value.y) : "memory");
}

template <bool scaled> __global__ void __launch_bounds__(projectThreads, 4) projectKernel(DecodeCall call) {
  extern __shared__ __align__(16) char memory[];
  int parts = gridDim.x, rank = blockIdx.x, head = blockIdx.y, first = blockIdx.z * projectTokens;
  int tokens = min(projectTokens, call.tokens - first), rows = call.value / parts;
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, g = lane / 4, q = lane % 4;
  int firstRow = head * (call.nope + call.value) + call.nope + rank * rows;
  ProjectLayout layout(call, rows);
  allowNext();
  float *partial = reinterpret_cast<float *>(memory + layout.sums), *weights = reinterpret_cast<float *>(memory + layout.weights);

  stageWeight<scaled, projectThreads>(call, firstRow, rows, 0, call.latent, [&](int r, int chunk) {
    return reinterpret_cast<uint4 *>(memory + size_t(r) * layout.stride * 2) + chunk;
  });
  waitForPrevious();

  // The weight of each split in its token's softmax: 2^(maximum - overall maximum) / overall sum.
  for (int t = warp; t < tokens; t += projectWarps) {
    int token = first + t, used = DecodePart(__ldg(call.starts + token) + 1, call.splits, 0).used;
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
  syncCluster(); // all blocks of the cluster run: their memory may be written

  // The sum of the splits: a thread takes four columns of a token, and several threads share them where there are few.
  int columns = call.latent / parts, quads = columns / 4, items = tokens * quads, sharing = max(1, projectThreads / items);
  uint32_t attended = sharedAddress(memory + layout.attended);
  for (int base = 0; base < items; base += projectThreads) {
    int item = base + (sharing > 1 ? threadIdx.x % items : threadIdx.x), group = sharing > 1 ? threadIdx.x / items : 0;
    bool takesPart = item < items && group < sharing;
    int t = takesPart ? item / quads : 0, token = first + t, column = rank * columns + item % quads * 4;
    float4 sum = {};
    if (takesPart) {
      int used = DecodePart(__ldg(call.starts + token) + 1, call.splits, 0).used;
      const float *source = call.attended + (int64_t(token) * call.splits * call.heads + head) * call.latent + column;
      int64_t stride = int64_t(call.heads) * call.latent;
#pragma unroll 4
      for (int s = group; s < used; s += sharing) {
        float4 one = *reinterpret_cast<const float4 *>(source + s * stride);
        float weight = weights[t * call.splits + s];
        sum.x += weight * one.x, sum.y += weight * one.y, sum.z += weight * one.z, sum.w += weight * one.w;
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
      uint32_t to = attended + (t * layout.stride + column) * 2;
      for (int other = 0; other < parts; ++other) {
        storeAt(to, other, high);
        storeAt(to + layout.tokens * layout.stride * 2, other, low);
      }
    }
  }
  syncCluster(); // the whole attended latent is here; rows of tokens that are not there hold anything, and only they see it

  uint32_t weight = sharedAddress(memory);
  float sums[maxBlockRows / 8][4] = {};
  for (int begin = warp * 64; begin < call.latent; begin += projectWarps * 64) {
    float slab[maxBlockRows / 8][4] = {};
#pragma unroll
    for (int pair = 0; pair < 2; ++pair) {
      uint32_t high[2][4], low[2][4];
#pragma unroll
      for (int step = 0; step < 2; ++step) {
        uint32_t from = attended + (lane % layout.tokens * layout.stride + begin + pair * 32 + step * 16 + lane / 16 * 8) * 2;
        loadMatrices(high[step], from);
        loadMatrices(low[step], from + layout.tokens * layout.stride * 2);
      }
#pragma unroll
      for (int n = 0; n < maxBlockRows / 8; ++n)
        if (n * 8 < rows) {
          uint32_t w[4];
          loadMatrices(w, weight + ((n * 8 + lane % 8) * layout.stride + begin + pair * 32 + lane / 8 * 8) * 2);
#pragma unroll
          for (int step = 0; step < 2; ++step) {
            mma(slab[n], high[step][0], high[step][1], high[step][2], high[step][3], w[2 * step], w[2 * step + 1]);
            mma(slab[n], low[step][0], low[step][1], low[step][2], low[step][3], w[2 * step], w[2 * step + 1]);
          }
        }
    }
#pragma unroll
    for (int n = 0; n < maxBlockRows / 8; ++n)
      if (n * 8 < rows) {
        float left = 1, right = 1;
        if (scaled)
          left = scaleAt(call, firstRow + n * 8 + 2 * q, begin), right = scaleAt(call, firstRow + n * 8 + 2 * q + 1, begin);
        sums[n][0] += slab[n][0] * left, sums[n][1] += slab[n][1] * right;
        sums[n][2] += slab[n][2] * left, sums[n][3] += slab[n][3] * right;
      }
  }
#pragma unroll
  for (int n = 0; n < maxBlockRows / 8; ++n)
    if (n * 8 < rows) {
#pragma unroll
      for (int half = 0; half < 2; ++half)
        if (g + 8 * half < tokens)
          *reinterpret_cast<float2 *>(partial + (warp * layout.tokens + g + 8 * half) * rows + n * 8 + 2 * q) = {sums[n][2 * half],
                                                                                                                 sums[n][2 * half + 1]};
    }
  __syncthreads();
  __nv_bfloat16 *y = static_cast<__nv_bfloat16 *>(call.y);
  for (int i = threadIdx.x; i < tokens * rows; i += projectThreads) {
    float sum = 0;
    for (int w = 0; w < projectWarps; ++w)
      sum += partial[w * layout.tokens * rows + i];
    y[(int64_t(first + i / rows) * call.heads + head) * call.value + rank * rows + i % rows] = __float2bfloat16_rn(sum);
  }
}

/// Blocks of a cluster: as many as leave each 8 rows or more and not much more than two blocks for each multiprocessor.
int partsOf(const State &state, const DecodeCall &call) {
  int64_t clusters = int64_t(call.heads) * ((call.tokens + projectTokens - 1) / projectTokens);
  int parts = 1;
  while (parts < 8 && call.value % (16 * parts) == 0 && (call.value / parts > maxBlockRows || clusters * parts < 2 * state.multiprocessors))
    parts *= 2;
  return parts;
}

bool aligned(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

} // namespace

bool takesProjections(const DecodeCall &call) {
  const dsrt_quant &format = call.format;
  bool plain = format.payload == DSRT_BF16 && format.scale == DSRT_NONE;
  bool scaled = format.payload == DSRT_F8E4M3 && format.scale != DSRT_NONE && format.tile_rows % 32 == 0 && format.tile_cols % 64 == 0;
  return call.type == DSRT_BF16 && (plain || scaled) && call.nope % 32 == 0 && call.nope <= maxNope && call.rope % 8 == 0 &&
         call.value % 32 == 0 && call.value <= 256 && call.latent % 64 == 0 && call.latent <= 512 && aligned(call.q) &&
         aligned(call.weight);
}

cudaError_t absorb(State &state, const DecodeCall &call) {
  LaunchShape shape = {dim3(call.latent / absorbColumns, call.heads), dim3(absorbThreads),
                       size_t(call.nope) * absorbColumns * 2 +
                           size_t(std::min(call.tokens + 15, absorbTokens)) / 16 * 16 * (call.nope + 8) * 2};
  return launch(state.stream, shape, call.format.scale == DSRT_NONE ? absorbKernel<false> : absorbKernel<true>, call);
}

cudaError_t project(State &state, const DecodeCall &call) {
  int parts = partsOf(state, call);
  LaunchShape shape = {dim3(parts, call.heads, (call.tokens + projectTokens - 1) / projectTokens), dim3(projectThreads),
                       ProjectLayout(call, call.value / parts).bytes, unsigned(parts)};
  return launch(state.stream, shape, call.format.scale == DSRT_NONE ? projectKernel<false> : projectKernel<true>, call);
}

} // namespace dsrt::cuda
