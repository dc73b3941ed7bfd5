// Quantisation in tiles, as Quantize.h defines it.
#include "runtime/numerics/Quantize.h"

#include "runtime/numerics/Codecs.h"
#include "runtime/numerics/Stochastic.h"
#include "runtime/numerics/Versions.h"

#include <algorithm>

namespace dsrt {

namespace {

DSRT_VERSIONS uint32_t amaxBits(const float *x, int64_t count) {
  uint32_t amax = 0;
  for (int64_t i = 0; i < count; ++i) {
    uint32_t magnitude = finiteMagnitude(x[i]);
    amax = magnitude > amax ? magnitude : amax;
  }
  return amax;
}

template <uint8_t Encode(float)>
__attribute__((always_inline)) inline void encodeNearest(const float *x, int64_t count, float scale, uint8_t *codes) {
  for (int64_t i = 0; i < count; ++i)
    codes[i] = Encode(x[i] / scale);
}
DSRT_VERSIONS void encodeScaledE4M3(const float *x, int64_t count, float scale, uint8_t *codes) {
  encodeNearest<encodeE4M3>(x, count, scale, codes);
}
DSRT_VERSIONS void encodeScaledE5M2(const float *x, int64_t count, float scale, uint8_t *codes) {
  encodeNearest<encodeE5M2>(x, count, scale, codes);
}
DSRT_VERSIONS void encodeScaledE2M1(const float *x, int64_t count, float scale, uint8_t *codes) {
  encodeNearest<encodeE2M1>(x, count, scale, codes);
}
DSRT_VERSIONS void encodeScaledNF4(const float *x, int64_t count, float scale, uint8_t *codes) {
  encodeNearest<encodeNF4>(x, count, scale, codes);
}

/// random: [count], of 24 bits.
template <typename Format, uint8_t Encode(float)>
__attribute__((always_inline)) inline void encodeByRandom(const float *x, int64_t count, float scale, const uint32_t *random,
                                                          uint8_t *codes) {
  for (int64_t i = 0; i < count; ++i)
    codes[i] = encodeStochastic<Format, Encode>(x[i] / scale, random[i]);
}
DSRT_VERSIONS void encodeByRandomE4M3(const float *x, int64_t count, float scale, const uint32_t *random, uint8_t *codes) {
  encodeByRandom<codec::E4M3Format, encodeE4M3>(x, count, scale, random, codes);
}
DSRT_VERSIONS void encodeByRandomE5M2(const float *x, int64_t count, float scale, const uint32_t *random, uint8_t *codes) {
  encodeByRandom<codec::E5M2Format, encodeE5M2>(x, count, scale, random, codes);
}
DSRT_VERSIONS void fillRandom(uint64_t seed, int64_t expert, int64_t row, int64_t group, int64_t groups, uint32_t *random) {
  for (int64_t i = 0; i < groups; ++i) {
    std::array<uint32_t, 4> words = randomOf(seed, expert, row, group + i);
    for (int64_t j = 0; j < 4; ++j)
      random[4 * i + j] = words[size_t(j)];
  }
}

DSRT_VERSIONS void multiplyBy(float *x, int64_t count, float scale) {
  for (int64_t i = 0; i < count; ++i)
    x[i] *= scale;
}

int64_t extent(int32_t tile, int64_t whole) { return tile == 0 ? std::max<int64_t>(whole, 1) : tile; }

Status checkExtents(int64_t rows, int64_t cols) {
  if (rows < 0 || cols < 0)
    return {DSRT_INTERNAL, format("expects extents from 0 to quantise, but got [%lld, %lld]", (long long)rows, (long long)cols)};
  return {};
}

} // namespace

Status checkFormat(const dsrt_quant &quant) {
  if (!hasScales(quant)) {
    if (quant.payload == DSRT_F32 || quant.payload == DSRT_BF16 || quant.payload == DSRT_F16)
      return {};
    return {DSRT_REJECTED, format("expects a format without scales to be f32, bf16 or f16, but got %s", typeName(quant.payload).c_str())};
  }
  bool eightBit = quant.payload == DSRT_F8E4M3 || quant.payload == DSRT_F8E5M2;
  if (!eightBit && !isFourBit(quant.payload))
    return {DSRT_REJECTED,
            format("expects a payload of f8E4M3FN, f8E5M2, f4E2M1FN or nf4 to quantise, but got %s", typeName(quant.payload).c_str())};
  if (quant.rounding != DSRT_NEAREST_EVEN && (quant.rounding != DSRT_STOCHASTIC || !eightBit))
    return {DSRT_REJECTED,
            format("expects %s to be rounded to nearest%s, but got %s", typeName(quant.payload).c_str(),
                   eightBit ? " or stochastically" : "",
                   quant.rounding == DSRT_STOCHASTIC ? "stochastic rounding" : format("rounding %d", quant.rounding).c_str())};
  if (quant.rule < DSRT_SCALE_AMAX || quant.rule > DSRT_SCALE_MX)
    return {DSRT_REJECTED, format("expects scales by amax, by powers of two or by mx, but got rule %d", quant.rule)};
  if (quant.outer < DSRT_OUTER_NONE || quant.outer > DSRT_OUTER_TENSOR)
    return {DSRT_REJECTED, format("expects an outer scale of rows, of the tensor or none, but got %d", quant.outer)};
  bool byAmax = quant.rule == DSRT_SCALE_AMAX, outer = quant.outer != DSRT_OUTER_NONE;
  bool representable = outer ? quant.scale == DSRT_F8E4M3 && byAmax : quant.scale == DSRT_UE8M0 ? !byAmax : quant.scale == DSRT_F32;
  if (!representable)
    return {DSRT_REJECTED,
            format("expects F32 scales, UE8M0 scales that are powers of two, or f8E4M3FN scales by amax below an outer scale, "
                   "but got %s scales %s%s",
                   typeName(quant.scale).c_str(), byAmax ? "by amax" : "that are powers of two", outer ? " below an outer scale" : "")};
  if (quant.outer == DSRT_OUTER_ROW && quant.tile_rows != 1)
    return {DSRT_REJECTED, format("expects tiles of one row below an outer scale of rows, but got %d", quant.tile_rows)};
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

void encodeScaled(const dsrt_quant &quant, Place place, const float *x, int64_t begin, int64_t count, float scale, void *payload) {
  constexpr int64_t block = 512; // a multiple of four
  uint8_t *row = static_cast<uint8_t *>(payload), codes[block];
  if (isFourBit(quant.payload)) {
    for (int64_t end = begin + count; begin < end; begin += block, x += block) {
      int64_t length = std::min(block, end - begin);
      if (scale == 0)
        std::fill(codes, codes + length, quant.payload == DSRT_NF4 ? encodeNF4(0) : encodeE2M1(0));
      else if (quant.payload == DSRT_NF4)
        encodeScaledNF4(x, length, scale, codes);
      else
        encodeScaledE2M1(x, length, scale, codes);
      packFourBit(codes, begin, length, row);
    }
  } else if (scale == 0) {
    std::fill(row + begin, row + begin + count, 0);
  } else if (quant.rounding == DSRT_STOCHASTIC) {
    uint32_t random[block];
    for (int64_t end = begin + count; begin < end;) {
      int64_t skipped = begin % 4, length = std::min(block - skipped, end - begin);
      fillRandom(quant.seed, place.expert, place.row, begin / 4, (skipped + length + 3) / 4, random);
      if (quant.payload == DSRT_F8E4M3)
        encodeByRandomE4M3(x, length, scale, random + skipped, row + begin);
      else
        encodeByRandomE5M2(x, length, scale, random + skipped, row + begin);
      begin += length, x += length;
    }
  } else if (quant.payload == DSRT_F8E4M3) {
    encodeScaledE4M3(x, count, scale, row + begin);
  } else {
    encodeScaledE5M2(x, count, scale, row + begin);
  }
}

Status quantize(const dsrt_quant &quant, const float *x, int64_t rows, int64_t cols, void *payload, float *scales, Place place) {
  if (Status status = checkFormat(quant); !status.ok())
    return status;
  if (Status status = checkExtents(rows, cols); !status.ok())
    return status;
  if (!hasScales(quant)) {
    fromF32(x, quant.payload, payload, size_t(rows) * size_t(cols));
    return {};
  }
  int64_t tileRows = extent(quant.tile_rows, rows), tileCols = extent(quant.tile_cols, cols), tiles = tileColsOf(quant, cols);
  int64_t payloadRow = rowBytes(quant.payload, cols);
  float outer = quant.outer == DSRT_OUTER_TENSOR ? outerScaleOf(quant, amaxOf(x, rows * cols)) : 1;
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
    if (quant.outer == DSRT_OUTER_ROW && tiles > 0)
      outer = outerScaleOf(quant, *std::max_element(rowScales, rowScales + tiles));
    for (int64_t tile = 0; tile < tiles; ++tile)
      rowScales[tile] = scaleOf(quant, rowScales[tile], outer);
    for (int64_t row = top; row < bottom; ++row)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        int64_t begin = tile * tileCols, end = std::min(cols, begin + tileCols);
        encodeScaled(quant, {place.expert, place.row + row}, x + row * cols + begin, begin, end - begin, rowScales[tile],
                     static_cast<uint8_t *>(payload) + row * payloadRow);
      }
  }
  return {};
}

void dequantizeRow(const dsrt_quant &quant, const void *payload, const float *scales, int64_t cols, int64_t row, int64_t begin,
                   int64_t count, float *x) {
  decodeColumns(quant.payload, static_cast<const uint8_t *>(payload) + row * rowBytes(quant.payload, cols), begin, count, x);
  if (!hasScales(quant))
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
