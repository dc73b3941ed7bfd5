// Distances and cross entropy against values worked out by hand.
#include "runtime/launcher/Comparison.h"
#include "runtime/launcher/Scoring.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace dsrt;

TEST(Comparison, DistancesOfTokensRowsAndWhole) {
  // Two rows, the second one token short; vocabulary 2.
  std::vector<float> reference = {3, 4, 0, 5, 6, 8, 99, 99};
  TokenRows rows = {{0, 1}, {2}};
  Comparison comparison(reference.data(), 2, 2, rows);
  std::vector<float> first = {3, 4}, second = {0, 8}, third = {6, 9};
  comparison.add(0, 0, first.data());
  comparison.add(0, 1, second.data());
  comparison.add(1, 0, third.data());
  // Squares: differences 0, 9, 1; references 25, 25, 100.
  Json json = comparison.json(0.25);
  EXPECT_DOUBLE_EQ(json["distance"].get<double>(), std::sqrt(10.0 / 150));
  EXPECT_DOUBLE_EQ(json["tokens"][0][0].get<double>(), 0);
  EXPECT_DOUBLE_EQ(json["tokens"][0][1].get<double>(), 0.6);
  EXPECT_DOUBLE_EQ(json["tokens"][1][0].get<double>(), 0.1);
  EXPECT_EQ(json["tokens"][1].size(), 1u);
  EXPECT_DOUBLE_EQ(json["rows"][0].get<double>(), std::sqrt(9.0 / 50));
  EXPECT_DOUBLE_EQ(json["rows"][1].get<double>(), 0.1);
  EXPECT_DOUBLE_EQ(json["median"].get<double>(), 0.1);
  EXPECT_DOUBLE_EQ(json["tolerance"].get<double>(), 0.25);
  EXPECT_TRUE(comparison.within(comparison.whole()));
  EXPECT_FALSE(comparison.within(0.25));
}

TEST(Comparison, NeverWithinWhatIsNoNumber) {
  std::vector<float> zero = {0}, one = {1}, nan = {NAN};
  TokenRows rows = {{0}};
  Comparison toZero(zero.data(), 1, 1, rows);
  toZero.add(0, 0, one.data());
  EXPECT_FALSE(toZero.within(1e300));
  Comparison toNan(nan.data(), 1, 1, rows);
  toNan.add(0, 0, one.data());
  EXPECT_FALSE(toNan.within(1e300));
  Comparison equal(zero.data(), 1, 1, rows);
  equal.add(0, 0, zero.data());
  EXPECT_TRUE(equal.within(0));
}

TEST(Scoring, CrossEntropy) {
  std::vector<float> logits = {std::log(1.f), std::log(3.f)};
  EXPECT_NEAR(crossEntropy(logits.data(), 2, 0), std::log(4.0), 1e-7);
  EXPECT_NEAR(crossEntropy(logits.data(), 2, 1), std::log(4.0 / 3), 1e-7);
  std::vector<float> large = {1000, 1001};
  EXPECT_NEAR(crossEntropy(large.data(), 2, 1), std::log(1 + std::exp(-1.0)), 1e-12);
}

TEST(Scoring, Json) {
  Score score;
  score.nll = {1, 2}, score.mean = 1.5, score.perplexity = 4.5;
  EXPECT_EQ(score.json().dump(), R"({"nll":[1.0,2.0],"mean":1.5,"perplexity":4.5})");
}
