// What stands around each call: messages with the name of the operation, the check for finite values, the trace, the deadline.
#include "FakeBackend.h"
#include "dsrt/dsrt_calls.h"
#include "runtime/launcher/Context.h"
#include "runtime/launcher/Deadline.h"
#include "runtime/numerics/Codecs.h"
#include "runtime/support/Json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <future>

using namespace dsrt;

namespace {

class ContextTest : public testing::Test {
protected:
  ContextTest() {
    context.backend = fake::backend();
    context.state = &state;
    context.sites = &sites;
    weight.experts = 2, weight.rows = 2, weight.cols = 1;
    weight.data = table;
  }
  int32_t embed(int32_t site = 0) {
    int32_t id = 0;
    return dsrt_embedding(&context, site, out, &id, &weight, 1, 2, 1, DSRT_F32);
  }

  fake::State state;
  dsrt_context context;
  std::vector<ManifestSite> sites = {{"embedding", "token_embeddings"}, {"grouped_linear", "blocks.1.ffn.experts.[2-3].gate_proj"}};
  dsrt_weight weight = {};
  float table[8] = {1, 2}, out[8] = {};
};

} // namespace

TEST_F(ContextTest, CallsReachTheBackend) {
  EXPECT_EQ(embed(), DSRT_OK);
  EXPECT_EQ(out[1], 2);
}

TEST_F(ContextTest, FailuresNameTheOperation) {
  state.failAt = 0;
  int32_t code = embed();
  EXPECT_EQ(code, DSRT_INTERNAL);
  EXPECT_EQ(context.status(code).message(), "token_embeddings (embedding): made to fail at 0");
  state.failAt = 9;
  code = embed(9);
  EXPECT_EQ(context.status(code).message(), "site 9: made to fail at 9");
}

TEST_F(ContextTest, ACancelledRunEndsBeforeTheNextOperation) {
  std::atomic<bool> cancelled = true;
  context.cancelled = &cancelled;
  EXPECT_EQ(embed(), DSRT_REJECTED);
  EXPECT_EQ(out[1], 0);
  cancelled = false;
  EXPECT_EQ(embed(), DSRT_OK);
}

TEST_F(ContextTest, CheckFiniteNamesTheFirstOperation) {
  table[1] = NAN;
  EXPECT_EQ(embed(), DSRT_OK); // not asked for
  context.checkFinite = true;
  int32_t code = embed();
  EXPECT_EQ(code, DSRT_NOT_FINITE);
  EXPECT_EQ(
      context.status(code).message(),
      "token_embeddings (embedding): expects finite values, but element 1 of the result is not: this is the first operation that made one");
}

TEST_F(ContextTest, CheckFiniteLooksAtTheRowsThatAGroupedProductWrote) {
  // Experts 2 and 3 own rows 1 and 2 of four; two columns.
  context.checkFinite = true;
  int32_t offsets[] = {0, 0, 1, 2, 3, 4};
  auto call = [&] { return dsrt_grouped_linear(&context, 1, out, nullptr, offsets, &weight, 4, 2, 1, 6, 2, DSRT_F32, DSRT_F32, 2, 1); };
  out[1] = out[6] = NAN; // rows 0 and 3 belong to others
  EXPECT_EQ(call(), DSRT_OK);
  out[5] = INFINITY; // row 2
  EXPECT_EQ(call(), DSRT_NOT_FINITE);
  out[5] = 0, out[2] = INFINITY; // row 1
  EXPECT_EQ(call(), DSRT_NOT_FINITE);
}

TEST_F(ContextTest, TraceHasOperationAndPath) {
  Trace trace;
  context.trace = &trace;
  embed();
  embed();
  Expected<Json> json = parseJson(trace.json(), "trace");
  ASSERT_TRUE(json) << json.status().message();
  const Json &events = (*json)["traceEvents"];
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["name"], "embedding");
  EXPECT_EQ(events[0]["args"]["path"], "token_embeddings");
  EXPECT_EQ(events[0]["ph"], "X");
  EXPECT_GE(events[0]["dur"].get<double>(), 0);
  EXPECT_GE(events[1]["ts"].get<double>(), events[0]["ts"].get<double>() + events[0]["dur"].get<double>() - 0.002);
}

TEST(Trace, KeepsALimitedNumberAndSaysSo) {
  Trace trace(2);
  for (int i = 0; i < 5; ++i)
    trace.add("a", "\"quoted\"", 1000, 3000);
  Expected<Json> json = parseJson(trace.json(), "trace");
  ASSERT_TRUE(json) << json.status().message();
  EXPECT_EQ((*json)["traceEvents"].size(), 2u);
  EXPECT_EQ((*json)["otherData"]["dropped_events"], 3);
  EXPECT_EQ((*json)["traceEvents"][0]["ts"], 1.0);
  EXPECT_EQ((*json)["traceEvents"][0]["dur"], 2.0);
}

TEST(FirstNotFinite, EveryElementType) {
  float f32[] = {1, 3e38f, -INFINITY};
  EXPECT_EQ(firstNotFinite(f32, 2, DSRT_F32), -1);
  EXPECT_EQ(firstNotFinite(f32, 3, DSRT_F32), 2);
  uint16_t bf16[] = {encodeBF16(3e38f), encodeBF16(NAN)}, f16[] = {encodeF16(65504), encodeF16(INFINITY)};
  EXPECT_EQ(firstNotFinite(bf16, 2, DSRT_BF16), 1);
  EXPECT_EQ(firstNotFinite(f16, 2, DSRT_F16), 1);
  uint8_t e4m3[] = {0x7e, 0xfe, 0xff}, e5m2[] = {0x7b, 0x7c}, ue8m0[] = {0xfe, 0xff};
  EXPECT_EQ(firstNotFinite(e4m3, 3, DSRT_F8E4M3), 2);
  EXPECT_EQ(firstNotFinite(e5m2, 2, DSRT_F8E5M2), 1);
  EXPECT_EQ(firstNotFinite(ue8m0, 2, DSRT_UE8M0), 1);
  int32_t integers[] = {-1};
  EXPECT_EQ(firstNotFinite(integers, 1, DSRT_I32), -1);
}

TEST(Deadline, ExpiresAndThenHangs) {
  std::promise<bool> hung;
  Deadline deadline(1e-4, 1e-4, [&] { hung.set_value(true); });
  EXPECT_TRUE(hung.get_future().get());
  EXPECT_TRUE(deadline.expired()->load());
}

TEST(Deadline, LiftedOrAbsentItNeverExpires) {
  Deadline lifted(3600, 3600, [] { FAIL(); });
  lifted.lift();
  EXPECT_FALSE(lifted.expired()->load());
  Deadline absent(0, 0, [] { FAIL(); });
  EXPECT_FALSE(absent.expired()->load());
}
