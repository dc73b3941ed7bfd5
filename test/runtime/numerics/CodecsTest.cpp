// The codecs against LLVM's APFloat: every code, every F32 exponent with every tie and its neighbours, the special values, and a
// sweep over all 2^32 F32 inputs. Inputs are clamped to the largest finite value first where the codec saturates: APFloat overflows.
#include "runtime/numerics/Codecs.h"

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
