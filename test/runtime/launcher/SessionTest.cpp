// The toy model end to end on the backend for tests: chunks, groups of rows, the cache, generation and scores must give what
// the model gives on paper.
#include "ToySession.h"
#include "runtime/launcher/Generation.h"
#include "runtime/launcher/Scoring.h"

#include <cmath>

using namespace dsrt;

namespace {

using toy::SessionTest;

// Longer than a call (5 tokens), more rows than a call (2), ragged.
const TokenRows rows = {{1, 2, 3, 4, 5, 6, 7}, {9}, {0, 15, 3}, {8, 8, 8, 8, 8, 8}};

GenerationOptions greedyTokens(int64_t count) {
  GenerationOptions options;
  options.stop.maxNewTokens = count;
  options.stop.maxLength = 12;
  return options;
}

} // namespace

TEST_F(SessionTest, LogitsOfEveryToken) {
  for (bool elsewhere : {false, true})
    for (Phase phase : {Phase::Prefill, Phase::Decode}) {
      make({2, 12}, elsewhere);
      std::vector<int64_t> next(rows.size());
      Status status = session->forward(rows, Wanted::All, phase, [&](int64_t row, int64_t position, const float *logits) -> Status {
        EXPECT_EQ(position, next[row]++);
        EXPECT_EQ(std::vector<float>(logits, logits + 16), toy::logits(rows[row], position)) << row << " " << position;
        return {};
      });
      EXPECT_TRUE(status.ok()) << status.message();
      for (size_t row = 0; row < rows.size(); ++row)
        EXPECT_EQ(next[row], int64_t(rows[row].size()));
      session.reset(), weights.reset();
    }
}

TEST_F(SessionTest, LogitsOfTheLastToken) {
  make({2, 12});
  std::vector<int> seen(rows.size());
  Status status =
      session->forward(rows, Wanted::LastOfRow, Phase::Prefill, [&](int64_t row, int64_t position, const float *logits) -> Status {
        ++seen[row];
        EXPECT_EQ(position + 1, int64_t(rows[row].size()));
        EXPECT_EQ(std::vector<float>(logits, logits + 16), toy::logits(rows[row], position));
        return {};
      });
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(seen, std::vector<int>(rows.size(), 1));
}

TEST_F(SessionTest, GreedyGeneration) {
  for (int64_t slots : {1, 2}) {
    make({slots, 12});
    Expected<GenerationResult> result = generate(*session, rows, greedyTokens(5));
    ASSERT_TRUE(result) << result.status().message();
    for (size_t row = 0; row < rows.size(); ++row) {
      EXPECT_EQ(result->sequences[row], toy::greedy(rows[row], 5)) << row;
      EXPECT_EQ(result->reasons[row], FinishReason::Length);
    }
    EXPECT_EQ(result->prefillTokens, 17);
    EXPECT_EQ(result->decodeTokens, 16); // the first token of a row comes from prefill
    session.reset(), weights.reset();
  }
}

TEST_F(SessionTest, RowsEndForTheirOwnReasons) {
  make({2, 12});
  // Row 0 has 7 tokens and room for 5; row 1 stops at its third token.
  std::vector<int32_t> first = toy::greedy(rows[0], 5), second = toy::greedy(rows[1], 3);
  GenerationOptions options = greedyTokens(20);
  options.stop.ids = {second[2]};
  ASSERT_EQ(std::count(first.begin(), first.end(), second[2]), 0);
  ASSERT_EQ(std::find(second.begin(), second.end(), second[2]) - second.begin(), 2);
  std::vector<std::pair<int64_t, int32_t>> streamed;
  options.onToken = [&](int64_t row, int32_t token) -> Status {
    streamed.push_back({row, token});
    return {};
  };
  Expected<GenerationResult> result = generate(*session, {rows[0], rows[1]}, options);
  ASSERT_TRUE(result) << result.status().message();
  EXPECT_EQ(result->sequences[0], first);
  EXPECT_EQ(result->reasons[0], FinishReason::Context);
  EXPECT_EQ(result->sequences[1], second); // with the token that stopped it
  EXPECT_EQ(result->reasons[1], FinishReason::Stop);
  EXPECT_EQ(streamed.size(), 8u);
  EXPECT_EQ(streamed[0], (std::pair<int64_t, int32_t>(0, first[0])));
}

TEST_F(SessionTest, AFullRowGetsNothing) {
  make({1, 12});
  TokenRows full = {std::vector<int32_t>(12, 1)};
  Expected<GenerationResult> result = generate(*session, full, greedyTokens(3));
  ASSERT_TRUE(result) << result.status().message();
  EXPECT_TRUE(result->sequences[0].empty());
  EXPECT_EQ(result->reasons[0], FinishReason::Context);
}

TEST_F(SessionTest, SampledRowsDoNotDependOnTheirNeighbours) {
  GenerationOptions options = greedyTokens(4);
  options.sampling = {false, 100, 0, 1, 7}; // hot: every token has a chance
  make({2, 12});
  Expected<GenerationResult> pairs = generate(*session, rows, options);
  session.reset(), weights.reset();
  make({1, 12});
  Expected<GenerationResult> alone = generate(*session, rows, options);
  ASSERT_TRUE(pairs && alone);
  EXPECT_EQ(pairs->sequences, alone->sequences);
  EXPECT_NE(pairs->sequences[0], toy::greedy(rows[0], 4));
}

TEST_F(SessionTest, Score) {
  make({2, 12});
  TokenRows scored = {{1, 2, 3}, {5, 6}};
  Expected<Score> result = score(*session, scored, Phase::Prefill);
  ASSERT_TRUE(result) << result.status().message();
  std::vector<double> expected(2);
  for (size_t row = 0; row < 2; ++row) {
    for (size_t position = 0; position + 1 < scored[row].size(); ++position) {
      std::vector<float> logits = toy::logits(scored[row], position);
      double sum = 0;
      for (float value : logits)
        sum += std::exp(double(value));
      expected[row] += std::log(sum) - logits[scored[row][position + 1]];
    }
    expected[row] /= double(scored[row].size() - 1);
    EXPECT_NEAR(result->nll[row], expected[row], 1e-9 * expected[row]);
  }
  EXPECT_NEAR(result->mean, (expected[0] + expected[1]) / 2, 1e-9 * result->mean);
  EXPECT_DOUBLE_EQ(result->perplexity, std::exp(result->mean));
}

TEST_F(SessionTest, LogitsThatAreNotFiniteEndTheRun) {
  make({2, 12}, false, NAN);
  Expected<GenerationResult> result = generate(*session, {{0}}, greedyTokens(1));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.status().code(), DSRT_NOT_FINITE);
  EXPECT_NE(result.status().message().find("--check-finite"), std::string::npos);
  context.checkFinite = true;
  result = generate(*session, {{0}}, greedyTokens(1));
  ASSERT_FALSE(result);
  EXPECT_NE(result.status().message().find("token_embeddings (embedding)"), std::string::npos) << result.status().message();
}

TEST_F(SessionTest, AFailingOperationEndsTheRun) {
  make({2, 12});
  state.failAt = 2;
  Expected<GenerationResult> result = generate(*session, rows, greedyTokens(1));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.status().code(), DSRT_INTERNAL);
  EXPECT_EQ(result.status().message(), "lm_head (linear): made to fail at 2");
}

TEST_F(SessionTest, ACacheThatCannotBeCounted) {
  uint64_t bytes = 0;
  Manifest manifest;
  manifest.cacheLayers = 61, manifest.cacheWidth = 576, manifest.cacheDtype = DSRT_BF16;
  EXPECT_TRUE(cacheBytes(manifest, 2, 100, bytes));
  EXPECT_EQ(bytes, uint64_t(2) * 61 * 100 * 576 * 2);
  EXPECT_FALSE(cacheBytes(manifest, INT64_MAX / 2, 4096, bytes));
}
