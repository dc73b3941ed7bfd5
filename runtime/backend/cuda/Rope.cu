// Rotary position embedding and the latent cache: the table of cosines and sines, the rotation of interleaved pairs, the append of latent
// and key, and the fused append that normalises the latent and rotates the key on the way. Positions and slots are read on the device: they
// differ from replay to replay of a graph.
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/NormFactor.cuh"
#include "runtime/backend/cuda/Parts.h"

namespace dsrt::cuda {

namespace {

constexpr int threads = 256;

/// The rows of a batch, on the device.
struct Rows {
  const int32_t *offsets, *slots, *starts;
  int64_t rows;
  bool oneEach; ///< each row holds one token: row r is token r

  explicit Rows(const dsrt_batch &batch)
      : offsets(batch.device_offsets), slots(batch.device_slots), starts(batch.device_starts), rows(batch.rows),
        oneEach(batch.rows == batch.tokens) {
    for (int64_t row = 0; oneEach && row <= rows; ++row)
      oneEach = batch.offsets[row] == row;
  }

  __device__ int64_t rowOf(int64_t token) const {
    if (oneEach)
      return token;
    int64_t low = 0, high = rows; // the last row that begins at the token or before it; rows without tokens come before it
    while (high - low > 1) {
      int64_t middle = (low + high) / 2;
      (offsets[middle] <= token ? low : high) = middle;
    }
    return low;
  }
  __device__ int64_t positionOf(int64_t row, int64_t token) const { return starts[row] + (oneEach ? 0 : token - offsets[row]); }
};

/// One layer of the cache, and where a token's row of it begins.
struct CacheLayer {
  void *data;
  int64_t slots, layers, length, width, layer;
  int32_t dtype;
  FaultReport fault;

  CacheLayer(const dsrt_cache &cache, int64_t layer, FaultReport fault)
      : data(cache.data), slots(cache.slots), layers(cache.layers), length(cache.length), width(cache.width), layer(layer),
        dtype(cache.dtype), fault(fault) {}

  /// The element that the token's row begins at, -1 where it is outside the cache.
  __device__ int64_t rowOf(const Rows &batch, int64_t token) const {
    int64_t row = batch.rowOf(token), slot = batch.slots[row], position = batch.positionOf(row, token);
    if (slot >= 0 && slot < slots && position >= 0 && position < length)
      return ((slot * layers + layer) * length + position) * width;
    if (slot < 0 || slot >= slots)
      fault.raise(FaultKind::slot, slot, token, slots);
    else
      fault.raise(FaultKind::position, position, token, length);
    return -1;
  }
};

constexpr int frequenciesOfLaunch = 256;
struct Frequencies {
  float values[frequenciesOfLaunch];
};

__global__ void __launch_bounds__(threads) ropeTable(float *cosine, float *sine, Rows batch, int64_t tokens, int64_t pairs, int64_t first,
                                                     int64_t count, Frequencies frequencies, float scale) {
  waitForPrevious();
  allowNext();
  int64_t item = blockIdx.x * int64_t(threads) + threadIdx.x, token = quotient(item, count), pair = item - token * count;
  if (token >= tokens)
    return;
  float position = float(batch.positionOf(batch.rowOf(token), token));
  // The angle is rounded to F32, as the models were trained with; its cosine and sine are those of that F32.
  double angle = position * frequencies.values[pair], c, s;
  sincos(angle, &s, &c);
  cosine[token * pairs + first + pair] = float(c) * scale;
  sine[token * pairs + first + pair] = float(s) * scale;
}

/// Cosine and sine of an angle. The rotation computes in T: they are operands like the values, and rounded to it.
template <int32_t T> struct Turn {
  float cosine, sine;

  __device__ Turn(const float *cosines, const float *sines, int64_t pair)
      : cosine(rounded<T>(cosines[pair])), sine(rounded<T>(sines[pair])) {}
  __device__ float even(float even, float odd) const { return even * cosine - odd * sine; }
  __device__ float odd(float even, float odd) const { return odd * cosine + even * sine; }
};

/// The four of a vector.
template <int32_t T> struct Turns {
  Turn<T> turns[vectorColumns / 2];

  __device__ Turns(const float *c, const float *s, int64_t pair)
      : turns{{c, s, pair}, {c, s, pair + 1}, {c, s, pair + 2}, {c, s, pair + 3}} {}
  __device__ Vector<T> operator()(const Vector<T> &x) const {
    float results[vectorColumns];
#pragma unroll
    for (int i = 0; i < vectorColumns; i += 2) {
      results[i] = turns[i / 2].even(x[i], x[i + 1]);
      results[i + 1] = turns[i / 2].odd(x[i], x[i + 1]);
    }
    return Vector<T>(results);
  }
};

struct RopeOperands {
  void *y;
  const void *x;
  const float *cosine, *sine;
  int64_t tokens, heads, width, begin, pairs;
};

/// Vectors [from, from + count) of each head of whole vectors of one token; a vector is rotated whole or copied. The heads are dealt to
/// `groups` blocks, of which this one is `group`; a thread has one vector of several heads, which turn alike.
template <int32_t T> __device__ void rotateHeads(const RopeOperands &o, int from, int count, int64_t token, int group, int groups) {
  int lanes = min(count, int(blockDim.x)), together = int(blockDim.x) / lanes, thread = int(threadIdx.x);
  if (thread >= together * lanes)
    return;
  int64_t width = o.width / vectorColumns;
  for (int vector = from + thread % lanes; vector < from + count; vector += lanes) {
    int64_t column = int64_t(vector) * vectorColumns - o.begin, head = int64_t(group) * together + thread / lanes;
    int64_t index = (token * o.heads + head) * width + vector, step = int64_t(groups) * together;
    if (column < 0 || column >= 2 * o.pairs) {
      for (; head < o.heads; head += step, index += step * width)
        storeVector<T>(o.y, index, loadVector<T>(o.x, index));
      continue;
    }
    Turns<T> turns(o.cosine, o.sine, token * o.pairs + column / 2);
    for (; head < o.heads; head += step, index += step * width)
      storeVector<T>(o.y, index, turns(loadVector<T>(o.x, index)));
  }
}

/// A row of blocks has a token.
template <int32_t T> __global__ void __launch_bounds__(threads) ropeVectors(RopeOperands o, int from, int count) {
  waitForPrevious();
  allowNext();
  rotateHeads<T>(o, from, count, blockIdx.x, int(blockIdx.y), int(gridDim.y));
}

/// A column a thread; the even one of a pair does both, so that y may be x.
template <int32_t T> __global__ void __launch_bounds__(threads) ropeElements(RopeOperands o) {
  waitForPrevious();
  allowNext();
  int64_t item = blockIdx.x * int64_t(threads) + threadIdx.x, head = quotient(item, o.width), token = quotient(head, o.heads);
  if (token >= o.tokens)
    return;
  int64_t column = item - head * o.width - o.begin;
  if (column < 0 || column >= 2 * o.pairs)
    return store<T>(o.y, item, load<T>(o.x, item));
  if (column % 2 != 0)
    return;
  float even = load<T>(o.x, item), odd = load<T>(o.x, item + 1);
  Turn<T> turn(o.cosine, o.sine, token * o.pairs + column / 2);
  store<T>(o.y, item, turn.even(even, odd)), store<T>(o.y, item + 1, turn.odd(even, odd));
}

/// A block a token; eight columns a thread.
template <int32_t T, int32_t C>
__global__ void __launch_bounds__(threads) appendKernel(CacheLayer cache, const void *latent, const void *key, Rows batch,
                                                        int64_t latentColumns, int64_t keyColumns, bool aligned) {
  waitForPrevious();
  allowNext();
  int64_t token = blockIdx.x, to = cache.rowOf(batch, token);
  if (to < 0)
    return;
  auto copy = [&](const void *from, int64_t columns, int64_t target, int64_t begin) {
    int64_t source = token * columns + begin;
    if (aligned) {
      Vector<T> values = loadVector<T>(from, source / vectorColumns);
      float results[vectorColumns];
#pragma unroll
      for (int i = 0; i < vectorColumns; ++i)
        results[i] = values[i];
      return storeVector<C>(cache.data, (target + begin) / vectorColumns, Vector<C>(results));
    }
    for (int64_t i = 0; i < min(int64_t(vectorColumns), columns - begin); ++i)
      store<C>(cache.data, target + begin + i, load<T>(from, source + i));
  };
  int64_t latents = (latentColumns + vectorColumns - 1) / vectorColumns, all = latents + (keyColumns + vectorColumns - 1) / vectorColumns;
  for (int64_t vector = threadIdx.x; vector < all; vector += blockDim.x)
    if (vector < latents)
      copy(latent, latentColumns, to, vector * vectorColumns);
    else
      copy(key, keyColumns, to + latentColumns, (vector - latents) * vectorColumns);
}

struct LatentOperands {
  const void *x;
  WeightRows weight;
  const float *cosine, *sine;
  int64_t columns, latent, pairs;
  float eps;
};

/// A block a token: thread t has the row's vectors t, t + blockDim.x, ... It waits for the previous kernel.
template <int32_t T> __device__ void appendLatent(const CacheLayer &cache, const LatentOperands &o, const Rows &batch, int64_t token) {
  __shared__ float scratch[32];
  int latents = int(o.latent / vectorColumns), vectors = int(o.columns / vectorColumns), thread = int(threadIdx.x);
  Vector<T> factors;
  if (thread < latents)
    factors = loadVector<T>(o.weight.data, thread);
  waitForPrevious();
  allowNext();
  int64_t to = cache.rowOf(batch, token);
  if (to < 0)
    return;
  int64_t first = token * vectors, target = to / vectorColumns;
  Vector<T> kept;
  float squares = 0;
  for (int vector = thread; vector < vectors; vector += blockDim.x) {
    Vector<T> values = loadVector<T>(o.x, first + vector);
    if (vector >= latents) {
      int64_t pair = int64_t(vector - latents) * (vectorColumns / 2);
      if (pair < o.pairs)
        values = Turns<T>(o.cosine, o.sine, token * o.pairs + pair)(values);
      storeVector<T>(cache.data, target + vector, values);
      continue;
    }
    squares += squaresOf<T>(values);
    if (vector == thread)
      kept = values;
  }
  float factor = normFactor(squares, o.latent, o.eps, scratch);
  for (int vector = thread; vector < latents; vector += blockDim.x) {
    if (vector != thread)
      kept = loadVector<T>(o.x, first + vector), factors = loadVector<T>(o.weight.data, vector);
    float results[vectorColumns];
#pragma unroll
    for (int i = 0; i < vectorColumns; ++i)
      results[i] = kept[i] * factor * factors[i];
    storeVector<T>(cache.data, target + vector, Vector<T>(results));
  }
}

template <int32_t T> __global__ void __launch_bounds__(normThreadsMost) latentVectors(CacheLayer cache, LatentOperands o, Rows batch) {
  appendLatent<T>(cache, o, batch, blockIdx.x);
}

/// A row of blocks has a token: its first block appends, the others rotate the queries.
template <int32_t T>
__global__ void __launch_bounds__(normThreadsMost)
    ropeAndLatentVectors(RopeOperands queries, CacheLayer cache, LatentOperands o, Rows batch) {
  if (blockIdx.y == 0)
    return appendLatent<T>(cache, o, batch, blockIdx.x);
  waitForPrevious();
  allowNext();
  rotateHeads<T>(queries, 0, int(queries.width / vectorColumns), blockIdx.x, int(blockIdx.y) - 1, int(gridDim.y) - 1);
}

template <int32_t T, int32_t C>
__global__ void __launch_bounds__(normThreadsMost) latentElements(CacheLayer cache, LatentOperands o, Rows batch) {
  __shared__ float scratch[32];
  waitForPrevious();
  allowNext();
  int64_t token = blockIdx.x, to = cache.rowOf(batch, token), from = token * o.columns;
  if (to < 0)
    return;
  float squares = squaresOfRow<T>(o.x, from, o.latent);
  float factor = normFactor(squares, o.latent, o.eps, scratch);
  for (int64_t i = threadIdx.x; i < o.columns; i += blockDim.x) {
    float value = load<T>(o.x, from + i);
    int64_t column = i - o.latent;
    if (column < 0) {
      value = value * factor * o.weight.at(0, i);
    } else if (column < 2 * o.pairs) {
      Turn<T> turn(o.cosine, o.sine, token * o.pairs + column / 2);
      value = column % 2 == 0 ? turn.even(value, load<T>(o.x, from + i + 1)) : turn.odd(load<T>(o.x, from + i - 1), value);
    }
    store<C>(cache.data, to + i, rounded<T>(value));
  }
}

Status expectCache(const dsrt_cache &cache, int32_t type, int64_t width, int64_t layer, const dsrt_batch *batch, int64_t tokens) {
  for (int32_t dtype : {type, cache.dtype})
    if (Status status = expectActivation("elements", dtype); !status.ok())
      return status;
  if (cache.width != width || layer < 0 || layer >= cache.layers)
    return broken("expects a cache of width %lld with layer %lld, but got width %lld and %lld layers", (long long)width, (long long)layer,
                  (long long)cache.width, (long long)cache.layers);
  return expectBatch(batch, tokens, &cache);
}

bool areWhole(std::initializer_list<int64_t> columns) {
  for (int64_t count : columns)
    if (count % vectorColumns != 0)
      return false;
  return true;
}

Status expectRope(int32_t type, int64_t columns, int64_t pairs, int64_t heads, int64_t begin) {
  if (Status status = expectActivation("elements", type); !status.ok())
    return status;
  if (heads <= 0 || columns % heads != 0)
    return broken("expects columns of whole heads, but got %lld columns of %lld heads", (long long)columns, (long long)heads);
  if (int64_t width = columns / heads; begin < 0 || begin > width - 2 * pairs)
    return broken("expects %lld pairs from column %lld within heads of %lld columns", (long long)pairs, (long long)begin, (long long)width);
  return {};
}

/// Whether heads and what is rotated of them are whole vectors.
bool isWhole(const RopeOperands &o) { return areWhole({o.width, o.begin, 2 * o.pairs}) && isAligned(o.y) && isAligned(o.x); }

/// Blocks that a token's heads are dealt to: one head a thread where the tokens alone do not fill the device, else four.
unsigned headGroups(const State &state, const RopeOperands &o, int vectors, unsigned blockThreads) {
  int together = int(blockThreads) / std::min(vectors, int(blockThreads));
  int each = together * (o.tokens * o.heads * vectors > int64_t(state.multiprocessors) * 8192 ? 4 : 1);
  return std::min(65534u, blocksFor(o.heads, each));
}

Status rotateQueries(State &state, const RopeOperands &o, int32_t type) {
  // In place the other columns are there already.
  int64_t from = o.y == o.x ? o.begin : 0, count = o.y == o.x ? 2 * o.pairs : o.width;
  if (o.tokens * count == 0)
    return {};
  return withActivation(type, [&](auto t) -> Status {
    if (isWhole(o)) {
      int vectors = int(count / vectorColumns);
      launch(state.stream, {dim3(unsigned(o.tokens), headGroups(state, o, vectors, threads)), threads}, ropeVectors<t()>, o,
             int(from / vectorColumns), vectors);
    } else {
      launch(state.stream, {blocksFor(o.tokens * o.heads * o.width, threads), threads}, ropeElements<t()>, o);
    }
    return {};
  });
}

Status expectLatent(const dsrt_cache &cache, const dsrt_weight *weight, int64_t tokens, int64_t columns, int64_t latentColumns,
                    int64_t pairs, int32_t type, int64_t layer, const dsrt_batch *batch) {
  if (Status status = expectActivation("elements", type); !status.ok())
    return status;
  int64_t keyColumns = columns - latentColumns;
  if (keyColumns < 0)
    return broken("expects at least %lld columns, but got %lld", (long long)latentColumns, (long long)columns);
  if (Status status = expectRows(weight, 1, latentColumns); !status.ok())
    return status;
  if (2 * pairs > keyColumns)
    return broken("expects %lld pairs from column %lld within heads of %lld columns", (long long)pairs, 0ll, (long long)keyColumns);
  return expectCache(cache, type, columns, layer, batch, tokens);
}

/// Whether latent, key and pairs are whole vectors, of one type everywhere.
bool isWhole(const CacheLayer &cache, const LatentOperands &o, const dsrt_weight &weight, int32_t type) {
  return areWhole({o.latent, o.columns - o.latent, 2 * o.pairs}) && isAligned(o.x) && isAligned(weight.data) && isAligned(cache.data) &&
         weight.format.payload == type && cache.dtype == type;
}

Status append(State &state, const CacheLayer &cache, const LatentOperands &o, const dsrt_weight &weight, const dsrt_batch &batch,
              int32_t type) {
  if (batch.tokens == 0 || o.columns == 0)
    return {};
  LaunchShape shape = {unsigned(batch.tokens), normThreads(o.columns)};
  return withActivation(type, [&](auto t) {
    return withActivation(cache.dtype, [&](auto c) -> Status {
      if (isWhole(cache, o, weight, type))
        launch(state.stream, shape, latentVectors<t()>, cache, o, Rows(batch));
      else
        launch(state.stream, shape, latentElements<t(), c()>, cache, o, Rows(batch));
      return {};
    });
  });
}

} // namespace

int32_t ops::rope_table(dsrt_context *context, int32_t site, float *cosine, float *sine, const dsrt_batch *batch, int64_t tokens,
                        int64_t pairs, const float *inverse_frequencies, int64_t inverse_frequencies_count, float scale) {
  return guarded(context, "rope_table", [&](State &state) -> Status {
    if (inverse_frequencies_count != pairs)
      return broken("expects an inverse frequency for each of %lld pairs, but got %lld", (long long)pairs,
                    (long long)inverse_frequencies_count);
    if (Status status = expectBatch(batch, tokens, nullptr); !status.ok())
      return status;
    for (int64_t first = 0; tokens > 0 && first < pairs; first += frequenciesOfLaunch) {
      int64_t count = std::min<int64_t>(frequenciesOfLaunch, pairs - first);
      Frequencies frequencies = {};
      std::copy_n(inverse_frequencies + first, count, frequencies.values);
      launch(state.stream, {blocksFor(tokens * count, threads), threads}, ropeTable, cosine, sine, Rows(*batch), tokens, pairs, first,
             count, frequencies, scale);
    }
    return {};
  });
}

int32_t ops::rope(dsrt_context *context, int32_t site, void *y, const void *x, const float *cosine, const float *sine, int64_t tokens,
                  int64_t columns, int64_t pairs, int32_t type_T, int64_t heads, int64_t begin) {
  return guarded(context, "rope", [&](State &state) -> Status {
    if (Status status = expectRope(type_T, columns, pairs, heads, begin); !status.ok())
      return status;
    RopeOperands o = {y, x, cosine, sine, tokens, heads, columns / heads, begin, pairs};
    return rotateQueries(state, o, type_T);
  });
}

int32_t ops::cache_append(dsrt_context *context, int32_t site, dsrt_cache *cache, const void *latent, const void *key,
                          const dsrt_batch *batch, int64_t tokens, int64_t latent_columns, int64_t key_columns, int32_t type_T,
                          int64_t layer) {
  return guarded(context, "cache_append", [&](State &state) -> Status {
    if (Status status = expectCache(*cache, type_T, latent_columns + key_columns, layer, batch, tokens); !status.ok())
      return status;
    if (tokens == 0)
      return {};
    bool aligned = areWhole({latent_columns, key_columns}) && isAligned(latent) && isAligned(key) && isAligned(cache->data);
    return withActivation(type_T, [&](auto t) {
      return withActivation(cache->dtype, [&](auto c) -> Status {
        launch(state.stream, {unsigned(tokens), 128}, appendKernel<t(), c()>,
               CacheLayer(*cache, layer, state.faults.of(DSRT_OP_cache_append)), latent, key, Rows(*batch), latent_columns, key_columns,
               aligned);
        return {};
      });
    });
  });
}

int32_t ops::latent_append(dsrt_context *context, int32_t site, dsrt_cache *cache, const void *x, const dsrt_weight *weight,
                           const float *cosine, const float *sine, const dsrt_batch *batch, int64_t tokens, int64_t columns,
                           int64_t latent_columns, int64_t pairs, int32_t type_T, int64_t layer, float eps) {
  return guarded(context, "latent_append", [&](State &state) -> Status {
    if (Status status = expectLatent(*cache, weight, tokens, columns, latent_columns, pairs, type_T, layer, batch); !status.ok())
      return status;
    LatentOperands o = {x, WeightRows(*weight), cosine, sine, columns, latent_columns, pairs, eps};
    return append(state, CacheLayer(*cache, layer, state.faults.of(DSRT_OP_latent_append)), o, *weight, *batch, type_T);
  });
}

int32_t ops::rope_latent_append(dsrt_context *context, int32_t site, void *y, dsrt_cache *cache, const void *q, const void *x,
                                const dsrt_weight *weight, const float *cosine, const float *sine, const dsrt_batch *batch, int64_t tokens,
                                int64_t q_columns, int64_t columns, int64_t latent_columns, int64_t pairs, int32_t type_T, int64_t heads,
                                int64_t begin, int64_t layer, float eps) {
  return guarded(context, "rope_latent_append", [&](State &state) -> Status {
    if (Status status = expectRope(type_T, q_columns, pairs, heads, begin); !status.ok())
      return status;
    if (Status status = expectLatent(*cache, weight, tokens, columns, latent_columns, pairs, type_T, layer, batch); !status.ok())
      return status;
    RopeOperands queries = {y, q, cosine, sine, tokens, heads, q_columns / heads, begin, pairs};
    LatentOperands o = {x, WeightRows(*weight), cosine, sine, columns, latent_columns, pairs, eps};
    CacheLayer target(*cache, layer, state.faults.of(DSRT_OP_rope_latent_append));
    if (tokens == 0 || q_columns == 0 || columns == 0 || !isWhole(queries) || !isWhole(target, o, *weight, type_T)) {
      if (Status status = rotateQueries(state, queries, type_T); !status.ok())
        return status;
      return append(state, target, o, *weight, *batch, type_T);
    }
    unsigned blockThreads = normThreads(columns);
    LaunchShape shape = {dim3(unsigned(tokens), 1 + headGroups(state, queries, int(queries.width / vectorColumns), blockThreads)),
                         blockThreads};
    return withActivation(type_T, [&](auto t) -> Status {
      launch(state.stream, shape, ropeAndLatentVectors<t()>, queries, target, o, Rows(*batch));
      return {};
    });
  });
}

} // namespace dsrt::cuda
