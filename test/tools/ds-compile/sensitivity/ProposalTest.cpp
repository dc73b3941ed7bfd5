// The search for a policy under a budget, over models of a measurement instead of one: costs that add up, that help or hurt one another.
#include "tools/ds-compile/sensitivity/Proposal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

using namespace dsmlir;
using dsrt::Expected;
using dsrt::Status;

namespace {

/// Squares of distances add up, and bytes do.
struct Additive {
  std::vector<double> distances;
  std::vector<int64_t> saved;
  uint64_t bytes = 1000000;
  std::function<double(const Choice &, double)> interaction = [](const Choice &, double value) { return value; };
  std::map<Choice, Outcome> measured; ///< every choice that was asked for

  Outcome outcome(const Choice &choice) const {
    double squares = 0;
    uint64_t left = bytes;
    for (size_t i : choice)
      squares += distances[i] * distances[i], left -= uint64_t(saved[i]);
    return {choice.size() == 1 ? distances[choice[0]] : interaction(choice, std::sqrt(squares)), left};
  }
  std::vector<Candidate> candidates() const {
    std::vector<Candidate> list;
    for (size_t i = 0; i < distances.size(); ++i)
      list.push_back({distances[i], distances[i] * distances[i], saved[i]});
    return list;
  }
  MeasureChoice measure() {
    return [this](const Choice &choice) -> Expected<Outcome> {
      EXPECT_TRUE(std::is_sorted(choice.begin(), choice.end()));
      EXPECT_TRUE(std::adjacent_find(choice.begin(), choice.end()) == choice.end());
      return measured[choice] = outcome(choice);
    };
  }
  std::optional<Proposal> forValue(double budget) { return take(proposeForValue(candidates(), outcome({}), budget, measure())); }
  std::optional<Proposal> forBytes(uint64_t budget) { return take(proposeForBytes(candidates(), outcome({}), budget, measure())); }

  /// Of all choices, the fewest bytes within a distance, or the least distance within bytes.
  template <typename Fits, typename Better> std::optional<Outcome> best(Fits fits, Better better) const {
    std::optional<Outcome> found;
    for (uint32_t bits = 0; bits < 1u << distances.size(); ++bits) {
      Choice choice;
      for (size_t i = 0; i < distances.size(); ++i)
        if (bits >> i & 1)
          choice.push_back(i);
      Outcome one = outcome(choice);
      if (fits(one) && (!found || better(one, *found)))
        found = one;
    }
    return found;
  }

private:
  std::optional<Proposal> take(Expected<std::optional<Proposal>> result) {
    EXPECT_TRUE(bool(result)) << result.status().message();
    if (*result && !(*result)->chosen.empty()) { // what is proposed has been measured, as a whole
      auto found = measured.find((*result)->chosen);
      EXPECT_NE(found, measured.end());
      EXPECT_EQ(found->second.value, (*result)->outcome.value);
      EXPECT_EQ(found->second.bytes, (*result)->outcome.bytes);
    }
    return *result;
  }
};

TEST(ProposeForValue, TakesEverythingThatFits) {
  Additive model{{0.01, 0.02, 0.02}, {100, 100, 100}};
  EXPECT_EQ(model.forValue(0.03)->chosen, (Choice{0, 1, 2}));
  EXPECT_EQ(model.measured.size(), 1u); // the whole first: no search
}

TEST(ProposeForValue, TheBudgetIsMetExactlyOrNot) {
  Additive model{{3, 4}, {100, 100}};
  EXPECT_EQ(model.forValue(5)->chosen, (Choice{0, 1}));
  EXPECT_EQ(model.forValue(4.999)->chosen, (Choice{0}));
  EXPECT_EQ(model.forValue(2.999)->chosen, (Choice{}));
  EXPECT_EQ(model.forValue(2.999)->outcome.bytes, model.bytes);
}

TEST(ProposeForValue, WeighsBytesAgainstCost) {
  // Four times the bytes for twice the distance cost the same a byte: the larger comes first.
  Additive model{{1, 2, 1.9}, {100, 400, 10}};
  EXPECT_EQ(model.forValue(2)->chosen, (Choice{1}));
  EXPECT_EQ(model.forValue(2.3)->chosen, (Choice{0, 1}));
}

TEST(ProposeForValue, TriesSingleGroupsBehindThePrefix) {
  // The second in the order does not fit, the third does.
  Additive model{{1, 10, 1}, {100, 5000, 40}};
  EXPECT_EQ(model.forValue(2)->chosen, (Choice{0, 2}));
  EXPECT_FALSE(model.measured.contains({0, 1, 2}) && model.measured.contains({0, 1}) && model.measured.contains({1, 2}));
}

TEST(ProposeForValue, NothingKeepsABudgetBelowTheFloor) {
  Additive model{{1}, {100}};
  auto result = proposeForValue(model.candidates(), {0.5, 1000}, 0.4, model.measure());
  ASSERT_TRUE(bool(result));
  EXPECT_FALSE(result->has_value());
  EXPECT_TRUE(model.measured.empty());
}

TEST(ProposeForValue, NeverChoosesWhatSavesNothingOrIsNotFinite) {
  double infinite = std::numeric_limits<double>::infinity();
  Additive model{{0, 0, infinite, 1}, {0, -50, 100, 100}};
  EXPECT_EQ(model.forValue(1e9)->chosen, (Choice{3}));
  EXPECT_EQ(model.forBytes(model.bytes - 100)->chosen, (Choice{3}));
  EXPECT_FALSE(model.forBytes(model.bytes - 101));
}

TEST(ProposeForValue, BelievesMeasurementsNotSums) {
  // Two groups that hurt each other, although each alone is harmless.
  Additive model{{0.1, 0.1, 0.1, 0.1}, {100, 100, 100, 100}};
  model.interaction = [](const Choice &choice, double value) {
    return std::binary_search(choice.begin(), choice.end(), 1) && std::binary_search(choice.begin(), choice.end(), 2) ? 9 : value;
  };
  std::optional<Proposal> proposal = model.forValue(0.5);
  EXPECT_EQ(proposal->chosen, (Choice{0, 1, 3}));
  EXPECT_LE(proposal->outcome.value, 0.5);
}

TEST(ProposeForValue, AnErrorOfTheMeasurementEndsTheSearch) {
  Additive model{{1, 1}, {100, 100}};
  auto failing = [](const Choice &) -> Expected<Outcome> { return Status(DSRT_IO, "no more"); };
  EXPECT_EQ(proposeForValue(model.candidates(), model.outcome({}), 1, failing).status().code(), DSRT_IO);
  EXPECT_EQ(proposeForBytes(model.candidates(), model.outcome({}), model.bytes - 1, failing).status().code(), DSRT_IO);
}

TEST(ProposeForBytes, NothingIsNeededWhereEverythingFits) {
  Additive model{{1}, {100}};
  EXPECT_EQ(model.forBytes(model.bytes)->chosen, (Choice{}));
  EXPECT_TRUE(model.measured.empty());
}

TEST(ProposeForBytes, ReplacesTheLastByACheaperOne) {
  // By cost a byte the large one comes second; a small one is enough in its place.
  Additive model{{1, 10, 2}, {100, 5000, 60}};
  EXPECT_EQ(model.forBytes(model.bytes - 150)->chosen, (Choice{0, 2}));
}

TEST(ProposeForBytes, LeavesOutWhatIsNotNeeded) {
  // The large one alone is enough.
  Additive model{{1, 3}, {10, 80}};
  EXPECT_EQ(model.forBytes(model.bytes - 75)->chosen, (Choice{1}));
}

TEST(ProposeForBytes, GrowsWhereBytesDoNotAddUp) {
  Additive model{{1, 1, 2}, {100, 100, 100}};
  auto measure = [&](const Choice &choice) -> Expected<Outcome> {
    Outcome outcome = model.outcome(choice);
    if (std::binary_search(choice.begin(), choice.end(), 0) && std::binary_search(choice.begin(), choice.end(), 1))
      outcome.bytes += 60; // they had shared a copy
    return outcome;
  };
  auto result = proposeForBytes(model.candidates(), model.outcome({}), model.bytes - 200, measure);
  ASSERT_TRUE(bool(result) && result->has_value());
  EXPECT_EQ((*result)->chosen, (Choice{0, 1, 2}));
  EXPECT_LE((*result)->outcome.bytes, model.bytes - 200);
}

/// Against all choices there are, where costs add up.
TEST(Proposals, KeepTheirBudgetsAndComeNearToTheBest) {
  std::mt19937 random(3);
  auto below = [&](int limit) { return int64_t(random() % unsigned(limit)); };
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    Additive model;
    bool equal = round % 2 == 0; // all save the same
    size_t count = 1 + random() % 9;
    for (size_t i = 0; i < count; ++i) {
      model.distances.push_back(double(below(1000)) / 1000);
      model.saved.push_back(equal ? 100 : 1 + below(1000));
    }
    int64_t largest = *std::max_element(model.saved.begin(), model.saved.end());

    double budget = double(below(1500)) / 1000;
    std::optional<Proposal> within = model.forValue(budget);
    Outcome smallest = *model.best([&](const Outcome &one) { return one.value <= budget; },
                                   [](const Outcome &a, const Outcome &b) { return a.bytes < b.bytes; });
    ASSERT_TRUE(within);
    EXPECT_LE(within->outcome.value, budget);
    if (equal)
      EXPECT_EQ(within->outcome.bytes, smallest.bytes);
    EXPECT_LE(within->outcome.bytes, smallest.bytes + uint64_t(largest));

    int64_t all = 0;
    for (int64_t one : model.saved)
      all += one;
    uint64_t bytes = model.bytes - uint64_t(below(int(all) + 50));
    std::optional<Proposal> small = model.forBytes(bytes);
    std::optional<Outcome> nearest = model.best([&](const Outcome &one) { return one.bytes <= bytes; },
                                                [](const Outcome &a, const Outcome &b) { return a.value < b.value; });
    ASSERT_EQ(small.has_value(), nearest.has_value());
    if (!small)
      continue;
    EXPECT_LE(small->outcome.bytes, bytes);
    if (equal)
      EXPECT_NEAR(small->outcome.value, nearest->value, 1e-12);
    EXPECT_GE(small->outcome.value, nearest->value - 1e-12);
  }
}

} // namespace
