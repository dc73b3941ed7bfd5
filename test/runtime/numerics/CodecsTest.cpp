// The codecs against LLVM's APFloat: every code, every F32 exponent with every tie and its neighbours, the special values, a sweep
// over F32 inputs, and for the types of at most eight bits all 2^32 of them. Inputs are clamped to the largest finite
// value first where the codec saturates: APFloat overflows.
#include "runtime/numerics/Codecs.h"
#include "runtime/numerics/Philox.h"
#include "runtime/numerics/Versions.h"

#include <gtest/gtest.h>
#include <llvm/ADT/APFloat.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using llvm::APFloat;

namespace {

struct Type {
  dsrt_dtype dtype;
  const llvm::fltSemantics &semantics;
  int bits, mantissa;
  float largest; ///< what the codec saturates at, 0 where it overflows to infinity
  uint32_t (*encode)(float);
  float (*decode)(uint32_t);
};

const Type &typeOf(const std::string &name) {
  static const Type types[] = {
      {DSRT_BF16, APFloat::BFloat(), 16, 7, 0, [](float x) -> uint32_t { return dsrt::encodeBF16(x); },
       [](uint32_t c) { return dsrt::decodeBF16(uint16_t(c)); }},
      {DSRT_F16, APFloat::IEEEhalf(), 16, 10, 0, [](float x) -> uint32_t { return dsrt::encodeF16(x); },
       [](uint32_t c) { return dsrt::decodeF16(uint16_t(c)); }},
      {DSRT_F8E4M3, APFloat::Float8E4M3FN(), 8, 3, 448, [](float x) -> uint32_t { return dsrt::encodeE4M3(x); },
       [](uint32_t c) { return dsrt::decodeE4M3(uint8_t(c)); }},
      {DSRT_F8E5M2, APFloat::Float8E5M2(), 8, 2, 57344, [](float x) -> uint32_t { return dsrt::encodeE5M2(x); },
       [](uint32_t c) { return dsrt::decodeE5M2(uint8_t(c)); }},
      {DSRT_F4E2M1, APFloat::Float4E2M1FN(), 4, 1, 6, [](float x) -> uint32_t { return dsrt::encodeE2M1(x); },
       [](uint32_t c) { return dsrt::decodeE2M1(uint8_t(c)); }},
  };
  for (const Type &type : types)
    if (dsrt::typeName(type.dtype) == name)
      return type;
  abort();
}

float floatOf(uint32_t bits) { return std::bit_cast<float>(bits); }

/// The definition, for a value that is not NaN.
uint32_t reference(const Type &type, float value) {
  if (type.largest != 0)
    value = std::min(std::max(value, -type.largest), type.largest);
  APFloat exact(value);
  bool lossy;
  exact.convert(type.semantics, APFloat::rmNearestTiesToEven, &lossy);
  return uint32_t(exact.bitcastToAPInt().getZExtValue());
}

class CodecTest : public testing::TestWithParam<const char *> {
protected:
  const Type &type = typeOf(GetParam());

  void check(uint32_t bits) {
    float value = floatOf(bits);
    uint32_t code = type.encode(value);
    if (!std::isnan(value)) {
      if (code != reference(type, value)) // ASSERT formats its message each time; most of a sweep is equal
        ASSERT_EQ(code, reference(type, value)) << std::hexfloat << value;
    } else if (type.dtype == DSRT_F4E2M1) {
      ASSERT_EQ(code, bits >> 31 ? 0xfu : 0x7u);
    } else {
      ASSERT_TRUE(std::isnan(type.decode(code))) << std::hex << bits;
      ASSERT_EQ(std::signbit(type.decode(code)), std::signbit(value)) << std::hex << bits;
    }
  }
};

TEST_P(CodecTest, DecodesEveryCode) {
  for (uint32_t code = 0; code < uint32_t(1) << type.bits; ++code) {
    APFloat exact(type.semantics, llvm::APInt(type.bits, code));
    bool lossy = false;
    exact.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lossy);
    float value = type.decode(code);
    ASSERT_EQ(std::isnan(value), exact.isNaN()) << code;
    ASSERT_EQ(std::signbit(value), exact.isNegative()) << code;
    if (!exact.isNaN()) {
      ASSERT_FALSE(lossy) << code;
      ASSERT_EQ(std::bit_cast<uint32_t>(value), std::bit_cast<uint32_t>(exact.convertToFloat())) << code;
      if (std::isfinite(value)) {
        ASSERT_EQ(type.encode(value), code);
      }
    }
  }
}

TEST_P(CodecTest, RoundsEveryTieOfEveryExponent) {
  // The kept mantissa bits, then a half, and the neighbours of it; subnormal results keep fewer bits, so cut at each width.
  for (uint32_t sign : {0u, 0x80000000u})
    for (uint32_t exponent = 0; exponent <= 255; ++exponent)
      for (int kept = 0; kept <= type.mantissa; ++kept)
        for (uint32_t top = 0; top < (1u << kept); ++top) {
          uint32_t base = sign | exponent << 23 | top << (23 - kept);
          for (uint32_t offset : {0u, 1u, 2u, (1u << (22 - kept)) - 1, 1u << (22 - kept), (1u << (22 - kept)) + 1, (1u << (23 - kept)) - 1})
            check(base | offset);
        }
}

TEST_P(CodecTest, SpecialValues) {
  for (uint32_t bits : {0u, 1u, 0x7f7fffffu, 0x7f800000u, 0x7f800001u, 0x7fbfffffu, 0x7fc00000u, 0x7fffffffu, 0x007fffffu, 0x00800000u})
    for (uint32_t sign : {0u, 0x80000000u})
      check(bits | sign);
  float infinity = std::numeric_limits<float>::infinity();
  if (type.largest != 0) {
    EXPECT_EQ(type.decode(type.encode(infinity)), type.largest);
    EXPECT_EQ(type.decode(type.encode(-infinity)), -type.largest);
    EXPECT_EQ(type.decode(type.encode(3e38f)), type.largest);
    EXPECT_EQ(type.decode(type.encode(type.largest * 1.0625f)), type.largest);
  } else {
    EXPECT_EQ(type.decode(type.encode(infinity)), infinity);
    EXPECT_EQ(type.decode(type.encode(-infinity)), -infinity);
    EXPECT_EQ(type.decode(type.encode(std::numeric_limits<float>::max())), infinity);
  }
}

TEST_P(CodecTest, SweepsAllInputs) {
  for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += 4099)
    check(uint32_t(bits));
}

// All 2^32 inputs. The definition is a step function of the magnitudes in their order, so APFloat is asked where each code ends, by
// bisection, and the codec is compared with that code over the whole step, with either sign, in loops that become vector code.
template <typename Encode>
__attribute__((always_inline)) inline uint32_t differences(uint32_t begin, uint32_t end, uint32_t code, Encode encode) {
  uint32_t different = 0;
  for (uint32_t bits = begin; bits < end; ++bits)
    different |= (encode(bits) ^ code) | (encode(bits | 0x80000000) ^ code);
  return different;
}
/// The codec's bits, of which the input's sign is taken off.
DSRT_VERSIONS uint32_t differencesE4M3(uint32_t begin, uint32_t end, uint32_t code) {
  return differences(begin, end, code,
                     [](uint32_t bits) -> uint32_t { return dsrt::encodeE4M3(std::bit_cast<float>(bits)) ^ (bits >> 24 & 0x80); });
}
DSRT_VERSIONS uint32_t differencesE5M2(uint32_t begin, uint32_t end, uint32_t code) {
  return differences(begin, end, code,
                     [](uint32_t bits) -> uint32_t { return dsrt::encodeE5M2(std::bit_cast<float>(bits)) ^ (bits >> 24 & 0x80); });
}
DSRT_VERSIONS uint32_t differencesE2M1(uint32_t begin, uint32_t end, uint32_t code) {
  return differences(begin, end, code,
                     [](uint32_t bits) -> uint32_t { return dsrt::encodeE2M1(std::bit_cast<float>(bits)) ^ (bits >> 28 & 0x8); });
}

TEST(Codecs, AllInputs) {
  struct Codec {
    const char *name;
    uint32_t (*differences)(uint32_t, uint32_t, uint32_t);
    uint32_t nan; ///< of F32's quiet NaN
  };
  for (const Codec &codec :
       {Codec{"f8E4M3FN", differencesE4M3, 0x7f}, Codec{"f8E5M2", differencesE5M2, 0x7e}, Codec{"f4E2M1FN", differencesE2M1, 7}}) {
    const Type &type = typeOf(codec.name);
    constexpr uint32_t infinity = 0x7f800000;
    uint32_t steps = 0;
    for (uint32_t begin = 0; begin <= infinity; ++steps) {
      uint32_t code = reference(type, floatOf(begin)), low = begin, high = infinity + 1; // low has the code, high has not
      while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        (reference(type, floatOf(middle)) == code ? low : high) = middle;
      }
      ASSERT_EQ(codec.differences(begin, high, code), 0u) << codec.name << " from " << std::hex << begin << " to " << high;
      begin = high;
    }
    EXPECT_EQ(steps, reference(type, type.largest) + 1) << "each magnitude is a code of some inputs";
    // NaN: of E5M2 the mantissa's second bit stays.
    for (uint32_t begin = infinity + 1; begin < 0x80000000; begin = (begin | 0x1fffff) + 1) {
      uint32_t code = type.dtype == DSRT_F8E5M2 ? codec.nan | (begin >> 21 & 1) : codec.nan;
      ASSERT_EQ(codec.differences(begin, (begin | 0x1fffff) + 1, code), 0u) << codec.name << " from " << std::hex << begin;
    }
  }
}

/// The types of whole bytes: those that batches convert.
struct CodecBatchTest : CodecTest {};

TEST_P(CodecBatchTest, BatchesEqualSingleConversions) {
  for (size_t count : {size_t(0), size_t(1), size_t(7), size_t(33), size_t(1000), size_t(4099)}) {
    std::vector<float> values(count + 1), back(count + 1, 7);
    for (size_t i = 0; i <= count; ++i)
      values[i] = floatOf(uint32_t(i * 2654435761u));
    size_t bytes = dsrt::elementBytes(type.dtype);
    ASSERT_EQ(bytes * 8, size_t(type.bits));
    std::vector<unsigned char> codes((count + 1) * bytes, 0xa5);
    ASSERT_TRUE(dsrt::convert(DSRT_F32, values.data(), type.dtype, codes.data(), count).ok());
    ASSERT_TRUE(dsrt::convert(type.dtype, codes.data(), DSRT_F32, back.data(), count).ok());
    for (size_t i = 0; i < count; ++i) {
      uint32_t code = 0;
      memcpy(&code, codes.data() + i * bytes, bytes);
      ASSERT_EQ(code, type.encode(values[i])) << i;
      ASSERT_EQ(std::bit_cast<uint32_t>(back[i]), std::bit_cast<uint32_t>(type.decode(code))) << i;
    }
    EXPECT_EQ(codes[count * bytes], 0xa5) << "one element too many";
    EXPECT_EQ(back[count], 7) << "one element too many";
  }
}

INSTANTIATE_TEST_SUITE_P(Types, CodecTest, testing::Values("bf16", "f16", "f8E4M3FN", "f8E5M2", "f4E2M1FN"),
                         [](const auto &info) { return std::string(info.param); });
INSTANTIATE_TEST_SUITE_P(Types, CodecBatchTest, testing::Values("bf16", "f16", "f8E4M3FN", "f8E5M2"),
                         [](const auto &info) { return std::string(info.param); });

// NF4 has no APFloat: codes, and the largest F32 value below each middle of two levels and the smallest above it.
TEST(NF4, EveryCodeAndBoundary) {
  for (uint32_t code = 0; code < 16; ++code) {
    EXPECT_EQ(dsrt::encodeNF4(dsrt::decodeNF4(uint8_t(code))), code);
    EXPECT_LE(std::fabs(dsrt::decodeNF4(uint8_t(code))), 1);
  }
  EXPECT_EQ(dsrt::decodeNF4(7), 0);
  for (uint32_t code = 0; code < 15; ++code) {
    double lower = dsrt::decodeNF4(uint8_t(code)), upper = dsrt::decodeNF4(uint8_t(code + 1)), middle = (lower + upper) / 2;
    ASSERT_LT(lower, upper);
    float below = float(middle);
    while (double(below) > middle)
      below = std::nextafter(below, -2.f);
    float above = std::nextafter(below, 2.f);
    ASSERT_GT(double(above), middle);
    EXPECT_EQ(dsrt::encodeNF4(below), code) << "a tie goes to the lower level";
    EXPECT_EQ(dsrt::encodeNF4(above), code + 1);
  }
  // The nearest level for inputs of every magnitude.
  for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += 40961) {
    float value = floatOf(uint32_t(bits));
    if (std::isnan(value))
      continue;
    double got = std::fabs(double(value) - dsrt::decodeNF4(dsrt::encodeNF4(value)));
    for (uint32_t code = 0; code < 16; ++code)
      ASSERT_LE(got, std::fabs(double(value) - dsrt::decodeNF4(uint8_t(code)))) << value;
  }
  float infinity = std::numeric_limits<float>::infinity();
  EXPECT_EQ(dsrt::encodeNF4(infinity), 15);
  EXPECT_EQ(dsrt::encodeNF4(-infinity), 0);
  EXPECT_EQ(dsrt::encodeNF4(std::nanf("")), 15);
  EXPECT_EQ(dsrt::encodeNF4(-std::nanf("")), 0);
  EXPECT_EQ(dsrt::encodeNF4(-0.f), 7);
}

// Codes two a byte: any begin and count, and nothing beside them is touched but the upper half behind an even last column.
TEST(FourBit, PacksAndUnpacksColumns) {
  for (int32_t type : {DSRT_F4E2M1, DSRT_NF4})
    for (int64_t columns : {1, 2, 7, 64, 129})
      for (int64_t cut : {int64_t(0), int64_t(1), columns / 2, columns}) {
        std::vector<uint8_t> codes(static_cast<size_t>(columns)), row(size_t(dsrt::rowBytes(type, columns)) + 1, 0xa5);
        for (int64_t i = 0; i < columns; ++i)
          codes[size_t(i)] = uint8_t(i * 7 % 16);
        cut = std::min(cut, columns);
        dsrt::packFourBit(codes.data(), 0, cut, row.data());
        dsrt::packFourBit(codes.data() + cut, cut, columns - cut, row.data());
        EXPECT_EQ(row.back(), 0xa5);
        for (int64_t i = 0; i < columns; ++i)
          ASSERT_EQ(i % 2 ? row[size_t(i / 2)] >> 4 : row[size_t(i / 2)] & 0xf, codes[size_t(i)]) << i;
        if (columns % 2 != 0)
          EXPECT_EQ(row[row.size() - 2] >> 4, 0);
        std::vector<float> values(size_t(columns) + 1, -9);
        dsrt::decodeColumns(type, row.data(), cut, columns - cut, values.data());
        for (int64_t i = cut; i < columns; ++i)
          ASSERT_EQ(values[size_t(i - cut)], type == DSRT_NF4 ? dsrt::decodeNF4(codes[size_t(i)]) : dsrt::decodeE2M1(codes[size_t(i)]));
        EXPECT_EQ(values[size_t(columns - cut)], -9);
      }
  EXPECT_EQ(dsrt::rowBytes(DSRT_F4E2M1, 0), 0);
  EXPECT_EQ(dsrt::rowBytes(DSRT_F8E4M3, 3), 3);
  EXPECT_EQ(dsrt::rowBytes(DSRT_BF16, 3), 6);
}

// The known answers of the authors' Random123 library (kat_vectors, philox4x32 10).
TEST(Philox, KnownAnswers) {
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(dsrt::philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(dsrt::philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(dsrt::philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(UE8M0, DecodesEveryCode) {
  for (uint32_t code = 0; code < 255; ++code)
    EXPECT_EQ(double(dsrt::decodeUE8M0(uint8_t(code))), std::ldexp(1.0, int(code) - 127));
  EXPECT_TRUE(std::isnan(dsrt::decodeUE8M0(255)));
}

TEST(UE8M0, RoundsToTheNearestPowerOfTwo) {
  for (uint32_t code = 0; code < 255; ++code)
    EXPECT_EQ(dsrt::encodeUE8M0(dsrt::decodeUE8M0(uint8_t(code))), code);
  for (uint32_t code = 0; code < 254; ++code) {
    float tie = float(std::ldexp(1.5, int(code) - 127));
    EXPECT_EQ(dsrt::encodeUE8M0(std::nextafter(tie, 0.f)), code) << code;
    EXPECT_EQ(dsrt::encodeUE8M0(tie), code + 1) << code;
  }
  EXPECT_EQ(dsrt::encodeUE8M0(0), 0);
  EXPECT_EQ(dsrt::encodeUE8M0(-1), 0);
  EXPECT_EQ(dsrt::encodeUE8M0(std::numeric_limits<float>::max()), 254);
  EXPECT_EQ(dsrt::encodeUE8M0(std::numeric_limits<float>::infinity()), 254);
  EXPECT_EQ(dsrt::encodeUE8M0(std::nanf("")), 255);
}

TEST(Convert, GoesByWayOfF32) {
  std::vector<uint16_t> halves(1500), bfloats(1500);
  for (size_t i = 0; i < halves.size(); ++i)
    halves[i] = uint16_t(i * 43);
  ASSERT_TRUE(dsrt::convert(DSRT_F16, halves.data(), DSRT_BF16, bfloats.data(), halves.size()).ok());
  for (size_t i = 0; i < halves.size(); ++i)
    ASSERT_EQ(bfloats[i], dsrt::encodeBF16(dsrt::decodeF16(halves[i]))) << i;
  std::vector<uint16_t> same(halves.size());
  ASSERT_TRUE(dsrt::convert(DSRT_F16, halves.data(), DSRT_F16, same.data(), halves.size()).ok());
  EXPECT_EQ(same, halves);
}

TEST(Convert, RefusesWhatItCannot) {
  uint32_t from = 0, to = 0;
  for (dsrt_dtype type : {DSRT_NONE, DSRT_F4E2M1, DSRT_NF4, DSRT_I32}) {
    EXPECT_EQ(dsrt::convert(type, &from, DSRT_F32, &to, 1).code(), DSRT_REJECTED);
    EXPECT_EQ(dsrt::convert(DSRT_F32, &from, type, &to, 1).code(), DSRT_REJECTED);
  }
  EXPECT_EQ(dsrt::convert(DSRT_F32, &from, DSRT_NF4, &to, 1).message(),
            "expects one of f32, bf16, f16, f8E4M3FN, f8E5M2 and ue8m0 to convert, but got nf4");
}

} // namespace
