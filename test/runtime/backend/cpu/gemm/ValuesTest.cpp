// Single values through the products: every code of the narrow types, rounding of results, NaN and infinities.
#include "test/runtime/backend/cpu/gemm/GemmTesting.h"

#include <bit>
#include <limits>

using namespace dsrt;
using namespace dsrt::cpu;
using namespace dsrt::cpu::testing;

namespace {

class Values : public EveryIsa {};
ON_EVERY_ISA(Values);

constexpr float infinity = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();

void expectSame(float got, float want, const std::string &what) {
  if (std::isnan(want))
    EXPECT_TRUE(std::isnan(got)) << what << ": got " << got;
  else
    EXPECT_EQ(got, want) << what;
}

TEST_P(Values, EveryCodeOnEitherSide) {
  for (int32_t type : {DSRT_F4E2M1, DSRT_F8E4M3, DSRT_BF16, DSRT_F16})
    for (int32_t other : {DSRT_F32, DSRT_BF16, DSRT_F8E4M3}) {
      int64_t codes = type == DSRT_F4E2M1 ? 16 : type == DSRT_F8E4M3 ? 256 : 65536;
      Matrix all(type, 1, codes, 1, kPlain, 0), one(other, 1, 1, 1, kPlain, 0);
      for (int64_t code = 0; code < codes; ++code)
        memcpy(all.data.data() + code * rowBytes(type, 1), &code, size_t(rowBytes(type, 1)));
      one.set(0, 1);
      std::vector<float> left = floats(DSRT_F32, product(1, DSRT_F32, all.lhs(), one.weight(), codes));
      std::vector<std::vector<float>> sides = {left};
      Prepared prepared(all);
      for (int64_t m : {1, 5}) { // decoded in registers, and in memory
        Matrix ones(other, 1, m, 1, kPlain, 0);
        for (int64_t i = 0; i < m; ++i)
          ones.set(i, 1);
        for (const dsrt_weight &w : {all.weight(), prepared.weight}) {
          std::vector<float> y = floats(DSRT_F32, product(1, DSRT_F32, ones.lhs(), w, m));
          sides.emplace_back(y.end() - codes, y.end());
        }
      }
      bool flushes = GetParam() == "avx512bf16" && type == DSRT_BF16 && other != DSRT_F32; // Gemm.h
      for (size_t side = 0; side < sides.size(); ++side)
        for (int64_t code = 0; code < codes; ++code) {
          float want = all.payload(code);
          if (flushes && std::abs(want) < 0x1p-126f)
            want = 0;
          expectSame(sides[side][size_t(code)], want, typeName(type) + " code " + std::to_string(code) + ", side " + std::to_string(side));
        }
    }
}

TEST_P(Values, ResultsAreRoundedAsTheCodecsRound) {
  std::vector<float> values = {0.0f, 1.0f, 65504.0f, 65519.0f, 65520.0f, 3.3961775e38f, infinity, -infinity, nan};
  for (uint32_t exponent = 0; exponent < 255; ++exponent)
    for (uint32_t low : {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x3000u, 0x7fffu, 0x8000u, 0x8001u, 0x18000u, 0x7fffffu})
      for (uint32_t sign : {0u, 1u})
        values.push_back(std::bit_cast<float>(sign << 31 | exponent << 23 | low));
  int64_t n = int64_t(values.size());
  Matrix w(DSRT_F32, 1, n, 1, kPlain, 0), one(DSRT_F32, 1, 1, 1, kPlain, 0);
  memcpy(w.data.data(), values.data(), values.size() * 4);
  one.set(0, 1);
  for (int32_t type : {DSRT_F32, DSRT_BF16, DSRT_F16}) {
    std::vector<float> got = floats(type, product(1, type, one.lhs(), w.weight(), 1));
    for (size_t i = 0; i < values.size(); ++i) {
      uint32_t code = 0;
      float want;
      fromF32(&values[i], type, &code, 1);
      toF32(type, &code, &want, 1);
      expectSame(got[i], want, typeName(type) + " of " + std::to_string(values[i]));
    }
  }
}

TEST_P(Values, NanStaysInItsRowAndChannel) {
  int64_t n = 50, k = 400;
  for (int64_t m : {3, 20})
    for (int32_t type : {DSRT_F8E4M3, DSRT_BF16, DSRT_F16, DSRT_F32})
      for (bool prepare : {false, true}) {
        bool scaled = type == DSRT_F8E4M3;
        Matrix x(type, 1, m, k, scaled ? Tile{1, 128} : kPlain, 1), w(type, 1, n, k, scaled ? Tile{1, 128} : kPlain, 2);
        x.set(1 * k + 399, nan);
        w.set(49 * k + 7, nan);
        w.set(20 * k + 256, -nan);
        if (scaled) {
          x.scales[2 * 4 + 1] = nan;
          w.scales[5 * 4 + 3] = nan;
          w.scales[6 * 4 + 0] = infinity;
        }
        dsrt_weight weight = w.weight();
        bool released = false;
        if (prepare)
          ASSERT_TRUE(prepareWeight(2, weight, released).ok());
        std::vector<float> y = floats(DSRT_F32, product(2, DSRT_F32, x.lhs(), weight, m));
        for (int64_t row = 0; row < m; ++row)
          for (int64_t channel = 0; channel < n; ++channel) {
            float got = y[size_t(row * n + channel)];
            bool poisoned = row == 1 || channel == 49 || channel == 20 || (scaled && (row == 2 || channel == 5));
            EXPECT_EQ(std::isnan(got), poisoned) << typeName(type) << " row " << row << ", channel " << channel;
            if (scaled && channel == 6 && !poisoned)
              EXPECT_TRUE(std::isinf(got)) << "row " << row;
          }
        releaseWeight(weight);
      }
}

} // namespace
