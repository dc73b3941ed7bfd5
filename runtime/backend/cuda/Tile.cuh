// Payload and scale of a 1x128 E4M3 tile that 16 lanes of a warp hold, eight values each, rounded to nearest: the quantisation that
// kernels do as they write. The definition is runtime/numerics/Quantize.h.
#pragma once

#include "runtime/backend/cuda/Elements.cuh"
#include "runtime/numerics/Quantize.h"

namespace dsrt::cuda {

constexpr int tileColumns = 128, tileLanes = tileColumns / vectorColumns;

/// Whether the format is one that quantizeTile writes. Rows must be of whole vectors besides.
inline bool isTileFormat(const dsrt_quant &format) {
  return format.payload == DSRT_F8E4M3 && format.tile_rows == 1 && format.tile_cols == tileColumns &&
         format.rounding == DSRT_NEAREST_EVEN && format.outer == DSRT_OUTER_NONE;
}

/// x / scale where x is no NaN, else x: the division would make all NaN one.
__device__ inline float scaled(float x, float scale) { return x != x ? x : x / scale; }

/// A scale, and how values are divided by it. Where neither it nor its inverse comes near the ends of F32's range, the quotient rounded to
/// nearest follows from the inverse, rounded to nearest, by two corrections whose remainders are exact (Markstein, IBM J. Res. Dev. 34(1),
/// 1990): half the instructions of a division. A remainder is inexact only of quotients whose code is 0; of infinities it is NaN.
struct Divisor {
  float scale, inverse;
  bool corrected;

  __device__ explicit Divisor(float scale) : scale(scale), inverse(1 / scale), corrected(scale >= 0x1p-80f && scale <= 0x1p80f) {}

  __device__ float quotient(float x) const {
    float q = x * inverse;
    q = fmaf(fmaf(-q, scale, x), inverse, q);
    return copysignf(fmaf(fmaf(-q, scale, x), inverse, q), x); // of -0, too
  }
};

/// Codes of two values, the first in the lower byte. The instruction rounds and saturates as encodeE4M3 does but drops the sign of a NaN.
__device__ inline uint32_t encodePairE4M3(float low, float high, const Divisor &divisor) {
  float a = divisor.quotient(low), b = divisor.quotient(high);
  if (!divisor.corrected || a != a || b != b)
    return encodeE4M3(scaled(low, divisor.scale)) | uint32_t(encodeE4M3(scaled(high, divisor.scale))) << 8;
  uint16_t codes;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(codes) : "f"(b), "f"(a));
  return codes;
}

/// All lanes of a warp call it; lanes whose columns are behind the row's end have `active` false and zeros.
/// \param values   of columns [8 * vector, 8 * vector + 8) of a row, where vector mod 16 is the lane's number mod 16
/// \param payload  the vector's eight bytes \param scale  the tile's
__device__ inline void quantizeTile(const dsrt_quant &format, const float (&values)[vectorColumns], bool active, uint8_t *payload,
                                    float *scale) {
  uint32_t amax = 0;
#pragma unroll
  for (int i = 0; i < vectorColumns; ++i)
    amax = max(amax, __float_as_uint(values[i]) & 0x7fffffff);
  if (amax >= 0x7f800000) { // rare: only then each value is looked at
    amax = 0;
#pragma unroll
    for (int i = 0; i < vectorColumns; ++i)
      amax = max(amax, finiteMagnitude(values[i]));
  }
#pragma unroll
  for (int distance = tileLanes / 2; distance > 0; distance /= 2)
    amax = max(amax, __shfl_xor_sync(~0u, amax, distance));
  if (!active)
    return;
  dsrt_quant known = format; // what isTileFormat says, so that the compiler need not ask
  known.payload = DSRT_F8E4M3, known.outer = DSRT_OUTER_NONE;
  Divisor divisor(scaleOf(known, __uint_as_float(amax)));
  if (threadIdx.x % tileLanes == 0)
    *scale = divisor.scale;
  uint32_t codes[vectorColumns / 4];
#pragma unroll
  for (int i = 0; i < vectorColumns; i += 4)
    codes[i / 4] = encodePairE4M3(values[i], values[i + 1], divisor) | encodePairE4M3(values[i + 2], values[i + 3], divisor) << 16;
  *reinterpret_cast<uint2 *>(payload) = make_uint2(codes[0], codes[1]);
}

} // namespace dsrt::cuda
