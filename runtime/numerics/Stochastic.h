// Stochastic rounding to the small floats: the random number of each element of an operand, and the rounding that it decides.
//
// Element (row, column) of a matrix has u = w / 2^24 in [0, 1), where w is the upper 24 bits of word column mod 4 of
//   philox(counter {column / 4, row mod 2^32, row / 2^32, expert}, key {seed mod 2^32, seed / 2^32})
// A magnitude m between the neighbouring values a <= m < b becomes b where u < (m - a) / (b - a), else a; b - a is a power of two, so
// that the quotient is exact. A value that has a code keeps it, one beyond the largest finite value saturates, and NaN stays NaN.
// A function of the element alone: the same for any number of threads and however an operand is cut into parts.
#pragma once

#include "runtime/numerics/Codecs.h"
#include "runtime/numerics/Philox.h"

namespace dsrt {

/// The magnitude's code, of a magnitude that is not NaN, by 24 random bits. Branch-free like codec::encodeMagnitude.
template <typename Format> constexpr uint32_t encodeMagnitudeStochastic(uint32_t magnitude, uint32_t random) {
  constexpr int shift = 23 - Format::mantissa;
  constexpr uint32_t smallestNormal = uint32_t(128 - Format::bias) << 23;
  // Below the smallest normal value codes count steps of 2^(1 - bias - mantissa).
  constexpr float steps = std::bit_cast<float>(uint32_t(127 - 1 + Format::bias + Format::mantissa) << 23);
  float count = std::bit_cast<float>(magnitude < smallestNormal ? magnitude : 0) * steps;
  uint32_t below = uint32_t(int32_t(count));
  uint32_t subnormal = below + (float(int32_t(random)) < (count - float(int32_t(below))) * 0x1p24f);
  uint32_t fraction = magnitude & ((uint32_t(1) << shift) - 1);
  uint32_t normal = (magnitude >> shift) - (uint32_t(127 - Format::bias) << Format::mantissa) + (random < fraction << (24 - shift));
  uint32_t code = magnitude < smallestNormal ? subnormal : normal;
  return code > Format::largestCode ? Format::overflowCode : code;
}

/// The code of E4M3 or E5M2 by 24 random bits.
template <typename Format, uint8_t Encode(float)> constexpr uint8_t encodeStochastic(float value, uint32_t random) {
  uint32_t bits = std::bit_cast<uint32_t>(value), magnitude = bits & 0x7fffffff;
  uint8_t nan = Encode(value), code = uint8_t(((bits >> 24) & 0x80) | encodeMagnitudeStochastic<Format>(magnitude, random));
  return magnitude > 0x7f800000 ? nan : code;
}

/// The 24 random bits of columns [4 * group, 4 * group + 4) of a row.
constexpr std::array<uint32_t, 4> randomOf(uint64_t seed, int64_t expert, int64_t row, int64_t group) {
  std::array<uint32_t, 4> words =
      philox({uint32_t(group), uint32_t(row), uint32_t(uint64_t(row) >> 32), uint32_t(expert)}, {uint32_t(seed), uint32_t(seed >> 32)});
  for (uint32_t &word : words)
    word >>= 8;
  return words;
}

} // namespace dsrt
