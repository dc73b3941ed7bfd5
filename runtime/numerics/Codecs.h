// The codecs of the element types: bit-exact conversions between F32 and BF16, F16, E4M3, E5M2, E2M1 and UE8M0, one by one and
// in batches. Every conversion to a narrower type rounds to nearest, ties to even.
//
//   type   sign, exponent, mantissa   largest   smallest step   infinities, overflow   NaN
//   BF16   1, 8, 7                    3.39e38   2^-133          infinity               stays, made quiet
//   F16    1, 5, 10                   65504     2^-24           infinity               stays, made quiet
//   E4M3   1, 4, 3                    448       2^-9            saturate to 448        0x7f, with its sign
//   E5M2   1, 5, 2                    57344     2^-16           saturate to 57344      stays, made quiet
//   E2M1   1, 2, 1                    6         0.5             saturate to 6          has none: becomes 6, with its sign
//   UE8M0  0, 8, 0                    2^127     powers of two   saturate to 2^127      0xff
//
// E4M3, E5M2: OCP 8-bit Floating Point Specification 1.0 ("fn": no infinity). E2M1, UE8M0: OCP Microscaling Formats 1.0.
#pragma once

#include "runtime/support/Status.h"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace dsrt {

namespace codec {

/// A small float: widths, the code of the largest finite value, and the code that what rounds above it becomes.
template <int Mantissa, int Bias, uint32_t LargestCode, uint32_t OverflowCode> struct SmallFloat {
  static constexpr int mantissa = Mantissa;
  static constexpr int bias = Bias;
  static constexpr uint32_t largestCode = LargestCode;
  static constexpr uint32_t overflowCode = OverflowCode;
};

using F16Format = SmallFloat<10, 15, 0x7bff, 0x7c00>;
using E5M2Format = SmallFloat<2, 15, 0x7b, 0x7b>;
using E4M3Format = SmallFloat<3, 7, 0x7e, 0x7e>;
using E2M1Format = SmallFloat<1, 1, 0x7, 0x7>;

/// The magnitude's code, of a magnitude that is not NaN. Branch-free, so that loops over it become vector code.
template <typename Format> inline uint32_t encodeMagnitude(uint32_t magnitude) {
  constexpr int shift = 23 - Format::mantissa;
  constexpr uint32_t smallestNormal = uint32_t(128 - Format::bias) << 23;
  // Subnormal results: adding 2^(23 + e), whose last place is the smallest step 2^e, lets the F32 addition round to that step.
  constexpr uint32_t magic = uint32_t(127 + 23 + 1 - Format::bias - Format::mantissa) << 23;
  uint32_t subnormal = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + std::bit_cast<float>(magic)) - magic;
  uint32_t rounded = magnitude + ((uint32_t(1) << (shift - 1)) - 1) + ((magnitude >> shift) & 1);
  uint32_t normal = (rounded >> shift) - (uint32_t(127 - Format::bias) << Format::mantissa);
  uint32_t code = magnitude < smallestNormal ? subnormal : normal;
  return code > Format::largestCode ? Format::overflowCode : code;
}

} // namespace codec

inline uint16_t encodeBF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  uint32_t quiet = (bits >> 16) | 0x40;
  return uint16_t((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
}
inline float decodeBF16(uint16_t code) { return std::bit_cast<float>(uint32_t(code) << 16); }

inline uint16_t encodeF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  uint32_t quiet = 0x7e00 | ((magnitude >> 13) & 0x1ff);
  return uint16_t(((bits >> 16) & 0x8000) | (magnitude > 0x7f800000 ? quiet : codec::encodeMagnitude<codec::F16Format>(magnitude)));
}
inline float decodeF16(uint16_t code) {
  uint32_t sign = uint32_t(code & 0x8000) << 16, magnitude = code & 0x7fff;
  uint32_t normal = (magnitude << 13) + (uint32_t(127 - 15) << 23);
  uint32_t special = (magnitude << 13) | 0x7f800000 | (magnitude > 0x7c00 ? 0x400000 : 0);
  uint32_t subnormal = std::bit_cast<uint32_t>(float(int32_t(magnitude)) * 0x1p-24f);
  return std::bit_cast<float>(sign | (magnitude >= 0x7c00 ? special : magnitude < 0x400 ? subnormal : normal));
}

inline uint8_t encodeE4M3(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  return uint8_t(((bits >> 24) & 0x80) | (magnitude > 0x7f800000 ? 0x7f : codec::encodeMagnitude<codec::E4M3Format>(magnitude)));
}
inline float decodeE4M3(uint8_t code) {
  uint32_t sign = uint32_t(code & 0x80) << 24, magnitude = code & 0x7f;
  uint32_t normal = (magnitude << 20) + (uint32_t(127 - 7) << 23);
  uint32_t subnormal = std::bit_cast<uint32_t>(float(int32_t(magnitude)) * 0x1p-9f);
  return std::bit_cast<float>(sign | (magnitude == 0x7f ? 0x7fc00000 : magnitude < 0x8 ? subnormal : normal));
}

inline uint8_t encodeE5M2(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  uint32_t quiet = 0x7e | ((magnitude >> 21) & 0x1);
  return uint8_t(((bits >> 24) & 0x80) | (magnitude > 0x7f800000 ? quiet : codec::encodeMagnitude<codec::E5M2Format>(magnitude)));
}
/// E5M2 is the upper half of F16.
inline float decodeE5M2(uint8_t code) { return decodeF16(uint16_t(code << 8)); }

/// The code stands in the lower four bits.
inline uint8_t encodeE2M1(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  return uint8_t(((bits >> 28) & 0x8) | codec::encodeMagnitude<codec::E2M1Format>(magnitude));
}
inline float decodeE2M1(uint8_t code) {
  constexpr float values[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  return values[code & 0xf];
}

/// The nearest power of two, the upper one at a tie; values below 2^-127, zero and negative values among them, become 2^-127.
uint8_t encodeUE8M0(float value);
/// 2^(code - 127); 0xff is NaN.
inline float decodeUE8M0(uint8_t code) {
  return std::bit_cast<float>(code == 0xff ? uint32_t(0x7fc00000) : code == 0 ? uint32_t(0x00400000) : uint32_t(code) << 23);
}

/// Bytes of an element: 0 for the four-bit types, two of which share a byte, and for DSRT_NONE.
size_t elementBytes(int32_t dtype);

/// The largest finite value of a quantised payload; 0 for other types.
float largestValue(int32_t payload);

/// "f32", "bf16", ... for messages; "type N" for a number that is none.
std::string typeName(int32_t dtype);

/// Converts `count` elements; source and destination may be the same address where their elements have the same size. F32, BF16,
/// F16, E4M3, E5M2 and UE8M0 in any pair, by way of F32, which holds each of them exactly. DSRT_REJECTED for other types.
Status convert(dsrt_dtype from, const void *source, dsrt_dtype to, void *destination, size_t count);

/// `convert` from and to F32 without the check: the types must be among those that `convert` takes.
void toF32(int32_t from, const void *source, float *destination, size_t count);
void fromF32(const float *source, int32_t to, void *destination, size_t count);

/// Whether `convert` takes the type.
bool isConvertible(int32_t dtype);

} // namespace dsrt
