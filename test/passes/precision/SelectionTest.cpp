// Groups of modules, patterns that select exactly them, and options that put exactly them into low precision.
#include "TestModels.h"

#include "passes/precision/ModuleGroups.h"
#include "passes/precision/Patterns.h"
#include "passes/precision/PrecisionFile.h"
#include "passes/precision/Selection.h"

#include <random>

using namespace dsmlir;
using namespace dsmlir::test;

namespace {

using Words = std::vector<std::string>;

std::vector<uint32_t> withPaths(const std::vector<Module> &modules, const Words &paths) {
  std::vector<uint32_t> found;
  for (uint32_t i = 0; i < modules.size(); ++i)
    if (std::find(paths.begin(), paths.end(), modules[i].path) != paths.end())
      found.push_back(i);
  EXPECT_EQ(found.size(), paths.size());
  return found;
}

Words namesOf(const std::vector<ModuleGroup> &groups) {
  Words names;
  for (const ModuleGroup &group : groups)
    names.push_back(group.name);
  return names;
}

TEST(ModuleGroups, ByModuleProjectionBlockAndKind) {
  Resolution resolution = resolveWords({"--precision-recipe", "deepseek_v3"}, {.blocks = 3, .dense = 1, .experts = 4});
  std::vector<uint32_t> members = lowBitModules(resolution);
  auto group = [&](GroupBy by) { return groupModules(resolution.modules(), members, by); };

  std::vector<ModuleGroup> modules = group(GroupBy::Module);
  EXPECT_EQ(modules.size(), members.size());
  EXPECT_EQ(modules.front().name, "blocks.0.attn.q_a_proj");
  EXPECT_EQ(modules.back().name, "blocks.2.ffn.shared_experts.down_proj");

  Words projections = namesOf(group(GroupBy::Projection));
  EXPECT_EQ(projections.size(), 3u * 5 + 3 + 2 * (3 + 3)); // attention, the dense block, experts and shared experts
  EXPECT_EQ(projections[5], "blocks.0.ffn.gate_proj");
  EXPECT_NE(std::find(projections.begin(), projections.end(), "blocks.2.ffn.experts.[0-3].up_proj"), projections.end());

  EXPECT_EQ(namesOf(group(GroupBy::Block)), (Words{"blocks.0", "blocks.1", "blocks.2"}));
  EXPECT_EQ(namesOf(group(GroupBy::Kind)),
            (Words{"blocks.[0-2].attn.q_a_proj", "blocks.[0-2].attn.q_b_proj", "blocks.[0-2].attn.kv_a_proj", "blocks.[0-2].attn.kv_b_proj",
                   "blocks.[0-2].attn.out_proj", "blocks.0.ffn.gate_proj", "blocks.0.ffn.up_proj", "blocks.0.ffn.down_proj",
                   "blocks.[1-2].ffn.experts.[0-3].gate_proj", "blocks.[1-2].ffn.experts.[0-3].up_proj",
                   "blocks.[1-2].ffn.experts.[0-3].down_proj", "blocks.[1-2].ffn.shared_experts.gate_proj",
                   "blocks.[1-2].ffn.shared_experts.up_proj", "blocks.[1-2].ffn.shared_experts.down_proj"}));

  // Each member is in one group.
  for (GroupBy by : {GroupBy::Module, GroupBy::Projection, GroupBy::Block, GroupBy::Kind}) {
    std::vector<uint32_t> all;
    for (const ModuleGroup &one : group(by))
      all.insert(all.end(), one.modules.begin(), one.modules.end());
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all, members);
  }
}

TEST(ModuleGroups, NamesListWhatIsNotARange) {
  std::vector<Module> modules = modelModules({.blocks = 4, .dense = 0, .experts = 8});
  std::vector<uint32_t> members = withPaths(modules, {"blocks.0.ffn.experts.0.up_proj", "blocks.0.ffn.experts.1.up_proj",
                                                      "blocks.0.ffn.experts.2.up_proj", "blocks.0.ffn.experts.5.up_proj", "lm_head"});
  EXPECT_EQ(namesOf(groupModules(modules, members, GroupBy::Projection)), (Words{"blocks.0.ffn.experts.[0-2,5].up_proj", "lm_head"}));
  EXPECT_EQ(namesOf(groupModules(modules, members, GroupBy::Block)), (Words{"blocks.0", "lm_head"}));
}

TEST(ExactPatterns, AreFew) {
  std::vector<Module> modules = modelModules({.blocks = 4, .dense = 1, .experts = 8});
  auto patterns = [&](const char *pattern) {
    PatternSet set;
    set.add(pattern, PatternType::Regex);
    set.compile();
    std::vector<uint32_t> members;
    std::vector<int> matches;
    for (uint32_t i = 0; i < modules.size(); ++i)
      if (set.match(modules[i].path, matches); !matches.empty())
        members.push_back(i);
    return exactPatterns(modules, members);
  };
  EXPECT_EQ(patterns("lm_head"), (Words{"^lm_head$"}));
  EXPECT_EQ(patterns("^blocks.1.attn.q_a_proj$"), (Words{"^blocks\\.1\\.attn\\.q_a_proj$"}));
  EXPECT_EQ(patterns("attn.q_a_proj$"), (Words{"^blocks\\.[0-9]+\\.attn\\.q_a_proj$"}));
  EXPECT_EQ(patterns("[03].attn.q_a_proj$"), (Words{"^blocks\\.(0|3)\\.attn\\.q_a_proj$"}));
  EXPECT_EQ(patterns("blocks.1.ffn.experts.*gate"), (Words{"^blocks\\.1\\.ffn\\.experts\\.[0-9]+\\.gate_proj$"}));
  EXPECT_EQ(patterns("ffn.experts.*gate"), (Words{"^blocks\\.[0-9]+\\.ffn\\.experts\\.[0-9]+\\.gate_proj$"}));
  EXPECT_EQ(patterns("ffn.experts.[26].gate"), (Words{"^blocks\\.[0-9]+\\.ffn\\.experts\\.(2|6)\\.gate_proj$"}));
  EXPECT_EQ(patterns("blocks.1.ffn.experts.*gate|blocks.2.ffn.experts.7.gate"),
            (Words{"^blocks\\.1\\.ffn\\.experts\\.[0-9]+\\.gate_proj$", "^blocks\\.2\\.ffn\\.experts\\.7\\.gate_proj$"}));
}

TEST(ExactPatterns, MatchEachMemberOnceAndNothingElse) {
  std::vector<Module> modules = modelModules({.blocks = 12, .dense = 1, .experts = 12});
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    std::vector<uint32_t> members;
    unsigned one = 1 + random() % 6; // in so many
    for (uint32_t i = 0; i < modules.size(); ++i)
      if (random() % 6 < one)
        members.push_back(i);
    PatternSet set;
    for (const std::string &pattern : exactPatterns(modules, members))
      set.add(pattern, PatternType::Regex);
    set.compile();
    std::vector<int> matches;
    for (uint32_t i = 0; i < modules.size(); ++i) {
      set.match(modules[i].path, matches);
      ASSERT_EQ(matches.size(), std::binary_search(members.begin(), members.end(), i) ? 1u : 0u) << modules[i].path;
    }
  }
}

TEST(PathsOfOperation, AreThoseOfItsExperts) {
  EXPECT_EQ(pathsOfOperation("blocks.1.attn.q_proj"), (Words{"blocks.1.attn.q_proj"}));
  EXPECT_EQ(pathsOfOperation("blocks.1.ffn.experts.3.up_proj"), (Words{"blocks.1.ffn.experts.3.up_proj"}));
  EXPECT_EQ(pathsOfOperation("blocks.1.ffn.experts.[9-11].up_proj"),
            (Words{"blocks.1.ffn.experts.9.up_proj", "blocks.1.ffn.experts.10.up_proj", "blocks.1.ffn.experts.11.up_proj"}));
}

/// Under the options for a selection, read back from the file that they are written as: members are decided as in the whole, all others as
/// with nothing in low precision, and nothing is reported.
void expectSelects(const Words &words, unsigned seed) {
  SCOPED_TRACE(testing::PrintToString(words));
  Resolution whole = resolveWords(words, {.blocks = 3, .dense = 1, .experts = 4});
  const std::vector<Module> &modules = whole.modules();
  ASSERT_FALSE(whole.hasErrors()) << printAll(whole.findings);
  std::vector<uint32_t> lowBit = lowBitModules(whole);
  ASSERT_FALSE(lowBit.empty());

  auto resolveSelection = [&](const std::vector<uint32_t> &members) {
    PrecisionOptions options;
    EXPECT_TRUE(readConfig(configJson(optionsForSelection(whole, members)), "policy.json", options).ok());
    return resolve(modules, options);
  };
  Resolution nothing = resolveSelection({});
  EXPECT_TRUE(lowBitModules(nothing).empty());
  EXPECT_EQ(nothing.activationDtype, whole.activationDtype);
  EXPECT_EQ(nothing.paramsDtype, whole.paramsDtype);

  std::mt19937 random(seed);
  for (int round = 0; round < 24; ++round) {
    std::vector<uint32_t> members;
    for (uint32_t module : lowBit)
      if (round == 0 || random() % 4 < unsigned(round) % 4 + 1)
        members.push_back(module);
    Resolution part = resolveSelection(members);
    EXPECT_FALSE(part.hasErrors()) << printAll(part.findings);
    for (uint32_t i = 0; i < modules.size(); ++i) {
      const Decision &expected = std::binary_search(members.begin(), members.end(), i) ? whole.decisions[i] : nothing.decisions[i];
      ASSERT_EQ(part.decisions[i].compute, expected.compute) << modules[i].path;
      ASSERT_EQ(part.decisions[i].persistent, expected.persistent) << modules[i].path;
      if (expected.product >= 0) {
        ASSERT_EQ(part.products[0].activation, whole.products[0].activation);
        ASSERT_EQ(part.products[0].weight, whole.products[0].weight);
      }
      if (expected.stored >= 0)
        ASSERT_EQ(part.storedFormats[0], whole.storedFormats[0]);
    }
    EXPECT_EQ(part.activationDtype, whole.activationDtype);
    EXPECT_EQ(part.paramsDtype, whole.paramsDtype);
  }
}

TEST(OptionsForSelection, PutExactlyTheMembersIntoLowPrecision) {
  unsigned seed = 0;
  for (const Words &words :
       {Words{"--precision-recipe", "deepseek_v3"},
        {"--precision-recipe", "nano_train_deepseek_v3", "--rounding-seed", "5", "--activation-dtype", "fp32"},
        {"--fp8", "--fp8-activation-granularity", "tensor", "--fp8-weight-granularity", "channel", "--fp8-amax-floor", "0.5"},
        {"--fp8", "--compute-lowbit-exclude", "head", "--module-compute-dtype-rule", "norm=fp16", "--module-compute-dtype-rule",
         "head=fp32"},
        {"--fp8", "--module-pattern-type", "glob", "--compute-lowbit-include", "*.ffn.experts.*", "--module-compute-dtype-rule",
         "*_norm=fp32"},
        {"--fp4", "--fp4-format", "mxfp4", "--module-compute-dtype-override", "blocks.1.ffn.experts.2.up_proj=fp16"},
        {"--fp16", "--compute-lowbit-mode", "fp4", "--compute-lowbit-include", "experts"},
        {"--fp8-param", "--persistent-scale-granularity", "per_tensor"},
        {"--fp32", "--params-dtype", "bf16", "--fp4-param", "--persistent-lowbit-exclude", "attn", "--lowbit-master-ownership", "module"},
        {"--precision-recipe", "deepseek_v3", "--fp4-param", "--compute-lowbit-include", "attn.*proj", "--persistent-lowbit-include",
         "experts", "--strict-rules"},
        {"--fp8", "--fp8-format", "hybrid", "--no-fp8-comm-quant", "--loss-scale-growth-interval", "17"}})
    expectSelects(words, ++seed);
}

TEST(OptionsForSelection, NameWhatAutoFoundAndCarryTheRecipeInUse) {
  Checkpoint checkpoint{.storedDtype = "bf16", .quantMethod = "fp8", .format = "e4m3", .blockRows = 128, .blockCols = 128, .ue8m0 = true};
  Resolution found = resolveWords({"--precision-recipe", "auto"}, {}, &checkpoint);
  ASSERT_FALSE(found.hasErrors()) << printAll(found.findings);
  dsrt::Json json = configJson(optionsForSelection(found, lowBitModules(found)));
  EXPECT_EQ(json["precision_recipe"], "deepseek_v3");
  EXPECT_EQ(json["fp8_scale_format"], "ue8m0");

  PrecisionOptions options;
  dsrt::Expected<dsrt::Json> file = dsrt::parseJson(
      R"({"precision_recipe": "mine", "recipes": {"mine": {"based_on": "deepseek_v3", "high_precision": ["attn", "norm$", "router$", "head$", "embed"]}}})",
      "mine.json");
  ASSERT_TRUE(bool(file) && readConfig(*file, "mine.json", options).ok());
  Resolution mine = resolve(modelModules({}), options);
  ASSERT_FALSE(mine.hasErrors()) << printAll(mine.findings);
  std::vector<uint32_t> members = lowBitModules(mine);
  members.resize(members.size() / 2);
  PrecisionOptions back;
  ASSERT_TRUE(readConfig(configJson(optionsForSelection(mine, members)), "policy.json", back).ok());
  Resolution part = resolve(modelModules({}), back);
  EXPECT_FALSE(part.hasErrors()) << printAll(part.findings);
  EXPECT_EQ(lowBitModules(part), members);
  EXPECT_FALSE(configJson(optionsForSelection(mine, {})).contains("recipes"));
}

TEST(ConfigJson, ReadsBackAsTheSameOptions) {
  PrecisionOptions options = parse(
      {"--fp8", "--fp8-amax-floor", "0.1", "--rounding-seed", "9007199254740993", "--fp8-rounding", "stochastic", "--no-fp8-comm-quant",
       "--strict-rules", "--compute-lowbit-include", "a\\.b", "--compute-lowbit-include", "c", "--module-compute-dtype-rule", "norm=fp16",
       "--module-compute-dtype-override", "lm_head=fp32", "--module-compute-dtype-override", "final_norm=bf16"});
  PrecisionOptions back;
  dsrt::Json json = configJson(options);
  ASSERT_TRUE(readConfig(json, "policy.json", back).ok());
  EXPECT_EQ(policyEntries(back), policyEntries(options));
  EXPECT_EQ(json["fp8"], true);
  EXPECT_EQ(json["fp8_comm_quant"], false);
  EXPECT_EQ(json["rounding_seed"], 9007199254740993);
  EXPECT_EQ(json["module_compute_dtype_overrides"]["lm_head"], "fp32");
}

} // namespace
