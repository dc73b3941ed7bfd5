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

/// Vectors of a row that a thread keeps in registers; of rows of more than 8192 columns it reads the others twice.
constexpr int vectorsHeld = 4;

/// Rows of whole vectors.
template <int32_t T, bool Add, bool Quantise> __global__ void __launch_bounds__(normThreadsMost) normVectors(NormOperands o) {
  __shared__ float scratch[32];
  int vectors = int(o.hidden / vectorColumns), thread = int(threadIdx.x), step = int(blockDim.x);
  Vector<T> factors[vectorsHeld], kept[vectorsHeld];
#pragma unroll
  for (int k = 0; k < vectorsHeld; ++k)
    if (thread + k * step < vectors)
      factors[k] = loadVector<T>(o.weight, thread + k * step);
  waitForPrevious();
  allowNext();
  int64_t row = blockIdx.x, first = row * vectors;
  const void *x = static_cast<const typename Element<T>::Storage *>(o.x) + row * o.xRow;
  float squares = 0;
  auto addUp = [&](Vector<T> &values, const Vector<T> &others, int vector) {
    if constexpr (Add) {
#pragma unroll
      for (int i = 0; i < vectorColumns; ++i)
        values.set(i, values[i] + others[i]);
      storeVector<T>(o.sum, first + vector, values);
    }
#pragma unroll
    for (int i = 0; i < vectorColumns; ++i)
      squares += values[i] * values[i];
  };
  // All loads go before the first store, which the compiler would not move them across.
  Vector<T> others[Add ? vectorsHeld : 1];
#pragma unroll
  for (int k = 0; k < vectorsHeld; ++k)
    if (int vector = thread + k * step; vector < vectors) {
      kept[k] = loadVector<T>(x, vector);
      if constexpr (Add)
        others[k] = loadVector<T>(o.b, first + vector);
    }
#pragma unroll
  for (int k = 0; k < vectorsHeld; ++k)
    if (int vector = thread + k * step; vector < vectors)
      addUp(kept[k], others[Add ? k : 0], vector);
  for (int vector = thread + vectorsHeld * step; vector < vectors; vector += step) {
    Vector<T> values = loadVector<T>(x, vector), more = Add ? loadVector<T>(o.b, first + vector) : values;
    addUp(values, more, vector);
  }
  float factor = normFactor(squares, o.hidden, o.eps, scratch);
  // All lanes of a warp come here for each of its vectors: quantizeTile needs them.
  auto finish = [&](const Vector<T> &values, const Vector<T> &weights, int vector) {
    bool active = vector < vectors;
    float results[vectorColumns] = {};
    if (active) {
      Vector<T> y;
#pragma unroll
      for (int i = 0; i < vectorColumns; ++i) {
        y.set(i, values[i] * factor * weights[i]);
        results[i] = y[i];
      }
      storeVector<T>(o.y, first + vector, y);
    }
    if constexpr (Quantise)
      quantizeTile(o.format, results, active, o.payload + (first + vector) * vectorColumns, o.scales + row * o.tiles + vector / tileLanes);
  };
#pragma unroll
  for (int k = 0; k < vectorsHeld; ++k)
    if (k * step < vectors)
      finish(kept[k], factors[k], thread + k * step);
  for (int begin = vectorsHeld * step; begin < vectors; begin += step) {
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
  float squares = 0;
  for (int64_t begin = threadIdx.x * vectorColumns; begin < o.hidden; begin += blockDim.x * vectorColumns)
    for (int64_t i = begin; i < min(begin + vectorColumns, o.hidden); ++i) {
      float value = load<T>(o.x, from + i);
      squares += value * value;
    }
  float factor = normFactor(squares, o.hidden, o.eps, scratch);
  for (int64_t i = threadIdx.x; i < o.hidden; i += blockDim.x)
    store<T>(o.y, to + i, load<T>(o.x, from + i) * factor * weight.at(0, i));
}

template <int32_t T> void launchVectors(State &state, const NormOperands &o, int64_t rows, bool add, bool quantise) {
  launch(state.stream, {unsigned(rows), normThreads(o.hidden)},
         add        ? quantise ? normVectors<T, true, true> : normVectors<T, true, false>
         : quantise ? normVectors<T, false, true>
                    : normVectors<T, false, false>,
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
    if (aligned)
      launchVectors<t()>(state, o, norm.tokens, norm.b != nullptr, tiles);
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
    if (Status status = checkFusedQuantize(hidden, tiles, type_P, type_T, format); !status.ok())
      return status;
    return normalizeRows(state, {y, nullptr, x, nullptr, hidden, weight, tokens, hidden, type_T, eps, static_cast<uint8_t *>(payload),
                                 scales, tiles, format});
  });
}

int32_t ops::add_rms_norm_quantize(dsrt_context *context, int32_t site, void *sum, void *y, void *payload, float *scales, const void *a,
                                   const void *b, const dsrt_weight *weight, int64_t tokens, int64_t hidden, int64_t tiles, int32_t type_T,
                                   int32_t type_P, float eps, const dsrt_quant *format) {
  return guarded(context, "add_rms_norm_quantize", [&](State &state) -> Status {
    if (Status status = checkFusedQuantize(hidden, tiles, type_P, type_T, format); !status.ok())
      return status;
    return normalizeRows(
        state, {y, sum, a, b, hidden, weight, tokens, hidden, type_T, eps, static_cast<uint8_t *>(payload), scales, tiles, format});
  });
}

} // namespace dsrt::cuda
