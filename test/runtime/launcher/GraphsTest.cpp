// Decode steps on a backend that queues its calls: graphs by buckets of rows, padding that disturbs no row, steps that are queued ahead of
// the tokens they need.
#include "ToySession.h"

#include "runtime/launcher/DecodeGraphs.h"

#include <cmath>

using namespace dsrt;

namespace {

using GraphsTest = toy::SessionTest;

const TokenRows rows = {{1, 2, 3}, {9}, {0, 15, 3, 4}, {8, 8}, {5, 6, 7}, {2}, {11, 1}};

GenerationOptions greedyTokens(int64_t count) {
  GenerationOptions options;
  options.stop.maxNewTokens = count;
  options.stop.maxLength = 12;
  return options;
}

/// The greedy tokens up to the first of `stops`, at most `count`.
std::vector<int32_t> upTo(const std::vector<int32_t> &prompt, int64_t count, const std::set<int32_t> &stops) {
  std::vector<int32_t> tokens = toy::greedy(prompt, count);
  for (size_t i = 0; i < tokens.size(); ++i)
    if (stops.count(tokens[i]))
      tokens.resize(i + 1);
  return tokens;
}

} // namespace

TEST(Buckets, PowersOfTwoUpToTheMost) {
  for (auto [count, bucket] : {std::pair(1, 1), {2, 2}, {3, 4}, {4, 4}, {5, 6}, {6, 6}})
    EXPECT_EQ(bucketOf(count, 6), bucket);
  EXPECT_EQ(bucketOf(33, 64), 64);
}

TEST_F(GraphsTest, TheSecondUseOfABucketIsAGraph) {
  makeOn(fake::queuedBackend(), "toy-queued", {8, 12});
  Expected<GenerationResult> result = generate(*session, rows, greedyTokens(8));
  ASSERT_TRUE(result) << result.status().message();
  for (size_t row = 0; row < rows.size(); ++row)
    EXPECT_EQ(result->sequences[row], toy::greedy(rows[row], 8)) << row;
  // 7 rows in a bucket of 8: five calls of the program and the tokens.
  EXPECT_EQ(state.graphs, std::vector<size_t>{6});
  EXPECT_EQ(state.counters.graphs, 6); // of 7 steps
  EXPECT_EQ(result->countedSteps, 6);
  EXPECT_EQ(result->counted.operations, 0);
  EXPECT_EQ(result->counted.graphs, 6);
  EXPECT_EQ(result->counted.waits, 0);
  EXPECT_EQ(result->stepMilliseconds, std::vector<double>(7, 1.0));
}

TEST_F(GraphsTest, WithoutGraphsTheTokensAreTheSame) {
  makeOn(fake::queuedBackend(), "toy-queued", {8, 12, false});
  Expected<GenerationResult> result = generate(*session, rows, greedyTokens(8));
  ASSERT_TRUE(result) << result.status().message();
  for (size_t row = 0; row < rows.size(); ++row)
    EXPECT_EQ(result->sequences[row], toy::greedy(rows[row], 8)) << row;
  EXPECT_TRUE(state.graphs.empty());
}

TEST_F(GraphsTest, RowsThatEndLeaveThePaddingsSlots) {
  // Every stop set, so that rows end at different steps, one or several at a time; twice on one session: the graphs are there already.
  for (int64_t slots : {3, 5, 8}) {
    makeOn(fake::queuedBackend(), "toy-queued", {slots, 12});
    for (int32_t stop = 0; stop < 16; ++stop) {
      GenerationOptions options = greedyTokens(12);
      options.stop.ids = {stop, (stop + 5) % 16};
      Expected<GenerationResult> result = generate(*session, rows, options);
      ASSERT_TRUE(result) << result.status().message();
      for (size_t row = 0; row < rows.size(); ++row)
        EXPECT_EQ(result->sequences[row], upTo(rows[row], 12 - int64_t(rows[row].size()), options.stop.ids))
            << slots << " " << stop << " " << row;
    }
    EXPECT_LE(state.graphs.size(), 4u); // 1, 2, 4 and the slots
    state.graphs.clear();
    session.reset(), weights.reset();
  }
}

TEST_F(GraphsTest, PaddingLeavesRowsThatWait) {
  makeOn(fake::queuedBackend(), "toy-queued", {6, 12});
  TokenRows prompts(rows.begin(), rows.begin() + 4);
  ASSERT_TRUE(session->forward(prompts, Phase::Prefill, [](int64_t, int32_t) { return Status(); }).ok());
  auto step = [&](std::vector<int32_t> slots) {
    DecodeRows step;
    for (int32_t slot : slots) {
      step.slots.push_back(slot);
      step.starts.push_back(int32_t(prompts[slot].size()));
      prompts[slot].push_back(7);
      step.ids.push_back(7);
    }
    Status status = session->decode(step, [&](int64_t i, int64_t position, const float *logits) -> Status {
      const std::vector<int32_t> &row = prompts[slots[i]];
      EXPECT_EQ(position, int64_t(row.size()) - 1);
      EXPECT_EQ(std::vector<float>(logits, logits + 16), toy::logits(row, position)) << slots[i];
      return {};
    });
    ASSERT_TRUE(status.ok()) << status.message();
  };
  // Three rows in a bucket of four: the fourth slot, whose row waits, takes the padding.
  for (int i = 0; i < 3; ++i)
    step({0, 1, 2});
  step({3});
  step({3, 1, 0});
  EXPECT_EQ(state.graphs.size(), 1u);
}

TEST_F(GraphsTest, EachTokenIsSeenInTime) {
  makeOn(fake::queuedBackend(), "toy-queued", {8, 12});
  GenerationOptions options = greedyTokens(5);
  std::vector<std::vector<int32_t>> seen(rows.size());
  int64_t left = 9;
  options.onToken = [&](int64_t row, int32_t token) -> Status {
    seen[row].push_back(token);
    return --left > 0 ? Status() : Status(DSRT_CANNOT_CREATE, "enough");
  };
  Expected<GenerationResult> result = generate(*session, rows, options);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.status().code(), DSRT_CANNOT_CREATE);
  EXPECT_EQ(seen[0].size(), 2u); // 7 first tokens, and 2 of the first step
  // What was queued when the run ended is not the next run's.
  options.onToken = {};
  result = generate(*session, rows, options);
  ASSERT_TRUE(result) << result.status().message();
  EXPECT_EQ(result->sequences[6], toy::greedy(rows[6], 5));
}

TEST_F(GraphsTest, SampledStepsAreGraphsToo) {
  GenerationOptions options = greedyTokens(6);
  options.sampling = {false, 100, 0, 1, 7};
  makeOn(fake::queuedBackend(), "toy-queued", {8, 12});
  Expected<GenerationResult> graphs = generate(*session, rows, options);
  EXPECT_EQ(state.counters.graphs, 4); // of 5 steps
  session.reset(), weights.reset();
  make({2, 12});
  Expected<GenerationResult> plain = generate(*session, rows, options);
  ASSERT_TRUE(graphs && plain);
  EXPECT_EQ(graphs->sequences, plain->sequences);
}

TEST_F(GraphsTest, WhatLooksAtOperationsRunsWithoutGraphs) {
  Trace trace;
  for (bool traced : {true, false}) {
    context.trace = traced ? &trace : nullptr;
    context.checkFinite = !traced;
    makeOn(fake::queuedBackend(), "toy-queued", {8, 12});
    Expected<GenerationResult> result = generate(*session, rows, greedyTokens(4));
    ASSERT_TRUE(result) << result.status().message();
    EXPECT_EQ(result->sequences[2], toy::greedy(rows[2], 4));
    EXPECT_TRUE(state.graphs.empty());
    session.reset(), weights.reset();
  }
  Expected<Json> json = parseJson(trace.json(), "trace");
  ASSERT_TRUE(json);
  // Two prefills (16 tokens, 8 a call) and 3 steps of five operations, and an event for each of the five.
  EXPECT_EQ((*json)["traceEvents"].size(), 5u * 6);
}

TEST_F(GraphsTest, LogitsThatAreNotFinite) {
  makeOn(fake::queuedBackend(), "toy-queued", {8, 12}, NAN);
  // Token 0 makes them: here in a step, after a row whose next token is 0.
  TokenRows one = {{5, 4}};
  ASSERT_EQ(toy::greedy(one[0], 1), std::vector<int32_t>{0});
  Expected<GenerationResult> result = generate(*session, one, greedyTokens(4));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.status().code(), DSRT_NOT_FINITE);
  EXPECT_NE(result.status().message().find("at position 2"), std::string::npos) << result.status().message();
}

TEST_F(GraphsTest, ACaptureThatFailsSaysWhatToDo) {
  makeOn(fake::queuedBackend(), "toy-queued", {8, 12});
  state.captureFails = true;
  Expected<GenerationResult> result = generate(*session, rows, greedyTokens(4));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.status().code(), DSRT_UNAVAILABLE);
  EXPECT_NE(result.status().message().find("--no-graphs"), std::string::npos) << result.status().message();
}
