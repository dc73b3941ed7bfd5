// Recipes: the built-in ones, those that a precision file declares, and the one that a checkpoint is stored for.
#include "TestModels.h"
#include "passes/precision/RecognisedRecipe.h"

using namespace dsmlir;
using namespace dsmlir::test;

namespace {

const Origin file{Origin::Source::File, "p.json"}, policy{Origin::Source::Policy, "m.mlir:1:2"};

PrecisionOptions fromFile(const char *text) {
  PrecisionOptions options;
  (void)readConfig(dsrt::Json::parse(text), "p.json", options).ok(); // what is refused stands in the options
  return options;
}

Resolution resolveFile(const char *text) { return resolve(modelModules({}), fromFile(text)); }

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

TEST(Recipes, TheBuiltInOnesAreThoseOfThePrecisionDocument) {
  std::vector<std::string> names;
  for (const Recipe &recipe : builtInRecipes())
    names.push_back(recipe.name);
  EXPECT_EQ(names, (std::vector<std::string>{"default", "deepseek_v3", "nano_train_deepseek_v3"}));
  const Recipe &published = *findBuiltInRecipe("deepseek_v3"), &trainer = *findBuiltInRecipe("nano_train_deepseek_v3");
  EXPECT_EQ(published.highPrecision, trainer.highPrecision);
  EXPECT_EQ(published.rounding + " " + published.dispatch + " " + published.combine, "nearest expert input payload and scales bf16");
  EXPECT_EQ(trainer.rounding + " " + trainer.dispatch + " " + trainer.combine + " " + trainer.commGranularity,
            "stochastic fp8 fp8 block_128x128");
}

// "default" is the recipe that holds where none is given: asked for by name, nothing changes but who asked.
TEST(Recipes, DefaultIsARecipe) {
  Resolution without = resolveWords({"--fp8"}), with = resolveWords({"--fp8", "--precision-recipe", "default"});
  EXPECT_EQ(listModulesJson(with), listModulesJson(without));
  EXPECT_TRUE(listModulesJson(with)["recipe"].is_null());
  EXPECT_EQ(policyJson(with)["recipe_name"], "default");
  EXPECT_EQ(policyJson(with)["recipe_source"], "--precision-recipe default");
  EXPECT_EQ(policyJson(without)["recipe_source"], "the default");
}

TEST(Recipes, EveryRecipeIsWrittenAndReadBack) {
  for (const Recipe &recipe : builtInRecipes()) {
    PrecisionOptions options;
    readRecipe("mine", recipeFieldsJson(recipe), file, options);
    ASSERT_TRUE(options.refused.empty()) << printAll(options.refused);
    ASSERT_EQ(options.recipes.size(), 1u);
    Recipe again = options.recipes[0].recipe;
    again.name = recipe.name;
    EXPECT_EQ(again, recipe) << recipe.name;
  }
}

// A copy of a built-in recipe decides as the recipe does, but for its name.
TEST(Recipes, BasedOnTakesTheFieldsThatAreLeftOut) {
  Resolution built = resolveWords({"--precision-recipe", "nano_train_deepseek_v3"});
  Resolution copy = resolveFile(R"({"precision_recipe": "mine", "recipes": {"mine": {"based_on": "nano_train_deepseek_v3"}}})");
  ASSERT_FALSE(copy.hasErrors()) << printAll(copy.findings);
  dsrt::Json expected = policyJson(built), got = policyJson(copy);
  for (dsrt::Json *json : {&expected, &got}) {
    json->erase("options");
    json->erase("recipe_name");
    json->erase("recipe_source");
    (*json)["recipe"].erase("name");
    (*json)["recipe"].erase("source");
  }
  EXPECT_EQ(got, expected);
  for (size_t i = 0; i < built.decisions.size(); ++i)
    EXPECT_EQ(copy.decisions[i].compute, built.decisions[i].compute) << built.modules()[i].path;
  EXPECT_EQ(copy.decision("lm_head")->reason, "recipe mine: high precision");
}

TEST(Recipes, EveryFieldOfAUsersRecipeReachesThePlan) {
  Resolution resolution = resolveFile(R"({"precision_recipe": "mine", "recipes": {"mine": {
      "source": "our own", "mode": "fp8", "high_precision": ["blocks.0.*", "lm_hea?"], "pattern_type": "glob",
      "activation_granularity": "channel", "weight_granularity": "tensor", "rounding": "stochastic", "scale_format": "ue8m0",
      "comm_quant": true, "comm_granularity": "channel", "dispatch": "expert input payload and scales", "combine": "bf16",
      "main_params_dtype": "bf16", "main_grads_dtype": "fp16", "exp_avg_dtype": "bf16", "exp_avg_sq_dtype": "fp16"}}})");
  ASSERT_FALSE(resolution.hasErrors()) << printAll(resolution.findings);
  EXPECT_EQ(computeOf(resolution, "lm_head"), "bf16");
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn.out_proj"), "bf16");
  EXPECT_EQ(computeOf(resolution, "blocks.1.attn.out_proj"), "fp8");
  dsrt::Json plan = policyJson(resolution);
  EXPECT_EQ(plan["mode"], "fp8");
  EXPECT_EQ(plan["recipe_name"], "mine");
  EXPECT_EQ(plan["compute"]["activation"]["tile"].dump() + plan["compute"]["weight"]["tile"].dump(), "[1,0][0,0]");
  EXPECT_EQ(plan["compute"]["weight"]["scale"], "ue8m0");
  EXPECT_EQ(plan["compute"]["weight"]["rounding"], "stochastic");
  EXPECT_EQ(plan["communication"].dump(),
            R"({"quantised":true,"granularity":"channel","dispatch":"expert input payload and scales","combine":"bf16"})");
  EXPECT_EQ(plan["training"]["main_params_dtype"], "bf16");
  EXPECT_EQ(plan["training"]["main_grads_dtype"], "fp16");
  EXPECT_EQ(plan["training"]["exp_avg_dtype"], "bf16");
  EXPECT_EQ(plan["training"]["exp_avg_sq_dtype"], "fp16");
  EXPECT_EQ(plan["options"]["recipes"]["mine"]["source"], "our own");
  Resolution four = resolveFile(R"({"precision_recipe": "m", "recipes": {"m": {"mode": "fp4", "fp4_format": "mxfp4"}}})");
  EXPECT_EQ(four.products.at(0).weight.tileCols, 32);
  EXPECT_EQ(computeOf(four, "lm_head"), "fp4");
}

TEST(Recipes, FlagsWinOverTheRecipesFormats) {
  PrecisionOptions options =
      fromFile(R"({"precision_recipe": "mine", "recipes": {"mine": {"based_on": "deepseek_v3", "rounding": "stochastic"}}})");
  ASSERT_TRUE(set(options, "fp8-rounding", "nearest", Origin{}).ok());
  EXPECT_EQ(resolve(modelModules({}), options).products.at(0).weight.rounding, "nearest");
}

// A recipe that sets no mode leaves the run policy alone; its high-precision modules hold under whatever selects low precision.
TEST(Recipes, WithoutAModeTheFlagsDecide) {
  const char *text = R"({"precision_recipe": "m", "recipes": {"m": {"high_precision": ["lm_head"]}}})";
  PrecisionOptions options = fromFile(text);
  ASSERT_TRUE(set(options, "fp4", "", Origin{}).ok());
  Resolution resolution = resolve(modelModules({}), options);
  ASSERT_FALSE(resolution.hasErrors()) << printAll(resolution.findings);
  EXPECT_EQ(resolution.decision("blocks.0.attn.out_proj")->reason, "mode fp4");
  EXPECT_EQ(resolution.decision("lm_head")->reason, "recipe m: high precision");
  EXPECT_EQ(resolveFile(text).mode, Precision::BF16);
}

struct Bad {
  const char *text, *code, *says;
};

TEST(Recipes, WhatIsWrongWithARecipeIsReportedByName) {
  for (const Bad &bad : {
           Bad{R"({"precision_recipe": "deepseek_v4"})", "DS1017", "did you mean 'deepseek_v3'?"},
           {R"({"precision_recipe": "mime", "recipes": {"mine": {"mode": "fp8"}}})", "DS1017", "did you mean 'mine'?"},
           {R"({"recipes": {"deepseek_v3": {}}})", "DS1018", "recipe 'deepseek_v3' has the name of a built-in one"},
           {R"({"recipes": {"auto": {}}})", "DS1018", "auto"},
           {R"({"recipes": {"": {}}})", "DS1018", "expects a name"},
           {R"({"recipes": {"a b": {}}})", "DS1018", "'a b' expects a name"},
           {R"({"recipes": 3})", "DS1019", "recipes expects an object"},
           {R"({"precision_recipe": "m", "recipes": {"m": 3}})", "DS1019", "recipe m expects an object"},
           {R"({"precision_recipe": "m", "recipes": {"m": {"ronding": "nearest"}}})", "DS1019", "did you mean 'rounding'?"},
           {R"({"precision_recipe": "m", "recipes": {"m": {"zzzzzzzz": 1}}})", "DS1019", "fields are based_on"},
           {R"({"precision_recipe": "m", "recipes": {"m": {"rounding": "up"}}})", "DS1019", "rounding expects nearest or stochastic"},
           {R"({"precision_recipe": "m", "recipes": {"m": {"comm_quant": "yes"}}})", "DS1019", "comm_quant expects true or false"},
           {R"({"precision_recipe": "m", "recipes": {"m": {"high_precision": "norm$"}}})", "DS1019", "a list of patterns"},
           {R"({"precision_recipe": "m", "recipes": {"m": {"high_precision": [" "]}}})", "DS1019", "a list of patterns"},
           {R"({"precision_recipe": "m", "recipes": {"m": {"based_on": "n"}, "n": {}}})", "DS1019",
            "based_on expects default, deepseek_v3 or"},
           {R"({"precision_recipe": "m", "recipes": {"m": {"mode": "fp8", "high_precision": ["(norm"]}}})", "DS1012",
            "recipe m: high_precision '(norm' is no regex"},
           {R"({"precision_recipe": "m", "recipes": {"m": {"mode": "fp8", "high_precision": ["lm_haed"]}}})", "DS1020",
            "recipe m: high_precision 'lm_haed' matches no module"},
           {R"({"precision_recipe": "m", "fp4": true, "recipes": {"m": {"mode": "fp8"}}})", "DS1001",
            "--precision-recipe m computes in fp8"},
           {R"({"precision_recipe": "m", "compute_lowbit_mode": "fp8", "recipes": {"m": {"mode": "fp4"}}})", "DS1001",
            "--precision-recipe m computes in fp4"},
           {R"({"precision_recipe": "m", "recipes": {"m": {"mode": "fp8", "high_precision": ["norm$", "norm$"]}}})", "DS1105",
            "given twice"},
           {R"({"recipes": {"m": {"mode": "fp8"}}})", "DS1109", "recipe m is declared, but --precision-recipe is default"},
       }) {
    Resolution resolution = resolveFile(bad.text);
    ASSERT_EQ(codesOf(resolution.findings), std::vector<std::string>{bad.code}) << bad.text << "\n" << printAll(resolution.findings);
    EXPECT_TRUE(contains(resolution.findings[0].message, bad.says)) << resolution.findings[0].message;
    EXPECT_EQ(resolution.findings[0].location, "p.json");
  }
}

TEST(Recipes, AllThatIsWrongIsReportedTogether) {
  Resolution resolution = resolveFile(R"({"precision_recipe": "m", "module_compute_dtype_overrides": {"nope": "fp16"},
      "recipes": {"m": {"rounding": "up", "mood": 1, "high_precision": ["lm_haed"]}, "default": {}}})");
  EXPECT_EQ(codesOf(resolution.findings), (std::vector<std::string>{"DS1019", "DS1019", "DS1018", "DS1002", "DS1020"}))
      << printAll(resolution.findings);
}

TEST(Recipes, AFileMayHoldMoreThanTheRunUses) {
  EXPECT_TRUE(resolveFile(R"({"precision_recipe": "b", "recipes": {"a": {"mode": "fp4"}, "b": {"mode": "fp8"}}})").findings.empty());
}

TEST(Recipes, TheStrongerOriginDeclares) {
  for (bool fileFirst : {true, false}) {
    PrecisionOptions options;
    dsrt::Json weak = {{"mode", "fp4"}}, strong = {{"mode", "fp8"}};
    if (fileFirst)
      readRecipe("m", strong, file, options);
    readRecipe("m", weak, policy, options);
    if (!fileFirst)
      readRecipe("m", strong, file, options);
    ASSERT_EQ(options.recipes.size(), 1u);
    EXPECT_EQ(options.recipes[0].recipe.mode, "fp8");
  }
}

TEST(Recipes, ABuiltInRecipeHoldsOnAModelWithoutExperts) {
  Resolution dense = resolveWords({"--precision-recipe", "deepseek_v3"}, {.blocks = 2, .dense = 2, .experts = 0});
  EXPECT_TRUE(dense.findings.empty()) << printAll(dense.findings);
}

Checkpoint fp8Checkpoint() {
  return {.storedDtype = "bf16",
          .quantMethod = "fp8",
          .format = "e4m3",
          .blockRows = 128,
          .blockCols = 128,
          .ue8m0 = false,
          .linearDtypes = {{"F8_E4M3", 39}}};
}

TEST(AutoRecipe, ConfigAndFilesMustAgree) {
  Checkpoint fp8 = fp8Checkpoint();
  RecognisedRecipe found = recogniseRecipe(&fp8);
  EXPECT_EQ(found.problem, "");
  EXPECT_EQ(found.recipe + " " + found.mode + " " + found.scaleFormat, "deepseek_v3 fp8 fp32");
  EXPECT_EQ(found.source, "auto: quantization_config has fp8 e4m3 in blocks of 128x128, and the files hold 39 linear weights in F8_E4M3");
  fp8.linearDtypes = {{"BF16", 39}};
  EXPECT_EQ(recogniseRecipe(&fp8).problem, "quantization_config says fp8 e4m3, but the files hold 39 linear weights in BF16");
  fp8.linearDtypes = {{"F8_E4M3", 38}, {"BF16", 1}};
  EXPECT_EQ(recogniseRecipe(&fp8).problem,
            "quantization_config says fp8 e4m3, but the files hold 38 linear weights in F8_E4M3, 1 linear weight in BF16");

  Checkpoint plain{.storedDtype = "bf16", .quantMethod = "", .format = "", .linearDtypes = {{"F8_E4M3", 39}}};
  EXPECT_EQ(recogniseRecipe(&plain).problem, "there is no quantization_config, but the files hold 39 linear weights in F8_E4M3");
  plain.linearDtypes = {{"F16", 39}};
  EXPECT_EQ(recogniseRecipe(&plain).problem, "the config says bf16, but the files hold 39 linear weights in F16");
  plain.storedDtype = ""; // a config need not say it: the files do
  EXPECT_EQ(recogniseRecipe(&plain).mode, "fp16");
  plain.linearDtypes = {{"F16", 2}, {"F32", 1}};
  EXPECT_TRUE(contains(recogniseRecipe(&plain).problem, "2 linear weights in F16, 1 linear weight in F32"));
}

TEST(AutoRecipe, OtherKindsAreNamed) {
  Checkpoint awq{.storedDtype = "bf16", .quantMethod = "awq", .format = ""};
  EXPECT_EQ(recogniseRecipe(&awq).problem, "quantization_config has quant_method awq, which no recipe stands for; expects fp8");
  Checkpoint tensor = fp8Checkpoint();
  tensor.blockRows = tensor.blockCols = 0;
  EXPECT_TRUE(contains(recogniseRecipe(&tensor).problem, "quant_method fp8 e4m3 in no blocks"));
}

// The policy of what auto found leads to the same decisions where there is no checkpoint any more.
TEST(AutoRecipe, ThePolicyNamesWhatWasFound) {
  Checkpoint ue8m0 = fp8Checkpoint(), half{.storedDtype = "fp16", .quantMethod = "", .format = "", .linearDtypes = {{"F16", 39}}};
  ue8m0.ue8m0 = true;
  for (const Checkpoint *checkpoint : {&ue8m0, &half}) {
    Resolution first = resolveWords({"--precision-recipe", "auto"}, {}, checkpoint);
    ASSERT_FALSE(first.hasErrors()) << printAll(first.findings);
    Resolution second = resolve(modelModules({}), first.policy());
    ASSERT_FALSE(second.hasErrors()) << printAll(second.findings);
    EXPECT_EQ(second.products, first.products);
    EXPECT_EQ(listModulesJson(second)["modules"], listModulesJson(first)["modules"]);
    EXPECT_EQ(listModulesJson(first)["recipe_name"], policyJson(second)["recipe_name"]);
  }
}

} // namespace
