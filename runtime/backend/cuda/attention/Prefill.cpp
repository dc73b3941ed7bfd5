// The operation mla_prefill: latent attention with the latent expanded, chunk by chunk of the context (Prefill.h). Prefill is not captured
// into graphs: the host's arrays of the batch say which kernels run and on what.
#include "runtime/backend/cuda/attention/Prefill.h"

#include "dsrt/dsrt_scratch.h"
#include "runtime/backend/cuda/RoundRows.h"
#include "runtime/backend/cuda/gemm/Multiply.h"

#include <algorithm>
#include <vector>

namespace dsrt::cuda {

namespace {

int64_t wholeTiles(int64_t positions) { return (positions + prefillTile - 1) / prefillTile * prefillTile; }

/// The scratch of dsrt_mla_prefill_scratch: states first, then what is made of a chunk, as many positions as fit. How many depends on the
/// model and its types alone, so that chunks are cut alike in every call.
struct Scratch {
  int64_t positions; ///< of a chunk, whole tiles
  float *states;     ///< [tokens, heads, value + 2]
  float *amax;
  int32_t *counters; ///< [prefillLaunches]
  void *latents;     ///< [positions, latent] of kv_b's type, or the payload of their format
  float *scales;     ///< [positions, tiles]
  void *expanded;    ///< [positions, heads * (nope + value)] of T

  Scratch(void *memory, const MlaShape &shape, int64_t tokens, int32_t type, int32_t latentType, int64_t tiles) {
    const int64_t latentBytes = rowBytes(latentType, shape.latent), scaleBytes = tiles * 4;
    const int64_t expandedBytes = shape.heads * shape.expanded() * int64_t(elementBytes(type));
    const int64_t bytes = dsrt_mla_expansion_scratch(shape.heads, shape.nope, shape.value, shape.latent);
    positions = (bytes - 5 * 256 - prefillLaunches * 4) / (latentBytes + scaleBytes + expandedBytes) / prefillTile * prefillTile;
    char *next = static_cast<char *>(memory);
    auto take = [&](int64_t bytes) {
      char *part = next;
      next += (bytes + 255) / 256 * 256;
      return part;
    };
    expanded = take(positions * expandedBytes);
    latents = take(positions * latentBytes);
    scales = reinterpret_cast<float *>(take(positions * scaleBytes));
    amax = reinterpret_cast<float *>(take(4));
    counters = reinterpret_cast<int32_t *>(take(prefillLaunches * 4));
    states = reinterpret_cast<float *>(static_cast<char *>(memory) + bytes);
  }
};

/// Cuts the context of all rows into segments, and calls run(segments, rows) for each chunk of at most `positions`.
template <typename Run> Status forChunks(const dsrt_batch &batch, int64_t positions, Run &&run) {
  PrefillSegments segments = {};
  int64_t filled = 0;
  for (int64_t row = 0; row < batch.rows; ++row) {
    const int32_t tokens = batch.offsets[row + 1] - batch.offsets[row];
    const int64_t length = tokens == 0 ? 0 : int64_t(batch.starts[row]) + tokens;
    for (int64_t begin = 0; begin < length; begin += positions) {
      const int64_t count = std::min(positions, length - begin);
      if (filled + wholeTiles(count) > positions || segments.count == PrefillSegments::most) {
        if (Status status = run(segments, filled); !status.ok())
          return status;
        segments.count = 0, filled = 0;
      }
      segments.items[segments.count++] = {batch.offsets[row], batch.starts[row], tokens,         batch.slots[row],
                                          int32_t(begin),     int32_t(count),    int32_t(filled)};
      filled += wholeTiles(count);
    }
  }
  return segments.count == 0 ? Status() : run(segments, filled);
}

/// The tiles of queries that see something of the segments, those that see most first.
std::vector<PrefillTile> tilesOf(const PrefillSegments &segments) {
  std::vector<PrefillTile> tiles;
  auto seen = [&](const PrefillTile &tile) {
    const PrefillSegment &segment = segments.items[tile.segment];
    return std::min<int64_t>(wholeTiles(segment.count), int64_t(tile.tile + 1) * prefillTile - segment.begin);
  };
  for (int32_t i = 0; i < segments.count; ++i) {
    const PrefillSegment &segment = segments.items[i];
    for (int64_t tile = std::max(segment.start, segment.begin) / prefillTile;
         tile <= (int64_t(segment.start) + segment.tokens - 1) / prefillTile; ++tile)
      tiles.push_back({uint16_t(i), uint16_t(tile)});
  }
  std::stable_sort(tiles.begin(), tiles.end(), [&](const PrefillTile &a, const PrefillTile &b) { return seen(a) > seen(b); });
  return tiles;
}

/// `counters` are 0.
Status attend(State &state, PrefillAttention attention, const PrefillSegments &segments, int32_t *counters) {
  const std::vector<PrefillTile> all = tilesOf(segments);
  const bool flash = flashTakes(attention) && all.size() <= size_t(prefillLaunches) * PrefillTiles::most;
  for (size_t begin = 0; begin < all.size(); begin += PrefillTiles::most) {
    PrefillTiles tiles;
    tiles.count = int32_t(std::min<size_t>(PrefillTiles::most, all.size() - begin));
    std::copy_n(all.begin() + int64_t(begin), tiles.count, tiles.items);
    attention.counter = counters++;
    if (Status status =
            cudaStatus(flash ? runFlashAttention(state, attention, segments, tiles) : runExactAttention(state, attention, segments, tiles),
                       "attention");
        !status.ok())
      return status;
  }
  return {};
}

/// expanded [rows, n] of `type` = x kv_b^T: rounded to `through`, the product's own type, then to `type`. The kernel does not depend on the
/// number of rows, so that a position's keys and values are the same in every call.
Status expand(State &state, const Multiplication &product, int32_t type, int32_t through) {
  Product fast;
  // The tensor core's sums of FP8 have about 14 bits: enough where the result is rounded to fewer.
  if (asProduct(product, fast) && largeTakes(fast) && !(fast.xType == DSRT_F8E4M3 && type == DSRT_F32)) {
    if (Status status = cudaStatus(runLarge(state, fast), "the expansion"); !status.ok())
      return status;
  } else if (Status status = cudaStatus(runGeneric(state, product), "the expansion"); !status.ok()) {
    return status;
  }
  if (through == type || through == DSRT_F32)
    return {};
  return cudaStatus(roundRows(state, through, type, product.sides[0].y, product.rows, product.sides[0].n, nullptr, 1), "the expansion");
}

} // namespace

int32_t ops::mla_prefill(dsrt_context *context, int32_t site, void *y, const void *q, const dsrt_weight *kv_b, dsrt_cache *cache,
                         const dsrt_batch *batch, void *memory, int64_t tokens, int64_t columns, int64_t q_columns, int64_t kv_columns,
                         int64_t latent_columns, int64_t bytes, int32_t type_T, int64_t layer, int64_t heads, int64_t nope, int64_t rope,
                         int64_t value, float softmax_scale, const dsrt_quant *activation) {
  return guarded(context, "mla_prefill", [&](State &state) -> Status {
    const MlaShape shape = {heads, nope, rope, value, latent_columns};
    const int64_t needed = dsrt_mla_prefill_scratch(tokens, heads, nope, value, latent_columns);
    if (Status status = expectMla(shape, type_T, tokens, columns, q_columns, kv_columns, kv_b, cache, batch, layer, bytes, needed);
        !status.ok())
      return status;
    if (Status status = expectExpansion(kv_b, activation, shape.latent); !status.ok())
      return status;
    const bool quantised = kv_b->format.scale != DSRT_NONE, whole = quantised && activation->tile_rows == 0;
    const int32_t latentType = quantised ? activation->payload : kv_b->format.payload;
    const Scratch scratch(memory, shape, tokens, type_T, latentType, quantised ? tileColsOf(*activation, shape.latent) : 0);
    PrefillLatents latents = {.latent = shape.latent, .layer = layer, .rows = 0, .cache = cache, .counters = scratch.counters};

    if (whole) { // its amax is over the context of all rows, before any of it is expanded
      if (Status status = cudaStatus(clearAmax(state, scratch.amax), "amax"); !status.ok())
        return status;
      Status status = forChunks(*batch, scratch.positions, [&](const PrefillSegments &segments, int64_t rows) {
        latents.rows = rows;
        return cudaStatus(raiseAmax(state, latents, segments, scratch.amax), "amax");
      });
      if (!status.ok())
        return status;
    }

    Multiplication product = {.x = {.type = latentType, .data = scratch.latents}, .k = shape.latent, .sideCount = 1};
    Operand weight = {.type = kv_b->format.payload, .data = kv_b->data};
    if (quantised) {
      weight.scales = kv_b->scales, weight.tileRows = kv_b->format.tile_rows, weight.tileCols = kv_b->format.tile_cols;
      product.x.scales = scratch.scales, product.x.tileCols = activation->tile_cols;
    }
    product.sides[0].y = scratch.expanded, product.sides[0].weight = weight, product.sides[0].n = kv_columns;
    const int32_t through = quantised ? int32_t(DSRT_F32) : kv_b->format.payload;
    product.yType = through == DSRT_F32 || type_T == DSRT_F32 ? type_T : through;
    PrefillAttention attention = {.shape = shape,
                                  .type = type_T,
                                  .y = y,
                                  .q = q,
                                  .expanded = scratch.expanded,
                                  .states = scratch.states,
                                  .tokens = tokens,
                                  .expandedRows = 0,
                                  .layer = layer,
                                  .cache = cache,
                                  .softmaxScale = softmax_scale,
                                  .counter = nullptr};
    return forChunks(*batch, scratch.positions, [&](const PrefillSegments &segments, int64_t rows) -> Status {
      latents.rows = rows, product.rows = rows, attention.expandedRows = rows;
      if (Status status =
              cudaStatus(quantised ? quantizeLatents(state, latents, segments, *activation, scratch.amax, scratch.latents, scratch.scales)
                                   : gatherLatents(state, latents, segments, scratch.latents, latentType),
                         "latents");
          !status.ok())
        return status;
      if (Status status = expand(state, product, type_T, through); !status.ok())
        return status;
      return attend(state, attention, segments, scratch.counters);
    });
  });
}

} // namespace dsrt::cuda
