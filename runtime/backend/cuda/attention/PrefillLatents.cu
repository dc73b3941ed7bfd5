// The latents of a chunk of segments, from the cache to rows that the product with kv_b takes: copied, rounded to its type, or quantised as
// runtime/numerics/Quantize.h defines it, to the same bits. A row that no position fills is 0, so that its keys and values are.
#include "runtime/backend/cuda/attention/Prefill.h"

#include "runtime/backend/cuda/Elements.cuh"
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/numerics/Stochastic.h"

namespace dsrt::cuda {

namespace {

constexpr int warps = 8;

struct Source {
  PrefillSegments segments;
  const void *cache;
  int64_t latent, rows;
  int64_t cacheRows, layerRow, width; ///< of a slot; of the layer in it; columns of a row
  int32_t type;                       ///< of the cache
  int32_t *counters;

  __device__ void clearCounters() const {
    if (blockIdx.x == 0)
      for (int i = threadIdx.x; i < prefillLaunches; i += blockDim.x)
        counters[i] = 0;
  }

  /// The cache row of a row of the chunk, or -1; `position` in its own row.
  __device__ int64_t find(int64_t row, int32_t &position) const {
    int32_t i = segments.count - 1;
    while (i > 0 && segments.items[i].at > row)
      --i;
    const PrefillSegment &segment = segments.items[i];
    const int32_t inside = int32_t(row) - segment.at;
    position = segment.begin + inside;
    return inside < segment.count ? segment.slot * cacheRows + layerRow + position : -1;
  }
};

Source sourceOf(const PrefillLatents &latents, const PrefillSegments &segments) {
  const dsrt_cache &cache = *latents.cache;
  return {segments,    cache.data,  latents.latent,  latents.rows, cache.layers * cache.length, latents.layer * cache.length,
          cache.width, cache.dtype, latents.counters};
}

LaunchShape shapeOf(const PrefillLatents &latents) { return {blocksFor(latents.rows, warps), 32 * warps}; }

__device__ __forceinline__ int64_t warpRow() { return int64_t(blockIdx.x) * warps + threadIdx.x / 32; }

__device__ __forceinline__ void storeAs(int32_t type, void *base, int64_t index, float value) {
  if (type == DSRT_F32)
    store<DSRT_F32>(base, index, value);
  else if (type == DSRT_BF16)
    store<DSRT_BF16>(base, index, value);
  else
    store<DSRT_F16>(base, index, value);
}

/// vectors: 16 bytes at a time, where neither the type changes nor a row begins between.
__global__ void gatherKernel(const __grid_constant__ Source source, void *rows, int32_t type, bool vectors) {
  waitForPrevious();
  allowNext();
  source.clearCounters();
  const int64_t row = warpRow();
  if (row >= source.rows)
    return;
  int32_t position;
  const int64_t from = source.find(row, position);
  const int lane = threadIdx.x % 32;
  if (vectors) {
    const int64_t bytes = source.latent * elementBytes(type), stride = source.width * elementBytes(type);
    const uint4 *line = reinterpret_cast<const uint4 *>(static_cast<const uint8_t *>(source.cache) + from * stride);
    uint4 *to = reinterpret_cast<uint4 *>(static_cast<uint8_t *>(rows) + row * bytes);
    for (int64_t i = lane; i < bytes / 16; i += 32)
      to[i] = from < 0 ? uint4{} : line[i];
    return;
  }
  const uint8_t *line = static_cast<const uint8_t *>(source.cache) + from * source.width * int64_t(elementBytes(source.type));
  for (int64_t i = lane; i < source.latent; i += 32)
    storeAs(type, rows, row * source.latent + i, from < 0 ? 0.f : decodeAt(source.type, line, i));
}

__device__ __forceinline__ uint32_t warpMaximum(uint32_t x) { return __reduce_max_sync(~0u, x); }

/// The bits of a row's largest finite magnitude among columns [begin, end).
__device__ uint32_t amaxBits(const Source &source, const uint8_t *line, int64_t begin, int64_t end) {
  uint32_t largest = 0;
  for (int64_t i = begin + threadIdx.x % 32; i < end; i += 32)
    largest = max(largest, finiteMagnitude(decodeAt(source.type, line, i)));
  return warpMaximum(largest);
}

__global__ void amaxKernel(const __grid_constant__ Source source, uint32_t *amax) {
  waitForPrevious();
  allowNext();
  const int64_t row = warpRow();
  int32_t position;
  const int64_t from = row < source.rows ? source.find(row, position) : -1;
  if (from < 0)
    return;
  const uint8_t *line = static_cast<const uint8_t *>(source.cache) + from * source.width * int64_t(elementBytes(source.type));
  const uint32_t largest = amaxBits(source, line, 0, source.latent);
  if (threadIdx.x % 32 == 0)
    atomicMax(amax, largest); // of integers: the same in any order
}

__global__ void clearKernel(uint32_t *amax) {
  waitForPrevious();
  *amax = 0;
}

__device__ uint8_t encode(const dsrt_quant &format, float x, float scale, int32_t position, int64_t column) {
  if (scale == 0)
    x = 0, scale = 1;
  const float quotient = x / scale;
  if (format.payload == DSRT_F4E2M1)
    return encodeE2M1(quotient);
  if (format.rounding != DSRT_STOCHASTIC)
    return format.payload == DSRT_F8E4M3 ? encodeE4M3(quotient) : encodeE5M2(quotient);
  const std::array<uint32_t, 4> random = randomOf(format.seed, 0, position, column / 4);
  const uint32_t word = column % 4 < 2 ? (column % 4 == 0 ? random[0] : random[1]) : (column % 4 == 2 ? random[2] : random[3]);
  return format.payload == DSRT_F8E4M3 ? encodeStochastic<codec::E4M3Format, encodeE4M3>(quotient, word)
                                       : encodeStochastic<codec::E5M2Format, encodeE5M2>(quotient, word);
}

/// A warp takes a row: the scales of its tiles first, then its payload.
__global__ void quantizeKernel(const __grid_constant__ Source source, const __grid_constant__ dsrt_quant format, const float *amax,
                               uint8_t *payload, float *scales, int64_t tileCols, int64_t tiles) {
  waitForPrevious();
  allowNext();
  source.clearCounters();
  const int64_t row = warpRow();
  if (row >= source.rows)
    return;
  int32_t position;
  const int64_t from = source.find(row, position);
  const int lane = threadIdx.x % 32;
  payload += row * rowBytes(format.payload, source.latent), scales += row * tiles;
  const uint8_t *line = static_cast<const uint8_t *>(source.cache) + from * source.width * int64_t(elementBytes(source.type));
  const float whole = format.tile_rows == 0 ? scaleOf(format, *amax, outerScaleOf(format, *amax)) : 0;
  const float outer =
      format.outer == DSRT_OUTER_ROW && from >= 0 ? outerScaleOf(format, __uint_as_float(amaxBits(source, line, 0, source.latent))) : 1;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    float scale = 1;
    if (from >= 0)
      scale =
          format.tile_rows == 0
              ? whole
              : scaleOf(format, __uint_as_float(amaxBits(source, line, tile * tileCols, min(source.latent, (tile + 1) * tileCols))), outer);
    if (lane == 0)
      scales[tile] = scale;
  }
  __syncwarp();
  auto code = [&](int64_t column) -> uint8_t {
    return from < 0 || column >= source.latent
               ? 0
               : encode(format, decodeAt(source.type, line, column), scales[column / tileCols], position, column);
  };
  if (isFourBit(format.payload))
    for (int64_t i = lane; 2 * i < source.latent; i += 32)
      payload[i] = uint8_t(code(2 * i) | code(2 * i + 1) << 4);
  else
    for (int64_t i = lane; i < source.latent; i += 32)
      payload[i] = code(i);
}

} // namespace

cudaError_t gatherLatents(State &state, const PrefillLatents &latents, const PrefillSegments &segments, void *rows, int32_t type) {
  const dsrt_cache &cache = *latents.cache;
  const int64_t size = int64_t(elementBytes(type));
  const bool vectors =
      cache.dtype == type && isAligned(cache.data) && isAligned(rows) && cache.width * size % 16 == 0 && latents.latent * size % 16 == 0;
  return launch(state.stream, shapeOf(latents), gatherKernel, sourceOf(latents, segments), rows, type, vectors);
}

cudaError_t clearAmax(State &state, float *amax) { return launch(state.stream, {1, 1}, clearKernel, reinterpret_cast<uint32_t *>(amax)); }

cudaError_t raiseAmax(State &state, const PrefillLatents &latents, const PrefillSegments &segments, float *amax) {
  return launch(state.stream, shapeOf(latents), amaxKernel, sourceOf(latents, segments), reinterpret_cast<uint32_t *>(amax));
}

cudaError_t quantizeLatents(State &state, const PrefillLatents &latents, const PrefillSegments &segments, const dsrt_quant &format,
                            const float *amax, void *payload, float *scales) {
  const int64_t tileCols = format.tile_cols == 0 ? latents.latent : format.tile_cols;
  return launch(state.stream, shapeOf(latents), quantizeKernel, sourceOf(latents, segments), format, amax, static_cast<uint8_t *>(payload),
                scales, tileCols, (latents.latent + tileCols - 1) / tileCols);
}

} // namespace dsrt::cuda
