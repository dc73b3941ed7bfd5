// The next token: greedy with ties, and the order temperature, top-k, top-p.
#include "runtime/launcher/Sampling.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

using namespace dsrt;

namespace {

/// How often each token is drawn over `draws` steps.
std::map<int32_t, int> draw(const SamplingOptions &options, const std::vector<float> &logits, int draws = 20000) {
  Sampler sampler(options);
  std::map<int32_t, int> counts;
  for (int step = 0; step < draws; ++step)
    ++counts[sampler.next(logits.data(), logits.size(), 0, step)];
  return counts;
}

SamplingOptions sampled(double temperature, int64_t topK = 0, double topP = 1, uint64_t seed = 1) {
  return {false, temperature, topK, topP, seed};
}

} // namespace

TEST(Sampling, GreedyTakesTheLowerIdOfATie) {
  Sampler sampler({});
  std::vector<float> logits = {-1, 3, 2, 3};
  EXPECT_EQ(sampler.next(logits.data(), 4, 0, 0), 1);
}

TEST(Sampling, FollowsTheDistribution) {
  // p = 0.5, 0.25, 0.25; 20000 draws have a standard deviation of 0.0035 at most.
  std::map<int32_t, int> counts = draw(sampled(1), {std::log(2.f), 0, 0});
  EXPECT_NEAR(counts[0] / 20000.0, 0.5, 0.02);
  EXPECT_NEAR(counts[1] / 20000.0, 0.25, 0.02);
  EXPECT_NEAR(counts[2] / 20000.0, 0.25, 0.02);
}

TEST(Sampling, TemperatureDividesLogits) {
  // log 4 / 2 = log 2: p = 2/3, 1/3.
  std::map<int32_t, int> counts = draw(sampled(2), {std::log(4.f), 0});
  EXPECT_NEAR(counts[0] / 20000.0, 2.0 / 3, 0.02);
}

TEST(Sampling, TopKKeepsTheLikeliestAndTheLowerIdOfATie) {
  std::map<int32_t, int> counts = draw(sampled(1, 2), {0, 1, 2, 1});
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_TRUE(counts.count(2) && counts.count(1));
}

TEST(Sampling, TopPKeepsTheTokenThatReachesIt) {
  // p = 0.5, 0.25, 0.125, 0.125.
  std::vector<float> logits = {std::log(4.f), std::log(2.f), 0, 0};
  EXPECT_EQ(draw(sampled(1, 0, 0.45), logits).size(), 1u);
  EXPECT_EQ(draw(sampled(1, 0, 0.55), logits).size(), 2u);
  EXPECT_EQ(draw(sampled(1, 0, 0.80), logits).size(), 3u);
}

TEST(Sampling, TopPSpeaksOfWhatTopKLeft) {
  // Of all, 0.5 is reached by the first alone only below 0.5; of the likeliest two it has 2/3.
  std::vector<float> logits = {std::log(4.f), std::log(2.f), 0, 0};
  EXPECT_EQ(draw(sampled(1, 2, 0.6), logits).size(), 1u);
  EXPECT_EQ(draw(sampled(1, 0, 0.6), logits).size(), 2u);
}

TEST(Sampling, TemperatureComesBeforeTopP) {
  // At temperature 1 the first has 0.8; at 4 it has 0.59.
  std::vector<float> logits = {std::log(4.f), 0};
  EXPECT_EQ(draw(sampled(1, 0, 0.7), logits).size(), 1u);
  EXPECT_EQ(draw(sampled(4, 0, 0.7), logits).size(), 2u);
}

TEST(Sampling, DependsOnSeedRowAndStepAlone) {
  EXPECT_EQ(uniformFor(1, 2, 3), uniformFor(1, 2, 3));
  EXPECT_NE(uniformFor(1, 2, 3), uniformFor(2, 2, 3));
  EXPECT_NE(uniformFor(1, 2, 3), uniformFor(1, 3, 3));
  EXPECT_NE(uniformFor(1, 2, 3), uniformFor(1, 2, 4));
  EXPECT_NE(uniformFor(1, 2, 3), uniformFor(1, 3, 2));
  double mean = 0;
  for (int i = 0; i < 10000; ++i) {
    double value = uniformFor(0, 0, i);
    ASSERT_TRUE(value >= 0 && value < 1);
    mean += value / 10000;
  }
  EXPECT_NEAR(mean, 0.5, 0.02);
}

TEST(Sampling, HugeLogitsDoNotOverflow) {
  std::map<int32_t, int> counts = draw(sampled(0.001), {3e38f, -3e38f}, 10);
  EXPECT_EQ(counts[0], 10);
}
