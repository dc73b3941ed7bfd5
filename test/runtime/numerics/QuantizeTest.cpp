// Quantisation against its definition written as plain loops, and against numbers worked out by hand.
#include "runtime/numerics/Codecs.h"
#include "runtime/numerics/Quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace {

const float infinity = std::numeric_limits<float>::infinity();

dsrt_quant block(int32_t rows, int32_t cols) { return {DSRT_F8E4M3, DSRT_F32, rows, cols, DSRT_SCALE_AMAX, DSRT_NEAREST_EVEN, 0, 0, 0}; }

dsrt_quant nvfp4(int32_t outer) { return {DSRT_F4E2M1, DSRT_F8E4M3, 1, 16, DSRT_SCALE_AMAX, DSRT_NEAREST_EVEN, 0, outer, 0}; }

dsrt_quant mxfp4() { return {DSRT_F4E2M1, DSRT_UE8M0, 1, 32, DSRT_SCALE_MX, DSRT_NEAREST_EVEN, 0, 0, 0}; }

struct Quantised {
  std::vector<uint8_t> payload;
  std::vector<float> scales;
};

Quantised run(const dsrt_quant &format, const std::vector<float> &x, int64_t rows, int64_t cols) {
  Quantised result{std::vector<uint8_t>(size_t(rows * dsrt::rowBytes(format.payload, cols))),
                   std::vector<float>(size_t(dsrt::tileRowsOf(format, rows) * dsrt::tileColsOf(format, cols)), -1)};
  dsrt::Status status = dsrt::quantize(format, x.data(), rows, cols, result.payload.data(), result.scales.data());
  EXPECT_TRUE(status.ok()) << status.message();
  return result;
}

std::vector<float> randomMatrix(int64_t rows, int64_t cols, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(size_t(rows * cols));
  for (float &value : x)
    value = normal(random) * std::exp2(normal(random) * 4);
  return x;
}

TEST(Quantize, EqualsItsDefinitionForAnyTile) {
  struct Shape {
    int64_t rows, cols;
    int32_t tileRows, tileCols;
  };
  for (Shape s : {Shape{3, 300, 1, 128}, Shape{130, 257, 128, 128}, Shape{5, 70, 1, 0}, Shape{5, 70, 0, 0}, Shape{7, 9, 2, 4},
                  Shape{6, 33, 0, 16}, Shape{1, 1, 1, 128}, Shape{4, 128, 1, 128}, Shape{256, 128, 128, 128}}) {
    std::vector<float> x = randomMatrix(s.rows, s.cols, 1);
    Quantised result = run(block(s.tileRows, s.tileCols), x, s.rows, s.cols);
    int64_t tileRows = s.tileRows ? s.tileRows : s.rows, tileCols = s.tileCols ? s.tileCols : s.cols;
    int64_t across = (s.cols + tileCols - 1) / tileCols, down = (s.rows + tileRows - 1) / tileRows;
    ASSERT_EQ(int64_t(result.scales.size()), across * down);
    std::vector<float> amax(result.scales.size(), 0);
    for (int64_t r = 0; r < s.rows; ++r)
      for (int64_t c = 0; c < s.cols; ++c) {
        float &largest = amax[size_t(r / tileRows * across + c / tileCols)];
        largest = std::max(largest, std::fabs(x[size_t(r * s.cols + c)]));
      }
    std::vector<float> back(x.size());
    ASSERT_TRUE(
        dsrt::dequantize(block(s.tileRows, s.tileCols), result.payload.data(), result.scales.data(), s.rows, s.cols, back.data()).ok());
    for (int64_t r = 0; r < s.rows; ++r)
      for (int64_t c = 0; c < s.cols; ++c) {
        size_t tile = size_t(r / tileRows * across + c / tileCols), i = size_t(r * s.cols + c);
        ASSERT_EQ(result.scales[tile], amax[tile] / 448.f);
        ASSERT_EQ(result.payload[i], dsrt::encodeE4M3(x[i] / result.scales[tile])) << r << "," << c;
        ASSERT_EQ(back[i], dsrt::decodeE4M3(result.payload[i]) * result.scales[tile]);
      }
  }
}

// A reciprocal of the scale moves ties: these are values where x / scale and x * (1 / scale) differ in the code.
TEST(Quantize, DividesByTheScale) {
  int differences = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::vector<float> x(128);
    std::mt19937 random(seed);
    for (float &value : x)
      value = float(int(random() % 2001) - 1000);
    Quantised result = run(block(1, 128), x, 1, 128);
    for (size_t i = 0; i < x.size(); ++i) {
      ASSERT_EQ(result.payload[i], dsrt::encodeE4M3(x[i] / result.scales[0]));
      differences += result.payload[i] != dsrt::encodeE4M3(x[i] * (1.f / result.scales[0]));
    }
  }
  EXPECT_GT(differences, 0) << "the inputs do not tell a division from a product with the reciprocal";
}

TEST(Quantize, SpecialValues) {
  std::vector<float> x = {1, -2, infinity, -infinity, std::nanf(""), -0.f, 0.5f, 4};
  Quantised result = run(block(1, 0), x, 1, 8);
  EXPECT_EQ(result.scales[0], 4 / 448.f);
  std::vector<uint8_t> expected = {dsrt::encodeE4M3(112), dsrt::encodeE4M3(-224), 0x7e, 0xfe, 0x7f, 0x80, dsrt::encodeE4M3(56), 0x7e};
  EXPECT_EQ(result.payload, expected);
  // Tiles without a finite value other than zero: the scale is 1.
  for (float value : {0.f, -0.f, infinity, std::nanf("")})
    EXPECT_EQ(run(block(1, 0), std::vector<float>(3, value), 1, 3).scales[0], 1);
  // An amax whose quotient underflows: no scale of 0, and no NaN from 0 / 0.
  Quantised tiny = run(block(1, 0), {1e-45f, 0}, 1, 2);
  EXPECT_EQ(tiny.scales[0], 1);
  EXPECT_EQ(tiny.payload, (std::vector<uint8_t>{0, 0}));
  Quantised huge = run(block(1, 0), {std::numeric_limits<float>::max(), 1}, 1, 2);
  EXPECT_EQ(huge.payload[0], 0x7e);
}

TEST(Quantize, AmaxFloor) {
  dsrt_quant format = block(1, 4);
  format.amax_floor = 2;
  Quantised result = run(format, {0.5f, 1, 0, 0, 8, 1, 1, 1, 0, 0, 0, 0}, 1, 12);
  EXPECT_EQ(result.scales, (std::vector<float>{2 / 448.f, 8 / 448.f, 2 / 448.f}));
}

TEST(Quantize, PowersOfTwo) {
  dsrt_quant format = block(1, 0);
  format.scale = DSRT_UE8M0;
  format.rule = DSRT_SCALE_POWER_OF_TWO;
  auto scale = [&](float amax) { return run(format, {amax, 0}, 1, 2).scales[0]; };
  EXPECT_EQ(scale(448), 1);
  EXPECT_EQ(scale(std::nextafter(448.f, 500.f)), 2);
  EXPECT_EQ(scale(std::nextafter(448.f, 0.f)), 1);
  EXPECT_EQ(scale(224), 0.5f);
  EXPECT_EQ(scale(225), 1);
  EXPECT_EQ(scale(0), 1);
  EXPECT_EQ(scale(1e-45f), 0x1p-127f);
  EXPECT_EQ(scale(448 * 0x1p-127f), 0x1p-127f);
  EXPECT_EQ(scale(449 * 0x1p-127f), 0x1p-126f);
  EXPECT_EQ(scale(449 * 0x1p-126f), 0x1p-125f);
  EXPECT_EQ(scale(std::numeric_limits<float>::max()), 0x1p120f);
  // Never below amax / 448, never twice as much, for every exponent.
  for (int exponent = -118; exponent < 127; ++exponent)
    for (float mantissa : {1.f, 1.2f, 1.75f, 1.7500001f, 1.99f}) {
      float amax = std::ldexp(mantissa, exponent), result = scale(amax);
      EXPECT_GE(double(result), double(amax) / 448) << amax;
      EXPECT_LT(double(result), 2 * double(amax) / 448) << amax;
      int unused;
      EXPECT_EQ(std::frexp(result, &unused), 0.5f);
    }
}

TEST(Quantize, E5M2HasItsOwnLargestValue) {
  dsrt_quant format = block(1, 0);
  format.payload = DSRT_F8E5M2;
  Quantised result = run(format, {3, -6}, 1, 2);
  EXPECT_EQ(result.scales[0], 6 / 57344.f);
  EXPECT_EQ(result.payload, (std::vector<uint8_t>{dsrt::encodeE5M2(28672), 0xfb}));
}

// OCP Microscaling Formats 1.0, section 6.3: 2^(floor(log2 amax) - 2), so that the largest value of a tile lies in [4, 8) and saturates
// at 6.
TEST(Quantize, Mxfp4) {
  auto scale = [&](float amax) { return run(mxfp4(), {amax, 0}, 1, 2).scales[0]; };
  EXPECT_EQ(scale(4), 1);
  EXPECT_EQ(scale(6), 1);
  EXPECT_EQ(scale(std::nextafter(8.f, 0.f)), 1);
  EXPECT_EQ(scale(8), 2);
  EXPECT_EQ(scale(0), 1);
  EXPECT_EQ(scale(1e-45f), 0x1p-127f);
  EXPECT_EQ(scale(0x1p-125f), 0x1p-127f);
  EXPECT_EQ(scale(0x1p-124f), 0x1p-126f);
  EXPECT_EQ(scale(std::numeric_limits<float>::max()), 0x1p125f);
  // 7 saturates; column 2i stands in the lower half, and the half behind the last column is 0.
  Quantised result = run(mxfp4(), {7, -0.25f, -1.5f, infinity, -std::nanf("")}, 1, 5);
  EXPECT_EQ(result.scales[0], 1);
  EXPECT_EQ(result.payload, (std::vector<uint8_t>{0x87, 0x7b, 0x0f}));
}

TEST(Quantize, Nvfp4) {
  // amax' = 2688: g = 1. The second tile: 1 / 6 in E4M3 is 0.171875; 1 / 0.171875 = 5.8 is 6. The third: 2^-9 / 6 rounds to 0 in E4M3.
  std::vector<float> x(48, 0.f);
  x[0] = 2688, x[1] = -1344, x[16] = 1, x[17] = -0.4f, x[32] = 0x1p-9f, x[33] = infinity;
  Quantised result = run(nvfp4(DSRT_OUTER_ROW), x, 1, 48);
  EXPECT_EQ(result.scales, (std::vector<float>{448, 0.171875f, 0}));
  std::vector<uint8_t> expected(24);
  expected[0] = 0xd7, expected[8] = 0xc7;
  EXPECT_EQ(result.payload, expected);
  // A row has an outer scale of its own, or shares the tensor's.
  std::vector<float> two(32, 0.f);
  two[0] = 2688, two[16] = 1;
  EXPECT_EQ(run(nvfp4(DSRT_OUTER_ROW), two, 2, 16).scales, (std::vector<float>{448, 1 / 2688.f * 448}));
  EXPECT_EQ(run(nvfp4(DSRT_OUTER_TENSOR), two, 2, 16).scales, (std::vector<float>{448, 0.171875f}));
  // Nothing but zeros, and an amax whose quotient underflows: g is 1.
  EXPECT_EQ(run(nvfp4(DSRT_OUTER_TENSOR), {0, 0}, 1, 2).scales[0], 0);
  EXPECT_EQ(run(nvfp4(DSRT_OUTER_ROW), {1e-44f, 0}, 1, 2).scales[0], 0);
}

TEST(Quantize, Nf4) {
  dsrt_quant format = block(1, 0);
  format.payload = DSRT_NF4;
  Quantised result = run(format, {2, -4, 0, 0.3f, -1.4f, 2, infinity, -infinity, std::nanf("")}, 1, 9);
  EXPECT_EQ(result.scales[0], 4);
  EXPECT_EQ(result.payload, (std::vector<uint8_t>{0x0c, 0x87, 0xc3, 0x0f, 0x0f}));
}

TEST(Quantize, StochasticRoundingIsAFunctionOfTheElement) {
  std::vector<float> x = randomMatrix(6, 301, 3);
  dsrt_quant format = block(1, 128);
  format.rounding = DSRT_STOCHASTIC, format.seed = 0x0123456789abcdef;
  Quantised whole = run(format, x, 6, 301);
  // Rows from `begin` on, quantised alone, give the bits that they have in the whole.
  for (int64_t begin : {1, 5}) {
    Quantised part = whole;
    ASSERT_TRUE(dsrt::quantize(format, x.data() + begin * 301, 6 - begin, 301, part.payload.data(), part.scales.data(), {0, begin}).ok());
    EXPECT_TRUE(std::equal(whole.payload.begin() + begin * 301, whole.payload.end(), part.payload.begin()));
  }
  // So do columns, wherever the parts are cut.
  for (int64_t cut : {1, 2, 3, 126, 127})
    for (int64_t begin : {int64_t(0), cut}) {
      std::vector<uint8_t> row(301);
      int64_t count = begin == 0 ? cut : 128 - cut;
      dsrt::encodeScaled(format, {0, 2}, x.data() + 2 * 301 + begin, begin, count, whole.scales[6], row.data());
      EXPECT_TRUE(std::equal(row.begin() + begin, row.begin() + begin + count, whole.payload.begin() + 2 * 301 + begin)) << cut;
    }
  // Other seeds, in either half, and other experts give other bits.
  for (uint64_t change : {uint64_t(1), uint64_t(1) << 32}) {
    dsrt_quant other = format;
    other.seed += change;
    EXPECT_NE(run(other, x, 6, 301).payload, whole.payload);
  }
  Quantised expert = whole;
  ASSERT_TRUE(dsrt::quantize(format, x.data(), 6, 301, expert.payload.data(), expert.scales.data(), {1, 0}).ok());
  EXPECT_NE(expert.payload, whole.payload);
}

TEST(Quantize, StochasticRoundingIsUnbiased) {
  for (dsrt_dtype payload : {DSRT_F8E4M3, DSRT_F8E5M2}) {
    dsrt_quant format = block(1, 0);
    format.payload = payload, format.rounding = DSRT_STOCHASTIC, format.amax_floor = dsrt::largestValue(payload); // a scale of 1
    // 1.0625 and -1.0625 lie between 1 and 1.125 (E4M3) or 1.25 (E5M2), 0.3 steps of the smallest subnormal between 0 and one step.
    float step = payload == DSRT_F8E4M3 ? 0x1p-9f : 0x1p-16f;
    for (float value : {1.0625f, -1.0625f, 0.3f * step, 300.f}) {
      constexpr int64_t count = 40000;
      std::vector<float> x(count, value), back(count);
      Quantised result = run(format, x, 1, count);
      ASSERT_TRUE(dsrt::dequantize(format, result.payload.data(), result.scales.data(), 1, count, back.data()).ok());
      double sum = 0;
      for (float each : back)
        sum += each;
      EXPECT_NEAR(sum / count / value, 1, value < 0.1f && value > 0 ? 0.04 : 0.003) << value;
    }
    // What has a code keeps it.
    for (float value : {1.f, -448.f, 0.f, step, -7 * step, 1.25f})
      for (uint8_t code : run(format, std::vector<float>(99, value), 1, 99).payload) {
        ASSERT_EQ(code, payload == DSRT_F8E4M3 ? dsrt::encodeE4M3(value) : dsrt::encodeE5M2(value)) << value;
      }
    std::vector<uint8_t> saturated = run(format, {infinity, -infinity, 3e38f, std::nanf("")}, 1, 4).payload;
    uint8_t largest = payload == DSRT_F8E4M3 ? 0x7e : 0x7b;
    EXPECT_EQ(saturated[0], largest);
    EXPECT_EQ(saturated[1], largest | 0x80);
    EXPECT_EQ(saturated[3], payload == DSRT_F8E4M3 ? 0x7f : 0x7e);
  }
}

TEST(Quantize, PlainDtypes) {
  dsrt_quant format = {DSRT_BF16, DSRT_NONE, 0, 0, 0, 0, 0, 0, 0};
  std::vector<float> x = {1, 1.00390625f, infinity}, back(3);
  std::vector<uint16_t> payload(3);
  ASSERT_TRUE(dsrt::quantize(format, x.data(), 1, 3, payload.data(), nullptr).ok());
  EXPECT_EQ(payload, (std::vector<uint16_t>{0x3f80, 0x3f80, 0x7f80}));
  ASSERT_TRUE(dsrt::dequantize(format, payload.data(), nullptr, 1, 3, back.data()).ok());
  EXPECT_EQ(back, (std::vector<float>{1, 1, infinity}));
}

TEST(Quantize, PartsOfARow) {
  std::vector<float> x = randomMatrix(5, 301, 2), whole(x.size());
  dsrt_quant nf4 = block(1, 0);
  nf4.payload = DSRT_NF4;
  for (const dsrt_quant &format : {block(2, 128), mxfp4(), nvfp4(DSRT_OUTER_TENSOR), nf4}) {
    Quantised result = run(format, x, 5, 301);
    ASSERT_TRUE(dsrt::dequantize(format, result.payload.data(), result.scales.data(), 5, 301, whole.data()).ok());
    for (int64_t row = 0; row < 5; ++row)
      for (int64_t begin : {0, 1, 127, 128, 255, 300})
        for (int64_t count : {int64_t(0), int64_t(1), int64_t(130), 301 - begin}) {
          if (begin + count > 301)
            continue;
          std::vector<float> part(size_t(count + 1), -1);
          dsrt::dequantizeRow(format, result.payload.data(), result.scales.data(), 301, row, begin, count, part.data());
          for (int64_t i = 0; i < count; ++i)
            ASSERT_EQ(part[size_t(i)], whole[size_t(row * 301 + begin + i)]);
          ASSERT_EQ(part[size_t(count)], -1) << "one element too many";
        }
  }
}

TEST(Quantize, EmptyMatrices) {
  EXPECT_EQ(dsrt::tileRowsOf(block(0, 0), 0), 0);
  EXPECT_EQ(dsrt::tileColsOf(block(1, 128), 0), 0);
  EXPECT_TRUE(run(block(1, 128), {}, 0, 128).payload.empty());
  EXPECT_TRUE(run(block(0, 0), {}, 0, 5).payload.empty());
  EXPECT_TRUE(run(block(1, 0), {}, 5, 0).payload.empty());
}

TEST(Quantize, RefusesFormatsThatItDoesNotHave) {
  auto message = [](const dsrt_quant &format) {
    float x = 1, scale, back;
    uint32_t payload = 0;
    dsrt::Status status = dsrt::quantize(format, &x, 1, 1, &payload, &scale);
    EXPECT_EQ(status.code(), DSRT_REJECTED);
    EXPECT_EQ(dsrt::dequantize(format, &payload, &scale, 1, 1, &back).message(), status.message());
    return status.message();
  };
  dsrt_quant format = block(1, 16);
  format.payload = DSRT_BF16;
  EXPECT_EQ(message(format), "expects a payload of f8E4M3FN, f8E5M2, f4E2M1FN or nf4 to quantise, but got bf16");
  format = nvfp4(DSRT_OUTER_ROW);
  format.rounding = DSRT_STOCHASTIC;
  EXPECT_EQ(message(format), "expects f4E2M1FN to be rounded to nearest, but got stochastic rounding");
  format = block(1, 128);
  format.rounding = 2;
  EXPECT_EQ(message(format), "expects f8E4M3FN to be rounded to nearest or stochastically, but got rounding 2");
  const std::string scales =
      "expects F32 scales, UE8M0 scales that are powers of two, or f8E4M3FN scales by amax below an outer scale, but got ";
  format = block(1, 128);
  format.scale = DSRT_UE8M0;
  EXPECT_EQ(message(format), scales + "ue8m0 scales by amax");
  format.scale = DSRT_BF16, format.rule = DSRT_SCALE_POWER_OF_TWO;
  EXPECT_EQ(message(format), scales + "bf16 scales that are powers of two");
  format = block(1, 128);
  format.outer = DSRT_OUTER_TENSOR;
  EXPECT_EQ(message(format), scales + "f32 scales by amax below an outer scale");
  EXPECT_EQ(message(nvfp4(DSRT_OUTER_NONE)), scales + "f8E4M3FN scales by amax");
  format = nvfp4(DSRT_OUTER_ROW);
  format.tile_rows = 2;
  EXPECT_EQ(message(format), "expects tiles of one row below an outer scale of rows, but got 2");
  EXPECT_EQ(message(nvfp4(3)), "expects an outer scale of rows, of the tensor or none, but got 3");
  format = block(1, 128);
  format.rule = 5;
  EXPECT_EQ(message(format), "expects scales by amax, by powers of two or by mx, but got rule 5");
  EXPECT_EQ(message(block(-1, 128)), "expects tile extents from 0, but got -1 x 128");
  format = block(1, 128);
  format.amax_floor = std::nanf("");
  EXPECT_EQ(message(format).substr(0, 38), "expects a finite amax floor from 0, bu");
  format = {DSRT_F8E4M3, DSRT_NONE, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(message(format), "expects a format without scales to be f32, bf16 or f16, but got f8E4M3FN");
  float x = 0, scale;
  uint8_t payload;
  EXPECT_EQ(dsrt::quantize(block(1, 1), &x, -1, 1, &payload, &scale).code(), DSRT_INTERNAL);
}

} // namespace
