// rms_norm, alone and fused with the sum before it and the quantisation behind it: y = x / sqrt(mean(x^2) + eps) * weight in F32, rounded
// once. A block has one row and keeps what it read in registers.
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/NormFactor.cuh"
#include "runtime/backend/cuda/Parts.h"
#include "runtime/backend/cuda/Tile.cuh"

namespace dsrt::cuda {

namespace {

/// A norm as kernels get it: pointers of the first row.
struct NormOperands {
  void *y, *sum;
  const void *x, *b, *weight;
  int64_t xRow, hidden;
  float eps;
  uint8_t *payload;
  float *scales;
  int64_t tiles;
  dsrt_quant format;
};

/// Vectors of a row that a thread keeps in registers: four where there are many rows, so that several blocks share a multiprocessor and
/// each thread has several loads in flight; one where there are few, so that a row has as many threads as it can use.
constexpr int heldOfMany = 4, threadsOfFew = 1024;

/// Rows of whole vectors. What a block cannot hold of a row is read twice.
template <int32_t T, int Held, bool Add, bool Quantise>
__global__ void __launch_bounds__(Held == 1 ? threadsOfFew : normThreadsMost) normVectors(NormOperands o) {
  __shared__ float scratch[32];
  int vectors = int(o.hidden / vectorColumns), thread = int(threadIdx.x), step = int(blockDim.x);
  Vector<T> factors[Held], kept[Held];
#pragma unroll
  for (int k = 0; k < Held; ++k)
    if (thread + k * step < vectors)
      factors[k] = loadVector<T>(o.weight, thread + k * step);
  waitForPrevious();
  allowNext();
  int64_t row = blockIdx.x, first = row * vectors;
  const void *x = static_cast<const typename Element<T>::Storage *>(o.x) + row * o.xRow;
  float squares = 0;
  auto addUp = [&](Vector<T> &values, const Vector<T> &others, int vector) {
    if constexpr (Add) {
      float sums[vectorColumns];
#pragma unroll
      for (int i = 0; i < vectorColumns; ++i)
        sums[i] = values[i] + others[i];
      values = Vector<T>(sums);
      storeVector<T>(o.sum, first + vector, values);
    }
    squares += squaresOf<T>(values);
  };
  // All loads go before the first store, which the compiler would not move them across.
  Vector<T> others[Add ? Held : 1];
#pragma unroll
  for (int k = 0; k < Held; ++k)
    if (int vector = thread + k * step; vector < vectors) {
      kept[k] = loadVector<T>(x, vector);
      if constexpr (Add)
        others[k] = loadVector<T>(o.b, first + vector);
    }
#pragma unroll
  for (int k = 0; k < Held; ++k)
    if (int vector = thread + k * step; vector < vectors)
      addUp(kept[k], others[Add ? k : 0], vector);
  if constexpr (Held == 1) {
    // The order is that of normThreadsMost threads.
    __shared__ float ofVectors[threadsOfFew];
    if (vectors > normThreadsMost) {
      ofVectors[thread] = squares;
      __syncthreads();
      for (int other = thread + normThreadsMost; thread < normThreadsMost && other < vectors; other += normThreadsMost)
        squares += ofVectors[other];
      squares = thread < normThreadsMost ? squares : 0;
    }
  } else {
    for (int vector = thread + Held * step; vector < vectors; vector += step) {
      Vector<T> values = loadVector<T>(x, vector), more = Add ? loadVector<T>(o.b, first + vector) : values;
      addUp(values, more, vector);
    }
  }
  float factor = normFactor(squares, o.hidden, o.eps, scratch);
  // All lanes of a warp come here for each of its vectors: quantizeTile needs them.
  auto finish = [&](const Vector<T> &values, const Vector<T> &weights, int vector) {
    bool active = vector < vectors;
    float results[vectorColumns] = {};
    if (active) {
#pragma unroll
      for (int i = 0; i < vectorColumns; ++i)
        results[i] = values[i] * factor * weights[i];
      Vector<T> y(results);
      storeVector<T>(o.y, first + vector, y);
#pragma unroll
      for (int i = 0; i < vectorColumns; ++i)
        results[i] = y[i];
    }
    if constexpr (Quantise)
      quantizeTile(o.format, results, active, o.payload + (first + vector) * vectorColumns, o.scales + row * o.tiles + vector / tileLanes);
  };
#pragma unroll
  for (int k = 0; k < Held; ++k)
    if (k * step < vectors)
      finish(kept[k], factors[k], thread + k * step);
  for (int begin = Held * step; Held > 1 && begin < vectors; begin += step) {
    int vector = begin + thread, inside = min(vector, vectors - 1);
    finish(Add ? loadVector<T>(o.sum, first + inside) : loadVector<T>(x, inside), loadVector<T>(o.weight, inside), vector);
  }
}

/// Rows of any length and any alignment, and weights of any format: the same values a thread, one by one.
template <int32_t T> __global__ void __launch_bounds__(normThreadsMost) normElements(NormOperands o, WeightRows weight) {
  __shared__ float scratch[32];
  waitForPrevious();
  allowNext();
  int64_t row = blockIdx.x, from = row * o.xRow, to = row * o.hidden;
  float squares = squaresOfRow<T>(o.x, from, o.hidden);
  float factor = normFactor(squares, o.hidden, o.eps, scratch);
  for (int64_t i = threadIdx.x; i < o.hidden; i += blockDim.x)
    store<T>(o.y, to + i, load<T>(o.x, from + i) * factor * weight.at(0, i));
}

template <int32_t T, int Held>
void launchVectors(State &state, const NormOperands &o, int64_t rows, unsigned block, bool add, bool quantise) {
  launch(state.stream, {unsigned(rows), block},
         add        ? quantise ? normVectors<T, Held, true, true> : normVectors<T, Held, true, false>
         : quantise ? normVectors<T, Held, false, true>
                    : normVectors<T, Held, false, false>,
         o);
}

} // namespace

Status normalizeRows(State &state, const Norm &norm) {
  if (Status status = expectActivation("elements", norm.type); !status.ok())
    return status;
  if (Status status = expectRows(norm.weight, 1, norm.hidden); !status.ok())
    return status;
  if (norm.tokens == 0 || norm.hidden == 0)
    return {};
  bool aligned = norm.hidden % vectorColumns == 0 && norm.xRow % vectorColumns == 0 && norm.weight->format.payload == norm.type;
  for (const void *base : {norm.x, norm.b, norm.weight->data})
    aligned &= isAligned(base);
  for (void *base : {norm.y, norm.sum})
    aligned &= isAligned(base);
  bool tiles = norm.format && isTileFormat(*norm.format) && aligned && isAligned(norm.payload, vectorColumns);
  NormOperands o = {norm.y,      norm.sum, norm.x,       norm.b,      norm.weight->data, norm.xRow,
                    norm.hidden, norm.eps, norm.payload, norm.scales, norm.tiles,        norm.format ? *norm.format : dsrt_quant{}};
  if (!aligned && norm.b) {
    if (Status status = addElements(state, norm.sum, norm.x, norm.b, norm.tokens * norm.hidden, norm.type); !status.ok())
      return status;
    o.x = norm.sum;
  }
  Status status = withActivation(norm.type, [&](auto t) -> Status {
    int64_t vectors = norm.hidden / vectorColumns;
    if (aligned && vectors <= threadsOfFew && norm.tokens <= 2 * state.multiprocessors)
      launchVectors<t(), 1>(state, o, norm.tokens, unsigned(vectors + 31) / 32 * 32, norm.b != nullptr, tiles);
    else if (aligned)
      launchVectors<t(), heldOfMany>(state, o, norm.tokens, normThreads(norm.hidden), norm.b != nullptr, tiles);
    else
      launch(state.stream, {unsigned(norm.tokens), normThreads(norm.hidden)}, normElements<t()>, o, WeightRows(*norm.weight));
    return {};
  });
  if (!status.ok() || !norm.format || tiles)
    return status;
  Matrix matrix = {norm.payload, norm.scales, norm.y, 0, norm.tokens, norm.hidden, norm.tiles, norm.type, nullptr, 0, {}};
  return quantizeMatrix(state, matrix, *norm.format);
}

int32_t ops::rms_norm(dsrt_context *context, int32_t site, void *y, const void *x, const dsrt_weight *weight, int64_t tokens,
                      int64_t hidden, int32_t type_T, float eps) {
  return guarded(context, "rms_norm", [&](State &state) {
    return normalizeRows(state, {y, nullptr, x, nullptr, hidden, weight, tokens, hidden, type_T, eps, nullptr, nullptr, 0, nullptr});
  });
}

int32_t ops::add_rms_norm(dsrt_context *context, int32_t site, void *sum, void *y, const void *a, const void *b, const dsrt_weight *weight,
                          int64_t tokens, int64_t hidden, int32_t type_T, float eps) {
  return guarded(context, "add_rms_norm", [&](State &state) {
    return normalizeRows(state, {y, sum, a, b, hidden, weight, tokens, hidden, type_T, eps, nullptr, nullptr, 0, nullptr});
  });
}

int32_t ops::rms_norm_quantize(dsrt_context *context, int32_t site, void *y, void *payload, float *scales, const void *x,
                               const dsrt_weight *weight, int64_t tokens, int64_t hidden, int64_t tiles, int32_t type_T, int32_t type_P,
                               float eps, const dsrt_quant *format) {
  return guarded(context, "rms_norm_quantize", [&](State &state) -> Status {
    if (Status status = expectRowQuantize(hidden, tiles, type_P, type_T, format); !status.ok())
      return status;
    return normalizeRows(state, {y, nullptr, x, nullptr, hidden, weight, tokens, hidden, type_T, eps, static_cast<uint8_t *>(payload),
                                 scales, tiles, format});
  });
}

int32_t ops::add_rms_norm_quantize(dsrt_context *context, int32_t site, void *sum, void *y, void *payload, float *scales, const void *a,
                                   const void *b, const dsrt_weight *weight, int64_t tokens, int64_t hidden, int64_t tiles, int32_t type_T,
                                   int32_t type_P, float eps, const dsrt_quant *format) {
  return guarded(context, "add_rms_norm_quantize", [&](State &state) -> Status {
    if (Status status = expectRowQuantize(hidden, tiles, type_P, type_T, format); !status.ok())
      return status;
    return normalizeRows(
        state, {y, sum, a, b, hidden, weight, tokens, hidden, type_T, eps, static_cast<uint8_t *>(payload), scales, tiles, format});
  });
}

} // namespace dsrt::cuda
