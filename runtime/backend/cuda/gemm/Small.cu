// Products of few rows on Hopper: y = x weight^T, dense or grouped by expert, one or two weights at a time (Gemm.h). The bound is the
// memory's rate: weights are streamed once, all multiprocessors at a time, and many bytes are under way in each.
//
// In: x and weights of FP8 E4M3 with scales (x: a row and 128 of K; weights: 128 x 128), or of BF16 or FP16. Out: FP32, BF16 or FP16.
//
// Operands are swapped: weight rows are the 64 rows of wgmma, rows of x its 8 to 128 columns. A block is one or two consumer warpgroups,
// 64 weight rows each, and a producer warp that feeds a ring of stages, 128 bytes of K each, through the copy engine; weights never change,
// so a dense product's first stages are filled while the kernel before still runs. The blocks of a cluster split K; each sums up, in the
// order of the blocks, the parts of some rows of x, which the others have written to its shared memory: the same bits on each run.
#include "runtime/backend/cuda/gemm/Small.h"

#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/gemm/SmallItems.cuh"
#include "runtime/backend/cuda/gemm/Tma.cuh"
#include "runtime/backend/cuda/gemm/Wgmma.cuh"

#include <algorithm>

namespace dsrt::cuda {

namespace {

struct SmallArguments {
  CUtensorMap x, weights[2];
  SmallExtents extents;
  const float *xScales, *weightScales[2];
  void *y[2];
  int blocks; ///< of 128 bytes of K
  int yType;
  int splitLog; ///< of the blocks of a cluster
};

/// The tile, and who computes it: warpgroups of 64 weight rows each, and as many again for every second (or fourth) block of K, because a
/// block takes a warpgroup much longer than its bytes take the memory.
template <int columns> struct Shape {
  static constexpr int rowGroups = columns == 128 ? 2 : 1, depthGroups = columns == 8 ? 4 : columns <= 64 ? 2 : 1;
  static constexpr int tileRows = 64 * rowGroups, consumers = 128 * rowGroups * depthGroups, threads = consumers + 64;
  static constexpr int stageBytes = (tileRows + columns) * 128;
  static constexpr int stages = columns <= 16 ? 8 : columns == 32 ? 6 : 4;
  static constexpr int residency = columns == 128 ? 1 : 2;        ///< blocks that a multiprocessor can hold
  static constexpr int passColumns = columns < 64 ? columns : 64; ///< rows of x that are exchanged and written at a time
  static constexpr bool addsInPlace = columns >= 32; ///< depth groups add to one sum, one after the other: else each has its own
  static constexpr int sources = addsInPlace ? 1 : depthGroups;
  static_assert(stages % depthGroups == 0, "a stage is always the same depth group's, which sees each of its turns");
};

template <int columns> struct Shared {
  using Row = float[Shape<columns>::tileRows + 4];
  uint8_t weights[Shape<columns>::stages][Shape<columns>::tileRows * 128];
  uint8_t x[Shape<columns>::stages][columns * 128];
  float scales[Shape<columns>::stages][columns + 4]; ///< of the rows of x, then the weights'
  /// Sums of this block: [row of x, source], weight row; and of all blocks of the cluster, of this block's rows of x:
  /// [row of x / split, block]. Padded against bank conflicts.
  Row sums[Shape<columns>::passColumns * Shape<columns>::sources], parts[Shape<columns>::passColumns];
  uint64_t full[Shape<columns>::stages], empty[Shape<columns>::stages], sumsFull, sumsFree;
  SmallList list;
};

template <typename Element> constexpr bool isScaled = std::is_same_v<Element, __nv_fp8_e4m3>;

/// Copies a float into shared memory, without waiting.
__device__ __forceinline__ void copyFloat(float *destination, const float *source) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(sharedAddress(destination)), "l"(source) : "memory");
}

/// Arrives at the barrier once this thread's copies have been done; the arrival is one that the barrier expects.
__device__ __forceinline__ void arriveAfterCopies(uint64_t *barrier) {
  asm volatile("cp.async.mbarrier.arrive.noinc.shared::cta.b64 [%0];" ::"r"(sharedAddress(barrier)) : "memory");
}

/// Stores to the same place of the shared memory of block `rank` of the cluster; that block's `barrier` counts the bytes.
__device__ __forceinline__ void storeAt(float *place, uint64_t *barrier, uint32_t rank, const float (&values)[4]) {
  asm volatile("{\n"
               ".reg .b32 place, barrier;\n"
               "mapa.shared::cluster.u32 place, %0, %2;\n"
               "mapa.shared::cluster.u32 barrier, %1, %2;\n"
               "st.async.shared::cluster.mbarrier::complete_tx::bytes.v4.f32 [place], {%3, %4, %5, %6}, [barrier];\n"
               "}" ::"r"(sharedAddress(place)),
               "r"(sharedAddress(barrier)), "r"(rank), "f"(values[0]), "f"(values[1]), "f"(values[2]), "f"(values[3])
               : "memory");
}

/// A barrier of the consumers of a block.
template <int columns> __device__ __forceinline__ void syncConsumers() {
  asm volatile("bar.sync 1, %0;" ::"n"(Shape<columns>::consumers) : "memory");
}

template <int stages> __device__ __forceinline__ void advance(Stage<stages> &stage, int steps) {
  const uint32_t index = stage.index + steps;
  stage.index = index % stages;
  stage.parity ^= index / stages & 1;
}

/// The part of K of block `rank` of a cluster.
struct Blocks {
  int first, end;
  __device__ __forceinline__ Blocks(const SmallArguments &a, uint32_t rank)
      : first(int(rank) * a.blocks >> a.splitLog), end(int(rank + 1) * a.blocks >> a.splitLog) {}
};

/// Feeds the ring with tiles; one thread.
template <typename Element, int columns> struct Producer {
  static constexpr int stages = Shape<columns>::stages, tileRows = Shape<columns>::tileRows, depth = 128 / int(sizeof(Element));
  const SmallArguments &a;
  Shared<columns> &shared;

  __device__ __forceinline__ void loadWeights(const SmallItem &item, int block, const Stage<stages> &stage) {
    uint64_t *full = &shared.full[stage.index];
    wait(&shared.empty[stage.index], stage.parity ^ 1);
    arriveExpecting(full, Shape<columns>::stageBytes);
    loadBox(&a.weights[item.side], shared.weights[stage.index], full, block * depth,
            item.expert * a.extents.weightRows[item.side] + item.column);
  }

  __device__ __forceinline__ void loadActivations(const SmallItem &item, int block, const Stage<stages> &stage) {
    loadBox(&a.x, shared.x[stage.index], &shared.full[stage.index], block * depth, item.row);
  }

  __device__ __forceinline__ void run(SmallItems<columns, tileRows> items, const Blocks &blocks) {
    Stage<stages> stage;
    SmallItem item;
    bool more = items.next(item);
    int ahead = 0; // stages whose weights have been asked for before the kernel before had ended
    if (a.extents.offsets == nullptr) {
      if (more) {
        Stage<stages> first;
        for (; ahead < min(stages, blocks.end - blocks.first); ++ahead, first.advance())
          loadWeights(item, blocks.first + ahead, first);
      }
      waitForPrevious();
    }
    for (; more; more = items.next(item))
      for (int block = blocks.first; block < blocks.end; ++block, stage.advance()) {
        if (ahead > 0)
          --ahead;
        else
          loadWeights(item, block, stage);
        loadActivations(item, block, stage);
      }
  }
};

/// Feeds the ring with scales; one warp, of which a lane copies those of each 32nd row of x, and the last one the weights', too.
template <int columns>
__device__ __forceinline__ void produceScales(const SmallArguments &a, Shared<columns> &shared,
                                              SmallItems<columns, Shape<columns>::tileRows> items, const Blocks &blocks) {
  constexpr int stages = Shape<columns>::stages, each = (columns + 31) / 32;
  const int lane = threadIdx.x % 32;
  Stage<stages> stage;
  bool first = true;
  for (SmallItem item; items.next(item);) {
    const int64_t weightRow = int64_t(item.expert) * ((a.extents.weightRows[item.side] + 127) / 128) + item.column / 128;
    const float *weight = a.weightScales[item.side] + weightRow * a.blocks, *x[each];
    if (first) {
      if (const int block = blocks.first + lane * 8; block < blocks.end) // a sector each
        asm volatile("prefetch.global.L2 [%0];" ::"l"(weight + block));
      waitForPrevious();
      first = false;
    }
#pragma unroll
    for (int i = 0; i < each; ++i)
      x[i] = a.xScales + int64_t(min(item.row + i * 32 + lane, a.extents.rows - 1)) * a.blocks;
    for (int block = blocks.first; block < blocks.end; ++block, stage.advance()) {
      float *scales = shared.scales[stage.index];
      wait(&shared.empty[stage.index], stage.parity ^ 1);
#pragma unroll
      for (int i = 0; i < each; ++i)
        if (i * 32 + lane < columns)
          copyFloat(scales + i * 32 + lane, x[i] + block);
      if (lane == 31)
        copyFloat(scales + columns, weight + block);
      arriveAfterCopies(&shared.full[stage.index]);
    }
  }
}

/// sums = weight rows x^T over this block's part of K, for one warpgroup: 64 weight rows, the blocks of 128 bytes of K that come in the
/// stages of its depth group.
template <typename Element, int columns>
__device__ __forceinline__ void accumulate(Shared<columns> &shared, const Blocks &blocks, Stage<Shape<columns>::stages> stage, int rowGroup,
                                           int depthGroup, float (&sums)[columns / 2]) {
  constexpr int depthGroups = Shape<columns>::depthGroups;
  const int lane = threadIdx.x % 32;
#pragma unroll
  for (int i = 0; i < columns / 2; ++i)
    sums[i] = 0;
  int previous = -1;
  const int skipped = (depthGroup - stage.index) & (depthGroups - 1);
  advance(stage, skipped);
  for (int block = blocks.first + skipped; block < blocks.end; block += depthGroups, advance(stage, depthGroups)) {
    const uint64_t weight = swizzledDescriptor(sharedAddress(shared.weights[stage.index]) + rowGroup * 8192);
    const uint64_t x = swizzledDescriptor(sharedAddress(shared.x[stage.index]));
    wait(&shared.full[stage.index], stage.parity);
    if constexpr (isScaled<Element>) {
      float partial[columns / 2];
      pinAccumulators(partial);
      fenceWgmma();
#pragma unroll
      for (int step = 0; step < 4; ++step)
        multiply<Element, columns>(partial, weight + 2 * step, x + 2 * step, step > 0);
      commitWgmma();
      const float *scales = shared.scales[stage.index];
      const float weightScale = scales[columns];
      constexpr int early = columns <= 32 ? columns / 8 : 0; // of the scales of x, read while the tensor cores work
      float2 xScales[early + 1];
#pragma unroll
      for (int i = 0; i < early; ++i)
        xScales[i] = *reinterpret_cast<const float2 *>(scales + i * 8 + lane % 4 * 2);
      waitWgmma<0>();
      pinAccumulators(partial);
#pragma unroll
      for (int i = 0; i < columns / 2; i += 4) {
        const float2 xScale = early ? xScales[i / 4] : *reinterpret_cast<const float2 *>(scales + i * 2 + lane % 4 * 2);
        const float even = xScale.x * weightScale, odd = xScale.y * weightScale;
        sums[i] += partial[i] * even;
        sums[i + 1] += partial[i + 1] * odd;
        sums[i + 2] += partial[i + 2] * even;
        sums[i + 3] += partial[i + 3] * odd;
      }
      __syncwarp();
      if (lane == 0)
        arrive(&shared.empty[stage.index]);
    } else {
      pinAccumulators(sums);
      fenceWgmma();
#pragma unroll
      for (int step = 0; step < 4; ++step)
        multiply<Element, columns>(sums, weight + 2 * step, x + 2 * step, true);
      commitWgmma();
      waitWgmma<1>(); // the products of the block before have been done
      if (previous >= 0 && lane == 0)
        arrive(&shared.empty[previous]);
      previous = stage.index;
    }
  }
  if constexpr (!isScaled<Element>) {
    waitWgmma<0>();
    pinAccumulators(sums);
    if (previous >= 0 && lane == 0)
      arrive(&shared.empty[previous]);
  }
}

template <typename Result> __device__ __forceinline__ void store(Result *y, const float (&values)[4], int count, bool aligned) {
  if (aligned && count >= 4) {
    struct alignas(4 * sizeof(Result)) {
      Result results[4];
    } quad = {{Result(values[0]), Result(values[1]), Result(values[2]), Result(values[3])}};
    *reinterpret_cast<decltype(quad) *>(y) = quad;
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (i < count)
        y[i] = Result(values[i]);
  }
}

/// sums[row * sources] + ... + sums[row * sources + sources - 1], of four weight rows.
template <typename Row> __device__ __forceinline__ void addUp(const Row *sums, int row, int sources, int quad, float (&values)[4]) {
#pragma unroll
  for (int i = 0; i < 4; ++i)
    values[i] = 0;
#pragma unroll 4
  for (int source = 0; source < sources; ++source) {
    const float4 part = *reinterpret_cast<const float4 *>(&sums[row * sources + source][quad]);
    values[0] += part.x, values[1] += part.y, values[2] += part.z, values[3] += part.w;
  }
}

/// Writes `rows` rows of y, from `row` on in steps of 2^stepLog, each the sum of `sources` parts.
template <typename Result, int columns, typename Row>
__device__ __forceinline__ void finish(const SmallArguments &a, const Row *sums, int sources, const SmallItem &item, int row, int rows,
                                       int stepLog) {
  constexpr int quads = Shape<columns>::tileRows / 4;
  const int width = a.extents.weightRows[item.side];
  Result *y = static_cast<Result *>(a.y[item.side]);
  const bool aligned = width % 4 == 0 && reinterpret_cast<uintptr_t>(y) % (4 * sizeof(Result)) == 0;
  const int quad = int(threadIdx.x) % quads * 4, column = item.column + quad;
  if (column >= width)
    return;
  for (int local = int(threadIdx.x) / quads; local < rows; local += Shape<columns>::consumers / quads) {
    float values[4];
    addUp(sums, local, sources, quad, values);
    store(y + int64_t(row + (local << stepLog)) * width + column, values, width - column, aligned);
  }
}

/// Multiplies what the producers bring, exchanges sums within the cluster and writes; all consumer warpgroups. Row of x `row` of a tile is
/// summed and written by block row % split.
template <typename Element, int columns>
__device__ __forceinline__ void consume(const SmallArguments &a, Shared<columns> &shared,
                                        SmallItems<columns, Shape<columns>::tileRows> items, const Blocks &blocks, uint32_t rank) {
  using Tile = Shape<columns>;
  constexpr int passColumns = Tile::passColumns, quads = Tile::tileRows / 4;
  const int lane = threadIdx.x % 32, split = 1 << a.splitLog, group = __shfl_sync(~0u, int(threadIdx.x) / 128, 0);
  const int depthGroup = group / Tile::rowGroups, rowGroup = group % Tile::rowGroups;
  const int weightRow = int(threadIdx.x) / 32 % (4 * Tile::rowGroups) * 16 + lane / 4; // in the tile; and the one 8 below
  Stage<Tile::stages> stage;
  Stage<1> turn;
  bool first = true;
  for (SmallItem item; items.next(item);) {
    float sums[columns / 2];
    accumulate<Element>(shared, blocks, stage, rowGroup, depthGroup, sums);
    advance(stage, blocks.end - blocks.first);
    if (first) {
      waitForPrevious(); // it may read what is written here
      if (split > 1)
        asm volatile("barrier.cluster.wait.acquire.aligned;" ::: "memory"); // all blocks have begun
    }
#pragma unroll
    for (int pass = 0; pass < columns; pass += passColumns) {
      const int row = item.row + pass, rows = min(passColumns, item.rowEnd - row);
      if (rows <= 0)
        break;
      if (!first)
        syncConsumers<columns>(); // all have read
      const int source = Tile::addsInPlace ? 0 : depthGroup;
#pragma unroll
      for (int adding = Tile::addsInPlace ? Tile::depthGroups - 1 : 0; adding >= 0; --adding) {
        if (!Tile::addsInPlace || depthGroup == adding)
#pragma unroll
          for (int i = 0; i < passColumns / 2; ++i) {
            float &sum = shared.sums[(i / 4 * 8 + lane % 4 * 2 + i % 2) * Tile::sources + source][weightRow + i / 2 % 2 * 8];
            sum = Tile::addsInPlace && adding < Tile::depthGroups - 1 ? sum + sums[pass / 2 + i] : sums[pass / 2 + i];
          }
        syncConsumers<columns>();
      }
      const auto *written = shared.sums;
      int sources = Tile::sources, firstRow = row, ownRows = rows;
      if (split > 1) {
        ownRows = (rows - int(rank) + split - 1) >> a.splitLog;
        firstRow += int(rank);
        if (!first)
          waitCluster(&shared.sumsFree, turn.parity ^ 1);
        if (threadIdx.x == 0)
          arriveExpecting(&shared.sumsFull, (ownRows << a.splitLog) * Tile::tileRows * 4);
        const int quad = int(threadIdx.x) % quads * 4;
        for (int local = int(threadIdx.x) / quads; local < rows; local += Tile::consumers / quads) {
          float values[4];
          addUp(shared.sums, local, Tile::sources, quad, values);
          const int owner = local & (split - 1);
          storeAt(&shared.parts[local - owner + int(rank)][quad], &shared.sumsFull, owner, values);
        }
        wait(&shared.sumsFull, turn.parity);
        turn.advance();
        written = shared.parts, sources = split;
      }
      if (a.yType == DSRT_BF16)
        finish<__nv_bfloat16, columns>(a, written, sources, item, firstRow, ownRows, a.splitLog);
      else if (a.yType == DSRT_F16)
        finish<__half, columns>(a, written, sources, item, firstRow, ownRows, a.splitLog);
      else
        finish<float, columns>(a, written, sources, item, firstRow, ownRows, a.splitLog);
      first = false;
      // after the last pass no block hears of the others: some may have ended
      __syncwarp();
      if (split > 1 && lane < split && (items.more() || row + passColumns < item.rowEnd))
        releaseAt(&shared.sumsFree, lane);
    }
  }
}

template <typename Element, int columns>
__global__ void __launch_bounds__(Shape<columns>::threads, Shape<columns>::residency)
    smallKernel(const __grid_constant__ SmallArguments a) {
  using Tile = Shape<columns>;
  extern __shared__ uint8_t memory[];
  Shared<columns> &shared = *reinterpret_cast<Shared<columns> *>(memory + (-sharedAddress(memory) & 1023));
  const int warp = int(threadIdx.x) / 32;
  constexpr int warps = Tile::consumers / 32;
  const uint32_t rank = a.splitLog > 0 ? clusterRank() : 0;
  allowNext();
  if (warp == warps && threadIdx.x % 32 == 0) {
    prefetchTensorMap(&a.weights[0]);
    prefetchTensorMap(&a.x);
    for (int i = 0; i < Tile::stages; ++i) {
      initBarrier(&shared.full[i], isScaled<Element> ? 33 : 1); // the announcement of bytes, and each lane's copies of scales
      initBarrier(&shared.empty[i], warps / Tile::depthGroups);
    }
    initBarrier(&shared.sumsFull, 1);
    initBarrier(&shared.sumsFree, warps << a.splitLog);
    fenceBarriers();
  }
  if (a.extents.offsets != nullptr)
    waitForPrevious();
  if (warp == warps + 1)
    listExperts<columns>(a.extents, shared.list);
  __syncthreads();
  if (a.splitLog > 0)
    asm volatile("barrier.cluster.arrive.relaxed.aligned;" ::: "memory"); // fenceBarriers has released
  const SmallItems<columns, Tile::tileRows> items = {a.extents, shared.list, int(blockIdx.x) >> a.splitLog, int(gridDim.x) >> a.splitLog};
  const Blocks blocks(a, rank);
  if (warp < warps) {
    consume<Element>(a, shared, items, blocks, rank);
  } else if (warp == warps) {
    if (threadIdx.x % 32 == 0)
      Producer<Element, columns>{a, shared}.run(items, blocks);
  } else if constexpr (isScaled<Element>) {
    produceScales(a, shared, items, blocks);
  }
}

template <typename Element, int columns> cudaError_t run(State &state, const Product &product, SmallTile tile) {
  using Tile = Shape<columns>;
  SmallArguments arguments = {};
  SmallExtents &extents = arguments.extents;
  extents.offsets = product.offsets;
  extents.rows = int(product.rows), extents.experts = int(product.experts), extents.sideCount = product.sideCount;
  arguments.xScales = product.xScales;
  arguments.blocks = int((product.k * int64_t(sizeof(Element)) + 127) / 128), arguments.yType = product.yType;
  while (1 << arguments.splitLog < tile.split)
    ++arguments.splitLog;
  cudaError_t error = makeTensorMap(&arguments.x, product.x, product.rows, product.k, sizeof(Element), columns);
  int64_t tiles = 0;
  for (int i = 0; i < product.sideCount && error == cudaSuccess; ++i) {
    const Side &side = product.sides[i];
    error = makeTensorMap(&arguments.weights[i], side.weight, product.experts * side.n, product.k, sizeof(Element), Tile::tileRows);
    arguments.weightScales[i] = side.weightScales;
    arguments.y[i] = side.y;
    extents.weightRows[i] = int(side.n);
    tiles += extents.tiles[i] = int((side.n + Tile::tileRows - 1) / Tile::tileRows);
  }
  if (error != cudaSuccess)
    return error;
  // grouped: each expert may end in a tile that is not full
  const int64_t columnTiles =
      product.offsets ? product.rows / columns + std::min(product.experts, product.rows) : (product.rows + columns - 1) / columns;
  const int64_t clusters = std::min<int64_t>(columnTiles * tiles, state.multiprocessors * tile.residency / tile.split);
  LaunchShape shape = {dim3(unsigned(clusters * tile.split)), dim3(Tile::threads), sizeof(Shared<columns>) + 1024, unsigned(tile.split)};
  return launch(state.stream, shape, smallKernel<Element, columns>, arguments);
}

template <typename Element> cudaError_t run(State &state, const Product &product, SmallTile tile) {
  switch (tile.columns) {
  case 8:
    return run<Element, 8>(state, product, tile);
  case 16:
    return run<Element, 16>(state, product, tile);
  case 32:
    return run<Element, 32>(state, product, tile);
  case 64:
    return run<Element, 64>(state, product, tile);
  default:
    return run<Element, 128>(state, product, tile);
  }
}

bool aligned16(const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

} // namespace

bool smallTakes(const Product &product) {
  const bool scaled = product.xType == DSRT_F8E4M3;
  if (!scaled && product.xType != DSRT_BF16 && product.xType != DSRT_F16)
    return false;
  if (scaled != (product.xScales != nullptr) || product.k <= 0 || product.k * (scaled ? 1 : 2) % 16 != 0 || !aligned16(product.x))
    return false;
  const int64_t limit = INT32_MAX / 256;
  if (product.rows > limit || product.k > limit || std::min(product.experts, product.rows) > maxSmallEntries)
    return false;
  for (int i = 0; i < product.sideCount; ++i) {
    const Side &side = product.sides[i];
    if (!aligned16(side.weight) || scaled != (side.weightScales != nullptr) || side.n <= 0 || side.n > INT32_MAX / 2 / product.experts)
      return false;
  }
  return product.offsets ? product.rows <= 32 * product.experts : product.rows <= 128;
}

SmallTile smallTile(const State &state, const Product &product) {
  // grouped: twice the mean of the rows of an expert with rows, and some; an expert with more has several tiles
  const int64_t active = std::min(product.experts, product.rows);
  const int64_t rows = product.offsets ? std::min(product.rows, 2 * product.rows / std::max<int64_t>(active, 1) + 4) : product.rows;
  SmallTile tile = {8, 1, 1};
  while (tile.columns < rows && tile.columns < 128)
    tile.columns *= 2;
  const int tileRows = tile.columns == 128 ? 128 : 64;
  int64_t items = 0;
  for (int i = 0; i < product.sideCount; ++i)
    items += (product.sides[i].n + tileRows - 1) / tileRows;
  items *= product.offsets ? active : (product.rows + tile.columns - 1) / tile.columns;
  const int64_t blocks = (product.k * (product.xType == DSRT_F8E4M3 ? 1 : 2) + 127) / 128, places = state.multiprocessors;
  // Splits K while the blocks fit the multiprocessors and each still has some K to stream. Blocks of 128 columns, one a multiprocessor,
  // leave room for the clusters: those of 4 and more must lie in one group of multiprocessors each.
  const int64_t room = tile.columns == 128 ? 3 * places / 4 : 9 * places / 8;
  while (tile.split < 8 && items * tile.split * 2 <= (tile.split == 1 ? 9 * places / 8 : room) &&
         blocks >= (tile.columns == 8 ? 4 : 5) * tile.split)
    tile.split *= 2;
  if (product.offsets || tile.columns == 128)
    return tile;
  // two blocks on some multiprocessors, where that keeps more of them busy
  if (items * tile.split < places && tile.split < 8 && 4 * items * tile.split * 2 <= 7 * places &&
      blocks >= (tile.columns < 32 ? 14 : 8) * tile.split)
    tile.split *= 2;
  if (items > places && blocks >= 32)
    tile.split = 2; // many turns: the last one is shorter
  if (items * tile.split > places)
    tile.residency = 2;
  return tile;
}

cudaError_t runSmall(State &state, const Product &product, SmallTile tile) {
  if (product.rows == 0 || product.sideCount == 0)
    return cudaSuccess;
  if (product.xType == DSRT_F8E4M3)
    return run<__nv_fp8_e4m3>(state, product, tile);
  return product.xType == DSRT_BF16 ? run<__nv_bfloat16>(state, product, tile) : run<__half>(state, product, tile);
}

cudaError_t runSmall(State &state, const Product &product) { return runSmall(state, product, smallTile(state, product)); }

} // namespace dsrt::cuda
