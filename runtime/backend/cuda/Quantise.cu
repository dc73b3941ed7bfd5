// The quantize operations: payload and scales of activations, as runtime/numerics/Quantize.h defines them, bit by bit. Row t of the scales
// holds those of token t's tiles, also where a tile spans several tokens.
//
// E4M3 in tiles of 1x128, to nearest, takes one pass: 16 lanes have a tile in registers. Every other format takes passes over memory:
// amax of each tile (and of what an outer scale covers), scales from it, payload by the scales.
#include "runtime/backend/cuda/Gate.cuh"
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/Parts.h"
#include "runtime/backend/cuda/Tile.cuh"
#include "runtime/numerics/Stochastic.h"

namespace dsrt::cuda {

namespace {

constexpr int threads = 256;
constexpr int64_t maxTileColumns = int64_t(65535) * threads; // as many blocks as a grid has along y

/// Rows as they are, and rows that swiglu makes, rounded to T: vector number `index` of the matrix.
template <int32_t T> struct PlainRows {
  const void *x;
  __device__ Vector<T> operator()(int64_t index) const { return loadVector<T>(x, index); }
};
template <int32_t T> struct GatedRows {
  const void *gate, *up;
  __device__ Vector<T> operator()(int64_t index) const {
    Vector<T> g = loadVector<T>(gate, index), u = loadVector<T>(up, index);
    float results[vectorColumns];
#pragma unroll
    for (int i = 0; i < vectorColumns; ++i)
      results[i] = gated(g[i], u[i]);
    return Vector<T>(results);
  }
};

/// A row of blocks a row of the matrix; each thread has a vector.
template <typename Source>
__global__ void __launch_bounds__(threads)
    quantizeTiles(Source source, uint8_t *payload, float *scales, int columns, int tiles, dsrt_quant format) {
  waitForPrevious();
  allowNext();
  int64_t row = blockIdx.x;
  int column = int(blockIdx.y * blockDim.x + threadIdx.x) * vectorColumns;
  bool active = column < columns;
  int64_t element = row * columns + column;
  float values[vectorColumns] = {};
  if (active) {
    auto vector = source(element / vectorColumns);
#pragma unroll
    for (int i = 0; i < vectorColumns; ++i)
      values[i] = vector[i];
  }
  quantizeTile(format, values, active, payload + element, scales + row * tiles + column / tileColumns);
}

template <typename Source> void launchTiles(State &state, Source source, const Matrix &m, const dsrt_quant &format) {
  // Rows in blocks of equal size.
  unsigned vectors = unsigned(m.columns / vectorColumns), blocks = blocksFor(vectors, threads);
  unsigned block = (vectors + blocks * 32 - 1) / (blocks * 32) * 32;
  launch(state.stream, {dim3(unsigned(m.rows), blocks), block}, quantizeTiles<Source>, source, static_cast<uint8_t *>(m.payload), m.scales,
         int(m.columns), int(m.tiles), format);
}

/// What the passes of the general way share. `outer`: amax of each group of rows, of the state's workspace.
struct Passes {
  Matrix m;
  dsrt_quant format;
  int64_t tileCols, payloadRow;
  uint32_t *outer;
  bool rowsAlone; ///< a row's scales follow from the row alone

  struct Strip {
    int64_t top, bottom, group;
  };
  /// The rows that share their tiles with this one. Offsets that do not rise put a row into a strip of its own.
  __device__ Strip stripOf(int64_t row) const {
    int64_t begin = 0, end = m.rows, group = 0;
    if (m.offsets) {
      int64_t low = 0, high = m.bounds - 1; // the last group that begins at the row or before it
      while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        (m.offsets[middle] <= row ? low : high) = middle;
      }
      group = low, begin = m.offsets[low], end = min(int64_t(m.offsets[low + 1]), m.rows);
      if (begin < 0 || begin > row || end <= row)
        begin = row, end = row + 1;
    }
    if (format.tile_rows == 0)
      return {begin, end, group};
    int64_t top = begin + (row - begin) / format.tile_rows * format.tile_rows;
    return {top, min(end, top + format.tile_rows), group};
  }
  __device__ float outerOf(int64_t group) const {
    return format.outer == DSRT_OUTER_TENSOR ? outerScaleOf(format, __uint_as_float(outer[group])) : 1;
  }
};

__global__ void __launch_bounds__(threads) clearAmax(Passes p, int64_t groups) {
  waitForPrevious();
  allowNext();
  int64_t thread = blockIdx.x * int64_t(threads) + threadIdx.x, step = int64_t(gridDim.x) * threads;
  for (int64_t i = thread; i < p.m.rows * p.m.tiles; i += step)
    p.m.scales[i] = 0;
  for (int64_t i = thread; i < groups; i += step)
    p.outer[i] = 0;
  for (int64_t i = thread; p.m.offsets && i < p.m.bounds; i += step) {
    int64_t offset = p.m.offsets[i], before = i == 0 ? 0 : p.m.offsets[i - 1];
    if (offset < before || (i == 0 && offset != 0) || (i == p.m.bounds - 1 && offset != p.m.rows))
      p.m.fault.raise(FaultKind::offsets, offset, i, p.m.rows);
  }
}

/// A warp a tile of one row.
template <int32_t X> __global__ void __launch_bounds__(threads) amaxOfTiles(Passes p) {
  waitForPrevious();
  allowNext();
  int64_t item = (blockIdx.x * int64_t(threads) + threadIdx.x) / 32, row = quotient(item, p.m.tiles), tile = item - row * p.m.tiles;
  if (row >= p.m.rows)
    return;
  int64_t begin = tile * p.tileCols, end = min(begin + p.tileCols, p.m.columns);
  uint32_t amax = 0;
  for (int64_t column = begin + threadIdx.x % 32; column < end; column += 32)
    amax = max(amax, finiteMagnitude(load<X>(p.m.x, row * p.m.columns + column)));
  amax = __reduce_max_sync(~0u, amax);
  if (threadIdx.x % 32 != 0)
    return;
  if (p.rowsAlone) {
    p.m.scales[item] = p.format.outer == DSRT_OUTER_NONE ? scaleOf(p.format, __uint_as_float(amax)) : __uint_as_float(amax);
    return;
  }
  Passes::Strip strip = p.stripOf(row);
  atomicMax(reinterpret_cast<uint32_t *>(p.m.scales) + strip.top * p.m.tiles + tile, amax); // magnitudes order as their bits do
  if (p.format.outer == DSRT_OUTER_TENSOR)
    atomicMax(p.outer + strip.group, amax);
}

/// The scales of rows that are not the first of their tiles, from the amax that stands in that row.
__global__ void __launch_bounds__(threads) scalesOfOthers(Passes p) {
  waitForPrevious();
  allowNext();
  int64_t item = blockIdx.x * int64_t(threads) + threadIdx.x, row = quotient(item, p.m.tiles);
  if (row >= p.m.rows)
    return;
  Passes::Strip strip = p.stripOf(row);
  if (strip.top != row)
    p.m.scales[item] = scaleOf(p.format, p.m.scales[strip.top * p.m.tiles + item - row * p.m.tiles], p.outerOf(strip.group));
}

/// The scales of the first rows, in place of their amax: a warp a row.
__global__ void __launch_bounds__(threads) scalesOfFirst(Passes p) {
  waitForPrevious();
  allowNext();
  int64_t row = (blockIdx.x * int64_t(threads) + threadIdx.x) / 32, lane = threadIdx.x % 32;
  if (row >= p.m.rows)
    return;
  Passes::Strip strip = p.rowsAlone ? Passes::Strip{row, row + 1, 0} : p.stripOf(row);
  if (strip.top != row)
    return;
  float *scales = p.m.scales + row * p.m.tiles, outer = 1;
  if (p.format.outer == DSRT_OUTER_ROW) {
    uint32_t amax = 0;
    for (int64_t tile = lane; tile < p.m.tiles; tile += 32)
      amax = max(amax, __float_as_uint(scales[tile]));
    outer = outerScaleOf(p.format, __uint_as_float(__reduce_max_sync(~0u, amax)));
  } else {
    outer = p.outerOf(strip.group);
  }
  for (int64_t tile = lane; tile < p.m.tiles; tile += 32)
    scales[tile] = scaleOf(p.format, scales[tile], outer);
}

__device__ uint8_t codeOf(const dsrt_quant &format, float value, float scale, uint32_t random) {
  bool stochastic = format.rounding == DSRT_STOCHASTIC;
  float quotient = scaled(value, scale);
  switch (format.payload) {
  case DSRT_F8E4M3:
    return scale == 0 ? 0 : stochastic ? encodeStochastic<codec::E4M3Format, encodeE4M3>(quotient, random) : encodeE4M3(quotient);
  case DSRT_F8E5M2:
    return scale == 0 ? 0 : stochastic ? encodeStochastic<codec::E5M2Format, encodeE5M2>(quotient, random) : encodeE5M2(quotient);
  case DSRT_F4E2M1:
    return encodeE2M1(scale == 0 ? 0 : quotient);
  default:
    return encodeNF4(scale == 0 ? 0 : quotient);
  }
}

/// Four columns a thread: as many as share a random counter.
template <int32_t X> __global__ void __launch_bounds__(threads) encodeColumns(Passes p) {
  waitForPrevious();
  allowNext();
  int64_t groups = (p.m.columns + 3) / 4, item = blockIdx.x * int64_t(threads) + threadIdx.x, row = quotient(item, groups),
          begin = (item - row * groups) * 4;
  if (row >= p.m.rows)
    return;
  std::array<uint32_t, 4> random = {};
  if (p.format.rounding == DSRT_STOCHASTIC)
    random = randomOf(p.format.seed, 0, p.m.first + row, begin / 4);
  int count = int(min(int64_t(4), p.m.columns - begin));
  uint8_t codes[4] = {}, *payload = static_cast<uint8_t *>(p.m.payload) + row * p.payloadRow;
  for (int i = 0; i < count; ++i)
    codes[i] =
        codeOf(p.format, load<X>(p.m.x, row * p.m.columns + begin + i), p.m.scales[row * p.m.tiles + (begin + i) / p.tileCols], random[i]);
  if (!isFourBit(p.format.payload)) {
    for (int i = 0; i < count; ++i)
      payload[begin + i] = codes[i];
    return;
  }
  for (int i = 0; i < count; i += 2)
    payload[(begin + i) / 2] = uint8_t(codes[i] | codes[i + 1] << 4);
}

bool takesTiles(const Matrix &m, const dsrt_quant &format) {
  return isTileFormat(format) && m.columns % vectorColumns == 0 && m.columns <= maxTileColumns && isAligned(m.payload, vectorColumns);
}

} // namespace

Status quantizeMatrix(State &state, const Matrix &m, const dsrt_quant &format) {
  if (m.rows == 0 || m.columns == 0)
    return {};
  if (takesTiles(m, format) && isAligned(m.x))
    return withActivation(m.type, [&](auto t) -> Status {
      launchTiles(state, PlainRows<t()>{m.x}, m, format);
      return {};
    });
  Passes p = {m,
              format,
              format.tile_cols == 0 ? m.columns : format.tile_cols,
              rowBytes(format.payload, m.columns),
              static_cast<uint32_t *>(state.workspace),
              rowsAreIndependent(format)};
  int64_t groups = m.offsets ? std::max<int64_t>(m.bounds - 1, 1) : 1;
  if (size_t(groups) * sizeof(uint32_t) > state.workspaceBytes)
    return broken("expects groups whose amax fits the workspace, but got %lld groups", (long long)groups);
  if (!p.rowsAlone)
    launch(state.stream, {std::min(1024u, blocksFor(m.rows * m.tiles + groups, threads)), threads}, clearAmax, p, groups);
  return withActivation(m.type, [&](auto x) -> Status {
    launch(state.stream, {blocksFor(m.rows * m.tiles * 32, threads), threads}, amaxOfTiles<x()>, p);
    if (!p.rowsAlone)
      launch(state.stream, {blocksFor(m.rows * m.tiles, threads), threads}, scalesOfOthers, p);
    if (!p.rowsAlone || format.outer != DSRT_OUTER_NONE)
      launch(state.stream, {blocksFor(m.rows * 32, threads), threads}, scalesOfFirst, p);
    launch(state.stream, {blocksFor(m.rows * ((m.columns + 3) / 4), threads), threads}, encodeColumns<x()>, p);
    return {};
  });
}

int32_t ops::quantize(dsrt_context *context, int32_t site, void *payload, float *scales, const void *x, int64_t tokens, int64_t columns,
                      int64_t tiles, int32_t type_P, int32_t type_X, const dsrt_quant *format) {
  return guarded(context, "quantize", [&](State &state) -> Status {
    if (Status status = expectQuantize(columns, tiles, type_P, type_X, format); !status.ok())
      return status;
    return quantizeMatrix(state, {payload, scales, x, 0, tokens, columns, tiles, type_X, nullptr, 0, {}}, *format);
  });
}

int32_t ops::grouped_quantize(dsrt_context *context, int32_t site, void *payload, float *scales, const void *x, const int32_t *offsets,
                              int64_t rows, int64_t columns, int64_t tiles, int64_t bounds, int32_t type_P, int32_t type_X,
                              const dsrt_quant *format) {
  return guarded(context, "grouped_quantize", [&](State &state) -> Status {
    if (Status status = expectQuantize(columns, tiles, type_P, type_X, format); !status.ok())
      return status;
    if (bounds < 2 && rows > 0)
      return broken("expects offsets that rise from 0 to %lld rows", (long long)rows);
    // Where rows are independent the experts do not matter.
    const int32_t *groups = rowsAreIndependent(*format) ? nullptr : offsets;
    return quantizeMatrix(
        state, {payload, scales, x, 0, rows, columns, tiles, type_X, groups, bounds, state.faults.of(DSRT_OP_grouped_quantize)}, *format);
  });
}

int32_t ops::swiglu_quantize(dsrt_context *context, int32_t site, void *payload, float *scales, const void *gate, const void *up,
                             int64_t rows, int64_t columns, int64_t tiles, int32_t type_P, int32_t type_T, const dsrt_quant *format) {
  return guarded(context, "swiglu_quantize", [&](State &state) -> Status {
    if (Status status = expectRowQuantize(columns, tiles, type_P, type_T, format); !status.ok())
      return status;
    if (rows == 0 || columns == 0)
      return {};
    Matrix whole = {payload, scales, nullptr, 0, rows, columns, tiles, type_T, nullptr, 0, {}};
    if (takesTiles(whole, *format) && isAligned(gate) && isAligned(up))
      return withActivation(type_T, [&](auto t) -> Status {
        launchTiles(state, GatedRows<t()>{gate, up}, whole, *format);
        return {};
      });
    // Runs of rows whose intermediate result fits the workspace; its first words are quantizeMatrix' own.
    constexpr int64_t reserved = 64;
    int64_t rowBytes = columns * int64_t(elementBytes(type_T));
    int64_t step = std::min(rows, (int64_t(state.workspaceBytes) - reserved) / rowBytes);
    if (step < 1)
      return broken("expects rows that fit the workspace, but got rows of %lld bytes", (long long)rowBytes);
    void *y = static_cast<char *>(state.workspace) + reserved;
    for (int64_t begin = 0; begin < rows; begin += step) {
      int64_t count = std::min(step, rows - begin), first = begin * rowBytes;
      if (Status status = gateElements(state, y, static_cast<const char *>(gate) + first, static_cast<const char *>(up) + first,
                                       count * columns, type_T);
          !status.ok())
        return status;
      Matrix part = {static_cast<uint8_t *>(payload) + begin * dsrt::rowBytes(type_P, columns),
                     scales + begin * tiles,
                     y,
                     begin,
                     count,
                     columns,
                     tiles,
                     type_T,
                     nullptr,
                     0,
                     {}};
      if (Status status = quantizeMatrix(state, part, *format); !status.ok())
        return status;
    }
    return {};
  });
}

} // namespace dsrt::cuda
