// Paths as ranges, and ranges as paths.
#include "passes/precision/PathRanges.h"

#include "TestModels.h"

#include <random>
#include <set>

using namespace dsmlir;
using namespace dsmlir::test;

namespace {

using Ranges = std::vector<std::string>;

TEST(PathRanges, NumbersRunThroughAndLastNamesStandTogether) {
  EXPECT_EQ(pathRanges({"lm_head"}), Ranges{"lm_head"});
  EXPECT_EQ(pathRanges({"blocks.0.attn_norm", "blocks.1.attn_norm", "blocks.2.attn_norm"}), Ranges{"blocks.[0-2].attn_norm"});
  EXPECT_EQ(pathRanges({"blocks.5.attn_norm", "blocks.0.attn_norm", "blocks.1.attn_norm"}), Ranges{"blocks.[0-1,5].attn_norm"});
  EXPECT_EQ(pathRanges({"blocks.0.attn_norm", "blocks.0.ffn_norm"}), Ranges{"blocks.0.{attn_norm,ffn_norm}"});
  // Ranges of experts, as operations have them, and what is no path stay as they are.
  EXPECT_EQ(pathRanges({"blocks.1.ffn.experts.[0-7].up_proj", "blocks.2.ffn.experts.[0-7].up_proj"}),
            Ranges{"blocks.[1-2].ffn.experts.[0-7].up_proj"});
  EXPECT_EQ(pathRanges({"blocks.12345678901.x", "", ".", "blocks.01.x"}), (Ranges{"blocks.12345678901.x", "", ".", "blocks.01.x"}));
  // Names without a block in front of them have nothing in common.
  EXPECT_EQ(pathRanges({"token_embeddings", "lm_head"}), (Ranges{"token_embeddings", "lm_head"}));
  EXPECT_EQ(listOf({"token_embeddings", "lm_head", "final_norm"}, 2), "token_embeddings, lm_head and 1 more");
}

TEST(PathRanges, BlocksWithOtherExpertsStandApart) {
  EXPECT_EQ(pathRanges({"blocks.1.ffn.experts.0.up_proj", "blocks.1.ffn.experts.1.up_proj", "blocks.2.ffn.experts.0.up_proj",
                        "blocks.2.ffn.experts.1.up_proj", "blocks.3.ffn.experts.1.up_proj"}),
            (Ranges{"blocks.[1-2].ffn.experts.[0-1].up_proj", "blocks.3.ffn.experts.1.up_proj"}));
}

TEST(PathRanges, AnExpertOfABigModelIsTwoRanges) {
  std::vector<Module> modules = modelModules({61, 3, 256, true});
  std::vector<std::string> experts, others;
  for (const Module &module : modules)
    (module.path == "blocks.30.ffn.experts.7.up_proj"     ? others
     : module.path.find(".experts.") != std::string::npos ? experts
                                                          : others)
        .push_back(module.path);
  EXPECT_EQ(listOf(pathRanges(experts), 9),
            "blocks.[3-60].ffn.experts.[0-255].{gate_proj,down_proj}, blocks.[3-29,31-60].ffn.experts.[0-255].up_proj, "
            "blocks.30.ffn.experts.[0-6,8-255].up_proj");
}

// Whatever is written reads back as the same paths, each once.
TEST(PathRanges, WhatIsWrittenReadsBack) {
  std::vector<Module> modules = modelModules({7, 2, 9, true});
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::set<std::string> wanted;
    std::vector<std::string> chosen;
    for (const Module &module : modules)
      if (random() % 8 < static_cast<unsigned>(round % 9) && wanted.insert(module.path).second)
        chosen.push_back(module.path);
    std::shuffle(chosen.begin(), chosen.end(), random);
    std::set<std::string> got;
    for (const std::string &range : pathRanges(chosen)) {
      dsrt::Expected<std::vector<std::string>> paths = expandPathRange(range);
      ASSERT_TRUE(paths) << paths.status().message();
      for (const std::string &path : *paths)
        EXPECT_TRUE(got.insert(path).second) << path << " twice";
    }
    EXPECT_EQ(got, wanted);
  }
}

TEST(PathRanges, WhatIsNoRangeIsUnreadable) {
  for (const char *range : {"", ".", "blocks.", "blocks..norm", "blocks.[0-2", "blocks.[].norm", "blocks.[2-0].norm", "blocks.[a].norm",
                            "blocks.[0-2].{a,}", "blocks.0.{a", "blocks.[01].norm", "blocks.[-1].norm", "a b", "blocks.[0-99999999].norm",
                            "[0-2000].[0-2000]", "blocks.[9999999999]"}) {
    dsrt::Expected<std::vector<std::string>> paths = expandPathRange(range);
    ASSERT_FALSE(paths) << range;
    EXPECT_EQ(paths.status().code(), DSRT_UNREADABLE);
  }
}

} // namespace
