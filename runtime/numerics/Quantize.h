// Quantisation in tiles: payload and scales of an F32 matrix, and back. The definition that every backend and every step of
// a parameter's conversion follows (docs: precision; DeepSeek-V3 technical report, arXiv 2412.19437, section 3.3).
//
// A tile of tile_rows x tile_cols elements (an extent of 0: the whole matrix in that direction; a partial tile at an edge is a
// tile of its own) has one scale:
//   amax     the largest magnitude among its finite values, at least amax_floor
//   scale    amax / largest payload value, an IEEE division, 1 where that is 0; or the power of two not below that quotient,
//            from its bits, at least 2^-127, 1 where amax is 0
//   payload  encode(x / scale), an IEEE division: to nearest even, saturating; NaN stays NaN
// A format whose scale is DSRT_NONE is a plain dtype: its payload is the value rounded, and it has no scales.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>

namespace dsrt {

/// DSRT_REJECTED where this runtime does not quantise so, with what it expects: the payload must be E4M3 or E5M2 rounded to nearest
/// even with F32 scales by either rule or UE8M0 scales by powers of two, or a plain dtype (F32, BF16, F16).
Status checkFormat(const dsrt_quant &format);

/// Tiles along each direction of [rows, cols].
int64_t tileRowsOf(const dsrt_quant &format, int64_t rows);
int64_t tileColsOf(const dsrt_quant &format, int64_t cols);

/// The largest magnitude among the finite values of x, 0 where there is none.
float amaxOf(const float *x, int64_t count);

/// The scale of a tile with this amax, of a format that checkFormat takes and that has scales.
float scaleOf(const dsrt_quant &format, float amax);

/// payload[i] = encode(x[i] / scale), of a format that checkFormat takes and that has scales.
void encodeScaled(const dsrt_quant &format, const float *x, int64_t count, float scale, void *payload);

/// Quantises x.
///
/// \param x        [rows, cols], F32, row major
/// \param payload  [rows, cols], format.payload
/// \param scales   [ceil(rows / tile_rows), ceil(cols / tile_cols)], F32; not touched for a plain dtype
///
/// The errors of checkFormat; DSRT_INTERNAL for negative extents.
Status quantize(const dsrt_quant &format, const float *x, int64_t rows, int64_t cols, void *payload, float *scales);

/// x = payload * scale of its tile, in F32. The layouts and errors of quantize.
Status dequantize(const dsrt_quant &format, const void *payload, const float *scales, int64_t rows, int64_t cols, float *x);

/// The part of dequantize from column `begin` on of the matrix' row `row`: `count` values. `payload` and `scales` are the matrix'.
void dequantizeRow(const dsrt_quant &format, const void *payload, const float *scales, int64_t cols, int64_t row, int64_t begin,
                   int64_t count, float *x);

} // namespace dsrt
