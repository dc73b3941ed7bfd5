// Products of many rows on Hopper: y = x weight^T, dense or grouped by expert, one or two weights at a time (Gemm.h).
//
// In: x and weights of FP8 E4M3 with scales (x: a row and 128 of K; weights: 128 x 128), or of BF16 or FP16. Out: FP32, BF16 or FP16.
//
// A block is one producer warpgroup, of which one warp feeds a ring of stages through the copy engine, and two consumer warpgroups that
// multiply. A stage holds 128 bytes of K of the tile's rows of x, in chunks of 64, and of its 128 weight rows. Chunk 2 w + g is the wave w
// of consumer g: chunks without rows are neither loaded nor multiplied, which matters for experts with few rows. The blocks of a cluster
// take neighbouring columns: each loads a part of x for all of them. FP8 sums 128 of K in the tensor core and adds this, scaled, to FP32
// sums (the tensor core keeps about 14 bits); while one consumer does so, the other multiplies.
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
// A consumer warp hands its results over in slabs: 16 rows of 256 bytes of y, apart by 16 bytes more, so that 8 rows lie in different
// banks.
constexpr int slabRowBytes = 256, slabPitch = slabRowBytes + 16, slabBytes = 16 * slabPitch;
constexpr int sharedLimit = 227 * 1024;

struct LargeArguments {
  CUtensorMap x, weights[2];
  LargeExtents extents;
  const float *xScales, *weightScales[2];
  void *y[2];
  int k, yType;
};

/// waves: of 64 rows that a consumer computes; slabs: of a consumer warp, which are stored while it goes on.
template <int waves_, int cluster_, int slabs_, bool ordered_> struct Shape {
  static constexpr int waves = waves_, cluster = cluster_, slabs = slabs_;
  static constexpr bool ordered = ordered_;
  static constexpr int chunks = consumers * waves, tileRows = chunks * chunkRows;
  static constexpr int stageBytes = chunks * chunkBytes + weightBytes;
  static constexpr int stages = (sharedLimit - 4 * consumers * slabs * slabBytes - 512) / stageBytes;
};

template <typename Shape> struct Shared {
  uint8_t stages[Shape::stages][Shape::stageBytes];
  uint8_t slabs[4 * consumers][Shape::slabs][slabBytes];
  uint64_t full[Shape::stages], empty[Shape::stages];
  Tile tiles[2]; ///< what the producer has begun; no rows: the end
  uint64_t tileFull[2], tileEmpty[2];
};

template <typename Element> constexpr bool isScaled = std::is_same_v<Element, __nv_fp8_e4m3>;

/// Feeds the ring; one warp, of which one lane issues.
template <typename Element, typename Shape> __device__ __forceinline__ void produce(const LargeArguments &a, Shared<Shape> &shared) {
  constexpr int cluster = Shape::cluster;
  constexpr int depth = 128 / int(sizeof(Element));
  const uint32_t rank = cluster > 1 ? clusterRank() : 0;
  const bool issues = threadIdx.x % 32 == 0;
  Tiles<Shape::tileRows, cluster> tiles(a.extents, rank);
  Stage<Shape::stages> stage;
  Stage<2> slot;
  for (bool more = true; more; slot.advance()) {
    Tile tile = {};
    more = tiles.next(tile);
    if (issues) {
      wait(&shared.tileEmpty[slot.index], slot.parity ^ 1);
      shared.tiles[slot.index] = tile;
      arrive(&shared.tileFull[slot.index]);
    }
    if (!more)
      break;
    const int chunks = min(Shape::chunks, (tile.rowEnd - tile.row + chunkRows - 1) / chunkRows);
    const uint32_t bytes = chunks * chunkBytes + (tile.empty ? 0 : weightBytes);
    const int weightRow = tile.expert * a.extents.columns[tile.side] + tile.column;
    for (int k = 0; k < a.k; k += depth, stage.advance()) {
      if (issues) {
        wait(&shared.empty[stage.index], stage.parity ^ 1);
        uint64_t *full = &shared.full[stage.index];
        uint8_t *memory = shared.stages[stage.index];
        arriveExpecting(full, bytes);
        if (!tile.empty)
          loadBox(&a.weights[tile.side], memory + Shape::chunks * chunkBytes, full, k, weightRow);
#pragma unroll
        for (int first = 0; first < Shape::chunks; first += cluster) {
          const int chunk = first + int(rank);
          if (chunk >= chunks)
            break;
          if constexpr (cluster > 1)
            loadBoxMulticast(&a.x, memory + chunk * chunkBytes, full, k, tile.row + chunk * chunkRows, (1 << cluster) - 1);
          else
            loadBox(&a.x, memory + chunk * chunkBytes, full, k, tile.row + chunk * chunkRows);
        }
      }
      __syncwarp();
    }
  }
}

/// The products x scale * weight scale of a thread's rows: two of each wave. Lane l of a quad holds them for block l of four blocks of K;
/// the next four, or the first of the next tile, are on their way.
template <int waves> struct Scales {
  const float *x, *weight;
  int row, lastRow, blocks; ///< the thread's first row; the last of x
  float held[waves][2], next[waves][2], nextWeight;

  __device__ __forceinline__ void begin(const LargeArguments &a, const Tile &tile, int group) {
    blocks = (a.k + 127) / 128;
    lastRow = a.extents.rows - 1;
    x = a.xScales;
    weight = a.weightScales[tile.side];
    if (tile.empty)
      return;
    weight += (int64_t(tile.expert) * a.extents.columnTiles[tile.side] + tile.column / 128) * blocks;
    row = tile.row + group * chunkRows + int(threadIdx.x) % 128 / 32 * 16 + int(threadIdx.x) % 32 / 4;
    fetch(0);
  }

  __device__ __forceinline__ void fetch(int firstBlock) {
    const int block = min(firstBlock + int(threadIdx.x) % 4, blocks - 1);
    nextWeight = __ldg(weight + block);
#pragma unroll
    for (int wave = 0; wave < waves; ++wave)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        next[wave][half] = x[min(row + wave * consumers * chunkRows + half * 8, lastRow) * blocks + block];
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

  __device__ __forceinline__ float at(int wave, int half, int block) const { return __shfl_sync(~0u, held[wave][half], block & 3, 4); }
};

template <typename Shape> __device__ __forceinline__ void release(Shared<Shape> &shared, int index) {
  if (threadIdx.x % 32 < Shape::cluster) {
    if constexpr (Shape::cluster > 1)
      arriveAt(&shared.empty[index], threadIdx.x % 32);
    else
      arrive(&shared.empty[index]);
  }
}

/// The consumers take turns in queueing products: else the tensor cores would serve both at once, and idle while both add up.
__device__ __forceinline__ void waitTurn(int group) { asm volatile("bar.sync %0, 256;" ::"r"(1 + group) : "memory"); }
__device__ __forceinline__ void giveTurn(int group) { asm volatile("bar.arrive %0, 256;" ::"r"(1 + group) : "memory"); }

/// sums = x weight^T over all of K for the first `active` waves of consumer `group`.
template <typename Element, typename Shape, int active>
__device__ __forceinline__ void accumulate(const LargeArguments &a, Shared<Shape> &shared, int group, Stage<Shape::stages> &stage,
                                           Scales<Shape::waves> &scales, bool together, float (&sums)[Shape::waves][64]) {
  constexpr int depth = 128 / int(sizeof(Element));
  const int blocks = (a.k + depth - 1) / depth;
  if constexpr (active == 0) {
    for (int block = 0; block < blocks; ++block, stage.advance()) {
      wait(&shared.full[stage.index], stage.parity);
      release<Shape>(shared, stage.index);
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
      scales.advance(block);
      float scale[active][2]; // before the products are queued: not to be waited for after them
#pragma unroll
      for (int wave = 0; wave < active; ++wave)
#pragma unroll
        for (int half = 0; half < 2; ++half)
          scale[wave][half] = scales.at(wave, half, block);
      const uint32_t memory = sharedAddress(shared.stages[stage.index]);
      const uint64_t weight = swizzledDescriptor(memory + Shape::chunks * chunkBytes);
      wait(&shared.full[stage.index], stage.parity);
#pragma unroll
      for (int wave = 0; wave < active; ++wave) {
        const uint64_t x = swizzledDescriptor(memory + (wave * consumers + group) * chunkBytes);
        pinAccumulators(partial);
        if (Shape::ordered && together && (group > 0 || wave > 0 || block > 0))
          waitTurn(group);
        fenceWgmma();
#pragma unroll
        for (int step = 0; step < 4; ++step)
          multiply<Element, 128>(partial, x + 2 * step, weight + 2 * step, step > 0);
        commitWgmma();
        if (Shape::ordered && together && (group == 0 || wave < active - 1 || block < blocks - 1))
          giveTurn(1 - group);
        waitWgmma<0>();
        pinAccumulators(partial);
        if (wave == active - 1)
          release<Shape>(shared, stage.index);
#pragma unroll
        for (int i = 0; i < 64; ++i)
          sums[wave][i] += partial[i] * scale[wave][i / 2 % 2];
      }
    }
  } else {
#pragma unroll
    for (int wave = 0; wave < active; ++wave)
      pinAccumulators(sums[wave]);
    int previous = 0;
    for (int block = 0; block < blocks; ++block, stage.advance()) {
      const uint32_t memory = sharedAddress(shared.stages[stage.index]);
      const uint64_t weight = swizzledDescriptor(memory + Shape::chunks * chunkBytes);
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
        release<Shape>(shared, previous);
      previous = stage.index;
    }
    waitWgmma<0>();
#pragma unroll
    for (int wave = 0; wave < active; ++wave)
      pinAccumulators(sums[wave]);
    release<Shape>(shared, previous);
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

/// Writes a warp's 16 rows of 128 columns, through its slabs: the copy engine stores a row at a time while the warp goes on. Rows from
/// `rowEnd` on and columns from `columns` on are left alone. `slab` is the next one to use.
template <int slabs, typename Result>
__device__ __forceinline__ void store(const float (&sums)[64], uint8_t (&memory)[slabs][slabBytes], Stage<slabs> &slab, Result *y, int row,
                                      int rowEnd, int column, int columns) {
  constexpr int slabColumns = slabRowBytes / int(sizeof(Result));
  const int lane = threadIdx.x % 32;
  const bool aligned = columns * int(sizeof(Result)) % 16 == 0 && reinterpret_cast<uintptr_t>(y) % 16 == 0;
#pragma unroll
  for (int first = 0; first < largeTileColumns; first += slabColumns, slab.advance()) {
    uint8_t *rows = memory[slab.index];
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(slabs - 1) : "memory"); // what the slab held has been read
    __syncwarp();
    if constexpr (sizeof(Result) == 2) {
      // stmatrix: lane l gives the address of row l mod 8 of matrix l / 8; the matrices are rows 0..7 and 8..15 of 8 columns, then of the
      // next 8
      const uint32_t address = sharedAddress(rows) + lane % 16 * slabPitch + lane / 16 * 16;
#pragma unroll
      for (int i = 0; i < slabColumns / 16; ++i) {
        const float *values = sums + (first + i * 16) / 2;
        asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address + i * 32),
                     "r"(packed(values[0], values[1], Result())), "r"(packed(values[2], values[3], Result())),
                     "r"(packed(values[4], values[5], Result())), "r"(packed(values[6], values[7], Result()))
                     : "memory");
      }
    } else {
      uint8_t *target = rows + lane / 4 * slabPitch + lane % 4 * 8;
#pragma unroll
      for (int i = 0; i < slabColumns / 8; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const float *values = sums + (first + i * 8) / 2 + half * 2;
          *reinterpret_cast<float2 *>(target + half * 8 * slabPitch + i * 32) = make_float2(values[0], values[1]);
        }
    }
    const int firstColumn = column + first, count = min(slabColumns, columns - firstColumn);
    if (aligned) {
      asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
      __syncwarp();
      if (lane < 16 && row + lane < rowEnd && count > 0)
        asm volatile("cp.async.bulk.global.shared::cta.bulk_group [%0], [%1], %2;" ::"l"(y + int64_t(row + lane) * columns + firstColumn),
                     "r"(sharedAddress(rows + lane * slabPitch)), "r"(count * int(sizeof(Result)))
                     : "memory");
    } else {
      __syncwarp();
      for (int i = 0; i < 16 && row + i < rowEnd; ++i)
        for (int j = lane; j < count; j += 32)
          y[int64_t(row + i) * columns + firstColumn + j] = reinterpret_cast<const Result *>(rows + i * slabPitch)[j];
    }
    asm volatile("cp.async.bulk.commit_group;" ::: "memory");
  }
}

/// The tile that the producer has begun next.
template <typename Shape> __device__ __forceinline__ Tile takeTile(Shared<Shape> &shared, Stage<2> &slot) {
  wait(&shared.tileFull[slot.index], slot.parity);
  const Tile tile = shared.tiles[slot.index];
  __syncwarp();
  if (threadIdx.x % 32 == 0)
    arrive(&shared.tileEmpty[slot.index]);
  slot.advance();
  return tile;
}

/// Multiplies and writes what the producer brings; one warpgroup.
template <typename Element, typename Shape>
__device__ __forceinline__ void consume(const LargeArguments &a, Shared<Shape> &shared, int group) {
  constexpr int waves = Shape::waves;
  const int warp = int(threadIdx.x) % 128 / 32;
  Stage<Shape::stages> stage;
  Stage<2> slot;
  Stage<Shape::slabs> slab;
  Scales<waves> scales;
  Tile tile = takeTile(shared, slot);
  if (isScaled<Element> && tile.rowEnd > 0)
    scales.begin(a, tile, group);
  while (tile.rowEnd > 0) {
    const int chunks = min(Shape::chunks, (tile.rowEnd - tile.row + chunkRows - 1) / chunkRows);
    const int active = tile.empty ? 0 : (chunks - group + 1) / 2;
    const bool together = chunks == Shape::chunks && !tile.empty;
    float sums[waves][64];
    if (active == 0)
      accumulate<Element, Shape, 0>(a, shared, group, stage, scales, together, sums);
    else if (active == waves)
      accumulate<Element, Shape, waves>(a, shared, group, stage, scales, together, sums);
    else
      accumulate<Element, Shape, 1>(a, shared, group, stage, scales, together, sums);
    const Tile done = tile;
    tile = takeTile(shared, slot);
    if (isScaled<Element> && tile.rowEnd > 0)
      scales.begin(a, tile, group); // while results are written
    auto &memory = shared.slabs[group * 4 + warp];
    const int columns = a.extents.columns[done.side];
    void *y = a.y[done.side];
#pragma unroll
    for (int wave = 0; wave < waves; ++wave) {
      if (wave >= active)
        break;
      const int row = done.row + (wave * consumers + group) * chunkRows + warp * 16;
      if (a.yType == DSRT_BF16)
        store(sums[wave], memory, slab, static_cast<__nv_bfloat16 *>(y), row, done.rowEnd, done.column, columns);
      else if (a.yType == DSRT_F16)
        store(sums[wave], memory, slab, static_cast<__half *>(y), row, done.rowEnd, done.column, columns);
      else
        store(sums[wave], memory, slab, static_cast<float *>(y), row, done.rowEnd, done.column, columns);
    }
  }
  asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
}

template <typename Element, typename Shape>
__global__ void __launch_bounds__(threads, 1) largeKernel(const __grid_constant__ LargeArguments a) {
  constexpr int cluster = Shape::cluster;
  extern __shared__ __align__(1024) uint8_t memory[]; // the swizzle's period
  Shared<Shape> &shared = *reinterpret_cast<Shared<Shape> *>(memory);
  if (threadIdx.x == 0) {
    prefetchTensorMap(&a.x);
    prefetchTensorMap(&a.weights[0]);
    for (int i = 0; i < Shape::stages; ++i) {
      initBarrier(&shared.full[i], 1);
      initBarrier(&shared.empty[i], 4 * consumers * cluster); // each consumer warp of the cluster
    }
    for (int i = 0; i < 2; ++i) {
      initBarrier(&shared.tileFull[i], 1);
      initBarrier(&shared.tileEmpty[i], 4 * consumers);
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
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;"); // 128 x 40 + 256 x 232 are the 384 x 168 that a block starts with
    if (threadIdx.x / 32 == consumers * 4)
      produce<Element, Shape>(a, shared);
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
    consume<Element, Shape>(a, shared, warpgroup);
  }
  if constexpr (cluster > 1)
    syncCluster(); // blocks of a cluster write each other's memory: none may go before
}

template <typename Element, typename Shape> cudaError_t run(State &state, const Product &product) {
  constexpr int tileRows = Shape::tileRows, cluster = Shape::cluster;
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
  const int64_t rowTiles =
      product.offsets ? product.rows / tileRows + std::min(product.experts, product.rows) : (product.rows + tileRows - 1) / tileRows;
  const int64_t items = rowTiles * ((columnTiles + cluster - 1) / cluster);
  const int64_t clusters = std::min<int64_t>(items, state.multiprocessors / cluster);
  if (clusters == 0)
    return cudaSuccess;
  LaunchShape shape = {dim3(unsigned(clusters * cluster)), dim3(threads), sizeof(Shared<Shape>), cluster};
  return launch(state.stream, shape, largeKernel<Element, Shape>, arguments);
}

template <typename Element, int waves, int cluster, int slabs> cudaError_t run(State &state, const Product &product, LargeTile tile) {
  if constexpr (isScaled<Element>)
    if (tile.ordered)
      return run<Element, Shape<waves, cluster, slabs, true>>(state, product);
  return run<Element, Shape<waves, cluster, slabs, false>>(state, product);
}

template <typename Element> cudaError_t run(State &state, const Product &product, LargeTile tile) {
  if (tile.waves == 1)
    return tile.cluster == 1 ? run<Element, 1, 1, 1>(state, product, tile) : run<Element, 1, 2, 1>(state, product, tile);
  if (tile.slabs == 1)
    return tile.cluster == 1 ? run<Element, 2, 1, 1>(state, product, tile) : run<Element, 2, 2, 1>(state, product, tile);
  return tile.cluster == 1 ? run<Element, 2, 1, 2>(state, product, tile) : run<Element, 2, 2, 2>(state, product, tile);
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

LargeTile largeTile(const State &state, const Product &product) {
  if (product.offsets)
    return {2, 1, 2, true};
  // the rounds that the tiles take; one of 128 rows takes somewhat more than half as long as one of 256
  int64_t columnTiles = 0;
  for (int i = 0; i < product.sideCount; ++i)
    columnTiles += (product.sides[i].n + largeTileColumns - 1) / largeTileColumns;
  auto rounds = [&](int64_t tileRows) {
    const int64_t clusters = state.multiprocessors / 2, tiles = (product.rows + tileRows - 1) / tileRows * ((columnTiles + 1) / 2);
    return double((tiles + clusters - 1) / clusters);
  };
  return {0.6 * rounds(128) < rounds(256) ? 1 : 2, 2, 1, true};
}

cudaError_t runLarge(State &state, const Product &product, LargeTile tile) {
  if (product.xType == DSRT_F8E4M3)
    return run<__nv_fp8_e4m3>(state, product, tile);
  return product.xType == DSRT_BF16 ? run<__nv_bfloat16>(state, product, tile) : run<__half>(state, product, tile);
}

cudaError_t runLarge(State &state, const Product &product) { return runLarge(state, product, largeTile(state, product)); }

} // namespace dsrt::cuda
