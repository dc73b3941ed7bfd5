// The chain of decisions: every layer that spoke is in it, and what it marks as the winner is what decided.
#include "TestModels.h"

#include <gmock/gmock.h>

using namespace dsmlir;
using namespace dsmlir::test;
using testing::HasSubstr;

namespace {

using Words = std::vector<std::string>;

/// Flag sets in which every layer speaks, and is overruled.
const std::vector<Words> flagSets = {
    {"--bf16"},
    {"--precision-recipe", "deepseek_v3"},
    {"--precision-recipe", "deepseek_v3", "--compute-lowbit-exclude", "out_proj", "--module-compute-dtype-override", "lm_head=fp32",
     "--module-compute-dtype-override", "blocks.1.ffn.experts.3.gate_proj=bf16"},
    {"--fp8", "--compute-lowbit-include", "proj", "--compute-lowbit-exclude", "attn", "--module-compute-dtype-rule", "attn=fp16",
     "--module-compute-dtype-rule", "norm=fp32", "--module-compute-dtype-rule", "final_norm=fp16"},
    {"--precision-recipe", "nano_train_deepseek_v3", "--fp4-param", "--persistent-lowbit-exclude", "router", "--persistent-lowbit-exclude",
     "shared_experts"},
    {"--bf16", "--fp8-param", "--persistent-lowbit-include", "experts", "--persistent-lowbit-exclude", "experts.[0-3].up_proj"},
};

std::string layerOf(const std::string &reason) {
  for (const char *layer : {"override", "rule", "run policy"})
    if (reason.starts_with(layer))
      return layer;
  return reason.ends_with(": high precision") ? "recipe" : "low-bit compute";
}

TEST(Explain, TheStarOfAChainStandsWhereTheReasonSays) {
  for (const Words &words : flagSets) {
    Resolution resolution = resolveWords(words);
    ASSERT_FALSE(resolution.hasErrors()) << printAll(resolution.findings);
    for (size_t module = 0; module < resolution.modules().size(); ++module) {
      const std::string &reason = resolution.decisions[module].reason;
      std::vector<ChainLink> won;
      bool storage = false; // links of storage stand behind those of compute
      for (const ChainLink &link : resolution.chain(module)) {
        storage |= link.layer == "low-bit storage" || link.layer == "storage";
        if (link.won && !storage)
          won.push_back(link);
      }
      ASSERT_EQ(won.size(), 1u) << resolution.modules()[module].path;
      EXPECT_EQ(won[0].layer, layerOf(reason)) << resolution.modules()[module].path << ": " << reason;
      std::string core = reason.substr(0, reason.find(": high precision"));
      if (core != "run policy")
        EXPECT_THAT(won[0].said, HasSubstr(core)) << resolution.modules()[module].path;
    }
  }
}

TEST(Explain, TheStorageReasonIsWhatTheChainMarks) {
  for (const Words &words : flagSets) {
    Resolution resolution = resolveWords(words);
    for (size_t module = 0; module < resolution.modules().size(); ++module) {
      std::string reason = resolution.storageReason(module), stars;
      bool storage = false;
      for (const ChainLink &link : resolution.chain(module)) {
        storage |= link.layer == "low-bit storage" || link.layer == "storage";
        if (link.won && storage)
          stars += link.said + "\n";
      }
      EXPECT_THAT(stars, HasSubstr(reason.substr(0, reason.find(": high precision")))) << resolution.modules()[module].path;
    }
  }
}

TEST(Explain, EveryLayerThatSpokeIsInTheChain) {
  dsrt::Expected<std::string> text = explain(resolveWords(flagSets[2]), "lm_head");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "lm_head\n"
                   "  computes in fp32, stored in bf16 (override)\n"
                   "    run policy      bf16: activations of mode fp8\n"
                   "    low-bit compute fp8: recipe deepseek_v3, every module that can\n"
                   "    recipe          high precision: recipe deepseek_v3\n"
                   "  * override        fp32: override (the command line)\n"
                   "  * storage         bf16: params dtype\n");
  text = explain(resolveWords(flagSets[3]), "final_norm");
  ASSERT_TRUE(text);
  EXPECT_EQ(*text, "final_norm\n"
                   "  computes in fp16, stored in bf16 (rule 3 'final_norm=fp16')\n"
                   "    run policy      bf16: activations of mode fp8\n"
                   "    low-bit compute not selected: no include matches\n"
                   "    rule            fp32: rule 2 'norm=fp32' (the command line)\n"
                   "  * rule            fp16: rule 3 'final_norm=fp16' (the command line)\n"
                   "  * storage         bf16: params dtype\n");
}

// A recipe speaks of a norm, which could not have been in low precision anyway.
TEST(Explain, ARecipeIsTheReasonOfANorm) {
  dsrt::Expected<std::string> text = explain(resolveWords({"--precision-recipe", "deepseek_v3"}), "blocks.0.attn_norm");
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr("    low-bit compute not selected: a RMSNorm cannot run in low precision\n"
                               "  * recipe          high precision: recipe deepseek_v3\n"));
}

TEST(Explain, APatternGroupsModulesWithEqualChainsAsRanges) {
  dsrt::Expected<std::string> text = explain(resolveWords(flagSets[2]), "gate_proj");
  ASSERT_TRUE(text);
  EXPECT_THAT(
      *text,
      HasSubstr("18 modules: blocks.0.ffn.gate_proj, blocks.1.ffn.experts.[0-2,4-7].gate_proj, blocks.2.ffn.experts.[0-7].gate_proj, "
                "blocks.[1-2].ffn.shared_experts.gate_proj\n"));
  EXPECT_THAT(*text, HasSubstr("1 module: blocks.1.ffn.experts.3.gate_proj\n"));
}

} // namespace
