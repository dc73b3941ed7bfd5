// Suggestions: the path that was meant is among the first three for at least 95 of 100 misspelt ones.
#include "TestModels.h"
#include "passes/precision/EditDistance.h"
#include "passes/precision/ForeignNames.h"

#include <random>
#include <set>

using namespace dsmlir;
using namespace dsmlir::test;

namespace {

TEST(EditDistance, CountsInsertionsDeletionsSubstitutionsAndTranspositions) {
  EXPECT_EQ(editDistance("", "abc"), 3u);
  EXPECT_EQ(editDistance("abc", "abc"), 0u);
  EXPECT_EQ(editDistance("norm", "nrom"), 1u);
  EXPECT_EQ(editDistance("norm", "nor"), 1u);
  EXPECT_EQ(editDistance("norm", "form"), 1u);
  EXPECT_EQ(editDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(editDistance("ca", "abc"), 3u); // no edits between transposed neighbours
}

class Wrong {
public:
  Wrong(const Shape &shape, unsigned seed) : modules(modelModules(shape)), random(seed) {
    for (const Module &module : modules)
      paths.insert(module.path);
  }

  size_t below(size_t bound) { return random() % bound; }
  const std::string &anyPath() { return modules[below(modules.size())].path; }

  /// One or two edits of a letter.
  std::string edited(const std::string &path) {
    static const std::string letters = "abcdefghijklmnopqrstuvwxyz_";
    std::string text = path;
    for (size_t edits = 1 + below(2); edits > 0; --edits) {
      size_t at = below(text.size() - 1);
      switch (below(4)) {
      case 0:
        text[at] = letters[below(letters.size())];
        break;
      case 1:
        text.erase(at, 1);
        break;
      case 2:
        text.insert(at, 1, letters[below(letters.size())]);
        break;
      default:
        std::swap(text[at], text[at + 1]);
      }
    }
    return text;
  }

  /// Block and expert swapped; empty where that is no change or a path.
  std::string swapped(const std::string &path) {
    std::vector<std::string> parts = splitPath(path);
    if (parts.size() != 6 || parts[3] != "experts")
      return "";
    std::swap(parts[1], parts[4]);
    return joinPath(parts);
  }

  static std::string replaceAll(std::string text, const std::string &from, const std::string &to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
      text.replace(at, from.size(), to);
    return text;
  }

  /// The name of the module's parameter in a Hugging Face checkpoint, with or without ".weight".
  static std::string huggingFace(const std::string &path, bool weight) {
    std::string text = "model." + path;
    for (auto [own, theirs] :
         {std::pair("blocks.", "layers."), std::pair("attn_norm", "input_layernorm"), std::pair("ffn_norm", "post_attention_layernorm"),
          std::pair(".attn.", ".self_attn."), std::pair(".ffn.", ".mlp."), std::pair("q_a_norm", "q_a_layernorm"),
          std::pair("kv_a_norm", "kv_a_layernorm"), std::pair("kv_a_proj", "kv_a_proj_with_mqa"), std::pair("out_proj", "o_proj"),
          std::pair(".router", ".gate"), std::pair("model.token_embeddings", "model.embed_tokens"),
          std::pair("model.final_norm", "model.norm"), std::pair("model.lm_head", "lm_head")})
      text = replaceAll(text, own, theirs);
    return text + (weight ? ".weight" : "");
  }

  std::vector<Module> modules;
  std::set<std::string> paths;

private:
  std::mt19937 random;
};

bool amongFirstThree(const Suggester &suggester, const std::string &wrong, const std::string &right) {
  std::vector<std::string> found = suggester.suggest(wrong);
  EXPECT_LE(found.size(), 3u);
  return std::find(found.begin(), found.end(), right) != found.end();
}

TEST(Suggestions, TheRightPathIsAmongTheFirstThree) {
  for (Shape shape :
       {Shape{}, Shape{.blocks = 4, .dense = 1, .experts = 16}, Shape{.blocks = 27, .dense = 1, .experts = 64, .qLora = false}}) {
    Wrong generator(shape, 42);
    Suggester suggester(generator.modules);
    size_t tried = 0, right = 0;
    std::string missed;
    auto check = [&](const std::string &wrong, const std::string &meant) {
      if (wrong.empty() || generator.paths.count(wrong))
        return;
      ++tried;
      if (amongFirstThree(suggester, wrong, meant))
        ++right;
      else
        missed += "  " + wrong + " for " + meant + "\n";
    };
    while (tried < 200) {
      std::string path = generator.anyPath();
      size_t kind = generator.below(4);
      if (kind < 2)
        check(generator.edited(path), path);
      else if (kind == 2)
        check(generator.swapped(path), path);
      else
        check(Wrong::huggingFace(path, generator.below(2)), path);
    }
    EXPECT_GE(right, tried * 95 / 100) << shape.blocks << " blocks: " << right << " of " << tried << "\n" << missed;
  }
}

TEST(Suggestions, EveryHuggingFaceNameIsFirst) {
  for (Shape shape : {Shape{}, Shape{.qLora = false}}) {
    Wrong generator(shape, 1);
    Suggester suggester(generator.modules);
    for (const Module &module : generator.modules)
      for (bool weight : {false, true}) {
        std::vector<std::string> found = suggester.suggest(Wrong::huggingFace(module.path, weight));
        ASSERT_FALSE(found.empty()) << module.path;
        EXPECT_EQ(found.front(), module.path);
      }
  }
}

TEST(Suggestions, NamesOfOtherProjects) {
  EXPECT_EQ(ownPath("layers.0.attn.wkv_a"), "blocks.0.attn.kv_a_proj");
  EXPECT_EQ(ownPath("layers.1.ffn.experts.3.w2.weight"), "blocks.1.ffn.experts.3.down_proj");
  EXPECT_EQ(ownPath("blocks.1.ffn.router.router"), "blocks.1.ffn.router");
  EXPECT_EQ(ownPath("blocks.1.ffn.shared_experts.0.gate_proj"), "blocks.1.ffn.shared_experts.gate_proj");
  EXPECT_EQ(ownPath("model.layers.0.self_attn.q_a_layernrom"), "blocks.0.attn.q_a_norm");
  for (const Module &module : modelModules({}))
    EXPECT_EQ(ownPath(module.path), module.path);
}

class SuggestionsTinyV3 : public testing::Test {
protected:
  std::vector<Module> modules = modelModules({});
  Suggester suggester{modules};
};

TEST_F(SuggestionsTinyV3, DenseNamesOnMoEBlocksAndTheOtherWayRound) {
  EXPECT_EQ(suggester.suggest("blocks.1.ffn.up_proj"),
            (std::vector<std::string>{"blocks.1.ffn.shared_experts.up_proj", "blocks.1.ffn.experts.0.up_proj", "blocks.0.ffn.up_proj"}));
  EXPECT_EQ(suggester.suggest("blocks.0.ffn.experts.3.up_proj").front(), "blocks.0.ffn.up_proj");
  EXPECT_TRUE(amongFirstThree(suggester, "blocks.0.ffn.experts.3.up_proj", "blocks.1.ffn.experts.3.up_proj"));
  EXPECT_EQ(suggester.explain("blocks.1.ffn.up_proj"), "blocks.1.ffn has experts, router, shared_experts");
  EXPECT_EQ(suggester.suggest("blocks.2.attn.q_proj").front(), "blocks.2.attn.q_a_proj");
}

TEST_F(SuggestionsTinyV3, IndicesOutOfRange) {
  EXPECT_EQ(suggester.explain("blocks.9.attn.q_a_norm"), "blocks are 0..2");
  EXPECT_EQ(suggester.explain("blocks.1.ffn.experts.8.up_proj"), "blocks.1.ffn.experts are 0..7");
  EXPECT_EQ(suggester.suggest("blocks.3.attn.out_proj").front(), "blocks.2.attn.out_proj");
  EXPECT_EQ(suggester.suggest("blocks.7.ffn.experts.9.up_proj").front(), "blocks.2.ffn.experts.7.up_proj");
  EXPECT_EQ(suggester.suggest("blocks.5.ffn.experts.1.up_proj").front(), "blocks.1.ffn.experts.5.up_proj"); // swapped
}

TEST(Suggestions, DigitsExchanged) {
  std::vector<Module> modules = modelModules({.blocks = 61, .dense = 3, .experts = 256});
  EXPECT_TRUE(amongFirstThree(Suggester(modules), "blocks.81.ffn.experts.187.gate_proj", "blocks.18.ffn.experts.187.gate_proj"));
}

TEST_F(SuggestionsTinyV3, NothingNearIsNoSuggestion) { EXPECT_TRUE(suggester.suggest("completely/other").empty()); }

TEST_F(SuggestionsTinyV3, ForPatterns) {
  EXPECT_EQ(suggester.suggestForPattern(".*q_a_nrom$").front(), "blocks.0.attn.q_a_norm");
  EXPECT_EQ(suggester.suggestForPattern("*.exprts.*.gate_proj").front(), "blocks.1.ffn.experts.0.gate_proj");
  EXPECT_EQ(suggester.suggestForPattern("self_attn\\.o_proj").front(), "blocks.0.attn.out_proj");
  EXPECT_TRUE(suggester.suggestForPattern("zzz").empty());
  EXPECT_TRUE(suggester.suggestForPattern(".*").empty());
}

} // namespace
