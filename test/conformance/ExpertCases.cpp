// Cases of the mixture of experts: routing, ordering, gathering, combining.
#include "test/conformance/Harness.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

using namespace dsrt;
using namespace dsrt::conformance;

namespace {

const double infinity = std::numeric_limits<double>::infinity();

struct Routing {
  int64_t scoring, selection, groups, topGroups, topK, normalize;
  float scaling;
};

/// Indices by falling value, ties by rising index.
std::vector<int64_t> ranking(const std::vector<double> &values) {
  std::vector<int64_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(),
            [&](int64_t a, int64_t b) { return values[size_t(a)] != values[size_t(b)] ? values[size_t(a)] > values[size_t(b)] : a < b; });
  return order;
}

/// MODEL.md's routing of one token, in double.
void reference(const Routing &r, const std::vector<double> &logits, const std::vector<double> &bias, std::vector<int64_t> &experts,
               std::vector<double> &weights) {
  size_t count = logits.size();
  std::vector<double> scores(count), choice;
  double sum = 0;
  for (size_t e = 0; e < count; ++e)
    sum += scores[e] = r.scoring == DSRT_SCORING_SIGMOID ? 1 / (1 + std::exp(-logits[e])) : std::exp(logits[e]);
  if (r.scoring == DSRT_SCORING_SOFTMAX)
    for (double &score : scores)
      score /= sum;
  choice = scores;
  if (r.selection == DSRT_SELECTION_NOAUX_TC)
    for (size_t e = 0; e < count; ++e)
      choice[e] += bias[e];
  if (r.selection != DSRT_SELECTION_GREEDY) {
    std::vector<double> groupScores;
    size_t size = count / size_t(r.groups);
    for (size_t g = 0; g < size_t(r.groups); ++g) {
      std::vector<double> group(choice.begin() + long(g * size), choice.begin() + long((g + 1) * size));
      std::sort(group.rbegin(), group.rend());
      groupScores.push_back(r.selection == DSRT_SELECTION_NOAUX_TC && size > 1 ? group[0] + group[1] : group[0]);
    }
    std::vector<int64_t> order = ranking(groupScores);
    for (size_t i = size_t(r.topGroups); i < order.size(); ++i)
      for (size_t e = size_t(order[i]) * size; e < (size_t(order[i]) + 1) * size; ++e)
        choice[e] = r.selection == DSRT_SELECTION_NOAUX_TC ? -infinity : 0;
  }
  experts = ranking(choice);
  experts.resize(size_t(r.topK));
  weights.clear();
  double total = 0;
  for (int64_t e : experts)
    total += scores[size_t(e)];
  for (int64_t e : experts)
    weights.push_back(scores[size_t(e)] / (r.normalize ? total : 1) * double(r.scaling));
}

void expectRouting(Run &run, const Routing &r, const Tensor &logits, const HostWeight *bias) {
  int64_t tokens = logits.dims[0], count = logits.dims[1];
  void *weights = run.result(DSRT_F32, {tokens, r.topK}), *experts = run.result(DSRT_I32, {tokens, r.topK});
  DSRT_CALL(route, static_cast<float *>(weights), static_cast<int32_t *>(experts), static_cast<float *>(run.upload(logits)),
            bias ? run.upload(*bias, DSRT_USE_VECTOR) : nullptr, tokens, r.topK, count, r.scoring, r.selection, r.groups, r.topGroups,
            r.normalize, r.scaling);
  Tensor gotExperts = run.fetch(experts, DSRT_I32, {tokens, r.topK}), gotWeights = run.fetch(weights, DSRT_F32, {tokens, r.topK});
  std::vector<double> want;
  for (int64_t t = 0; t < tokens; ++t) {
    std::vector<double> row, biases = bias ? bias->values : std::vector<double>(size_t(count), 0), chosenWeights;
    std::vector<int64_t> chosen;
    for (int64_t e = 0; e < count; ++e)
      row.push_back(logits.at(t, e));
    reference(r, row, biases, chosen, chosenWeights);
    for (int64_t c = 0; c < r.topK; ++c)
      ASSERT_EQ(gotExperts.at(t, c), double(chosen[size_t(c)])) << "token " << t << ", choice " << c;
    want.insert(want.end(), chosenWeights.begin(), chosenWeights.end());
  }
  expectClose(gotWeights, want, 2e-6 * std::max(1.f, r.scaling));
}

const Routing v3 = {DSRT_SCORING_SIGMOID, DSRT_SELECTION_NOAUX_TC, 4, 2, 5, 1, 2.5f};
const Routing v2 = {DSRT_SCORING_SOFTMAX, DSRT_SELECTION_GROUP_LIMITED_GREEDY, 4, 2, 5, 0, 16};
const Routing lite = {DSRT_SCORING_SOFTMAX, DSRT_SELECTION_GREEDY, 1, 1, 5, 0, 1};

} // namespace

DSRT_CASE(route, everySelection) {
  for (const Routing &base : {v3, v2, lite})
    for (int64_t normalize : {0, 1}) {
      Routing r = base;
      r.normalize = normalize;
      HostWeight bias = weight(random(DSRT_F32, {24}, 31, 0.3f));
      expectRouting(run, r, random(DSRT_F32, {37, 24}, 30, 2), r.selection == DSRT_SELECTION_NOAUX_TC ? &bias : nullptr);
      expectRouting(run, r, random(DSRT_F32, {0, 24}, 30), nullptr);
      r.topK = 1;
      expectRouting(run, r, random(DSRT_F32, {3, 24}, 32), nullptr);
    }
  Routing sigmoidGreedy = {DSRT_SCORING_SIGMOID, DSRT_SELECTION_GREEDY, 1, 1, 24, 1, 1};
  expectRouting(run, sigmoidGreedy, random(DSRT_F32, {3, 24}, 33), nullptr);
  Routing onesAGroup = {DSRT_SCORING_SIGMOID, DSRT_SELECTION_NOAUX_TC, 24, 7, 5, 1, 1};
  expectRouting(run, onesAGroup, random(DSRT_F32, {3, 24}, 34), nullptr);
}

DSRT_CASE(route, sizesOfTheModels) {
  HostWeight bias = weight(random(DSRT_F32, {256}, 28, 0.1f));
  for (int64_t tokens : {1, 70, 1000}) {
    expectRouting(run, {DSRT_SCORING_SIGMOID, DSRT_SELECTION_NOAUX_TC, 8, 4, 8, 1, 2.5f}, random(DSRT_F32, {tokens, 256}, 29), &bias);
    expectRouting(run, {DSRT_SCORING_SOFTMAX, DSRT_SELECTION_GROUP_LIMITED_GREEDY, 8, 3, 6, 0, 16}, random(DSRT_F32, {tokens, 160}, 29),
                  nullptr);
    expectRouting(run, {DSRT_SCORING_SOFTMAX, DSRT_SELECTION_GREEDY, 1, 1, 6, 0, 1}, random(DSRT_F32, {tokens, 64}, 29), nullptr);
  }
}

DSRT_CASE(route, tiesGoToTheLowerIndex) {
  for (const Routing &r : {v3, v2, lite}) {
    expectRouting(run, r, filled(DSRT_F32, {2, 24}, 0.5f), nullptr);
    Tensor logits = filled(DSRT_F32, {1, 24}, -1);
    for (int64_t e : {22, 20, 15, 13, 9, 2}) // two groups tie for the second place
      logits.set(e, 1);
    expectRouting(run, r, logits, nullptr);
  }
}

DSRT_CASE(route, biasSelectsButDoesNotWeigh) {
  // All biased scores are negative: a mask of zero instead of minus infinity would choose from the other groups.
  HostWeight negative = weight(filled(DSRT_F32, {24}, -3));
  expectRouting(run, v3, random(DSRT_F32, {20, 24}, 35), &negative);
  // The bias alone decides.
  Tensor biases = filled(DSRT_F32, {24}, 0);
  for (int64_t e : {1, 4, 7, 8, 10})
    biases.set(e, 5);
  HostWeight bias = weight(biases);
  expectRouting(run, v3, random(DSRT_F32, {20, 24}, 36), &bias);
  EXPECT_EQ(run.backend->route(run.context, 0, nullptr, nullptr, nullptr, run.upload(bias, DSRT_USE_VECTOR), 1, 5, 24, 0, 0, 1, 1, 0, 1),
            DSRT_INTERNAL)
      << "a bias without an effect";
}

DSRT_CASE(route, survivesNaN) {
  for (const Routing &r : {v3, v2, lite}) {
    Tensor logits = random(DSRT_F32, {3, 24}, 37);
    for (int64_t e = 0; e < 24; ++e)
      logits.set(e, std::nanf(""));
    logits.set(24 + 7, std::nanf(""));
    logits.set(48 + 3, std::numeric_limits<float>::infinity());
    void *weights = run.result(DSRT_F32, {3, r.topK}), *experts = run.result(DSRT_I32, {3, r.topK});
    DSRT_CALL(route, static_cast<float *>(weights), static_cast<int32_t *>(experts), static_cast<float *>(run.upload(logits)), nullptr, 3,
              r.topK, 24, r.scoring, r.selection, r.groups, r.topGroups, r.normalize, r.scaling);
    Tensor chosen = run.fetch(experts, DSRT_I32, {3, r.topK}), chosenWeights = run.fetch(weights, DSRT_F32, {3, r.topK});
    for (int64_t t = 0; t < 3; ++t) {
      std::set<int> distinct;
      bool shows = false;
      for (int64_t c = 0; c < r.topK; ++c) {
        EXPECT_TRUE(chosen.at(t, c) >= 0 && chosen.at(t, c) < 24);
        distinct.insert(int(chosen.at(t, c)));
        shows |= std::isnan(chosenWeights.at(t, c));
      }
      EXPECT_EQ(int64_t(distinct.size()), r.topK);
      EXPECT_TRUE(shows || t == 2) << "a NaN vanished";
    }
  }
}

DSRT_CASE(expert_order, stable) {
  Tensor experts = integers({5, 3}, {3, 0, 5, 0, 3, 1, 5, 0, 3, 1, 0, 3, 5, 3, 0}); // nobody chose 2 and 4
  void *order = run.result(DSRT_I32, {15}), *offsets = run.result(DSRT_I32, {7});
  DSRT_CALL(expert_order, static_cast<int32_t *>(order), static_cast<int32_t *>(offsets), static_cast<int32_t *>(run.upload(experts)), 15,
            7, 5, 3);
  expectSame(run.fetch(order, DSRT_I32, {15}), integers({15}, {1, 3, 7, 10, 14, 5, 9, 0, 4, 8, 11, 13, 2, 6, 12}));
  expectSame(run.fetch(offsets, DSRT_I32, {7}), integers({7}, {0, 5, 7, 7, 12, 12, 15}));
  DSRT_CALL(expert_order, static_cast<int32_t *>(order), static_cast<int32_t *>(offsets), static_cast<int32_t *>(run.upload(experts)), 0, 7,
            0, 3);
  expectSame(run.fetch(offsets, DSRT_I32, {7}), integers({7}, {0, 0, 0, 0, 0, 0, 0}));
  for (int32_t bad : {-1, 6})
    run.expectFailure(DSRT_INTERNAL,
                      run.backend->expert_order(run.context, 0, static_cast<int32_t *>(order), static_cast<int32_t *>(offsets),
                                                static_cast<int32_t *>(run.upload(integers({1, 2}, {0, bad}))), 2, 7, 1, 2));
}

DSRT_CASE(expert_order, fewAndManyPairs) {
  for (int64_t tokens : {1, 37, 128, 129, 4096})
    for (int64_t count : {1, 7, 256}) {
      int64_t topK = 8, pairs = tokens * topK;
      std::vector<int32_t> experts, order, offsets = {0};
      for (int64_t i = 0; i < pairs; ++i)
        experts.push_back(int32_t((i * i * 31 + i / 5) % std::max<int64_t>(1, count - count / 3))); // the last third has none
      for (int64_t e = 0; e < count; ++e) {
        for (int64_t i = 0; i < pairs; ++i)
          if (experts[size_t(i)] == e)
            order.push_back(int32_t(i));
        offsets.push_back(int32_t(order.size()));
      }
      void *gotOrder = run.result(DSRT_I32, {pairs}), *gotOffsets = run.result(DSRT_I32, {count + 1});
      DSRT_CALL(expert_order, static_cast<int32_t *>(gotOrder), static_cast<int32_t *>(gotOffsets),
                static_cast<int32_t *>(run.upload(integers({tokens, topK}, experts))), pairs, count + 1, tokens, topK);
      expectSame(run.fetch(gotOrder, DSRT_I32, {pairs}), integers({pairs}, order));
      expectSame(run.fetch(gotOffsets, DSRT_I32, {count + 1}), integers({count + 1}, offsets));
    }
}

DSRT_CASE(gather_rows, anyBytes) {
  Tensor index = integers({6}, {11, 0, 4, 5, 3, 9});
  for (int32_t type : {DSRT_F32, DSRT_BF16, DSRT_F16, DSRT_F8E4M3})
    for (int64_t columns : {1, 129, 9000}) {
      Tensor x = random(type, {4, columns}, 38), want(type, {6, columns});
      void *y = run.result(type, {6, columns});
      DSRT_CALL(gather_rows, y, run.upload(x), static_cast<int32_t *>(run.upload(index)), 6, columns, 4, type, 3);
      int64_t from[] = {3, 0, 1, 1, 1, 3};
      for (int64_t i = 0; i < 6; ++i)
        for (int64_t c = 0; c < columns; ++c)
          want.set(i * columns + c, float(x.at(from[i], c)));
      expectSame(run.fetch(y, type, {6, columns}), want);
    }
  // Rows of four-bit payloads begin with a byte of their own.
  for (int64_t columns : {1, 32, 33}) {
    Tensor x(DSRT_F4E2M1, {4, columns}), want(DSRT_F4E2M1, {6, columns});
    size_t row = x.bytes.size() / 4, from[] = {3, 0, 1, 1, 1, 3};
    for (size_t i = 0; i < x.bytes.size(); ++i)
      x.bytes[i] = uint8_t(i * 37 + 5);
    for (size_t i = 0; i < 6; ++i)
      memcpy(want.bytes.data() + i * row, x.bytes.data() + from[i] * row, row);
    void *y = run.result(DSRT_F4E2M1, {6, columns});
    DSRT_CALL(gather_rows, y, run.upload(x), static_cast<int32_t *>(run.upload(index)), 6, columns, 4, DSRT_F4E2M1, 3);
    expectSame(run.fetch(y, DSRT_F4E2M1, {6, columns}), want);
  }
  for (int32_t bad : {-1, 12})
    run.expectFailure(DSRT_INTERNAL,
                      run.backend->gather_rows(run.context, 0, nullptr, nullptr, static_cast<int32_t *>(run.upload(integers({1}, {bad}))),
                                               1, 1, 4, DSRT_F32, 3));
}

// More than a backend may want to read at a time, and no whole number of its parts.
DSRT_CASE(gather_rows, manyLongRows) {
  int64_t tokens = 1200, rows = 1251, columns = 7176;
  Tensor x(DSRT_BF16, {tokens, columns}), want(DSRT_BF16, {rows, columns});
  for (size_t i = 0; i < x.bytes.size(); ++i)
    x.bytes[i] = uint8_t((i * 2654435761u) >> 13);
  std::vector<int32_t> index;
  size_t bytes = size_t(columns) * 2;
  for (int64_t row = 0; row < rows; ++row) {
    index.push_back(int32_t(row * 577 % tokens));
    memcpy(want.bytes.data() + size_t(row) * bytes, x.bytes.data() + size_t(index.back()) * bytes, bytes);
  }
  void *y = run.result(DSRT_BF16, {rows, columns});
  DSRT_CALL(gather_rows, y, run.upload(x), static_cast<int32_t *>(run.upload(integers({rows}, index))), rows, columns, tokens, DSRT_BF16,
            1);
  expectSame(run.fetch(y, DSRT_BF16, {rows, columns}), want);
}

DSRT_CASE(combine, sumsTheChoices) {
  for (int32_t type : {DSRT_F32, DSRT_BF16, DSRT_F16})
    for (auto [tokens, hidden] : {std::pair<int64_t, int64_t>{90, 1}, {90, 700}, {90, 2056}, {1001, 24}, {1001, 9}}) {
      int64_t topK = 3, rows = tokens * topK;
      std::vector<int32_t> pairs;
      for (int64_t i = 0; i < rows; ++i)
        pairs.push_back(int32_t(i * 79 % rows)); // 79 is no factor of 270 or 3003
      Tensor x = random(type, {rows, hidden}, 39), weights = random(DSRT_F32, {tokens, topK}, 40);
      void *y = run.result(type, {tokens, hidden});
      DSRT_CALL(combine, y, run.upload(x), static_cast<float *>(run.upload(weights)),
                static_cast<int32_t *>(run.upload(integers({rows}, pairs))), tokens, hidden, rows, topK, type);
      std::vector<double> want(size_t(tokens * hidden));
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t c = 0; c < hidden; ++c)
          want[size_t(pairs[size_t(row)] / topK * hidden + c)] += weights[pairs[size_t(row)]] * x.at(row, c);
      expectClose(run.fetch(y, type, {tokens, hidden}), want, 2e-6);
    }
  void *y = run.result(DSRT_F32, {1, 1});
  for (std::vector<int32_t> bad : {std::vector<int32_t>{0, 0}, {0, 2}, {-1, 0}})
    run.expectFailure(DSRT_INTERNAL, run.backend->combine(run.context, 0, y, y, static_cast<float *>(y),
                                                          static_cast<int32_t *>(run.upload(integers({2}, bad))), 1, 1, 2, 2, DSRT_F32));
}

DSRT_CASE(combine, choicesInOrder) {
  // In F32, (1e8 - 1e8) + 1 = 1, and any other order gives 0.
  Tensor x(DSRT_F32, {3, 1}), weights = filled(DSRT_F32, {1, 3}, 1);
  x.set(0, 1), x.set(1, -1e8f), x.set(2, 1e8f);
  void *y = run.result(DSRT_F32, {1, 1});
  DSRT_CALL(combine, y, run.upload(x), static_cast<float *>(run.upload(weights)),
            static_cast<int32_t *>(run.upload(integers({3}, {2, 1, 0}))), 1, 1, 3, 3, DSRT_F32);
  EXPECT_EQ(run.fetch(y, DSRT_F32, {1, 1})[0], 1);
}
