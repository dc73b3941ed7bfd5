// Plans as views, compared; and locks, which are views as text.
#include "passes/precision/PlanDiff.h"
#include "passes/precision/PlanLock.h"

#include <gmock/gmock.h>

using namespace dsmlir;
using dsrt::Json;
using testing::HasSubstr;

namespace {

Json operation(const std::string &path, const std::string &compute, const std::string &reason, int64_t bytes, int modules = 1) {
  return {
      {"path", path},
      {"modules", modules},
      {"type", "Linear"},
      {"kind", "linear"},
      {"compute", compute},
      {"accumulate", "f32"},
      {"promote", 0},
      {"result", "bf16"},
      {"storage", "bf16"},
      {"reason", reason},
      {"storage_reason", "params dtype"},
      {"activation", nullptr},
      {"weight", nullptr},
      {"parameter",
       {{"stored", "bf16"},
        {"steps", Json::array({{{"stage", "compute"}, {"format", compute}, {"how", compute == "bf16" ? "reused as it is" : "widened"}}})},
        {"resident", compute},
        {"bytes", bytes},
        {"shares", nullptr}}}};
}

Json plan() {
  Json plan = {{"schema", "ds-mlir/plan/1"}, {"mode", "bf16"}, {"recipe", nullptr}, {"options", Json::object()}};
  plan["operations"] = Json::array({operation("blocks.0.attn.out_proj", "bf16", "run policy", 100),
                                    operation("blocks.1.attn.out_proj", "bf16", "run policy", 100),
                                    operation("blocks.1.ffn.experts.[0-7].up_proj", "bf16", "run policy", 800, 8)});
  plan["without_parameters"] = Json::array({{{"path", "blocks.0.attn.residual"},
                                             {"kind", "add"},
                                             {"compute", "bf16"},
                                             {"accumulate", "f32"},
                                             {"reason", "run policy"},
                                             {"flops_per_row", 64}}});
  return plan;
}

PlanView view(const Json &json) {
  dsrt::Expected<PlanView> view = viewPlan(json, "plan.json");
  EXPECT_TRUE(view) << view.status().message();
  return view ? *view : PlanView();
}

TEST(PlanDiff, EqualPlansDifferInNothing) {
  PlanDifference difference = comparePlans(view(plan()), view(plan()));
  EXPECT_TRUE(difference.empty());
  EXPECT_EQ(printDifference(difference, "a", "b"), "");
  EXPECT_EQ(differenceJson(difference)["differ"], false);
}

// An operation that is split into runs differs in the expert that left it, and in no other.
TEST(PlanDiff, ASplitGroupDiffersInOneExpert) {
  Json after = plan();
  after["operations"].erase(2);
  for (auto [path, compute, reason, bytes, count] : {std::tuple("blocks.1.ffn.experts.[0-2].up_proj", "bf16", "run policy", 300, 3),
                                                     {"blocks.1.ffn.experts.3.up_proj", "f32", "override", 200, 1},
                                                     {"blocks.1.ffn.experts.[4-7].up_proj", "bf16", "run policy", 400, 4}})
    after["operations"].push_back(operation(path, compute, reason, bytes, count));
  PlanDifference difference = comparePlans(view(plan()), view(after));
  EXPECT_EQ(printDifference(difference, "a", "b"), "a -> b\n"
                                                   "1 module: blocks.1.ffn.experts.3.up_proj\n"
                                                   "  compute        bf16 -> f32\n"
                                                   "  parameter      bf16, reused as it is -> bf16, widened: f32\n"
                                                   "  resident       100 bytes -> 200 bytes\n"
                                                   "  reason         run policy -> override\n");
  Json json = differenceJson(difference);
  EXPECT_EQ(json["groups"].size(), 1u);
  EXPECT_EQ(json["groups"][0]["modules"], 1);
  EXPECT_EQ(json["groups"][0]["changes"]["compute"], (Json{{"a", "bf16"}, {"b", "f32"}}));
  EXPECT_EQ(json["groups"][0]["resident_bytes"], (Json{{"a", 100}, {"b", 200}}));
}

TEST(PlanDiff, ModulesWithTheSameChangeAreOneGroup) {
  Json after = plan();
  for (int i : {0, 1})
    after["operations"][i] = operation(after["operations"][i]["path"], "f32", "rule 1 'out_proj=fp32'", 200);
  after["mode"] = "fp32";
  std::string text = printDifference(comparePlans(view(plan()), view(after)), "a", "b");
  EXPECT_THAT(text, HasSubstr("settings\n  mode           bf16 -> fp32\n2 modules: blocks.[0-1].attn.out_proj\n"));
  EXPECT_THAT(text, HasSubstr("resident       200 bytes -> 400 bytes\n"));
  EXPECT_THAT(text, HasSubstr("reason         run policy -> rule 1 'out_proj=fp32'\n"));
}

TEST(PlanDiff, WhatOnlyOneSideHasIsListed) {
  Json after = plan();
  after["operations"].erase(0);
  after["without_parameters"][0]["path"] = "blocks.2.attn.residual";
  PlanDifference difference = comparePlans(view(plan()), view(after));
  std::string text = printDifference(difference, "a", "b");
  EXPECT_THAT(text, HasSubstr("2 modules only in a: blocks.0.attn.{out_proj,residual}\n"));
  EXPECT_THAT(text, HasSubstr("1 module only in b: blocks.2.attn.residual\n"));
}

TEST(PlanDiff, TheReasonIsPrintedAlsoWhereItIsTheSame) {
  Json after = plan();
  after["operations"][0]["storage"] = "f16";
  EXPECT_THAT(printDifference(comparePlans(view(plan()), view(after)), "a", "b"),
              HasSubstr("  storage        bf16 -> f16\n  resident       100 bytes (both)\n  reason         run policy (both)\n"));
}

TEST(PlanDiff, OptionsAreComparedOneByOne) {
  Json a = {{"mode", "x"},
            {"overrides", {"lm_head=fp32", "final_norm=fp16"}},
            {"compute_lowbit_exclude", {"attn", "ffn"}},
            {"module_compute_dtype_rule", {"a=fp32", "b=fp16"}}};
  Json b = {{"mode", "x"},
            {"overrides", {"final_norm=fp16", "lm_head=bf16"}},
            {"compute_lowbit_exclude", {"ffn"}},
            {"module_compute_dtype_rule", {"b=fp16", "a=fp32"}}};
  std::vector<PlanChange> changes = compareFacts(optionFacts(a), optionFacts(b));
  ASSERT_EQ(changes.size(), 4u);
  EXPECT_EQ(changes[0].name + changes[0].before + changes[0].after, "override lm_headfp32bf16");
  EXPECT_EQ(changes[1].name + changes[1].before + changes[1].after, "compute_lowbit_exclude 'attn'givennone");
  EXPECT_EQ(changes[2].name + changes[2].before + changes[2].after, "rule 1a=fp32b=fp16");
}

TEST(PlanDiff, ATargetIsNoPartOfThePlan) {
  Json after = plan();
  after["targets"] = {{"cpu", {{"anything", 1}}}};
  EXPECT_TRUE(comparePlans(view(plan()), view(after)).empty());
}

TEST(PlanDiff, WhatIsNoPlanIsUnreadable) {
  auto broken = [](auto change, const std::string &says) {
    Json json = plan();
    change(json);
    dsrt::Expected<PlanView> view = viewPlan(json, "plan.json");
    ASSERT_FALSE(view) << says;
    EXPECT_EQ(view.status().code(), DSRT_UNREADABLE);
    EXPECT_THAT(view.status().message(), testing::AllOf(HasSubstr("plan.json"), HasSubstr(says)));
  };
  broken([](Json &json) { json = Json::array(); }, "expects a plan of the schema ds-mlir/plan/1");
  broken([](Json &json) { json["schema"] = "ds-mlir/plan/2"; }, "expects a plan of the schema ds-mlir/plan/1");
  broken([](Json &json) { json["operations"] = 3; }, "expects 'operations' to be array");
  broken([](Json &json) { json["operations"][0].erase("reason"); },
         "operations[0] (blocks.0.attn.out_proj): expects 'reason' to be string");
  broken([](Json &json) { json["operations"][0]["compute"] = 7; }, "expects 'compute' to be string");
  broken([](Json &json) { json["operations"][1]["weight"] = {{"payload", "nf4"}}; }, "expects 'scale' to be string");
  broken([](Json &json) { json["operations"][1]["parameter"]["bytes"] = -1; }, "expects 'bytes' to be a whole number");
  broken([](Json &json) { json["operations"][1]["path"] = "blocks.[3-1].x"; }, "is no path or range of paths");
  broken([](Json &json) { json["operations"][1]["path"] = "[0-1000].[0-1000].[0-1000]"; }, "is no path or range of paths");
  broken([](Json &json) { json["operations"][1]["path"] = "blocks.0.attn.out_proj"; }, "the path stands twice");
  broken([](Json &json) { json["operations"][2] = nullptr; }, "operations[2]");
  broken([](Json &json) { json["without_parameters"][0]["kind"] = nullptr; }, "without_parameters[0]");
}

TEST(PlanLock, ReadsBackAsThePlanItWasWrittenFrom) {
  Json json = plan();
  json["operations"].push_back(operation("lm_head", "f32", "rule 1 'lm \"head\" \\\n= x=fp32'", 50));
  json["recipe"] = {{"name", "deepseek_v3"}, {"source", "--precision-recipe deepseek_v3"}};
  PlanView before = view(json);
  std::string text = writeLock(before);
  dsrt::Expected<PlanView> lock = readLock(text, "plan.lock");
  ASSERT_TRUE(lock) << lock.status().message();
  EXPECT_TRUE(comparePlans(*lock, before).empty()) << printDifference(comparePlans(*lock, before), "lock", "plan");
  EXPECT_TRUE(comparePlans(before, *lock).empty());
  EXPECT_EQ(writeLock(view(json)), text);
  EXPECT_THAT(text, HasSubstr("\nrecipe.source=\"--precision-recipe deepseek_v3\"\n"));
  EXPECT_THAT(text, HasSubstr("\n      2  blocks.[0-1].attn.out_proj\n      8  blocks.1.ffn.experts.[0-7].up_proj\n"));
}

TEST(PlanLock, EveryEditIsSeenOrRefused) {
  std::string text = writeLock(view(plan()));
  PlanView now = view(plan());
  auto edited = [&](const std::string &from, const std::string &to) {
    std::string copy = text;
    size_t at = copy.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return copy.replace(at, from.size(), to);
  };
  for (auto [from, to] : {std::pair("mode=bf16", "mode=fp32"), std::pair("compute=bf16", "compute=f32"),
                          std::pair("reason=\"run policy\"", "reason=override"), std::pair("blocks.[0-1].attn", "blocks.[0,2].attn")}) {
    dsrt::Expected<PlanView> lock = readLock(edited(from, to), "plan.lock");
    ASSERT_TRUE(lock) << lock.status().message();
    EXPECT_FALSE(comparePlans(*lock, now).empty()) << to;
  }
  for (auto [from, to, says] : {std::tuple("version 1", "version 2", "plan.lock:1: expects '# ds-mlir precision lock, version 1'"),
                                {"mode=bf16", "mode", "plan.lock:5: expects name=value"},
                                {"mode=bf16", "mode=\"bf16", "expects name=value"},
                                {"mode=bf16", "mode=b\tf", "expects name=value"},
                                {"      2  blocks", "      3  blocks", "expects the count 2, but got '3'"},
                                {"      2  blocks", "      2", "expects a count and a range of paths"},
                                {"blocks.[0-1]", "blocks.[0,", "is no path or range"},
                                {"blocks.[0-1]", "blocks.[0,0]", "'blocks.0.attn.out_proj' stands twice"},
                                {"mode=bf16", "  1  lm_head", "before their paths"}}) {
    dsrt::Expected<PlanView> lock = readLock(edited(from, to), "plan.lock");
    ASSERT_FALSE(lock) << to;
    EXPECT_EQ(lock.status().code(), DSRT_UNREADABLE);
    EXPECT_THAT(lock.status().message(), HasSubstr(says));
  }
  EXPECT_FALSE(readLock("", "plan.lock"));
  EXPECT_FALSE(readLock("# ds-mlir precision lock, version 1\n", "plan.lock"));
}

} // namespace
