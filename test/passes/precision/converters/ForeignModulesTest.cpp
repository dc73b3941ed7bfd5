// Names in other projects, matching with their semantics, and sets of modules as patterns of ours.
#include "passes/precision/Patterns.h"
#include "passes/precision/converters/ModuleMatcher.h"
#include "test/passes/precision/TestModels.h"

#include <random>

using namespace dsmlir;
using namespace dsmlir::test;
using Kind = ModuleMatcher::Kind;

namespace {

bool matches(Kind kind, const std::string &text, const std::string &name) {
  dsrt::Expected<ModuleMatcher> matcher = ModuleMatcher::create(kind, text);
  EXPECT_TRUE(bool(matcher)) << matcher.status().message();
  return matcher && matcher->matches(ForeignModule{{name}, {"Module", "Linear"}});
}

TEST(ModuleMatcher, ARegexIsAnchoredAtTheStartAlone) {
  EXPECT_TRUE(matches(Kind::Regex, "model", "model.layers.0"));
  EXPECT_FALSE(matches(Kind::Regex, "layers", "model.layers.0"));
  EXPECT_TRUE(matches(Kind::Regex, ".*mlp.gate$", "model.layers.1.mlp.gate"));
  EXPECT_FALSE(matches(Kind::Regex, ".*mlp.gate$", "model.layers.1.mlp.gate_proj"));
}

TEST(ModuleMatcher, ARegexMayLookAhead) {
  EXPECT_TRUE(matches(Kind::Regex, "^(?!.*experts).*proj", "model.layers.1.self_attn.o_proj"));
  EXPECT_FALSE(matches(Kind::Regex, "^(?!.*experts).*proj", "model.layers.1.mlp.experts.0.up_proj"));
}

TEST(ModuleMatcher, AGlobIsTheWholeNameAndCrossesDots) {
  EXPECT_TRUE(matches(Kind::Glob, "model.layers.*.gate", "model.layers.1.mlp.gate"));
  EXPECT_FALSE(matches(Kind::Glob, "layers.*", "model.layers.1.mlp.gate"));
  EXPECT_FALSE(matches(Kind::Glob, "model.layers.[!1].*", "model.layers.1.mlp.gate"));
  EXPECT_FALSE(matches(Kind::Glob, "modelxlayers", "model.layers")); // a dot is a dot
  EXPECT_FALSE(matches(Kind::Glob, "model?layers.1", "model.layers.12"));
}

TEST(ModuleMatcher, ASubtreeEndsAtADot) {
  EXPECT_TRUE(matches(Kind::Subtree, "model.layers.1", "model.layers.1.mlp"));
  EXPECT_TRUE(matches(Kind::Subtree, "model.layers.1", "model.layers.1"));
  EXPECT_FALSE(matches(Kind::Subtree, "model.layers.1", "model.layers.12.mlp"));
}

// As transformers has it, quirk and all: the start of a name is enough.
TEST(ModuleMatcher, APrefixIsAPatternAtTheStartOrTheEndOfTheName) {
  EXPECT_TRUE(matches(Kind::Prefix, "model.layers.1", "model.layers.12.mlp"));
  EXPECT_TRUE(matches(Kind::Prefix, "o_proj", "model.layers.1.self_attn.o_proj"));
  EXPECT_FALSE(matches(Kind::Prefix, "self_attn", "model.layers.1.self_attn.o_proj"));
}

TEST(ModuleMatcher, AClassMayBeOneAbove) {
  EXPECT_TRUE(matches(Kind::Class, "Linear", "x"));
  EXPECT_TRUE(matches(Kind::Class, "Module", "x"));
  EXPECT_FALSE(matches(Kind::Class, "x", "x"));
}

TEST(ModuleMatcher, WhatIsNoRegexIsRefusedWithTheReason) {
  dsrt::Status status = ModuleMatcher::create(Kind::Regex, "a(b").status();
  EXPECT_EQ(status.code(), DSRT_UNREADABLE);
  EXPECT_NE(status.message().find("'a(b' is no regular expression"), std::string::npos) << status.message();
  EXPECT_EQ(ModuleMatcher::create(Kind::Regex, std::string(5000, 'a')).status().code(), DSRT_UNREADABLE);
}

TEST(ModuleMatcher, AMatchThatTakesTooLongIsGivenUp) {
  dsrt::Expected<ModuleMatcher> matcher = ModuleMatcher::create(Kind::Regex, "(a+)+$");
  EXPECT_FALSE(matcher->gaveUp());
  EXPECT_FALSE(matcher->matches(ForeignModule{{std::string(60, 'a') + "b"}, {}}));
  EXPECT_TRUE(matcher->gaveUp());
}

TEST(ForeignModules, NamesAreThoseOfTheProjects) {
  ModuleUniverse universe(modelModules({2, 1, 2, true}));
  auto names = [&](Naming naming, std::string_view path) {
    std::vector<ForeignModule> named = universe.namedBy(naming);
    for (size_t i = 0; i < named.size(); ++i)
      if (universe.modules()[i].path == path)
        return named[i];
    return ForeignModule{};
  };
  EXPECT_EQ(names(Naming::HuggingFace, "blocks.1.attn.kv_a_proj").names,
            std::vector<std::string>{"model.layers.1.self_attn.kv_a_proj_with_mqa"});
  EXPECT_EQ(names(Naming::HuggingFace, "blocks.1.ffn.experts.1.up_proj").names,
            std::vector<std::string>{"model.layers.1.mlp.experts.1.up_proj"});
  EXPECT_EQ(names(Naming::HuggingFace, "final_norm").names, std::vector<std::string>{"model.norm"});
  EXPECT_FALSE(names(Naming::HuggingFace, "blocks.1.ffn.router").is("Linear"));
  EXPECT_TRUE(names(Naming::TorchTitan, "blocks.1.ffn.router").is("Linear"));
  EXPECT_EQ(names(Naming::TorchTitan, "lm_head").names, (std::vector<std::string>{"lm_head", "output"}));
  EXPECT_TRUE(names(Naming::TorchTitan, "blocks.1.ffn.experts.1.up_proj").is("GroupedExperts"));
  EXPECT_FALSE(names(Naming::Megatron, "lm_head").is("TELinear"));
}

std::vector<bool> matchedBy(const std::string &pattern, const ModuleUniverse &universe) {
  PatternSet set;
  set.add(pattern, PatternType::Regex);
  set.compile();
  std::vector<bool> members;
  std::vector<int> found;
  for (const Module &module : universe.modules()) {
    set.match(module.path, found);
    members.push_back(!found.empty());
  }
  return members;
}

TEST(ForeignModules, NumbersArePatternsOfExactlyThem) {
  EXPECT_EQ(numbersPattern({7}), "7");
  EXPECT_EQ(numbersPattern({0, 1, 2}), "[0-2]");
  std::vector<int64_t> fromThree;
  for (int64_t i = 3; i <= 60; ++i)
    fromThree.push_back(i);
  EXPECT_EQ(numbersPattern(fromThree), "([3-9]|[1-5]\\d|60)");
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<int64_t> numbers;
    for (int64_t i = 0; i < 1200; ++i)
      if (random() % 100 < unsigned(round) % 100 + 1)
        numbers.push_back(i);
    if (numbers.empty())
      continue;
    PatternSet set;
    set.add("^" + numbersPattern(numbers) + "$", PatternType::Regex);
    set.compile();
    std::vector<int> found;
    std::vector<int64_t> got;
    for (int64_t i = 0; i < 1300; ++i) {
      set.match(std::to_string(i), found);
      if (!found.empty())
        got.push_back(i);
    }
    EXPECT_EQ(got, numbers);
  }
}

TEST(ForeignModules, APatternMatchesExactlyItsModules) {
  ModuleUniverse universe(modelModules({12, 2, 11, true}));
  std::mt19937 random(2);
  for (int round = 0; round < 100; ++round) {
    std::vector<bool> members(universe.modules().size());
    // Regular sets and irregular ones.
    for (size_t i = 0; i < members.size(); ++i)
      members[i] = round % 2 ? universe.modules()[i].path.size() % 7 == unsigned(round) % 7 : random() % 10 == 0;
    if (std::find(members.begin(), members.end(), true) == members.end())
      continue;
    EXPECT_EQ(matchedBy(universe.patternOf(members), universe), members) << universe.patternOf(members);
  }
}

TEST(ForeignModules, PatternsOfRegularSetsAreShort) {
  ModuleUniverse universe(modelModules({12, 2, 11, true}));
  auto patternOf = [&](auto wanted) {
    std::vector<bool> members;
    for (const Module &module : universe.modules())
      members.push_back(wanted(module.path));
    return universe.patternOf(members);
  };
  EXPECT_EQ(patternOf([](const std::string &path) { return path.find("router") != std::string::npos; }), "^blocks\\.\\d+\\.ffn\\.router$");
  EXPECT_EQ(patternOf([](const std::string &path) { return path.find(".experts.") != std::string::npos; }),
            "^blocks\\.\\d+\\.ffn\\.experts\\.\\d+\\.(gate_proj|up_proj|down_proj)$");
  EXPECT_EQ(patternOf([](const std::string &path) { return path == "lm_head" || path == "blocks.3.attn.out_proj"; }),
            "^(lm_head|blocks\\.3\\.attn\\.out_proj)$");
}

} // namespace
