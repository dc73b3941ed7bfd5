// Kernels for any processor: vectors of four floats of the compiler's own, a product and a sum each rounded.
#include "runtime/backend/cpu/gemm/Kernels.h"

#include <cstring>

namespace dsrt::cpu {

namespace {

#include "runtime/backend/cpu/gemm/Scalar.h"
#include "runtime/backend/cpu/gemm/Tile.h"

float widenF16(uint16_t half) {
  uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, exponent = (half >> 10) & 31, mantissa = half & 0x3ff, bits;
  if (exponent == 31)
    bits = sign | 0x7f800000 | mantissa << 13 | (mantissa ? 0x400000 : 0);
  else if (exponent != 0)
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  else { // mantissa * 2^-24, exact in F32
    float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    memcpy(&bits, &magnitude, 4);
    bits |= sign;
  }
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

/// To nearest even, infinite from 65520 on; NaN stays NaN.
uint16_t roundF16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  uint16_t sign = static_cast<uint16_t>(bits >> 16 & 0x8000);
  uint32_t magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000)
    return static_cast<uint16_t>(sign | 0x7e00 | (magnitude >> 13 & 0x3ff));
  if (magnitude >= 0x477ff000)
    return sign | 0x7c00;
  if (magnitude >= 0x38800000) { // normal: rebias the exponent, round at bit 13
    uint32_t rebiased = magnitude - (112u << 23);
    return static_cast<uint16_t>(sign | (rebiased + 0xfff + (rebiased >> 13 & 1)) >> 13);
  }
  // Subnormal: adding 0.5 leaves the rounded multiple of 2^-24 in the low mantissa bits.
  float absolute, shifted;
  memcpy(&absolute, &magnitude, 4);
  shifted = absolute + 0.5f;
  uint32_t shiftedBits;
  memcpy(&shiftedBits, &shifted, 4);
  return static_cast<uint16_t>(sign | (shiftedBits - 0x3f000000));
}

struct Math {
  using Vector = float __attribute__((vector_size(16)));
  using Operand = Vector;
  using Element = float;
  static constexpr int kVectors = 4;
  static Vector zero() { return Vector{}; }
  static Vector broadcast(const float *a) { return Vector{*a, *a, *a, *a}; }
  static Vector multiplyAdd(Vector a, Vector b, Vector c) { return c + a * b; }
  static void promote(float *c, Vector sum, float rowScale, const float *channelScales, bool first) {
    Vector scales, total = zero();
    memcpy(&scales, channelScales, sizeof scales);
    if (!first)
      memcpy(&total, c, sizeof total);
    total += sum * (scales * rowScale);
    memcpy(c, &total, sizeof total);
  }
};

struct Decoded {
  using Math = Math;
  static constexpr int kElements = 1, kBytes = 64;
  static constexpr bool kDecodes = false, kPacked = false;
  static void load(const std::byte *b, Math::Vector out[1][4]) { memcpy(out, b, 64); }
};

struct Packed : Decoded { // panels that need no decoding
  static constexpr bool kPacked = true;
};

void widenF16(const uint16_t *x, int64_t k, float *out) {
  for (int64_t i = 0; i < k; ++i)
    out[i] = widenF16(x[i]);
}

#include "runtime/backend/cpu/gemm/F32Path.h"

void decode(int32_t dtype, const void *units, int64_t elements, void *out) {
  auto *to = static_cast<float *>(out);
  if (dtype == DSRT_F8E4M3)
    return decodeE4m3Slowly(units, elements, to);
  if (dtype == DSRT_F16)
    return convertRow(DSRT_F16, units, elements * 16, out);
  auto *pairs = static_cast<const uint16_t *>(units); // BF16 [elements / 2][16][2]
  for (int64_t element = 0; element < elements; ++element)
    for (int64_t channel = 0; channel < 16; ++channel)
      widenBf16(pairs + (element / 2 * 16 + channel) * 2 + element % 2, 1, to + element * 16 + channel);
}

void storeRow(int32_t dtype, const float *c, int64_t n, void *y) {
  if (dtype == DSRT_F32)
    memcpy(y, c, static_cast<size_t>(n) * 4);
  else if (dtype == DSRT_BF16)
    roundBf16(c, n, static_cast<uint16_t *>(y));
  else
    for (int64_t i = 0; i < n; ++i)
      static_cast<uint16_t *>(y)[i] = roundF16(c[i]);
}

void packed(int32_t, const Block &block) { multiplyBlock<Packed, 2, 1>(block); }

const Path path = {1, DSRT_F32, 0, 256.0f, true, convertRow, decode, multiplyBlock<Decoded, 2, 1>, packed};

} // namespace

void decodeE4m3Slowly(const void *units, int64_t elements, float *out) {
  auto *codes = static_cast<const uint8_t *>(units); // [elements / 2][16][2]
  for (int64_t element = 0; element < elements; ++element)
    for (int64_t channel = 0; channel < 16; ++channel) {
      float value;
      memcpy(&value, &e4m3Values.bits[codes[(element / 2 * 16 + channel) * 2 + element % 2]], 4);
      out[element * 16 + channel] = value * 0x1p-8f;
    }
}

const Kernels portableKernels = {"portable", &path, nullptr, storeRow, expandPairs};

} // namespace dsrt::cpu
