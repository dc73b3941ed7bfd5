// The quantize operations: payload and scales of activations. Row t of the scales holds those of token t's tiles, also where a tile
// spans several tokens, so that rows may be gathered and products take each row's scales from its own row.
#include "runtime/backend/cpu/Parts.h"

#include "runtime/numerics/Quantize.h"

namespace dsrt::cpu {

void quantizeMatrix(dsrt_context *context, void *payload, float *scales, const void *x, int64_t first, int64_t tokens, int64_t columns,
                    int64_t tiles, int32_t type_P, int32_t type_X, const dsrt_quant *format) {
  if (tokens == 0 || columns == 0)
    return;

  // A strip is as many tokens as a tile has, or the rest. Amax of a strip's tiles may come from several work items (runs of tokens);
  // a maximum does not depend on its order.
  int64_t strip = format->tile_rows == 0 ? tokens : std::min<int64_t>(format->tile_rows, tokens);
  int64_t run = std::min(strip, std::max<int64_t>(1, 16384 / columns)); // tokens of a work item
  int64_t runsAStrip = (strip + run - 1) / run, strips = (tokens + strip - 1) / strip;
  int64_t tileCols = format->tile_cols == 0 ? columns : format->tile_cols, payloadRow = rowBytes(type_P, columns);
  int threads = threadsFor(context, tokens * columns);
  bool rowsAlone = strip == 1 && format->outer != DSRT_OUTER_TENSOR;

  auto tokensOf = [&](int64_t item) {
    int64_t top = item / runsAStrip * strip, bottom = std::min(tokens, top + strip);
    int64_t from = top + item % runsAStrip * run;
    return std::pair(from, std::max(from, std::min(bottom, from + run)));
  };
  // Calls fn(token, tile, values, begin, count) for each tile's part of each token of a run; tiles of few columns share a conversion.
  auto forParts = [&](int64_t item, auto &&fn) {
    float buffer[chunk];
    auto [from, to] = tokensOf(item);
    for (int64_t token = from; token < to; ++token)
      for (int64_t loaded = 0; loaded < columns; loaded += chunk) {
        int64_t end = std::min(columns, loaded + chunk);
        const float *values = loadF32(x, token * columns + loaded, type_X, buffer, end - loaded);
        for (int64_t begin = loaded; begin < end;) {
          int64_t tile = begin / tileCols, count = std::min((tile + 1) * tileCols, end) - begin;
          fn(token, tile, values + (begin - loaded), begin, count);
          begin += count;
        }
      }
  };
  // The scales of a row of tiles from their amax, in place.
  auto toScales = [&](float *row, float outer) {
    if (format->outer == DSRT_OUTER_ROW)
      outer = outerScaleOf(*format, *std::max_element(row, row + tiles));
    for (float *scale = row; scale < row + tiles; ++scale)
      *scale = scaleOf(*format, *scale, outer);
  };

  // First each token's own amax, in its row of the scales; then the tile's, as a scale, in the rows of all its tokens.
  parallelFor(threads, strips * runsAStrip, [&](int64_t item) {
    auto [from, to] = tokensOf(item);
    std::fill(scales + from * tiles, scales + to * tiles, 0.f);
    forParts(item, [&](int64_t token, int64_t tile, const float *values, int64_t, int64_t count) {
      float &amax = scales[token * tiles + tile];
      amax = std::max(amax, amaxOf(values, count));
    });
    for (int64_t token = from; rowsAlone && token < to; ++token)
      toScales(scales + token * tiles, 1);
  });
  if (!rowsAlone) {
    float outer = outerScaleOf(*format, *std::max_element(scales, scales + tokens * tiles));
    for (int64_t top = 0; top < tokens; top += strip) {
      int64_t bottom = std::min(tokens, top + strip);
      for (int64_t token = top + 1; token < bottom; ++token)
        for (int64_t tile = 0; tile < tiles; ++tile)
          scales[top * tiles + tile] = std::max(scales[top * tiles + tile], scales[token * tiles + tile]);
      toScales(scales + top * tiles, outer);
      for (int64_t token = top + 1; token < bottom; ++token)
        std::copy_n(scales + top * tiles, tiles, scales + token * tiles);
    }
  }
  parallelFor(threads, strips * runsAStrip, [&](int64_t item) {
    forParts(item, [&](int64_t token, int64_t tile, const float *values, int64_t begin, int64_t count) {
      encodeScaled(*format, {0, first + token}, values, begin, count, scales[token * tiles + tile],
                   static_cast<uint8_t *>(payload) + token * payloadRow);
    });
  });
}

int32_t ops::quantize(dsrt_context *context, int32_t site, void *payload, float *scales, const void *x, int64_t tokens, int64_t columns,
                      int64_t tiles, int32_t type_P, int32_t type_X, const dsrt_quant *format) {
  return guarded(context, "quantize", [&]() -> Status {
    if (Status status = expectQuantize(columns, tiles, type_P, type_X, format); !status.ok())
      return status;
    quantizeMatrix(context, payload, scales, x, 0, tokens, columns, tiles, type_P, type_X, format);
    return {};
  });
}

int32_t ops::grouped_quantize(dsrt_context *context, int32_t site, void *payload, float *scales, const void *x, const int32_t *offsets,
                              int64_t rows, int64_t columns, int64_t tiles, int64_t bounds, int32_t type_P, int32_t type_X,
                              const dsrt_quant *format) {
  return guarded(context, "grouped_quantize", [&]() -> Status {
    if (Status status = expectQuantize(columns, tiles, type_P, type_X, format); !status.ok())
      return status;
    if (bounds < 1 || offsets[0] != 0 || offsets[bounds - 1] != rows || !std::is_sorted(offsets, offsets + bounds))
      return broken("expects offsets that rise from 0 to %lld rows", (long long)rows);
    // Stochastic rounding counts the rows of x. Where rows are independent the experts do not matter.
    auto quantizeRows = [&](int64_t begin, int64_t end) {
      quantizeMatrix(context, static_cast<uint8_t *>(payload) + begin * rowBytes(type_P, columns), scales + begin * tiles,
                     at(x, begin * columns, type_X), begin, end - begin, columns, tiles, type_P, type_X, format);
    };
    if (rowsAreIndependent(*format))
      quantizeRows(0, rows);
    else
      for (int64_t expert = 0; expert + 1 < bounds; ++expert)
        quantizeRows(offsets[expert], offsets[expert + 1]);
    return {};
  });
}

} // namespace dsrt::cpu
