// The codecs of the element types: bit-exact conversions between F32 and BF16, F16, E4M3, E5M2, E2M1, NF4 and UE8M0, one by one
// and in batches. Every conversion to a narrower type rounds to nearest, ties to even.
//
//   type   sign, exponent, mantissa   largest   smallest step   infinities, overflow   NaN
//   BF16   1, 8, 7                    3.39e38   2^-133          infinity               stays, made quiet
//   F16    1, 5, 10                   65504     2^-24           infinity               stays, made quiet
//   E4M3   1, 4, 3                    448       2^-9            saturate to 448        0x7f, with its sign
//   E5M2   1, 5, 2                    57344     2^-16           saturate to 57344      stays, made quiet
//   E2M1   1, 2, 1                    6         0.5             saturate to 6          has none: becomes 6, with its sign
//   UE8M0  0, 8, 0                    2^127     powers of two   saturate to 2^127      0xff
//   NF4    16 levels in [-1, 1]       1         levels          saturate to 1          has none: becomes 1, with its sign
//
// E4M3, E5M2: OCP 8-bit Floating Point Specification 1.0 ("fn": no infinity). E2M1, UE8M0: OCP Microscaling Formats 1.0. NF4: the
// quantiles of a normal distribution that QLoRA lists (arXiv 2305.14314, appendix E), in rising order; ties go to the lower level.
//
// Conversions one by one are constexpr and use no object of namespace scope: nvcc compiles them for devices, too.
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
template <typename Format> constexpr uint32_t encodeMagnitude(uint32_t magnitude) {
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

/// The code of a NaN.
constexpr uint16_t encodeNanBF16(float value) { return uint16_t((std::bit_cast<uint32_t>(value) >> 16) | 0x40); }
constexpr uint16_t encodeBF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  return (bits & 0x7fffffff) > 0x7f800000 ? encodeNanBF16(value) : uint16_t(rounded);
}
constexpr float decodeBF16(uint16_t code) { return std::bit_cast<float>(uint32_t(code) << 16); }

constexpr uint16_t encodeF16(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  uint32_t quiet = 0x7e00 | ((magnitude >> 13) & 0x1ff);
  return uint16_t(((bits >> 16) & 0x8000) | (magnitude > 0x7f800000 ? quiet : codec::encodeMagnitude<codec::F16Format>(magnitude)));
}
constexpr float decodeF16(uint16_t code) {
  uint32_t sign = uint32_t(code & 0x8000) << 16, magnitude = code & 0x7fff;
  uint32_t normal = (magnitude << 13) + (uint32_t(127 - 15) << 23);
  uint32_t special = (magnitude << 13) | 0x7f800000 | (magnitude > 0x7c00 ? 0x400000 : 0);
  uint32_t subnormal = std::bit_cast<uint32_t>(float(int32_t(magnitude)) * 0x1p-24f);
  return std::bit_cast<float>(sign | (magnitude >= 0x7c00 ? special : magnitude < 0x400 ? subnormal : normal));
}

constexpr uint8_t encodeE4M3(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  return uint8_t(((bits >> 24) & 0x80) | (magnitude > 0x7f800000 ? 0x7f : codec::encodeMagnitude<codec::E4M3Format>(magnitude)));
}
constexpr float decodeE4M3(uint8_t code) {
  uint32_t sign = uint32_t(code & 0x80) << 24, magnitude = code & 0x7f;
  uint32_t normal = (magnitude << 20) + (uint32_t(127 - 7) << 23);
  uint32_t subnormal = std::bit_cast<uint32_t>(float(int32_t(magnitude)) * 0x1p-9f);
  return std::bit_cast<float>(sign | (magnitude == 0x7f ? 0x7fc00000 : magnitude < 0x8 ? subnormal : normal));
}

constexpr uint8_t encodeE5M2(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  uint32_t quiet = 0x7e | ((magnitude >> 21) & 0x1);
  return uint8_t(((bits >> 24) & 0x80) | (magnitude > 0x7f800000 ? quiet : codec::encodeMagnitude<codec::E5M2Format>(magnitude)));
}
/// E5M2 is the upper half of F16.
constexpr float decodeE5M2(uint8_t code) { return decodeF16(uint16_t(code << 8)); }

/// The code stands in the lower four bits.
constexpr uint8_t encodeE2M1(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  return uint8_t(((bits >> 28) & 0x8) | codec::encodeMagnitude<codec::E2M1Format>(magnitude));
}
constexpr float decodeE2M1(uint8_t code) {
  constexpr float values[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.f, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  return values[code & 0xf];
}

/// The levels of NF4. Code 7 is 0; 0 and 15 are -1 and 1.
struct Nf4Levels {
  float level[16] = {-1.0f,
                     -0.6961928009986877f,
                     -0.5250730514526367f,
                     -0.39491748809814453f,
                     -0.28444138169288635f,
                     -0.18477343022823334f,
                     -0.09105003625154495f,
                     0.0f,
                     0.07958029955625534f,
                     0.16093020141124725f,
                     0.24611230194568634f,
                     0.33791524171829224f,
                     0.44070982933044434f,
                     0.5626170039176941f,
                     0.7229568362236023f,
                     1.0f};
};

namespace codec {

/// F32 values in their order, as integers: NaN stand outside the infinities, on the side of their sign.
constexpr uint32_t ordered(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  return bits >> 31 ? ~bits : bits | 0x80000000;
}

/// Where NF4 codes change: an F32 value above bound i has a code above i. The sum of two F32 is exact in F64, and rounding half of
/// it down to F32 leaves the largest value that is not nearer to the upper level.
struct Nf4Bounds {
  uint32_t bound[15];
  constexpr Nf4Bounds() : bound() {
    constexpr Nf4Levels levels;
    for (int i = 0; i < 15; ++i) {
      double middle = (double(levels.level[i]) + double(levels.level[i + 1])) / 2;
      uint32_t nearest = ordered(float(middle));
      bound[i] = double(float(middle)) > middle ? nearest - 1 : nearest;
    }
  }
};

} // namespace codec

/// The code stands in the lower four bits.
constexpr uint8_t encodeNF4(float value) {
  constexpr codec::Nf4Bounds bounds;
  uint32_t place = codec::ordered(value), code = 0;
  for (int i = 0; i < 15; ++i)
    code += place > bounds.bound[i];
  return uint8_t(code);
}
constexpr float decodeNF4(uint8_t code) {
  constexpr Nf4Levels levels;
  return levels.level[code & 0xf];
}

/// The nearest power of two, the upper one at a tie; values below 2^-127, zero and negative values among them, become 2^-127.
uint8_t encodeUE8M0(float value);
/// 2^(code - 127); 0xff is NaN.
constexpr float decodeUE8M0(uint8_t code) {
  return std::bit_cast<float>(code == 0xff ? uint32_t(0x7fc00000) : code == 0 ? uint32_t(0x00400000) : uint32_t(code) << 23);
}

/// Bytes of an element: 0 for the four-bit types, two of which share a byte, and for DSRT_NONE.
constexpr size_t elementBytes(int32_t dtype) {
  switch (dtype) {
  case DSRT_F32:
  case DSRT_I32:
    return 4;
  case DSRT_BF16:
  case DSRT_F16:
    return 2;
  case DSRT_F8E4M3:
  case DSRT_F8E5M2:
  case DSRT_UE8M0:
    return 1;
  default:
    return 0;
  }
}

/// Whether two elements share a byte.
constexpr bool isFourBit(int32_t dtype) { return dtype == DSRT_F4E2M1 || dtype == DSRT_NF4; }

/// Bytes of a row of `columns` elements. Rows of the four-bit types are padded to whole bytes (dsrt.h); 0 for DSRT_NONE.
constexpr int64_t rowBytes(int32_t dtype, int64_t columns) {
  return isFourBit(dtype) ? (columns + 1) / 2 : int64_t(elementBytes(dtype)) * columns;
}

/// Columns [begin, begin + count) of a row of a type that toF32 takes or of a four-bit type, as F32.
void decodeColumns(int32_t dtype, const void *row, int64_t begin, int64_t count, float *values);

/// Puts four-bit codes into columns [begin, begin + count) of a row. Columns are filled in rising order: the upper half behind an even
/// column becomes 0, and the lower half before an odd `begin` stays.
void packFourBit(const uint8_t *codes, int64_t begin, int64_t count, void *row);

/// The largest finite value of a quantised payload; 0 for other types.
constexpr float largestValue(int32_t payload) {
  switch (payload) {
  case DSRT_F8E4M3:
    return 448;
  case DSRT_F8E5M2:
    return 57344;
  case DSRT_F4E2M1:
    return 6;
  case DSRT_NF4:
    return 1;
  default:
    return 0;
  }
}

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
