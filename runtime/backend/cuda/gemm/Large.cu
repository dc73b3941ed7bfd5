// Products of many rows on Hopper: y = x weight^T, dense or grouped by expert, one or two weights at a time (Gemm.h).
//
// In: x and weights of FP8 E4M3 with scales (x: a row and 128 of K; weights: 128 x 128), or of BF16 or FP16. Out: FP32, BF16 or FP16.
//
// A block is one producer warpgroup, of which one warp feeds a ring of stages through the copy engine, and two consumer warpgroups that
// multiply. A stage holds 128 bytes of K of the tile's rows of x, in chunks of 64, and of its 128 weight rows. Chunk 2 w + g is the wave w of
// consumer g: chunks without rows are neither loaded nor multiplied, which matters for experts with few rows. The blocks of a cluster
// take neighbouring columns: each loads a part of x for all of them. FP8 sums 128 of K in the tensor core and adds this, scaled, to FP32 sums
// (the tensor core keeps about 14 bits); while one consumer does so, the other multiplies.
#include "runtime/backend/cuda/gemm/Large.h"

#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/gemm/LargeTiles.cuh"
#include "runtime/backend/cuda/gemm/Tma.cuh"
#include "runtime/backend/cuda/gemm/Wgmma.cuh"

#include <algorithm>

namespace dsrt::cuda {

namespace {

constexpr int chunkRows = 64, consumers = 2, threads = 128 * (1 + consumers);
constexpr int chunkBytes = chunkRows * 128, weightBytes = largeTileColumns * 128; // a stage's
constexpr int stagingBytes = 16 * 128;                                           // a consumer warp's: 16 rows of 128 bytes of y

struct LargeArguments {
  CUtensorMap x, weights[2];
  LargeExtents extents;
  const float *xScales, *weightScales[2];
  void *y[2];
  int k, yType;
};

template <int waves> struct Ring {
  static constexpr int chunks = consumers * waves;
  static constexpr int stageBytes = chunks * chunkBytes + weightBytes;
  static constexpr int stages = 196608 / stageBytes;
};

/// In the block's shared memory, which begins at a multiple of 1024.
template <int waves> struct Shared {
  uint8_t stages[Ring<waves>::stages][Ring<waves>::stageBytes];
  uint8_t staging[4 * consumers][stagingBytes];
  uint64_t full[Ring<waves>::stages], empty[Ring<waves>::stages];
};

template <typename Element> constexpr bool isScaled = std::is_same_v<Element, __nv_fp8_e4m3>;

/// Feeds the ring; one warp, of which one lane issues.
template <typename Element, int waves, int cluster> __device__ __forceinline__ void produce(const LargeArguments &a, Shared<waves> &shared) {
  constexpr int depth = 128 / int(sizeof(Element));
  const uint32_t rank = cluster > 1 ? clusterRank() : 0;
  const bool issues = threadIdx.x % 32 == 0;
  Tiles<waves * consumers * chunkRows, cluster> tiles(a.extents, rank);
  Stage<Ring<waves>::stages> stage;
  for (Tile tile; tiles.next(tile);) {
    const int chunks = min(Ring<waves>::chunks, (tile.rowEnd - tile.row + chunkRows - 1) / chunkRows);
    const uint32_t bytes = chunks * chunkBytes + (tile.empty ? 0 : weightBytes);
    const int weightRow = tile.expert * a.extents.columns[tile.side] + tile.column;
    for (int k = 0; k < a.k; k += depth, stage.advance()) {
      if (issues) {
        waitCluster(&shared.empty[stage.index], stage.parity ^ 1);
        uint64_t *full = &shared.full[stage.index];
        uint8_t *memory = shared.stages[stage.index];
        arriveExpecting(full, bytes);
        if (!tile.empty)
          loadBox(&a.weights[tile.side], memory + Ring<waves>::chunks * chunkBytes, full, k, weightRow);
        for (int chunk = cluster > 1 ? rank : 0; chunk < chunks; chunk += cluster)
          if constexpr (cluster > 1)
            loadBoxMulticast(&a.x, memory + chunk * chunkBytes, full, k, tile.row + chunk * chunkRows, (1 << cluster) - 1);
          else
            loadBox(&a.x, memory + chunk * chunkBytes, full, k, tile.row + chunk * chunkRows);
      }
      __syncwarp();
    }
  }
}

/// The products x scale * weight scale of a thread's rows: two of each wave. Lane l of a quad holds them for block l of four blocks of K; the
/// next four, or the first of the next tile, are on their way.
template <int waves> struct Scales {
  const float *x, *weight;
  int rows[waves][2], blocks;
  float held[waves][2], next[waves][2], nextWeight;

  __device__ __forceinline__ void begin(const LargeArguments &a, const Tile &tile, int group) {
    blocks = (a.k + 127) / 128;
    x = a.xScales;
    weight = a.weightScales[tile.side];
    if (tile.empty)
      return;
    weight += (int64_t(tile.expert) * a.extents.columnTiles[tile.side] + tile.column / 128) * blocks;
    const int firstRow = tile.row + group * chunkRows + int(threadIdx.x) % 128 / 32 * 16 + int(threadIdx.x) % 32 / 4;
#pragma unroll
    for (int wave = 0; wave < waves; ++wave)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        rows[wave][half] = min(firstRow + wave * consumers * chunkRows + half * 8, a.extents.rows - 1) * blocks;
    fetch(0);
  }

  __device__ __forceinline__ void fetch(int firstBlock) {
    const int block = min(firstBlock + int(threadIdx.x) % 4, blocks - 1);
    nextWeight = __ldg(weight + block);
#pragma unroll
    for (int wave = 0; wave < waves; ++wave)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        next[wave][half] = x[rows[wave][half] + block];
  }

  __device__ __forceinline__ void advance(int block) {
    if (block % 4 != 0)
      return;
#pragma unroll
    for (int wave = 0; wave < waves; ++wave)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        held[wave][half] = next[wave][half] * nextWeight;
    if (block + 4 < blocks)
      fetch(block + 4);
  }

  __device__ __forceinline__ float at(int wave, int half, int block) const {
    return __shfl_sync(~0u, held[wave][half], (threadIdx.x % 32 & ~3) | (block & 3));
  }
};

template <int waves, int cluster> __device__ __forceinline__ void release(Shared<waves> &shared, int index) {
  if (threadIdx.x % 32 < cluster) {
    if constexpr (cluster > 1)
      arriveAt(&shared.empty[index], threadIdx.x % 32);
    else
      arrive(&shared.empty[index]);
  }
}

/// sums = x weight^T over all of K for the first `active` waves of consumer `group`.
template <typename Element, int waves, int cluster, int active>
__device__ __forceinline__ void accumulate(const LargeArguments &a, Shared<waves> &shared, int group, Stage<Ring<waves>::stages> &stage,
                                           Scales<waves> &scales, float (&sums)[waves][64]) {
  constexpr int depth = 128 / int(sizeof(Element));
  const int blocks = (a.k + depth - 1) / depth;
  if constexpr (active == 0) {
    for (int block = 0; block < blocks; ++block, stage.advance()) {
      wait(&shared.full[stage.index], stage.parity);
      release<waves, cluster>(shared, stage.index);
    }
  } else if constexpr (isScaled<Element>) {
    float partial[64];
#pragma unroll
    for (int i = 0; i < 64; ++i)
      partial[i] = 0;
#pragma unroll
    for (int wave = 0; wave < active; ++wave)
#pragma unroll
      for (int i = 0; i < 64; ++i)
        sums[wave][i] = 0;
    for (int block = 0; block < blocks; ++block, stage.advance()) {
      const uint32_t memory = sharedAddress(shared.stages[stage.index]);
      const uint64_t weight = swizzledDescriptor(memory + Ring<waves>::chunks * chunkBytes);
      wait(&shared.full[stage.index], stage.parity);
#pragma unroll
      for (int wave = 0; wave < active; ++wave) {
        const uint64_t x = swizzledDescriptor(memory + (wave * consumers + group) * chunkBytes);
        pinAccumulators(partial);
        fenceWgmma();
#pragma unroll
        for (int step = 0; step < 4; ++step)
          multiply<Element, 128>(partial, x + 2 * step, weight + 2 * step, step > 0);
        commitWgmma();
        if (wave == 0)
          scales.advance(block);
        const float scale[2] = {scales.at(wave, 0, block), scales.at(wave, 1, block)};
        waitWgmma<0>();
        pinAccumulators(partial);
        if (wave == active - 1)
          release<waves, cluster>(shared, stage.index);
#pragma unroll
        for (int i = 0; i < 64; ++i)
          sums[wave][i] += partial[i] * scale[i / 2 % 2];
      }
    }
  } else {
#pragma unroll
    for (int wave = 0; wave < active; ++wave)
      pinAccumulators(sums[wave]);
    int previous = 0;
    for (int block = 0; block < blocks; ++block, stage.advance()) {
      const uint32_t memory = sharedAddress(shared.stages[stage.index]);
      const uint64_t weight = swizzledDescriptor(memory + Ring<waves>::chunks * chunkBytes);
      wait(&shared.full[stage.index], stage.parity);
      fenceWgmma();
#pragma unroll
      for (int wave = 0; wave < active; ++wave) {
        const uint64_t x = swizzledDescriptor(memory + (wave * consumers + group) * chunkBytes);
#pragma unroll
        for (int step = 0; step < 4; ++step)
          multiply<Element, 128>(sums[wave], x + 2 * step, weight + 2 * step, block > 0 || step > 0);
      }
      commitWgmma();
      waitWgmma<1>(); // the products of the block before have been done
      if (block > 0)
        release<waves, cluster>(shared, previous);
      previous = stage.index;
    }
    waitWgmma<0>();
#pragma unroll
    for (int wave = 0; wave < active; ++wave)
      pinAccumulators(sums[wave]);
    release<waves, cluster>(shared, previous);
  }
}

__device__ __forceinline__ uint32_t packed(float low, float high, __nv_bfloat16) {
  __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
  return reinterpret_cast<uint32_t &>(pair);
}
__device__ __forceinline__ uint32_t packed(float low, float high, __half) {
  __half2 pair = __floats2half2_rn(low, high);
  return reinterpret_cast<uint32_t &>(pair);
}

/// Writes a warp's 16 rows of 128 columns: through its staging memory, so that 8 lanes store 128 bytes of a row. Rows from `rowEnd` on
/// and columns from `columns` on are left alone.
template <typename Result>
__device__ __forceinline__ void store(const float (&sums)[64], uint8_t *staging, Result *y, int row, int rowEnd, int column, int columns) {
  constexpr int pass = 128 / int(sizeof(Result)), perChunk = 16 / int(sizeof(Result));
  const int lane = threadIdx.x % 32;
  const bool aligned = columns % perChunk == 0 && reinterpret_cast<uintptr_t>(y) % 16 == 0;
#pragma unroll
  for (int first = 0; first < 128; first += pass) {
    if constexpr (sizeof(Result) == 2) {
      // stmatrix: lane l gives the address of row l mod 8 of matrix l / 8; the matrices are rows 0..7 and 8..15 of 8 columns, then of the next 8
      const int stagedRow = lane % 16, half = lane / 16;
#pragma unroll
      for (int i = 0; i < pass / 16; ++i) {
        const float *values = sums + (first + i * 16) / 2;
        uint32_t address = sharedAddress(staging) + stagedRow * 128 + ((2 * i + half) ^ (stagedRow & 7)) * 16;
        asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address),
                     "r"(packed(values[0], values[1], Result())), "r"(packed(values[2], values[3], Result())),
                     "r"(packed(values[4], values[5], Result())), "r"(packed(values[6], values[7], Result()))
                     : "memory");
      }
    } else {
#pragma unroll
      for (int i = 0; i < pass / 8; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const float *values = sums + (first + i * 8) / 2 + half * 2;
          const int stagedRow = lane / 4 + half * 8;
          *reinterpret_cast<float2 *>(staging + stagedRow * 128 + ((2 * i + lane % 4 / 2) ^ (stagedRow & 7)) * 16 + lane % 2 * 8) =
              make_float2(values[0], values[1]);
        }
    }
    __syncwarp();
    const int firstColumn = column + first + lane % 8 * perChunk;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int stagedRow = i * 4 + lane / 8;
      const uint4 chunk = *reinterpret_cast<const uint4 *>(staging + stagedRow * 128 + (lane % 8 ^ (stagedRow & 7)) * 16);
      if (row + stagedRow >= rowEnd || firstColumn >= columns)
        continue;
      Result *target = y + int64_t(row + stagedRow) * columns + firstColumn;
      if (aligned) {
        *reinterpret_cast<uint4 *>(target) = chunk;
      } else {
        const Result *values = reinterpret_cast<const Result *>(&chunk);
#pragma unroll
        for (int j = 0; j < perChunk; ++j)
          if (firstColumn + j < columns)
            target[j] = values[j];
      }
    }
    __syncwarp();
  }
}

/// Multiplies and writes what the producer brings; one warpgroup.
template <typename Element, int waves, int cluster>
__device__ __forceinline__ void consume(const LargeArguments &a, Shared<waves> &shared, int group) {
  const uint32_t rank = cluster > 1 ? clusterRank() : 0;
  const int warp = int(threadIdx.x) % 128 / 32;
  Tiles<waves * consumers * chunkRows, cluster> tiles(a.extents, rank);
  Stage<Ring<waves>::stages> stage;
  Scales<waves> scales;
  Tile tile;
  bool more = tiles.next(tile);
  if (isScaled<Element> && more)
    scales.begin(a, tile, group);
  while (more) {
    const int chunks = min(Ring<waves>::chunks, (tile.rowEnd - tile.row + chunkRows - 1) / chunkRows);
    const int active = tile.empty ? 0 : (chunks - group + 1) / 2;
    float sums[waves][64];
    if (active == 0)
      accumulate<Element, waves, cluster, 0>(a, shared, group, stage, scales, sums);
    else if (active == waves)
      accumulate<Element, waves, cluster, waves>(a, shared, group, stage, scales, sums);
    else
      accumulate<Element, waves, cluster, 1>(a, shared, group, stage, scales, sums);
    const Tile done = tile;
    more = tiles.next(tile);
    if (isScaled<Element> && more)
      scales.begin(a, tile, group); // while results are written
    uint8_t *staging = shared.staging[group * 4 + warp];
    const int columns = a.extents.columns[done.side];
    void *y = a.y[done.side];
#pragma unroll
    for (int wave = 0; wave < waves; ++wave) {
      if (wave >= active)
        break;
      const int row = done.row + (wave * consumers + group) * chunkRows + warp * 16;
      if (a.yType == DSRT_BF16)
        store(sums[wave], staging, static_cast<__nv_bfloat16 *>(y), row, done.rowEnd, done.column, columns);
      else if (a.yType == DSRT_F16)
        store(sums[wave], staging, static_cast<__half *>(y), row, done.rowEnd, done.column, columns);
      else
        store(sums[wave], staging, static_cast<float *>(y), row, done.rowEnd, done.column, columns);
    }
  }
}

template <typename Element, int waves, int cluster>
__global__ void __launch_bounds__(threads, 1) largeKernel(const __grid_constant__ LargeArguments a) {
  extern __shared__ uint8_t memory[];
  Shared<waves> &shared = *reinterpret_cast<Shared<waves> *>((reinterpret_cast<uintptr_t>(memory) + 1023) & ~uintptr_t(1023));
  if (threadIdx.x == 0) {
    prefetchTensorMap(&a.x);
    prefetchTensorMap(&a.weights[0]);
    for (int i = 0; i < Ring<waves>::stages; ++i) {
      initBarrier(&shared.full[i], 1);
      initBarrier(&shared.empty[i], 4 * consumers * cluster); // each consumer warp of the cluster
    }
    fenceBarriers();
  }
  if constexpr (cluster > 1)
    syncCluster();
  else
    __syncthreads();
  waitForPrevious();
  allowNext();
  const int warpgroup = __shfl_sync(~0u, int(threadIdx.x) / 128, 0);
  if (warpgroup == consumers) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
    if (threadIdx.x / 32 == consumers * 4)
      produce<Element, waves, cluster>(a, shared);
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
    consume<Element, waves, cluster>(a, shared, warpgroup);
  }
  if constexpr (cluster > 1)
    syncCluster(); // blocks of a cluster write each other's memory: none may go before
}

template <typename Element, int waves, int cluster> cudaError_t run(State &state, const Product &product) {
  constexpr int tileRows = waves * consumers * chunkRows;
  LargeArguments arguments = {};
  LargeExtents &extents = arguments.extents;
  extents.offsets = product.offsets;
  extents.rows = int(product.rows), extents.experts = int(product.experts), extents.sideCount = product.sideCount;
  arguments.xScales = product.xScales;
  arguments.k = int(product.k), arguments.yType = product.yType;
  cudaError_t error = makeTensorMap(&arguments.x, product.x, product.rows, product.k, sizeof(Element), chunkRows);
  int columnTiles = 0;
  for (int i = 0; i < product.sideCount && error == cudaSuccess; ++i) {
    const Side &side = product.sides[i];
    error = makeTensorMap(&arguments.weights[i], side.weight, product.experts * side.n, product.k, sizeof(Element), largeTileColumns);
    arguments.weightScales[i] = side.weightScales;
    arguments.y[i] = side.y;
    extents.columns[i] = int(side.n);
    columnTiles += extents.columnTiles[i] = int((side.n + largeTileColumns - 1) / largeTileColumns);
  }
  if (error != cudaSuccess)
    return error;
  // grouped: each expert may end in a tile that is not full
  const int64_t rowTiles = product.offsets ? product.rows / tileRows + std::min(product.experts, product.rows)
                                           : (product.rows + tileRows - 1) / tileRows;
  const int64_t items = rowTiles * ((columnTiles + cluster - 1) / cluster);
  const int64_t clusters = std::min<int64_t>(items, state.multiprocessors / cluster);
  if (clusters == 0)
    return cudaSuccess;
  LaunchShape shape = {dim3(unsigned(clusters * cluster)), dim3(threads), sizeof(Shared<waves>) + 1024, cluster};
  return launch(state.stream, shape, largeKernel<Element, waves, cluster>, arguments);
}

template <typename Element> cudaError_t run(State &state, const Product &product, LargeTile tile) {
  if (tile.waves == 1)
    return tile.cluster == 1 ? run<Element, 1, 1>(state, product) : run<Element, 1, 2>(state, product);
  return tile.cluster == 1 ? run<Element, 2, 1>(state, product) : run<Element, 2, 2>(state, product);
}

bool aligned16(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

} // namespace

bool largeTakes(const Product &product) {
  const bool scaled = product.xType == DSRT_F8E4M3;
  if (!scaled && product.xType != DSRT_BF16 && product.xType != DSRT_F16)
    return false;
  if (scaled != (product.xScales != nullptr) || product.k <= 0 || product.k * (scaled ? 1 : 2) % 16 != 0 || !aligned16(product.x))
    return false;
  const int64_t limit = INT32_MAX / 2, blocks = (product.k + 127) / 128; // indices of rows and scales are 32 bits wide
  if (product.rows > limit / blocks || product.k > limit || product.experts > limit)
    return false;
  for (int i = 0; i < product.sideCount; ++i) {
    const Side &side = product.sides[i];
    if (!aligned16(side.weight) || scaled != (side.weightScales != nullptr) || side.n <= 0 || side.n > limit / product.experts)
      return false;
  }
  return true;
}

LargeTile largeTile(const State &state, const Product &product) { return {2, 2}; }

cudaError_t runLarge(State &state, const Product &product, LargeTile tile) {
  if (product.xType == DSRT_F8E4M3)
    return run<__nv_fp8_e4m3>(state, product, tile);
  return product.xType == DSRT_BF16 ? run<__nv_bfloat16>(state, product, tile) : run<__half>(state, product, tile);
}

cudaError_t runLarge(State &state, const Product &product) { return runLarge(state, product, largeTile(state, product)); }

} // namespace dsrt::cuda
