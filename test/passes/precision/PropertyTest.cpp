// Random policies against an independent model, and in any order of what has no order.
#include "SlowModel.h"

#include <random>

using namespace dsmlir;
using namespace dsmlir::test;

namespace {

class Policies {
public:
  explicit Policies(unsigned seed) : random(seed) {}

  SlowPolicy next(const std::vector<Module> &modules) {
    SlowPolicy policy;
    policy.glob = chance(3);
    policy.strict = chance(5);
    policy.recipe = pick({"", "", "", "deepseek_v3", "nano_train_deepseek_v3", "mine", "mine"});
    if (policy.recipe == "mine") {
      policy.recipeGlob = chance(2);
      fill(policy.highPrecision, policy.recipeGlob, 1);
    }
    bool published = !policy.recipe.empty() && policy.recipe != "mine";
    policy.mode = published ? "fp8" : pick({"fp32", "bf16", "fp16", "fp8", "fp4"});
    policy.lowBit = policy.mode == "fp8" || policy.mode == "fp4" ? policy.mode : chance(2) ? pick({"fp8", "fp4"}) : "";
    policy.byFlag = chance(2);
    policy.stored = chance(2) ? pick({"fp8", "fp4"}) : "";
    fill(policy.include, policy.glob, 3);
    fill(policy.exclude, policy.glob, 2);
    fill(policy.storedInclude, policy.glob, 3);
    fill(policy.storedExclude, policy.glob, 2);
    std::vector<std::string> ruled;
    fill(ruled, policy.glob, 2);
    for (const std::string &pattern : ruled)
      policy.rules.emplace_back(pattern, pick({"fp32", "bf16", "fp16"}));
    for (int i = below(4); i > 0; --i) {
      std::string path = modules[static_cast<size_t>(below(static_cast<int>(modules.size())))].path;
      path = chance(6) ? path + "x" : path;
      if (std::none_of(policy.overrides.begin(), policy.overrides.end(), [&](auto &other) { return other.first == path; }))
        policy.overrides.emplace_back(path, pick({"fp32", "bf16", "fp16"}));
    }
    return policy;
  }

  int below(int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); }

  template <typename T> void shuffle(std::vector<T> &list) {
    for (size_t i = list.size(); i > 1; --i)
      std::swap(list[i - 1], list[static_cast<size_t>(below(static_cast<int>(i)))]);
  }

private:
  std::mt19937 random;

  bool chance(int oneIn) { return below(oneIn) == 0; }
  std::string pick(std::vector<std::string> from) { return from[static_cast<size_t>(below(static_cast<int>(from.size())))]; }

  void fill(std::vector<std::string> &list, bool glob, int oneIn) {
    if (!chance(oneIn))
      return;
    static const std::vector<std::string> regexes = {"attn\\.",
                                                     "ffn\\.",
                                                     "experts",
                                                     "experts\\.[0-3]\\.",
                                                     "norm$",
                                                     "router",
                                                     "lm_head",
                                                     "out_proj$",
                                                     "^blocks\\.1\\.",
                                                     "q_a",
                                                     "zzz",
                                                     "proj",
                                                     "(gate|up)_proj",
                                                     "final",
                                                     "_b_",
                                                     "\\.2\\.",
                                                     "shared_experts.*down",
                                                     "kv_[ab]_proj",
                                                     "blocks.0.ffn"};
    static const std::vector<std::string> globs = {
        "*norm", "blocks.*.attn.*_proj", "blocks.[01].*", "*experts.?.up_proj", "lm_head", "final_*",           "[!b]*", "zzz*",
        "*proj", "*.ffn.router",         "norm",          "blocks.?.ffn.*",     "*[!m]",   "*.experts.[0123].*"};
    int count = 1 + below(3);
    for (int i = 0; i < count; ++i) {
      std::string pattern = pick(glob ? globs : regexes);
      if (std::find(list.begin(), list.end(), pattern) == list.end())
        list.push_back(pattern);
    }
  }
};

using Settings = std::vector<std::pair<std::string, std::string>>; ///< option and value, in the order in which they are given

Settings settingsOf(const SlowPolicy &policy) {
  Settings settings;
  auto give = [&](const std::string &name, const std::string &value) { settings.emplace_back(name, value); };
  if (!policy.recipe.empty())
    give("precision-recipe", policy.recipe);
  if (policy.recipe.empty() || policy.recipe == "mine")
    give(policy.mode, "");
  if (policy.strict)
    give("strict-rules", "");
  if (policy.lowBit != policy.mode && !policy.lowBit.empty())
    give("compute-lowbit-mode", policy.lowBit);
  if (!policy.stored.empty() && policy.byFlag)
    give(policy.stored + "-param", "");
  else if (!policy.stored.empty())
    give("persistent-lowbit-mode", policy.stored);
  bool patterns = false;
  for (auto [name, list] :
       {std::pair("compute-lowbit-include", &policy.include), std::pair("compute-lowbit-exclude", &policy.exclude),
        std::pair("persistent-lowbit-include", &policy.storedInclude), std::pair("persistent-lowbit-exclude", &policy.storedExclude)})
    for (const std::string &pattern : *list)
      give(name, pattern), patterns = true;
  for (const auto &[pattern, dtype] : policy.rules)
    give("module-compute-dtype-rule", pattern + "=" + dtype), patterns = true;
  if (policy.glob && patterns)
    give("module-pattern-type", "glob");
  for (const auto &[path, dtype] : policy.overrides)
    give("module-compute-dtype-override", path + "=" + dtype);
  return settings;
}

PrecisionOptions optionsOf(const SlowPolicy &policy, const Settings &settings) {
  PrecisionOptions options;
  if (policy.recipe == "mine")
    readRecipe("mine", {{"high_precision", policy.highPrecision}, {"pattern_type", policy.recipeGlob ? "glob" : "regex"}}, Origin{},
               options);
  for (const auto &[name, value] : settings)
    EXPECT_TRUE(set(options, name, value, Origin{}).ok()) << name << " " << value;
  return options;
}

PrecisionOptions optionsOf(const SlowPolicy &policy) { return optionsOf(policy, settingsOf(policy)); }

std::multiset<std::string> codeSet(const Resolution &resolution) {
  std::vector<std::string> codes = codesOf(resolution.findings);
  return {codes.begin(), codes.end()};
}

/// With and without a query LoRA, dense blocks, experts: 1500 policies in all.
const Shape shapes[] = {{.blocks = 3, .dense = 1, .experts = 4},
                        {.blocks = 3, .dense = 0, .experts = 3, .qLora = false},
                        {.blocks = 2, .dense = 2, .experts = 0, .qLora = false}};

TEST(Property, RandomPoliciesAgreeWithTheSlowModel) {
  Policies policies(20240611);
  size_t errors = 0, strict = 0, mine = 0;
  for (const Shape &shape : shapes) {
    std::vector<Module> modules = modelModules(shape);
    SlowModel slow(shape);
    for (int run = 0; run < 500; ++run) {
      SlowPolicy policy = policies.next(modules);
      PrecisionOptions options = optionsOf(policy);
      Resolution fast = resolve(modules, options);
      SlowModel::Answer expected = slow.answer(policy);
      errors += fast.hasErrors();
      strict += policy.strict;
      mine += policy.recipe == "mine";
      std::string what =
          std::to_string(shape.blocks) + " blocks, policy " + std::to_string(run) + "\n" + policyJson(fast)["options"].dump(1);
      ASSERT_EQ(codeSet(fast), expected.codes) << what << "\n" << printAll(fast.findings);
      ASSERT_EQ(fast.hasErrors(), expected.errors) << what;
      // With a conflict there is no answer for the module: nothing may use it.
      for (size_t i = 0; i < modules.size(); ++i) {
        ASSERT_EQ(name(fast.decisions[i].compute), expected.compute[i]) << modules[i].path << " of " << what;
        ASSERT_EQ(name(fast.decisions[i].persistent), expected.stored[i]) << modules[i].path << " of " << what;
      }
    }
  }
  EXPECT_GT(errors, 300u); // both kinds are exercised
  EXPECT_LT(errors, 1300u);
  EXPECT_GT(strict, 200u);
  EXPECT_GT(mine, 200u);
}

// Options and selections in any order, but for rules among themselves: the last match wins.
TEST(Property, TheOrderOfEqualSelectionsDoesNotMatter) {
  Policies policies(7);
  for (const Shape &shape : shapes) {
    std::vector<Module> modules = modelModules(shape);
    for (int run = 0; run < 150; ++run) {
      SlowPolicy policy = policies.next(modules);
      Settings settings = settingsOf(policy), shuffled = settings;
      policies.shuffle(policy.highPrecision);
      policies.shuffle(shuffled);
      auto isRule = [](const auto &setting) { return setting.first == "module-compute-dtype-rule"; };
      auto rule = settings.begin();
      for (auto &setting : shuffled)
        if (isRule(setting)) {
          rule = std::find_if(rule, settings.end(), isRule);
          setting = *rule++;
        }
      Resolution first = resolve(modules, optionsOf(policy)), second = resolve(modules, optionsOf(policy, shuffled));
      ASSERT_EQ(codeSet(first), codeSet(second));
      ASSERT_EQ(first.products, second.products);
      for (size_t i = 0; i < modules.size(); ++i) {
        ASSERT_EQ(first.decisions[i].compute, second.decisions[i].compute) << modules[i].path;
        ASSERT_EQ(first.decisions[i].persistent, second.decisions[i].persistent) << modules[i].path;
      }
    }
  }
}

TEST(Property, ThePolicyGivesTheSameDecisions) {
  Shape shape{.blocks = 3, .dense = 1, .experts = 4};
  std::vector<Module> modules = modelModules(shape);
  Policies policies(11);
  for (int run = 0; run < 200; ++run) {
    PrecisionOptions options = optionsOf(policies.next(modules)), again;
    for (const RecipeDefinition &definition : options.recipes)
      readRecipe(definition.recipe.name, recipeFieldsJson(definition.recipe), Origin{Origin::Source::Policy, "m.mlir:1:1"}, again);
    for (const PolicyEntry &entry : policyEntries(options))
      for (const std::string &value : entry.values)
        ASSERT_TRUE(set(again, entry.key, value, Origin{Origin::Source::Policy, "m.mlir:1:1"}).ok());
    Resolution first = resolve(modules, options), second = resolve(modules, again);
    ASSERT_EQ(codesOf(first.findings), codesOf(second.findings));
    ASSERT_EQ(listModulesJson(first), listModulesJson(second));
  }
}

} // namespace
