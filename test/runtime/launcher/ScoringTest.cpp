// Cross entropy and divergence against sums that are written out.
#include "runtime/launcher/Scoring.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

using namespace dsrt;

namespace {

TEST(CrossEntropy, IsThatOfTheSoftmax) {
  float logits[] = {0, std::log(2.f), std::log(5.f)};
  EXPECT_NEAR(crossEntropy(logits, 3, 0), std::log(8.0), 1e-6);
  EXPECT_NEAR(crossEntropy(logits, 3, 2), std::log(8.0 / 5), 1e-6);
  float large[] = {3e38f, -3e38f};
  EXPECT_EQ(crossEntropy(large, 2, 0), 0);
}

TEST(Divergence, IsThatOfTheDistributions) {
  float p[] = {std::log(1.f), std::log(3.f)}, q[] = {std::log(2.f), std::log(2.f)}; // 1/4, 3/4 and 1/2, 1/2
  EXPECT_NEAR(divergence(p, q, 2), 0.25 * std::log(0.5) + 0.75 * std::log(1.5), 1e-7);
  EXPECT_NEAR(divergence(q, p, 2), 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3), 1e-7);
}

TEST(Divergence, IsZeroWhereTheDistributionsAreEqual) {
  std::vector<float> logits, shifted;
  for (int i = 0; i < 1000; ++i)
    logits.push_back(std::sin(float(i)) * 20), shifted.push_back(logits.back() + 64);
  EXPECT_EQ(divergence(logits.data(), logits.data(), 1000), 0);
  EXPECT_NEAR(divergence(logits.data(), shifted.data(), 1000), 0, 1e-5); // a constant that is added changes nothing but bits
}

TEST(Divergence, StaysFiniteFarApart) {
  float p[] = {1e30f, 0}, q[] = {0, 1e30f};
  EXPECT_EQ(divergence(p, q, 2), 1e30f);
}

} // namespace
