// Latent attention over expanded keys and values on Hopper's tensor cores: FlashAttention (arXiv 2205.14135; the overlap of products and
// softmax as in FlashAttention-3, arXiv 2407.08608) for heads of 128 + 64 query and 128 value columns.
//
// In: queries [tokens, heads * 192]; of each head 128 key and 128 value columns of the chunk's expanded rows; the rotated keys, 64 columns
// that all heads share, from the cache itself. Out: y [tokens, heads * 128], or the running state where a query's context goes on.
//
// A block takes a tile of 128 queries of one head: a producer warp brings tiles of 128 keys and values through a ring of two stages, and
// two consumer warpgroups of 64 queries each multiply. A consumer issues the scores of the next tile before the product of this tile's
// weights with its values, and computes the softmax of those scores while that product runs. Tiles lie at multiples of 128 positions,
// so that only the last tile of a query tile needs the causal mask, and tiles beyond it are never read.
#include "runtime/backend/cuda/attention/Prefill.h"

#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/gemm/Tma.cuh"
#include "runtime/backend/cuda/gemm/Wgmma.cuh"

#include <algorithm>
#include <cmath>

namespace dsrt::cuda {

namespace {

constexpr int nope = 128, rope = 64, value = 128, query = nope + rope;
constexpr int consumers = 2, threads = 128 * (1 + consumers), stages = 2;
constexpr int panel = 64;                            // columns of a box: 128 bytes
constexpr int queryBytes = query / panel * 64 * 128; // a consumer's 64 queries
constexpr int keyBytes = query / panel * prefillTile * 128, valueBytes = value / panel * prefillTile * 128;
// Keys and values of heads that are worked on at a time, which are to stay in the L2: all of them where they fit, else a good deal less.
constexpr int64_t wholeBytes = 36 << 20, groupBytes = 16 << 20;

struct FlashArguments {
  CUtensorMap q, expanded, rotated;
  PrefillSegments segments;
  PrefillTiles tiles;
  void *y;
  float *states;
  int *counter;      ///< of the items that blocks have taken, beside their first ones
  int64_t cacheRows; ///< of a slot: layers * length
  int64_t layerRow;  ///< of the layer in its slot
  int latent, heads, group;
  float exponentScale; ///< of raw scores, with log2(e)
};
static_assert(sizeof(FlashArguments) <= 4096, "the parameters of a kernel");

struct Shared {
  uint8_t queries[consumers][queryBytes];
  uint8_t keys[stages][keyBytes];
  uint8_t values[stages][valueBytes];
  int items[2]; ///< of the queries, in turns: what consumers find once the queries are full; past the last one at the end
  uint64_t queriesFull, queriesEmpty, keysFull[stages], keysEmpty[stages], valuesFull[stages], valuesEmpty[stages];
};

/// A head's tile of queries, and the tiles of context that it sees in its segment: [0, blocks) from the segment's begin on.
struct Item {
  const PrefillSegment *segment;
  int head, tile, blocks;
  bool fresh, final; ///< whether the context begins, and ends, in this segment
};

/// Items are ordered by groups of heads, whose keys and values are read by many blocks while they stay in the L2, then by length, the
/// longest first. Each block begins with the item of its own number; its producer takes the next ones from a counter.
__device__ __forceinline__ Item decode(const FlashArguments &a, int index) {
  const int whole = a.group * a.tiles.count, group = index / whole, inside = index % whole;
  const int size = min(a.group, a.heads - group * a.group);
  const PrefillTile tile = a.tiles.items[inside / size];
  const PrefillSegment *segment = &a.segments.items[tile.segment];
  const int first = segment->begin / prefillTile, filled = (segment->count + prefillTile - 1) / prefillTile;
  return {segment,
          group * a.group + inside % size,
          tile.tile,
          min(filled, tile.tile - first + 1),
          segment->begin == 0,
          tile.tile - first < filled};
}

/// Brings a box into the L2.
__device__ __forceinline__ void prefetchBox(const CUtensorMap *map, int column, int row) {
  asm volatile("cp.async.bulk.prefetch.tensor.2d.L2.global.tile [%0, {%1, %2}];" ::"l"(map), "r"(column), "r"(row) : "memory");
}

__device__ __forceinline__ void produce(const FlashArguments &a, Shared &shared) {
  Stage<stages> stage;
  const int items = a.heads * a.tiles.count;
  uint32_t queriesParity = 0;
  for (int index = blockIdx.x, next; index < items; index = next) {
    next = int(gridDim.x) + atomicAdd(a.counter, 1);
    const Item item = decode(a, index);
    const PrefillSegment *segment = item.segment;
    const int row = segment->offset + item.tile * prefillTile - segment->start, column = item.head * (nope + value);
    const int rotatedRow = int(segment->slot * a.cacheRows + a.layerRow) + segment->begin;
    for (int block = 0; block < item.blocks; ++block, stage.advance()) {
      const int at = segment->at + block * prefillTile;
      wait(&shared.keysEmpty[stage.index], stage.parity ^ 1);
      uint64_t *full = &shared.keysFull[stage.index];
      arriveExpecting(full, keyBytes);
      for (int i = 0; i < nope / panel; ++i)
        loadBox(&a.expanded, shared.keys[stage.index] + i * prefillTile * 128, full, column + i * panel, at);
      loadBox(&a.rotated, shared.keys[stage.index] + nope / panel * prefillTile * 128, full, a.latent, rotatedRow + block * prefillTile);
      if (block == 0) {
        wait(&shared.queriesEmpty, queriesParity ^ 1);
        shared.items[queriesParity] = index;
        queriesParity ^= 1;
        arriveExpecting(&shared.queriesFull, consumers * queryBytes);
        for (int consumer = 0; consumer < consumers; ++consumer)
          for (int i = 0; i < query / panel; ++i)
            loadBox(&a.q, shared.queries[consumer] + i * 64 * 128, &shared.queriesFull, item.head * query + i * panel, row + consumer * 64);
      }
      wait(&shared.valuesEmpty[stage.index], stage.parity ^ 1);
      full = &shared.valuesFull[stage.index];
      arriveExpecting(full, valueBytes);
      for (int i = 0; i < value / panel; ++i)
        loadBox(&a.expanded, shared.values[stage.index] + i * prefillTile * 128, full, column + nope + i * panel, at);
      // The consumers will wait for the next queries: there is no place for them before the last product with these.
      if (block == 0 && next < items) {
        const Item following = decode(a, next);
        for (int i = 0; i < query / panel; ++i)
          for (int consumer = 0; consumer < consumers; ++consumer)
            prefetchBox(&a.q, following.head * query + i * panel,
                        following.segment->offset + following.tile * prefillTile - following.segment->start + consumer * 64);
      }
    }
  }
  // The end, in the place of queries: a phase for itself, once the last queries have come and gone.
  wait(&shared.queriesEmpty, queriesParity ^ 1);
  shared.items[queriesParity] = items;
  arrive(&shared.queriesFull);
}

/// Registers that the tensor core writes: an access before this stays before it, one behind it stays behind.
template <int count> __device__ __forceinline__ void pin(float (&registers)[count]) {
#pragma unroll
  for (int i = 0; i < count; ++i)
    asm volatile("" : "+f"(registers[i])::"memory");
}

#define DSRT_D4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define DSRT_D16(i) DSRT_D4(i), DSRT_D4(i + 4), DSRT_D4(i + 8), DSRT_D4(i + 12)
#define DSRT_MULTIPLY_WEIGHTS(TYPE)                                                                                                        \
  asm volatile("{\n"                                                                                                                       \
               ".reg .pred accumulate;\n"                                                                                                  \
               "setp.eq.b32 accumulate, 0, 0;\n"                                                                                           \
               "wgmma.mma_async.sync.aligned.m64n128k16.f32." TYPE "." TYPE " "                                                            \
               "{%0,%1,%2,%3,%4,%5,%6,%7,%8,%9,%10,%11,%12,%13,%14,%15,%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31,"   \
               "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,"  \
               "%62,%63}, {%64,%65,%66,%67}, %68, accumulate, 1, 1, 1;\n"                                                                  \
               "}"                                                                                                                         \
               : DSRT_D16(0), DSRT_D16(16), DSRT_D16(32), DSRT_D16(48)                                                                     \
               : "r"(weights[0]), "r"(weights[1]), "r"(weights[2]), "r"(weights[3]), "l"(values))

/// d += weights values: 16 positions, weights from registers, the values' rows are positions (transposed as the product sees it).
template <typename Element> __device__ __forceinline__ void multiplyWeights(float (&d)[64], const uint32_t *weights, uint64_t values) {
  if constexpr (std::is_same_v<Element, __half>)
    DSRT_MULTIPLY_WEIGHTS("f16");
  else
    DSRT_MULTIPLY_WEIGHTS("bf16");
}
#undef DSRT_MULTIPLY_WEIGHTS
#undef DSRT_D16
#undef DSRT_D4

/// Panels of 64 columns follow each other at prefillTile * 128 bytes, groups of 8 positions at 1024.
__device__ __forceinline__ uint64_t valuesDescriptor(uint32_t address) {
  return uint64_t((address & 0x3ffff) >> 4) | uint64_t(prefillTile * 128 >> 4) << 16 | uint64_t(1024 >> 4) << 32 | uint64_t(1) << 62;
}

__device__ __forceinline__ float exponential(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

template <typename Element> __device__ __forceinline__ uint32_t pack(float low, float high) {
  if constexpr (std::is_same_v<Element, __half>) {
    __half2 both = __floats2half2_rn(low, high);
    return reinterpret_cast<uint32_t &>(both);
  } else {
    __nv_bfloat162 both = __floats2bfloat162_rn(low, high);
    return reinterpret_cast<uint32_t &>(both);
  }
}

__device__ __forceinline__ float quadMaximum(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffff, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffff, x, 2));
}
__device__ __forceinline__ float quadSum(float x) {
  x += __shfl_xor_sync(0xffffffff, x, 1);
  return x + __shfl_xor_sync(0xffffffff, x, 2);
}

/// Queues scores = queries keys^T of a consumer.
template <typename Element> __device__ __forceinline__ void multiplyKeys(float (&scores)[64], uint32_t queries, uint32_t keys) {
#pragma unroll
  for (int step = 0; step < query / 16; ++step) {
    const int i = step / 4, inside = step % 4;
    multiply<Element, prefillTile>(scores, swizzledDescriptor(queries + i * 64 * 128) + 2 * inside,
                                   swizzledDescriptor(keys + i * prefillTile * 128) + 2 * inside, step > 0);
  }
}

/// The consumers take turns in issuing products, so that one's softmax runs beside the other's products (named barriers 1 and 2).
__device__ __forceinline__ void takeTurn(int consumer) { asm volatile("bar.sync %0, 256;" ::"r"(1 + consumer) : "memory"); }
__device__ __forceinline__ void giveTurn(int consumer) { asm volatile("bar.arrive %0, 256;" ::"r"(2 - consumer) : "memory"); }

/// The two rows of a thread (lane / 4 and 8 below, of its warp's 16): running maximum of the raw scores and its own part of the sum.
struct Softmax {
  float maximum[2], sum[2];

  /// Turns scores into weights 2^(exponentScale (score - maximum)); factors: what the result so far is to be multiplied with.
  __device__ __forceinline__ void update(float (&scores)[64], float exponentScale, float (&factors)[2]) {
    float before[2] = {maximum[0], maximum[1]};
#pragma unroll
    for (int i = 0; i < 64; ++i)
      maximum[i / 2 % 2] = fmaxf(maximum[i / 2 % 2], scores[i]);
    float offset[2];
#pragma unroll
    for (int row = 0; row < 2; ++row) {
      maximum[row] = quadMaximum(maximum[row]);
      offset[row] = maximum[row] * exponentScale;
      factors[row] = exponential((before[row] - maximum[row]) * exponentScale);
      sum[row] *= factors[row];
    }
#pragma unroll
    for (int i = 0; i < 64; ++i)
      scores[i] = exponential(scores[i] * exponentScale - offset[i / 2 % 2]);
#pragma unroll
    for (int i = 0; i < 64; ++i)
      sum[i / 2 % 2] += scores[i];
  }
};

/// Hides the keys behind each query: of the tile in which the queries themselves stand.
__device__ __forceinline__ void mask(float (&scores)[64], int row) {
  const int column = threadIdx.x % 4 * 2;
#pragma unroll
  for (int i = 0; i < 64; ++i)
    if (column + i / 4 * 8 + i % 2 > row + i / 2 % 2 * 8)
      scores[i] = -INFINITY;
}

/// Exchanges within quads, so that each thread stores 16 bytes: lane l gets the columns 8 l .. 8 l + 8 of 32.
__device__ __forceinline__ uint4 transposeQuad(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  const int lane = threadIdx.x % 4;
  // Each step swaps with the neighbour what the other one is to have.
  const bool odd = lane & 1, upper = lane & 2;
  uint32_t x = __shfl_xor_sync(0xffffffff, odd ? a : b, 1), y = __shfl_xor_sync(0xffffffff, odd ? c : d, 1);
  if (odd)
    a = x, c = y;
  else
    b = x, d = y;
  x = __shfl_xor_sync(0xffffffff, upper ? a : c, 2), y = __shfl_xor_sync(0xffffffff, upper ? b : d, 2);
  if (upper)
    a = x, b = y;
  else
    c = x, d = y;
  return {a, b, c, d};
}

/// A thread's two queries of an item: the tokens `token` and `token` + 8 of the row, where it has them.
struct Rows {
  int token;
  bool exists[2];

  __device__ __forceinline__ Rows(const Item &item, int row) : token(item.tile * prefillTile + row - item.segment->start) {
    for (int i = 0; i < 2; ++i)
      exists[i] = token + 8 * i >= 0 && token + 8 * i < item.segment->tokens;
  }
  /// Index among [tokens, heads].
  __device__ __forceinline__ int64_t index(const FlashArguments &a, const Item &item, int i) const {
    return int64_t(item.segment->offset + token + 8 * i) * a.heads + item.head;
  }
};

/// Columns of the result that a thread holds of one of its rows lie at j / 2 * 8 + lane % 4 * 2 + j % 2, in register j / 2 * 4 + 2 row + j
/// % 2.
__device__ __forceinline__ void loadResult(const FlashArguments &a, const Item &item, int row, float (&result)[64]) {
#pragma unroll
  for (int i = 0; i < 64; ++i)
    result[i] = 0;
  if (item.fresh)
    return;
  const Rows rows(item, row);
#pragma unroll
  for (int i = 0; i < 2; ++i)
    if (rows.exists[i]) {
      const float *state = a.states + rows.index(a, item, i) * (value + 2) + threadIdx.x % 4 * 2;
#pragma unroll
      for (int j = 0; j < 32; ++j)
        result[j / 2 * 4 + i * 2 + j % 2] = state[j / 2 * 8 + j % 2];
    }
}

__device__ __forceinline__ void loadSoftmax(const FlashArguments &a, const Item &item, int row, Softmax &softmax) {
  softmax = {{-INFINITY, -INFINITY}, {0, 0}};
  if (item.fresh)
    return;
  const Rows rows(item, row);
#pragma unroll
  for (int i = 0; i < 2; ++i)
    if (rows.exists[i]) {
      const float *state = a.states + rows.index(a, item, i) * (value + 2);
      softmax.maximum[i] = state[value];
      softmax.sum[i] = threadIdx.x % 4 == 0 ? state[value + 1] : 0;
    }
}

/// Stores y, or the state where the context goes on.
template <typename Element>
__device__ __forceinline__ void finish(const FlashArguments &a, const Item &item, int row, const float (&result)[64],
                                       const Softmax &softmax) {
  const Rows rows(item, row);
  const int lane = threadIdx.x % 4;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const float sum = quadSum(softmax.sum[i]);
    if (!item.final) {
      if (rows.exists[i]) {
        float *state = a.states + rows.index(a, item, i) * (value + 2);
#pragma unroll
        for (int j = 0; j < 32; ++j)
          state[j / 2 * 8 + lane * 2 + j % 2] = result[j / 2 * 4 + i * 2 + j % 2];
        if (lane == 0)
          state[value] = softmax.maximum[i], state[value + 1] = sum;
      }
      continue;
    }
    const float inverse = 1 / sum;
    Element *line = static_cast<Element *>(a.y) + rows.index(a, item, i) * value;
#pragma unroll
    for (int part = 0; part < value / 32; ++part) {
      uint32_t pairs[4];
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int at = (part * 4 + j) * 4 + i * 2;
        pairs[j] = pack<Element>(result[at] * inverse, result[at + 1] * inverse);
      }
      const uint4 columns = transposeQuad(pairs[0], pairs[1], pairs[2], pairs[3]);
      if (rows.exists[i])
        *reinterpret_cast<uint4 *>(line + part * 32 + lane * 8) = columns;
    }
  }
}

template <typename Element> __device__ __forceinline__ void consume(const FlashArguments &a, Shared &shared) {
  const int consumer = threadIdx.x / 128 - 1;
  const bool signals = threadIdx.x % 128 == 0;
  const int row = consumer * 64 + threadIdx.x % 128 / 32 * 16 + threadIdx.x % 32 / 4; // of the tile, and 8 below
  const uint32_t queries = sharedAddress(shared.queries[consumer]);
  const int items = a.heads * a.tiles.count;
  Stage<stages> keys, values;
  uint32_t queriesParity = 0;

  float scores[64], result[64], factors[2];
  uint32_t weights[32];
  Softmax softmax;
  auto multiplyValues = [&] {
    const uint64_t descriptor = valuesDescriptor(sharedAddress(shared.values[values.index]));
#pragma unroll
    for (int step = 0; step < prefillTile / 16; ++step)
      multiplyWeights<Element>(result, weights + 4 * step, descriptor + step * (16 * 128 >> 4));
  };
  auto packWeights = [&] {
#pragma unroll
    for (int i = 0; i < 32; ++i)
      weights[i] = pack<Element>(scores[2 * i], scores[2 * i + 1]);
#pragma unroll
    for (int i = 0; i < 64; ++i)
      result[i] *= factors[i / 2 % 2];
  };

  auto nextItem = [&] {
    wait(&shared.queriesFull, queriesParity);
    const int index = shared.items[queriesParity];
    queriesParity ^= 1;
    return index;
  };

  if (consumer == 1)
    giveTurn(consumer);
  int block = 0;
  Item item = decode(a, nextItem());
  wait(&shared.keysFull[keys.index], keys.parity);
  fenceWgmma();
  multiplyKeys<Element>(scores, queries, sharedAddress(shared.keys[keys.index]));
  commitWgmma();
  loadResult(a, item, row, result);
  loadSoftmax(a, item, row, softmax);
  waitWgmma<0>();
  pin(scores);
  if (signals) {
    arrive(&shared.keysEmpty[keys.index]);
    if (item.blocks == 1)
      arrive(&shared.queriesEmpty);
  }
  keys.advance();
  if (item.final && item.blocks == 1)
    mask(scores, row);
  softmax.update(scores, a.exponentScale, factors);
  packWeights();
  // Here the weights of `block` of `item` are in registers. The scores of what comes next, be it of the next item, are queued before the
  // product of these weights with their values.
  for (;;) {
    const bool last = block + 1 == item.blocks;
    Item next = item;
    if (last) {
      const int index = nextItem();
      if (index >= items)
        break;
      next = decode(a, index);
    }
    const int nextBlock = last ? 0 : block + 1;
    wait(&shared.keysFull[keys.index], keys.parity);
    takeTurn(consumer);
    pin(scores), pin(result);
    fenceWgmma();
    multiplyKeys<Element>(scores, queries, sharedAddress(shared.keys[keys.index]));
    commitWgmma();
    wait(&shared.valuesFull[values.index], values.parity);
    fenceWgmma();
    multiplyValues();
    commitWgmma();
    giveTurn(consumer);
    waitWgmma<1>();
    pin(scores);
    const bool lastKeys = nextBlock + 1 == next.blocks;
    if (signals) {
      arrive(&shared.keysEmpty[keys.index]);
      if (lastKeys)
        arrive(&shared.queriesEmpty);
    }
    keys.advance();
    const Softmax before = softmax;
    if (last)
      loadSoftmax(a, next, row, softmax);
    if (lastKeys && next.final)
      mask(scores, row);
    softmax.update(scores, a.exponentScale, factors);
    // Never true, as sums are not negative; but the assembler does not know, and so cannot move the wait that follows before the softmax,
    // which is to run beside the product.
    if (softmax.sum[0] + softmax.sum[1] < 0)
      arrive(&shared.queriesEmpty);
    waitWgmma<0>();
    pin(result);
    if (signals)
      arrive(&shared.valuesEmpty[values.index]);
    values.advance();
    if (last) {
      finish<Element>(a, item, row, result, before);
      loadResult(a, next, row, result);
    }
    packWeights();
    item = next, block = nextBlock;
  }
  wait(&shared.valuesFull[values.index], values.parity);
  pin(result);
  fenceWgmma();
  multiplyValues();
  commitWgmma();
  waitWgmma<0>();
  pin(result);
  finish<Element>(a, item, row, result, softmax);
}

template <typename Element> __global__ __launch_bounds__(threads, 1) void flashKernel(const __grid_constant__ FlashArguments a) {
  extern __shared__ __align__(1024) uint8_t memory[];
  Shared &shared = *reinterpret_cast<Shared *>(memory);
  if (threadIdx.x == 0) {
    initBarrier(&shared.queriesFull, 1), initBarrier(&shared.queriesEmpty, consumers);
    for (int i = 0; i < stages; ++i) {
      initBarrier(&shared.keysFull[i], 1), initBarrier(&shared.keysEmpty[i], consumers);
      initBarrier(&shared.valuesFull[i], 1), initBarrier(&shared.valuesEmpty[i], consumers);
    }
    fenceBarriers();
    prefetchTensorMap(&a.q), prefetchTensorMap(&a.expanded), prefetchTensorMap(&a.rotated);
  }
  __syncthreads();
  waitForPrevious();
  allowNext();
  if (threadIdx.x < 128) {
    asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
    if (threadIdx.x == 0)
      produce(a, shared);
  } else {
    asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
    consume<Element>(a, shared);
  }
}

} // namespace

bool flashTakes(const PrefillAttention &a) {
  const MlaShape &shape = a.shape;
  auto aligned = [](const void *pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; };
  return (a.type == DSRT_BF16 || a.type == DSRT_F16) && a.cache->dtype == a.type && shape.nope == nope && shape.rope == rope &&
         shape.value == value && a.softmaxScale > 0 && a.cache->width % 8 == 0 && aligned(a.cache->data) && aligned(a.q) && aligned(a.y) &&
         aligned(a.expanded) && a.cache->slots * a.cache->layers * a.cache->length < INT32_MAX / 2 && a.tokens < INT32_MAX / 2 &&
         shape.heads < (1 << 20);
}

cudaError_t runFlashAttention(State &state, const PrefillAttention &a, const PrefillSegments &segments, const PrefillTiles &tiles) {
  FlashArguments arguments;
  const dsrt_cache &cache = *a.cache;
  const int64_t heads = a.shape.heads;
  if (cudaError_t error = makeTensorMap(&arguments.q, a.q, a.tokens, heads * query, 2, 64); error != cudaSuccess)
    return error;
  if (cudaError_t error = makeTensorMap(&arguments.expanded, a.expanded, a.expandedRows, heads * (nope + value), 2, prefillTile);
      error != cudaSuccess)
    return error;
  if (cudaError_t error =
          makeTensorMap(&arguments.rotated, cache.data, cache.slots * cache.layers * cache.length, cache.width, 2, prefillTile);
      error != cudaSuccess)
    return error;
  arguments.segments = segments, arguments.tiles = tiles;
  arguments.y = a.y, arguments.states = a.states, arguments.counter = a.counter;
  arguments.cacheRows = cache.layers * cache.length, arguments.layerRow = a.layer * cache.length;
  arguments.latent = int(a.shape.latent), arguments.heads = int(heads);
  const int64_t bytes = heads * a.expandedRows * (nope + value) * 2;
  const int64_t groups = bytes <= wholeBytes ? 1 : (bytes + groupBytes - 1) / groupBytes;
  arguments.group = int((heads + groups - 1) / groups);
  arguments.exponentScale = a.softmaxScale * float(M_LOG2E);
  const int64_t items = heads * tiles.count;
  const LaunchShape shape = {unsigned(std::min<int64_t>(items, state.multiprocessors)), unsigned(threads), sizeof(Shared)};
  return launch(state.stream, shape, a.type == DSRT_BF16 ? flashKernel<__nv_bfloat16> : flashKernel<__half>, arguments);
}

} // namespace dsrt::cuda
