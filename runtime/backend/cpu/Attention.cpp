// The latent cache (cache_append) and latent attention over the expanded latent (mla_prefill; DeepSeek-V2, arXiv 2405.04434,
// section 2.1). The absorbed form is in AttentionDecode.cpp.
#include "runtime/backend/cpu/Attention.h"

#include "dsrt/dsrt_scratch.h"
#include "runtime/backend/cpu/Parts.h"
#include "runtime/backend/cpu/gemm/Gemm.h"
#include "runtime/numerics/Quantize.h"
#include "runtime/numerics/Versions.h"

#include <cmath>
#include <limits>
#include <vector>

namespace dsrt::cpu {

Status appendToCache(dsrt_cache *cache, const void *latent, const void *key, const dsrt_batch *batch, int64_t tokens,
                     int64_t latent_columns, int64_t key_columns, int32_t type, int64_t layer) {
  for (int32_t type : {type, cache->dtype})
    if (Status status = expectActivation("elements", type); !status.ok())
      return status;
  if (cache->width != latent_columns + key_columns || layer < 0 || layer >= cache->layers)
    return broken("expects a cache of width %lld with layer %lld, but got width %lld and %lld layers",
                  (long long)(latent_columns + key_columns), (long long)layer, (long long)cache->width, (long long)cache->layers);
  if (Status status = expectBatch(batch, tokens, cache); !status.ok())
    return status;
  auto copy = [&](const void *from, int64_t index, int64_t to, int64_t columns) {
    float buffer[chunk];
    for (int64_t begin = 0; begin < columns; begin += chunk) {
      int64_t count = std::min(chunk, columns - begin);
      fromF32(loadF32(from, index + begin, type, buffer, count), cache->dtype, at(cache->data, to + begin, cache->dtype), size_t(count));
    }
  };
  for (int64_t row = 0; row < batch->rows; ++row)
    for (int64_t token = batch->offsets[row]; token < batch->offsets[row + 1]; ++token) {
      int64_t to = cacheRow(*cache, batch->slots[row], layer, batch->starts[row] + (token - batch->offsets[row]));
      copy(latent, token * latent_columns, to, latent_columns);
      copy(key, token * key_columns, to + latent_columns, key_columns);
    }
  return {};
}

int32_t ops::cache_append(dsrt_context *context, int32_t site, dsrt_cache *cache, const void *latent, const void *key,
                          const dsrt_batch *batch, int64_t tokens, int64_t latent_columns, int64_t key_columns, int32_t type_T,
                          int64_t layer) {
  return guarded(context, "cache_append",
                 [&]() { return appendToCache(cache, latent, key, batch, tokens, latent_columns, key_columns, type_T, layer); });
}

namespace {

constexpr int64_t tilePositions = DSRT_MLA_CONTEXT_TILE;
constexpr float infinity = std::numeric_limits<float>::infinity();

/// Queries that a work item handles together, so that keys and values are read once for all of them.
constexpr int64_t queryBlock = 8;

/// Positions [begin, begin + count) of a row's context, expanded to the tile's rows from `at` on. Segments are cut at multiples of
/// the tile's extent in the row's own positions, so that a token's sums do not depend on the other rows or on where the call starts.
struct Segment {
  int64_t row, begin, count, at;
};

/// The scratch of dsrt_mla_prefill_scratch, in its order.
struct Scratch {
  float *latents;   ///< [tilePositions, latent], of F32 or of kv_b's dtype
  uint8_t *payload; ///< [tilePositions, latent]
  float *scales;    ///< [tilePositions, tiles]
  float *expanded;  ///< [tilePositions, heads, nope + value]
  float *states;    ///< [tokens, heads, value + 2]: result so far, running maximum, running sum

  Scratch(void *memory, const MlaShape &shape) {
    char *next = static_cast<char *>(memory);
    auto take = [&](int64_t bytes) {
      char *part = next;
      next += dsrt_scratch_align(bytes);
      return part;
    };
    latents = reinterpret_cast<float *>(take(tilePositions * shape.latent * 4));
    payload = reinterpret_cast<uint8_t *>(take(tilePositions * shape.latent));
    scales = reinterpret_cast<float *>(take(tilePositions * shape.latent * 4));
    expanded = reinterpret_cast<float *>(take(tilePositions * shape.heads * shape.expanded() * 4));
    states = reinterpret_cast<float *>(next);
  }
};

/// One attention: up to queryBlock queries of a head against one segment.
struct Block {
  const float *queries;   ///< [count, nope + rope]
  int64_t count;          ///< queries
  const int64_t *visible; ///< [count]: positions of the segment that a query sees, from its first on
  const float *keys;      ///< expanded of the head: nope key columns, then value columns, `stride` from position to position
  int64_t stride;
  float *states; ///< of the first query and this head; `stateStride` from query to query
  int64_t stateStride;
};

/// Adds the positions' value rows, weighted, to each query's result. Rows lie a power of two apart as a rule, so that only a few
/// fit a cache set: eight positions are read by all queries before the next eight.
DSRT_VERSIONS void accumulate(const MlaShape &shape, const Block &block, const float *scores) {
  constexpr int64_t group = 8;
  int64_t positions = *std::max_element(block.visible, block.visible + block.count);
  for (int64_t begin = 0; begin < positions; begin += group)
    for (int64_t q = 0; q < block.count; ++q)
      addWeighted(scores + q * tilePositions + begin, std::min(block.visible[q] - begin, group),
                  block.keys + begin * block.stride + shape.nope, block.stride, block.states + q * block.stateStride, shape.value);
}

DSRT_VERSIONS void scale(float *x, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i)
    x[i] *= factor;
}

/// The scores of a block's queries with one position, whose rotated key is given apart.
DSRT_VERSIONS void score(const MlaShape &shape, const Block &block, int64_t position, const float *rotated, float softmaxScale,
                         float *scores) {
  float unrotatedDots[queryBlock], rotatedDots[queryBlock];
  const float *key = block.keys + position * block.stride;
  for (int64_t q = 0; q < block.count; q += 4) {
    // Blocks of queries are padded to a multiple of four (prefillItem), so that one loop serves all.
    dots<4>(block.queries + q * shape.query(), shape.query(), key, shape.nope, unrotatedDots + q);
    dots<4>(block.queries + q * shape.query() + shape.nope, shape.query(), rotated, shape.rope, rotatedDots + q);
  }
  for (int64_t q = 0; q < block.count; ++q)
    scores[q * tilePositions + position] = (unrotatedDots[q] + rotatedDots[q]) * softmaxScale;
}

/// Attention of queries of one head to one segment: running maximum and sum as in FlashAttention (arXiv 2205.14135), in F32.
void attend(const MlaShape &shape, const Block &block, const dsrt_cache &cache, int64_t firstCacheRow, float softmaxScale) {
  float scores[queryBlock * tilePositions], rotatedBuffer[maxHeadColumns];
  int64_t positions = *std::max_element(block.visible, block.visible + block.count);
  for (int64_t p = 0; p < positions; ++p) {
    const float *rotated = loadF32(cache.data, firstCacheRow + p * cache.width + shape.latent, cache.dtype, rotatedBuffer, shape.rope);
    score(shape, block, p, rotated, softmaxScale, scores);
  }
  for (int64_t q = 0; q < block.count; ++q) {
    float *state = block.states + q * block.stateStride, *weights = scores + q * tilePositions;
    float &maximum = state[shape.value], &sum = state[shape.value + 1], before = maximum;
    for (int64_t p = 0; p < block.visible[q]; ++p)
      maximum = weights[p] > maximum ? weights[p] : maximum; // a NaN shows in the sum
    if (block.visible[q] > 0 && maximum != before) {
      float factor = std::exp(before - maximum);
      sum *= factor;
      scale(state, shape.value, factor);
    }
    for (int64_t p = 0; p < block.visible[q]; ++p)
      sum += weights[p] = std::exp(weights[p] - maximum);
  }
  accumulate(shape, block, scores);
}

/// Cuts the context of all rows into segments, and calls run(segments) for each tile of them, of at most tilePositions.
template <typename Run> Status forTiles(const dsrt_batch &batch, Run &&run) {
  std::vector<Segment> segments;
  int64_t filled = 0;
  for (int64_t row = 0; row < batch.rows; ++row) {
    int64_t tokens = batch.offsets[row + 1] - batch.offsets[row], length = tokens == 0 ? 0 : batch.starts[row] + tokens;
    for (int64_t begin = 0; begin < length; begin += tilePositions) {
      int64_t count = std::min(tilePositions, length - begin);
      if (filled + count > tilePositions) {
        if (Status status = run(segments, filled); !status.ok())
          return status;
        segments.clear();
        filled = 0;
      }
      segments.push_back({row, begin, count, filled});
      filled += count;
    }
  }
  return segments.empty() ? Status() : run(segments, filled);
}

} // namespace

int32_t ops::mla_prefill(dsrt_context *context, int32_t site, void *y, const void *q, const dsrt_weight *kv_b, dsrt_cache *cache,
                         const dsrt_batch *batch, void *memory, int64_t tokens, int64_t columns, int64_t q_columns, int64_t kv_columns,
                         int64_t latent_columns, int64_t bytes, int32_t type_T, int64_t layer, int64_t heads, int64_t nope, int64_t rope,
                         int64_t value, float softmax_scale, const dsrt_quant *activation) {
  return guarded(context, "mla_prefill", [&]() -> Status {
    MlaShape shape = {heads, nope, rope, value, latent_columns};
    int64_t needed = dsrt_mla_prefill_scratch(tokens, heads, nope, value, latent_columns);
    if (Status status = expectMla(shape, type_T, tokens, columns, q_columns, kv_columns, kv_b, cache, batch, layer, bytes, needed);
        !status.ok())
      return status;
    if (Status status = expectExpansion(kv_b, activation, shape.latent); !status.ok())
      return status;
    bool quantised = kv_b->format.scale != DSRT_NONE;
    int threads = threadsOf(context);
    Scratch scratch(memory, shape);
    int64_t stateWidth = value + 2;
    for (int64_t state = 0; state < tokens * heads; ++state) {
      float *values = scratch.states + state * stateWidth;
      std::fill(values, values + value, 0.f);
      values[value] = -infinity, values[value + 1] = 0;
    }
    auto firstRow = [&](const Segment &segment) { return cacheRow(*cache, batch->slots[segment.row], layer, segment.begin); };
    // The latents of a tile's positions, rounded to a dtype, one below the other.
    auto loadLatents = [&](const std::vector<Segment> &segments, int32_t dtype) -> Status {
      for (const Segment &segment : segments)
        for (int64_t p = 0; p < segment.count; ++p)
          if (Status status = convert(dsrt_dtype(cache->dtype), at(cache->data, firstRow(segment) + p * cache->width, cache->dtype),
                                      dsrt_dtype(dtype), at(scratch.latents, (segment.at + p) * shape.latent, dtype), size_t(shape.latent));
              !status.ok())
            return status;
      return {};
    };

    // A tile over the whole operand: its amax is over the context of all rows, before any of it is expanded.
    float wholeScale = 0;
    if (quantised && activation->tile_rows == 0) {
      float amax = 0;
      Status status = forTiles(*batch, [&](const std::vector<Segment> &segments, int64_t filled) -> Status {
        if (Status status = loadLatents(segments, DSRT_F32); !status.ok())
          return status;
        amax = std::max(amax, amaxOf(scratch.latents, filled * shape.latent));
        return {};
      });
      if (!status.ok())
        return status;
      wholeScale = scaleOf(*activation, amax, outerScaleOf(*activation, amax));
    }

    /// Keys and values of a tile: the product of its latents with kv_b, each operand in kv_b's kind, the result rounded to its
    /// dtype and to T.
    auto expand = [&](const std::vector<Segment> &segments, int64_t filled) -> Status {
      Lhs x;
      int32_t operand = quantised ? int32_t(DSRT_F32) : kv_b->format.payload;
      if (Status status = loadLatents(segments, operand); !status.ok())
        return status;
      if (!quantised) {
        x = {.dtype = operand, .data = scratch.latents, .ld = shape.latent};
      } else {
        // Stochastic rounding counts a row's own positions, as segments do, and for the same reason.
        int64_t payloadRow = rowBytes(activation->payload, shape.latent), tiles = tileColsOf(*activation, shape.latent);
        scratch.scales[0] = wholeScale;
        for (const Segment &segment : segments) {
          const float *latents = scratch.latents + segment.at * shape.latent;
          uint8_t *payload = scratch.payload + segment.at * payloadRow;
          if (activation->tile_rows == 0) {
            for (int64_t p = 0; p < segment.count; ++p)
              encodeScaled(*activation, {0, segment.begin + p}, latents + p * shape.latent, 0, shape.latent, wholeScale,
                           payload + p * payloadRow);
          } else if (Status status = dsrt::quantize(*activation, latents, segment.count, shape.latent, payload,
                                                    scratch.scales + segment.at * tiles, {0, segment.begin});
                     !status.ok()) {
            return status;
          }
        }
        x = {.dtype = activation->payload,
             .data = scratch.payload,
             .ld = shape.latent,
             .scales = scratch.scales,
             .scale_ld = tileColsOf(*activation, shape.latent),
             .tileCols = activation->tile_cols,
             .tileRows = activation->tile_rows};
      }
      if (Status status = multiply(threads, DSRT_F32, scratch.expanded, kv_columns, x, *kv_b, 0, filled); !status.ok())
        return status;
      parallelFor(threads, filled, [&](int64_t row) { roundTo(scratch.expanded + row * kv_columns, kv_columns, {operand, type_T}); });
      return {};
    };

    struct Item {
      const Segment *segment;
      int64_t firstToken; ///< of the block, within the row
    };
    std::vector<Item> items;
    Status status = forTiles(*batch, [&](const std::vector<Segment> &segments, int64_t filled) -> Status {
      if (Status status = expand(segments, filled); !status.ok())
        return status;
      items.clear();
      for (const Segment &segment : segments) {
        int64_t count = batch->offsets[segment.row + 1] - batch->offsets[segment.row];
        for (int64_t token = 0; token < count; token += queryBlock)
          if (batch->starts[segment.row] + std::min(count, token + queryBlock) > segment.begin)
            items.push_back({&segment, token});
      }
      parallelFor(threads, int64_t(items.size()) * heads, [&](int64_t index) {
        const Segment &segment = *items[size_t(index / heads)].segment;
        int64_t head = index % heads, token = items[size_t(index / heads)].firstToken, first = batch->offsets[segment.row] + token;
        int64_t count = std::min<int64_t>(queryBlock, batch->offsets[segment.row + 1] - first);
        float queries[queryBlock * maxHeadColumns];
        int64_t visible[queryBlock];
        for (int64_t i = 0; i < count; ++i) {
          toF32(type_T, at(q, (first + i) * q_columns + head * shape.query(), type_T), queries + i * shape.query(), size_t(shape.query()));
          int64_t position = batch->starts[segment.row] + token + i;
          visible[i] = std::clamp<int64_t>(position + 1 - segment.begin, 0, segment.count);
        }
        std::fill(queries + count * shape.query(), queries + (count + 3) / 4 * 4 * shape.query(), 0.f);
        Block block = {queries,           count,
                       visible,           scratch.expanded + segment.at * kv_columns + head * shape.expanded(),
                       kv_columns,        scratch.states + (first * heads + head) * stateWidth,
                       heads * stateWidth};
        attend(shape, block, *cache, firstRow(segment), softmax_scale);
      });
      return {};
    });
    if (!status.ok())
      return status;

    parallelFor(threadsFor(context, tokens * columns), tokens, [&](int64_t token) {
      for (int64_t head = 0; head < heads; ++head) {
        float *state = scratch.states + (token * heads + head) * stateWidth;
        float sum = state[value + 1];
        for (int64_t i = 0; i < value; ++i)
          state[i] /= sum;
        fromF32(state, type_T, at(y, token * columns + head * value, type_T), size_t(value));
      }
    });
    return {};
  });
}

} // namespace dsrt::cpu
