// Quantisation in tiles: payload and scales of an F32 matrix, and back. The definition that every backend and every step of
// a parameter's conversion follows (docs: precision; DeepSeek-V3 technical report, arXiv 2412.19437, section 3.3).
//
// A tile of tile_rows x tile_cols elements (an extent of 0: the whole matrix in that direction; a partial tile at an edge is a
// tile of its own) has one scale. All divisions are IEEE F32 divisions, and `largest` is the payload's largest value (Codecs.h):
//   amax     the largest magnitude among its finite values, at least amax_floor
//   scale    by the rule, of amax:
//            amax          amax / largest, 1 where that is 0
//            power_of_two  the power of two not below amax / largest, from its bits, at least 2^-127, 1 where amax is 0
//            mx            2^(floor(log2 amax) - floor(log2 largest)) from the bits, at least 2^-127, 1 where amax is 0 (OCP
//                          Microscaling Formats 1.0, section 6.3)
//   payload  encode(x / scale) by Codecs.h, to nearest, or by Stochastic.h: saturating, infinities to the largest finite code, NaN
//            stays NaN where the payload has one
// With an outer scale (NVFP4) the tile's own is E4M3, and the F32 scale holds the product of both:
//   g        amax' / (448 * largest), amax' of the row or of the whole matrix, at least amax_floor; 1 where that is 0
//   scale    decodeE4M3(encodeE4M3((amax / largest) / g)) * g; a tile where that is 0 has payload 0
// A format whose scale is DSRT_NONE is a plain dtype: its payload is the value rounded, and it has no scales.
//
// What is constexpr here is compiled for devices, too.
#pragma once

#include "runtime/numerics/Codecs.h"
#include "runtime/support/Status.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace dsrt {

/// DSRT_REJECTED where this runtime does not quantise so, with what it expects. Payloads: E4M3 and E5M2 to nearest or stochastic, E2M1
/// and NF4 to nearest, or a plain dtype (F32, BF16, F16). Scales: F32 by any rule, UE8M0 by powers of two or mx, E4M3 by amax below
/// an outer scale; one of rows has tiles of one row.
Status checkFormat(const dsrt_quant &format);

/// Tiles along each direction of [rows, cols].
int64_t tileRowsOf(const dsrt_quant &format, int64_t rows);
int64_t tileColsOf(const dsrt_quant &format, int64_t cols);

/// Whether a format is more than a plain dtype.
constexpr bool hasScales(const dsrt_quant &format) { return format.scale != DSRT_NONE; }

/// Whether a row's payload and scales do not depend on the rows beside it.
constexpr bool rowsAreIndependent(const dsrt_quant &format) {
  return !hasScales(format) || (format.tile_rows == 1 && format.outer != DSRT_OUTER_TENSOR);
}

/// The bits of a value's magnitude, which order as magnitudes do; 0 for what is not finite.
constexpr uint32_t finiteMagnitude(float value) {
  uint32_t magnitude = std::bit_cast<uint32_t>(value) & 0x7fffffff;
  return magnitude < 0x7f800000 ? magnitude : 0;
}

/// The largest magnitude among the finite values of x, 0 where there is none.
float amaxOf(const float *x, int64_t count);

/// The outer scale of the largest magnitude of a row or matrix; 1 for a format without.
constexpr float outerScaleOf(const dsrt_quant &quant, float amax) {
  if (quant.outer == DSRT_OUTER_NONE)
    return 1;
  float quotient = std::max(amax, quant.amax_floor) / (largestValue(DSRT_F8E4M3) * largestValue(quant.payload));
  return quotient == 0 ? 1 : quotient;
}

/// The scale of a tile with this amax and outer scale, of a format that checkFormat takes and that has scales.
constexpr float scaleOf(const dsrt_quant &quant, float amax, float outer = 1) {
  amax = std::max(amax, quant.amax_floor);
  float largest = largestValue(quant.payload), quotient = amax / largest;
  if (quant.outer != DSRT_OUTER_NONE)
    return decodeE4M3(encodeE4M3(quotient / outer)) * outer;
  if (amax == 0)
    return 1;
  if (quant.rule == DSRT_SCALE_AMAX)
    return quotient == 0 ? 1 : quotient;
  if (quant.rule == DSRT_SCALE_MX) {
    uint32_t exponents = (std::bit_cast<uint32_t>(largest) >> 23) - 127, biased = std::bit_cast<uint32_t>(amax) >> 23;
    return biased <= exponents ? 0x1p-127f : std::bit_cast<float>((biased - exponents) << 23);
  }
  uint32_t bits = std::bit_cast<uint32_t>(quotient);
  if (bits <= 0x00400000)
    return 0x1p-127f; // the smallest UE8M0 value
  if (bits <= 0x00800000)
    return 0x1p-126f;
  return std::bit_cast<float>((bits + 0x007fffff) & 0x7f800000);
}

/// Where a matrix that is quantised begins in the operand that it is a part of: what stochastic rounding counts by. Columns are those
/// of the operand. Activations have expert 0, and rows that count the call's tokens, or the expert's weight in a stack its number in
/// the model: a stack that is split gives the same bits.
struct Place {
  int64_t expert = 0, row = 0;
};

/// Encodes columns [begin, begin + count) of a row whose tile has this scale, of a format that checkFormat takes and that has scales.
///
/// \param place    of the row
/// \param x        [count]
/// \param payload  the row's, rowBytes of its columns; of a four-bit type columns are filled in rising order (packFourBit)
void encodeScaled(const dsrt_quant &format, Place place, const float *x, int64_t begin, int64_t count, float scale, void *payload);

/// Quantises x.
///
/// \param x        [rows, cols], F32, row major
/// \param payload  [rows, cols], format.payload, rowBytes from row to row
/// \param scales   [ceil(rows / tile_rows), ceil(cols / tile_cols)], F32; not touched for a plain dtype
/// \param place    of x
///
/// The errors of checkFormat; DSRT_INTERNAL for negative extents.
Status quantize(const dsrt_quant &format, const float *x, int64_t rows, int64_t cols, void *payload, float *scales, Place place = {});

/// x = payload * scale of its tile, in F32. The layouts and errors of quantize.
Status dequantize(const dsrt_quant &format, const void *payload, const float *scales, int64_t rows, int64_t cols, float *x);

/// The part of dequantize from column `begin` on of the matrix' row `row`: `count` values. `payload` and `scales` are the matrix'.
void dequantizeRow(const dsrt_quant &format, const void *payload, const float *scales, int64_t cols, int64_t row, int64_t begin,
                   int64_t count, float *x);

} // namespace dsrt
