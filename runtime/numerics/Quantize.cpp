// Quantisation in tiles, as Quantize.h defines it.
#include "runtime/numerics/Quantize.h"

#include "runtime/numerics/Codecs.h"
#include "runtime/numerics/Versions.h"

#include <algorithm>

namespace dsrt {

namespace {

DSRT_VERSIONS uint32_t amaxBits(const float *x, int64_t count) {
  // Magnitudes order as their bits do; infinities and NaN, from 0x7f800000 on, count as 0.
  uint32_t amax = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t magnitude = std::bit_cast<uint32_t>(x[i]) & 0x7fffffff;
    magnitude = magnitude < 0x7f800000 ? magnitude : 0;
    amax = magnitude > amax ? magnitude : amax;
  }
  return amax;
}

DSRT_VERSIONS void encodeScaledE4M3(const float *x, int64_t count, float scale, uint8_t *payload) {
  for (int64_t i = 0; i < count; ++i)
    payload[i] = encodeE4M3(x[i] / scale);
}

DSRT_VERSIONS void encodeScaledE5M2(const float *x, int64_t count, float scale, uint8_t *payload) {
  for (int64_t i = 0; i < count; ++i)
    payload[i] = encodeE5M2(x[i] / scale);
}

DSRT_VERSIONS void multiplyBy(float *x, int64_t count, float scale) {
  for (int64_t i = 0; i < count; ++i)
    x[i] *= scale;
}

bool isPlain(const dsrt_quant &format) { return format.scale == DSRT_NONE; }

int64_t extent(int32_t tile, int64_t whole) { return tile == 0 ? std::max<int64_t>(whole, 1) : tile; }

Status checkExtents(int64_t rows, int64_t cols) {
  if (rows < 0 || cols < 0)
    return {DSRT_INTERNAL, format("expects extents from 0 to quantise, but got [%lld, %lld]", (long long)rows, (long long)cols)};
  return {};
}

} // namespace

Status checkFormat(const dsrt_quant &quant) {
  if (isPlain(quant)) {
    if (quant.payload == DSRT_F32 || quant.payload == DSRT_BF16 || quant.payload == DSRT_F16)
      return {};
    return {DSRT_REJECTED, format("expects a format without scales to be f32, bf16 or f16, but got %s", typeName(quant.payload).c_str())};
  }
  if (quant.payload != DSRT_F8E4M3 && quant.payload != DSRT_F8E5M2)
    return {DSRT_REJECTED, format("quantisation to %s is not implemented: expects f8E4M3FN or f8E5M2", typeName(quant.payload).c_str())};
  if (quant.rounding != DSRT_NEAREST_EVEN)
    return {DSRT_REJECTED, "stochastic rounding is not implemented: expects rounding to nearest even"};
  if (quant.rule != DSRT_SCALE_AMAX && quant.rule != DSRT_SCALE_POWER_OF_TWO)
    return {DSRT_REJECTED, format("expects scales by amax or by powers of two, but got rule %d", quant.rule)};
  bool representable = quant.scale == DSRT_F32 || (quant.scale == DSRT_UE8M0 && quant.rule == DSRT_SCALE_POWER_OF_TWO);
  if (!representable)
    return {DSRT_REJECTED, format("expects F32 scales, or UE8M0 scales that are powers of two, but got %s scales%s",
                                  typeName(quant.scale).c_str(), quant.rule == DSRT_SCALE_AMAX ? " by amax" : "")};
  if (quant.tile_rows < 0 || quant.tile_cols < 0)
    return {DSRT_REJECTED, format("expects tile extents from 0, but got %d x %d", quant.tile_rows, quant.tile_cols)};
  if (!(quant.amax_floor >= 0) || quant.amax_floor > 3.402823466e38f)
    return {DSRT_REJECTED, format("expects a finite amax floor from 0, but got %g", quant.amax_floor)};
  return {};
}

int64_t tileRowsOf(const dsrt_quant &quant, int64_t rows) {
  int64_t tile = extent(quant.tile_rows, rows);
  return (rows + tile - 1) / tile;
}

int64_t tileColsOf(const dsrt_quant &quant, int64_t cols) {
  int64_t tile = extent(quant.tile_cols, cols);
  return (cols + tile - 1) / tile;
}

float amaxOf(const float *x, int64_t count) { return std::bit_cast<float>(amaxBits(x, count)); }

float scaleOf(const dsrt_quant &quant, float amax) {
  amax = std::max(amax, quant.amax_floor);
  if (amax == 0)
    return 1;
  float quotient = amax / largestValue(quant.payload);
  if (quant.rule == DSRT_SCALE_AMAX)
    return quotient == 0 ? 1 : quotient;
  uint32_t bits = std::bit_cast<uint32_t>(quotient);
  if (bits <= 0x00400000)
    return 0x1p-127f; // the smallest UE8M0 value
  if (bits <= 0x00800000)
    return 0x1p-126f;
  return std::bit_cast<float>((bits + 0x007fffff) & 0x7f800000);
}

void encodeScaled(const dsrt_quant &quant, const float *x, int64_t count, float scale, void *payload) {
  if (quant.payload == DSRT_F8E4M3)
    encodeScaledE4M3(x, count, scale, static_cast<uint8_t *>(payload));
  else
    encodeScaledE5M2(x, count, scale, static_cast<uint8_t *>(payload));
}

Status quantize(const dsrt_quant &quant, const float *x, int64_t rows, int64_t cols, void *payload, float *scales) {
  if (Status status = checkFormat(quant); !status.ok())
    return status;
  if (Status status = checkExtents(rows, cols); !status.ok())
    return status;
  if (isPlain(quant)) {
    fromF32(x, quant.payload, payload, size_t(rows) * size_t(cols));
    return {};
  }
  int64_t tileRows = extent(quant.tile_rows, rows), tileCols = extent(quant.tile_cols, cols), tiles = tileColsOf(quant, cols);
  uint8_t *codes = static_cast<uint8_t *>(payload);
  for (int64_t top = 0; top < rows; top += tileRows) {
    float *rowScales = scales + top / tileRows * tiles;
    int64_t bottom = std::min(rows, top + tileRows);
    // Amax of all tiles of this row of tiles first, then their payload: both passes read the matrix row by row.
    std::fill(rowScales, rowScales + tiles, 0.f);
    for (int64_t row = top; row < bottom; ++row)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        int64_t begin = tile * tileCols, end = std::min(cols, begin + tileCols);
        rowScales[tile] = std::max(rowScales[tile], amaxOf(x + row * cols + begin, end - begin));
      }
    for (int64_t tile = 0; tile < tiles; ++tile)
      rowScales[tile] = scaleOf(quant, rowScales[tile]);
    for (int64_t row = top; row < bottom; ++row)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        int64_t begin = tile * tileCols, end = std::min(cols, begin + tileCols);
        encodeScaled(quant, x + row * cols + begin, end - begin, rowScales[tile], codes + row * cols + begin);
      }
  }
  return {};
}

void dequantizeRow(const dsrt_quant &quant, const void *payload, const float *scales, int64_t cols, int64_t row, int64_t begin,
                   int64_t count, float *x) {
  const char *codes = static_cast<const char *>(payload) + (row * cols + begin) * int64_t(elementBytes(quant.payload));
  toF32(quant.payload, codes, x, size_t(count));
  if (isPlain(quant))
    return;
  // The row's tile row needs no row count: whole-matrix tiles are tile row 0.
  int64_t tileCols = extent(quant.tile_cols, cols), tiles = tileColsOf(quant, cols);
  const float *rowScales = scales + (quant.tile_rows == 0 ? 0 : row / quant.tile_rows) * tiles;
  for (int64_t column = begin; column < begin + count;) {
    int64_t tile = column / tileCols, end = std::min(begin + count, (tile + 1) * tileCols);
    multiplyBy(x + (column - begin), end - column, rowScales[tile]);
    column = end;
  }
}

Status dequantize(const dsrt_quant &quant, const void *payload, const float *scales, int64_t rows, int64_t cols, float *x) {
  // Rounding and the scales' rule do not matter to what a payload stands for, but a format is taken whole or not at all.
  if (Status status = checkFormat(quant); !status.ok())
    return status;
  if (Status status = checkExtents(rows, cols); !status.ok())
    return status;
  for (int64_t row = 0; row < rows; ++row)
    dequantizeRow(quant, payload, scales, cols, row, 0, cols, x + row * cols);
  return {};
}

} // namespace dsrt
