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

  /// One or two edits of a letter. Among 256 experts no digit can be told from another: indices stay as they are where there are many.
  std::string edited(const std::string &path) {
    static const std::string letters = "abcdefghijklmnopqrstuvwxyz_";
    std::string text = path;
    auto isIndex = [&](size_t at) { return std::isdigit(static_cast<unsigned char>(text[at])) || text[at] == '.'; };
    for (size_t edits = 1 + below(2); edits > 0; --edits) {
      size_t at = below(text.size() - 1);
      while (modules.size() > 1000 && (isIndex(at) || isIndex(at + 1)))
        at = below(text.size() - 1);
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

  /// A dense name on a block of experts, "blocks.3.ffn.up_proj"; empty for what is none of an expert's.
  static std::string dense(const std::string &path) {
    std::vector<std::string> parts = splitPath(path);
    size_t experts =
        static_cast<size_t>(std::find_if(parts.begin(), parts.end(), [](auto &part) { return part.ends_with("experts"); }) - parts.begin());
    if (experts == parts.size())
      return "";
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(experts), parts.end() - 1);
    return joinPath(parts);
  }

  /// A component that is no index left out; empty where the path has one alone.
  std::string shortened(const std::string &path) {
    std::vector<std::string> parts = splitPath(path);
    std::vector<size_t> names;
    for (size_t i = 0; i + 1 < parts.size(); ++i)
      if (!std::isdigit(static_cast<unsigned char>(parts[i][0])))
        names.push_back(i);
    if (names.empty())
      return "";
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(names[below(names.size())]));
    return joinPath(parts);
  }

  /// Singular for plural, or an "s" too many.
  std::string counted(const std::string &path) {
    std::vector<std::string> parts = splitPath(path);
    std::vector<size_t> names;
    for (size_t i = 0; i < parts.size(); ++i)
      if (!std::isdigit(static_cast<unsigned char>(parts[i][0])))
        names.push_back(i);
    std::string &part = parts[names[below(names.size())]];
    if (part.ends_with("s"))
      part.pop_back();
    else
      part += "s";
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

const Shape shapes[] = {{},
                        {.blocks = 4, .dense = 1, .experts = 16},
                        {.blocks = 27, .dense = 1, .experts = 64, .qLora = false},
                        {.blocks = 5, .dense = 0, .experts = 12},
                        {.blocks = 61, .dense = 3, .experts = 256}};

// Of 200 misspelt paths of a kind, and of all kinds together, 95 in 100 are understood.
TEST(Suggestions, TheRightPathIsAmongTheFirstThree) {
  const char *const kinds[] = {"edits",
                               "swapped indices",
                               "Hugging Face names",
                               "dense names on MoE blocks",
                               "a component left out",
                               "singular and plural",
                               "edited Hugging Face names"};
  for (Shape shape : shapes) {
    Wrong generator(shape, 42);
    Suggester suggester(generator.modules);
    for (size_t kind = 0; kind < std::size(kinds); ++kind) {
      size_t tried = 0, right = 0, runs = 0;
      std::string missed;
      for (; tried < 40 && runs < 10000; ++runs) {
        std::string path = generator.anyPath(), wrong;
        if (kind == 0)
          wrong = generator.edited(path);
        else if (kind == 1)
          wrong = generator.swapped(path);
        else if (kind == 2)
          wrong = Wrong::huggingFace(path, generator.below(2));
        else if (kind == 3)
          wrong = Wrong::dense(path);
        else if (kind == 4)
          wrong = generator.shortened(path);
        else if (kind == 5)
          wrong = generator.counted(path);
        else
          wrong = generator.edited(Wrong::huggingFace(path, generator.below(2)));
        if (wrong.empty() || generator.paths.count(wrong))
          continue;
        ++tried;
        std::vector<std::string> found = suggester.suggest(wrong);
        EXPECT_LE(found.size(), 3u);
        // Of a dense name all that can be said is the block and the projection.
        bool hit = kind == 3 ? std::any_of(found.begin(), found.end(), [&](auto &one) { return Wrong::dense(one) == wrong; })
                             : std::find(found.begin(), found.end(), path) != found.end();
        right += hit;
        if (!hit)
          missed += "  " + wrong + " for " + path + ", but got " + testing::PrintToString(found) + "\n";
      }
      EXPECT_GT(tried, 20u) << kinds[kind];
      EXPECT_GE(right * 100, tried * 95) << shape.blocks << " blocks, " << kinds[kind] << ": " << right << " of " << tried << "\n"
                                         << missed;
    }
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

// Everything that an MoE block has under that name is there: the shared experts, and one of the others.
TEST(Suggestions, DenseNamesOnMoEBlocksOfV3) {
  std::vector<Module> modules = modelModules({.blocks = 61, .dense = 3, .experts = 256});
  Suggester suggester(modules);
  for (const char *name : {"gate_proj", "up_proj", "down_proj"}) {
    std::vector<std::string> found = suggester.suggest("blocks.3.ffn." + std::string(name));
    ASSERT_GE(found.size(), 2u);
    EXPECT_EQ(found[0], "blocks.3.ffn.shared_experts." + std::string(name));
    EXPECT_EQ(found[1], "blocks.3.ffn.experts.0." + std::string(name));
    EXPECT_EQ(suggester.suggest("model.layers.60.mlp." + std::string(name)).front(), "blocks.60.ffn.shared_experts." + std::string(name));
  }
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
