// The quantize operation: payload and scales of activations. Row t of the scales holds those of token t's tiles, also where a tile
// spans several tokens, so that rows may be gathered and products take each row's scales from its own row.
#include "runtime/backend/cpu/Operations.h"

#include "runtime/numerics/Quantize.h"

namespace dsrt::cpu {

namespace {

Status checkQuantize(int64_t columns, int64_t tiles, int32_t type_P, int32_t type_X, const dsrt_quant *format) {
  if (Status status = expectActivation("an operand", type_X); !status.ok())
    return status;
  if (Status status = checkFormat(*format); !status.ok())
    return status;
  if (format->scale == DSRT_NONE || type_P != format->payload)
    return broken("expects a payload of %s with scales, but got %s", typeName(format->payload).c_str(), typeName(type_P).c_str());
  if (tiles != tileColsOf(*format, columns))
    return broken("expects %lld scale columns for %lld columns in tiles of %d, but got %lld", (long long)tileColsOf(*format, columns),
                  (long long)columns, format->tile_cols, (long long)tiles);
  return {};
}

/// Quantises a matrix of `tokens` rows.
void quantizeMatrix(dsrt_context *context, void *payload, float *scales, const void *x, int64_t tokens, int64_t columns, int64_t tiles,
                    int32_t type_P, int32_t type_X, const dsrt_quant *format) {
  if (tokens == 0 || columns == 0)
    return;

  // A strip is as many tokens as a tile has, or the rest. Amax of a strip's tiles may come from several work items (runs of tokens);
  // a maximum does not depend on its order.
  int64_t strip = format->tile_rows == 0 ? tokens : std::min<int64_t>(format->tile_rows, tokens);
  int64_t run = std::min(strip, std::max<int64_t>(1, 16384 / columns)); // tokens of a work item
  int64_t runsAStrip = (strip + run - 1) / run, strips = (tokens + strip - 1) / strip;
  int64_t tileCols = format->tile_cols == 0 ? columns : format->tile_cols;
  int threads = threadsFor(context, tokens * columns);

  // Calls fn(token, tile, values, count, begin) for each tile's part of each token of a run.
  auto forParts = [&](int64_t item, auto &&fn) {
    int64_t top = item / runsAStrip * strip, bottom = std::min(tokens, top + strip);
    int64_t from = top + item % runsAStrip * run, to = std::min(bottom, from + run);
    float buffer[chunk];
    for (int64_t token = from; token < to; ++token)
      for (int64_t begin = 0; begin < columns;) {
        int64_t tile = begin / tileCols, count = std::min({chunk, (tile + 1) * tileCols - begin, columns - begin});
        fn(token, tile, loadF32(x, token * columns + begin, type_X, buffer, count), count, begin);
        begin += count;
      }
  };
  auto encode = [&](int64_t item) {
    forParts(item, [&](int64_t token, int64_t tile, const float *values, int64_t count, int64_t begin) {
      encodeScaled(*format, values, count, scales[token * tiles + tile], at(payload, token * columns + begin, type_P));
    });
  };

  // First each token's own amax, in its row of the scales; then the tile's, as a scale, in the rows of all its tokens.
  parallelFor(threads, strips * runsAStrip, [&](int64_t item) {
    int64_t top = item / runsAStrip * strip, bottom = std::min(tokens, top + strip);
    int64_t from = top + item % runsAStrip * run, to = std::min(bottom, from + run);
    if (from >= to)
      return;
    std::fill(scales + from * tiles, scales + to * tiles, 0.f);
    forParts(item, [&](int64_t token, int64_t tile, const float *values, int64_t count, int64_t) {
      float &amax = scales[token * tiles + tile];
      amax = std::max(amax, amaxOf(values, count));
    });
    if (strip == 1)
      for (float *scale = scales + from * tiles; scale < scales + to * tiles; ++scale)
        *scale = scaleOf(*format, *scale);
  });
  if (strip > 1)
    for (int64_t top = 0; top < tokens; top += strip)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        int64_t bottom = std::min(tokens, top + strip);
        float amax = 0;
        for (int64_t token = top; token < bottom; ++token)
          amax = std::max(amax, scales[token * tiles + tile]);
        float scale = scaleOf(*format, amax);
        for (int64_t token = top; token < bottom; ++token)
          scales[token * tiles + tile] = scale;
      }
  parallelFor(threads, strips * runsAStrip, encode);
}

} // namespace

int32_t ops::quantize(dsrt_context *context, int32_t site, void *payload, float *scales, const void *x, int64_t tokens, int64_t columns,
                      int64_t tiles, int32_t type_P, int32_t type_X, const dsrt_quant *format) {
  return guarded(context, "quantize", [&]() -> Status {
    if (Status status = checkQuantize(columns, tiles, type_P, type_X, format); !status.ok())
      return status;
    quantizeMatrix(context, payload, scales, x, tokens, columns, tiles, type_P, type_X, format);
    return {};
  });
}

int32_t ops::grouped_quantize(dsrt_context *context, int32_t site, void *payload, float *scales, const void *x, const int32_t *offsets,
                              int64_t rows, int64_t columns, int64_t tiles, int64_t bounds, int32_t type_P, int32_t type_X,
                              const dsrt_quant *format) {
  return guarded(context, "grouped_quantize", [&]() -> Status {
    if (Status status = checkQuantize(columns, tiles, type_P, type_X, format); !status.ok())
      return status;
    if (bounds < 1 || offsets[0] != 0 || offsets[bounds - 1] != rows || !std::is_sorted(offsets, offsets + bounds))
      return broken("expects offsets that rise from 0 to %lld rows", (long long)rows);
    for (int64_t expert = 0; expert + 1 < bounds; ++expert) {
      int64_t begin = offsets[expert];
      quantizeMatrix(context, at(payload, begin * columns, type_P), scales + begin * tiles, at(x, begin * columns, type_X),
                     offsets[expert + 1] - begin, columns, tiles, type_P, type_X, format);
    }
    return {};
  });
}

} // namespace dsrt::cpu
