// Resolution: dtypes by mode, the order of decisions, formats by granularity, auto, chains, the lists, and the size of V3.
#include "TestModels.h"

using namespace dsmlir;
using namespace dsmlir::test;

namespace {

using Words = std::vector<std::string>;

struct ModeCase {
  Words words;
  const char *mode, *activation, *params, *linear, *norm;
};

TEST(Resolution, DtypesFollowFromModeRecipeAndFlags) {
  for (const ModeCase &test :
       {ModeCase{{}, "bf16", "bf16", "bf16", "bf16", "bf16"},
        {{"--fp32"}, "fp32", "fp32", "fp32", "fp32", "fp32"},
        {{"--fp16"}, "fp16", "fp16", "fp16", "fp16", "fp16"},
        {{"--fp8"}, "fp8", "bf16", "bf16", "fp8", "bf16"},
        {{"--fp4", "--activation-dtype", "fp16"}, "fp4", "fp16", "bf16", "fp4", "fp16"},
        {{"--precision-recipe", "deepseek_v3"}, "fp8", "bf16", "bf16", "fp8", "bf16"},
        {{"--precision-recipe", "deepseek_v3", "--activation-dtype", "fp32"}, "fp8", "fp32", "bf16", "fp8", "fp32"},
        {{"--precision-recipe", "default", "--fp16"}, "fp16", "fp16", "fp16", "fp16", "fp16"},
        {{"--fp32", "--params-dtype", "bf16", "--compute-lowbit-mode", "fp8"}, "fp32", "fp32", "bf16", "fp8", "fp32"}}) {
    Resolution resolution = resolveWords(test.words);
    SCOPED_TRACE(testing::PrintToString(test.words));
    EXPECT_FALSE(resolution.hasErrors()) << printAll(resolution.findings);
    EXPECT_STREQ(name(resolution.mode), test.mode);
    EXPECT_STREQ(name(resolution.activationDtype), test.activation);
    EXPECT_STREQ(name(resolution.paramsDtype), test.params);
    EXPECT_EQ(computeOf(resolution, "blocks.0.attn.out_proj"), test.linear);
    EXPECT_EQ(computeOf(resolution, "final_norm"), test.norm);
  }
}

TEST(Resolution, TheRecipeComesAfterIncludes) {
  Resolution resolution = resolveWords({"--precision-recipe", "deepseek_v3", "--fp8-param", "--compute-lowbit-include", "head|out_proj",
                                        "--persistent-lowbit-include", "head|router|out_proj"});
  EXPECT_FALSE(resolution.hasErrors()) << printAll(resolution.findings);
  EXPECT_EQ(computeOf(resolution, "lm_head"), "bf16");
  EXPECT_EQ(persistentOf(resolution, "lm_head"), "");
  EXPECT_EQ(persistentOf(resolution, "blocks.1.ffn.router"), "");
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn.out_proj"), "fp8");
  EXPECT_EQ(persistentOf(resolution, "blocks.0.attn.out_proj"), "fp8");
}

TEST(Resolution, TheOverrideComesLastAndLeavesStorage) {
  Resolution resolution =
      resolveWords({"--fp8", "--fp8-param", "--module-compute-dtype-rule", "norm=fp16", "--module-compute-dtype-override",
                    "final_norm=fp32", "--module-compute-dtype-override", "blocks.0.attn.out_proj=fp32"});
  EXPECT_FALSE(resolution.hasErrors()) << printAll(resolution.findings);
  EXPECT_EQ(computeOf(resolution, "final_norm"), "fp32");
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn_norm"), "fp16");
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn.out_proj"), "fp32");
  EXPECT_EQ(persistentOf(resolution, "blocks.0.attn.out_proj"), "fp8");
  EXPECT_EQ(resolution.decision("blocks.0.attn.out_proj")->product, -1);
  EXPECT_EQ(resolution.decision("blocks.0.attn.out_proj")->stored, 0);
  EXPECT_EQ(resolution.decision("blocks.1.attn.out_proj")->product, 0);
}

TEST(Resolution, StorageHasListsOfItsOwn) {
  Resolution resolution =
      resolveWords({"--fp8", "--compute-lowbit-exclude", "experts", "--fp4-param", "--persistent-lowbit-include", "experts"});
  EXPECT_EQ(computeOf(resolution, "blocks.1.ffn.experts.0.up_proj"), "bf16");
  EXPECT_EQ(persistentOf(resolution, "blocks.1.ffn.experts.0.up_proj"), "fp4");
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn.out_proj"), "fp8");
  EXPECT_EQ(persistentOf(resolution, "blocks.0.attn.out_proj"), "");
}

TEST(Resolution, Reasons) {
  Resolution resolution =
      resolveWords({"--precision-recipe", "deepseek_v3", "--compute-lowbit-exclude", "kv_b", "--module-compute-dtype-rule", "q_a_norm=fp16",
                    "--module-compute-dtype-override", "final_norm=fp32"});
  auto reason = [&](const char *path) { return resolution.decision(path)->reason; };
  EXPECT_EQ(reason("blocks.0.attn.out_proj"), "recipe deepseek_v3");
  EXPECT_EQ(reason("blocks.1.ffn.router"), "recipe deepseek_v3: high precision");
  EXPECT_EQ(reason("blocks.0.attn.kv_b_proj"), "exclude 'kv_b'");
  EXPECT_EQ(reason("blocks.0.attn.q_a_norm"), "rule 1 'q_a_norm=fp16'");
  EXPECT_EQ(reason("final_norm"), "override");
  EXPECT_EQ(resolveWords({"--fp8"}).decision("final_norm")->reason, "run policy");
  EXPECT_EQ(resolveWords({"--fp8"}).decision("lm_head")->reason, "mode fp8");
  EXPECT_EQ(resolveWords({"--bf16", "--compute-lowbit-mode", "fp8", "--compute-lowbit-include", "head"}).decision("lm_head")->reason,
            "compute-lowbit-mode fp8, include 'head'");
}

QuantFormat format(const char *payload, int64_t rows, int64_t cols, const char *scale, const char *rule, const char *outer = "") {
  return {.payload = payload, .tileRows = rows, .tileCols = cols, .scale = scale, .rule = rule, .rounding = "nearest", .outerScale = outer};
}

TEST(Resolution, FormatsOfThePrecisionDocument) {
  auto product = [](const Words &words) { return resolveWords(words).products.at(0); };
  EXPECT_EQ(product({"--fp8"}).activation, format("f8E4M3FN", 1, 128, "f32", "amax"));
  EXPECT_EQ(product({"--fp8"}).weight, format("f8E4M3FN", 128, 128, "f32", "amax"));
  EXPECT_EQ(product({"--precision-recipe", "deepseek_v3"}).activation, format("f8E4M3FN", 1, 128, "f32", "amax"));
  EXPECT_EQ(product({"--precision-recipe", "deepseek_v3"}).promote, 128);
  EXPECT_EQ(product({"--fp8", "--fp8-scale-format", "ue8m0"}).weight, format("f8E4M3FN", 128, 128, "ue8m0", "power_of_two"));
  Words channel = {"--fp8", "--fp8-activation-granularity", "channel", "--fp8-weight-granularity", "channel"};
  EXPECT_EQ(product(channel).activation, format("f8E4M3FN", 1, 0, "f32", "amax"));
  EXPECT_EQ(product(channel).weight, format("f8E4M3FN", 1, 0, "f32", "amax"));
  EXPECT_EQ(product(channel).promote, 128);
  Words tensor = {"--fp8", "--fp8-activation-granularity", "tensor", "--fp8-weight-granularity", "block_128x128"};
  EXPECT_EQ(product(tensor).activation, format("f8E4M3FN", 0, 0, "f32", "amax"));
  EXPECT_EQ(product(tensor).promote, 128);
  EXPECT_EQ(product({"--fp4"}).activation, format("f4E2M1FN", 1, 16, "f8E4M3FN", "amax", "row"));
  EXPECT_EQ(product({"--fp4"}).promote, 16);
  EXPECT_EQ(product({"--fp4"}).weight, format("f4E2M1FN", 1, 16, "f8E4M3FN", "amax", "tensor"));
  EXPECT_EQ(product({"--fp4", "--fp4-format", "mxfp4"}).activation, format("f4E2M1FN", 1, 32, "ue8m0", "mx"));
  EXPECT_EQ(product({"--fp4", "--fp4-format", "mxfp4"}).weight, format("f4E2M1FN", 1, 32, "ue8m0", "mx"));
  QuantFormat stochastic =
      product({"--precision-recipe", "nano_train_deepseek_v3", "--rounding-seed", "5", "--fp8-amax-floor", "0.25"}).weight;
  EXPECT_EQ(stochastic.rounding, "stochastic");
  EXPECT_EQ(stochastic.seed, 5u);
  EXPECT_EQ(stochastic.amaxFloor, 0.25);
  EXPECT_EQ(resolveWords({"--bf16", "--fp8-param"}).storedFormats.at(0), format("f8E4M3FN", 1, 0, "f32", "amax"));
  EXPECT_EQ(resolveWords({"--bf16", "--fp4-param", "--persistent-scale-granularity", "per_tensor"}).storedFormats.at(0),
            format("nf4", 0, 0, "f32", "amax"));
}

TEST(Resolution, Communication) {
  auto plan = [](const Words &words) { return resolveWords(words).communication; };
  EXPECT_FALSE(plan({"--fp8"}).quantised);
  EXPECT_EQ(plan({"--fp8"}).dispatch, "bf16");
  CommunicationPlan paper = plan({"--precision-recipe", "deepseek_v3"});
  EXPECT_TRUE(paper.quantised);
  EXPECT_EQ(paper.dispatch, "expert input payload and scales");
  EXPECT_EQ(paper.combine, "bf16");
  CommunicationPlan trainer = plan({"--precision-recipe", "nano_train_deepseek_v3"});
  EXPECT_EQ(trainer.granularity, "block_128x128");
  EXPECT_EQ(trainer.combine, "fp8");
  EXPECT_EQ(plan({"--precision-recipe", "deepseek_v3", "--no-fp8-comm-quant"}).dispatch, "bf16");
  EXPECT_EQ(plan({"--precision-recipe", "deepseek_v3", "--fp8-comm-granularity", "tensor"}).dispatch, "fp8");
}

TEST(Resolution, AutoNamesWhatTheCheckpointHolds) {
  Checkpoint fp8{.storedDtype = "bf16", .quantMethod = "fp8", .format = "e4m3", .blockRows = 128, .blockCols = 128, .ue8m0 = true};
  Resolution found = resolveWords({"--precision-recipe", "auto"}, {}, &fp8);
  EXPECT_FALSE(found.hasErrors()) << printAll(found.findings);
  ASSERT_TRUE(found.recipe);
  EXPECT_EQ(found.recipe->name, "deepseek_v3");
  EXPECT_NE(found.recipe->source.find("quantization_config"), std::string::npos);
  EXPECT_EQ(found.products.at(0).weight.scale, "ue8m0");
  EXPECT_EQ(computeOf(found, "blocks.0.attn.out_proj"), "fp8");
  EXPECT_EQ(computeOf(found, "lm_head"), "bf16");
  fp8.ue8m0 = false;
  EXPECT_EQ(resolveWords({"--precision-recipe", "auto"}, {}, &fp8).products.at(0).weight.scale, "f32");
  EXPECT_EQ(codesOf(resolveWords({"--precision-recipe", "auto", "--bf16"}, {}, &fp8).findings), std::vector<std::string>{"DS1001"});

  Checkpoint plain;
  plain.storedDtype = "fp16";
  Resolution wide = resolveWords({"--precision-recipe", "auto"}, {}, &plain);
  EXPECT_FALSE(wide.hasErrors());
  EXPECT_FALSE(wide.recipe);
  EXPECT_EQ(wide.mode, Precision::FP16);
}

TEST(Resolution, TheChainNamesEveryLayerAndTheOneThatWon) {
  Resolution resolution =
      resolveWords({"--precision-recipe", "deepseek_v3", "--fp8-param", "--module-compute-dtype-rule", "norm=fp32",
                    "--module-compute-dtype-rule", "final_norm=fp16", "--module-compute-dtype-override", "blocks.0.attn.out_proj=fp16"});
  auto chain = [&](const char *path) {
    std::string text;
    for (const ChainLink &link : resolution.chain(*resolution.find(path)))
      text += std::string(link.won ? "*" : "") + link.layer + "|" + link.said + "\n";
    return text;
  };
  EXPECT_EQ(chain("final_norm"), "run policy|bf16: activations of mode fp8\n"
                                 "low-bit compute|not selected: a RMSNorm cannot run in low precision\n"
                                 "recipe|high precision: recipe deepseek_v3\n"
                                 "rule|fp32: rule 1 'norm=fp32' (the command line)\n"
                                 "*rule|fp16: rule 2 'final_norm=fp16' (the command line)\n"
                                 "low-bit storage|not selected: a RMSNorm cannot run in low precision\n"
                                 "*recipe|high precision: recipe deepseek_v3\n"
                                 "*storage|bf16: params dtype\n");
  EXPECT_EQ(chain("blocks.0.attn.out_proj"), "run policy|bf16: activations of mode fp8\n"
                                             "low-bit compute|fp8: recipe deepseek_v3, every module that can\n"
                                             "*override|fp16: override (the command line)\n"
                                             "*low-bit storage|fp8: fp8 storage, every module that can\n");
  EXPECT_EQ(chain("lm_head"), "run policy|bf16: activations of mode fp8\n"
                              "low-bit compute|fp8: recipe deepseek_v3, every module that can\n"
                              "*recipe|high precision: recipe deepseek_v3\n"
                              "low-bit storage|fp8: fp8 storage, every module that can\n"
                              "*recipe|high precision: recipe deepseek_v3\n"
                              "*storage|bf16: params dtype\n");
}

TEST(Resolution, ExplainByPathPatternAndNearestName) {
  Resolution resolution =
      resolveWords({"--precision-recipe", "deepseek_v3", "--module-compute-dtype-override", "blocks.0.attn.q_a_norm=fp16"});
  dsrt::Expected<std::string> one = explain(resolution, "blocks.0.attn.q_a_norm");
  ASSERT_TRUE(one);
  EXPECT_NE(one->find("computes in fp16"), std::string::npos) << *one;
  dsrt::Expected<std::string> grouped = explain(resolution, "q_a_norm");
  ASSERT_TRUE(grouped);
  EXPECT_NE(grouped->find("1 module: blocks.0.attn.q_a_norm"), std::string::npos) << *grouped;
  EXPECT_NE(grouped->find("2 modules: blocks.[1-2].attn.q_a_norm"), std::string::npos) << *grouped;
  dsrt::Expected<std::string> none = explain(resolution, "blocks.0.attn.q_a_nrom");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.status().code(), DSRT_REJECTED);
  EXPECT_NE(none.status().message().find("did you mean blocks.0.attn.q_a_norm"), std::string::npos) << none.status().message();
  EXPECT_FALSE(explain(resolution, "(attn"));
}

TEST(Resolution, TheListIsThatOfTheCommandLineDocument) {
  Resolution resolution = resolve({{"a.out_proj", "Linear", true, ""}, {"final_norm", "RMSNorm", false, ""}},
                                  parse({"--precision-recipe", "deepseek_v3", "--fp8-param"}));
  EXPECT_EQ(
      listModulesJson(resolution).dump(),
      R"({"mode":"fp8","activation_dtype":"bf16","params_dtype":"bf16","recipe":{"activation_granularity":"tile_1x128",)"
      R"("weight_granularity":"block_128x128","rounding":"nearest","comm_quant":true,"comm_granularity":"tile_1x128"},"modules":[)"
      R"({"path":"a.out_proj","type":"Linear","low_bit_capable":true,"compute":"fp8","persistent":"fp8","reason":"recipe deepseek_v3"},)"
      R"({"path":"final_norm","type":"RMSNorm","low_bit_capable":false,"compute":"bf16","persistent":null,"reason":"recipe deepseek_v3: high precision"}]})");
  EXPECT_EQ(listModulesText(resolution), "mode fp8, activations bf16, parameters bf16, recipe deepseek_v3\n"
                                         "path        type       compute  stored  reason\n"
                                         "a.out_proj  Linear     fp8      fp8     recipe deepseek_v3\n"
                                         "final_norm  RMSNorm    bf16     bf16    recipe deepseek_v3: high precision\n");
  EXPECT_TRUE(listModulesJson(resolveWords({"--fp8"}))["recipe"].is_null());
}

TEST(Resolution, ThePolicySectionShowsEveryOptionThatIsAccepted) {
  dsrt::Json json = policyJson(resolveWords(
      {"--precision-recipe", "deepseek_v3", "--fp8-format", "hybrid", "--loss-scale-init", "1024", "--exp-avg-sq-dtype", "fp32"}));
  EXPECT_EQ(json["training"]["fp8"]["gradient_payload"], "f8E5M2");
  EXPECT_EQ(json["training"]["loss_scaling"]["init"], 1024);
  EXPECT_EQ(json["training"]["exp_avg_dtype"], "bf16"); // the recipe's
  EXPECT_EQ(json["training"]["exp_avg_sq_dtype"], "fp32");
  EXPECT_EQ(json["compute"]["weight"]["tile"], dsrt::Json::parse("[128,128]"));
  EXPECT_EQ(json["compute"]["depends_on_batch"], false);
  EXPECT_EQ(json["options"]["fp8_format"], "hybrid");
  EXPECT_EQ(policyJson(resolveWords({"--fp8", "--fp8-activation-granularity", "tensor"}))["compute"]["depends_on_batch"], true);
}

// V3: 61 blocks, 256 experts, with 100 rules and 100 overrides. Nothing is timed here; the bench does that.
TEST(Resolution, TheSizeOfV3) {
  Shape shape{.blocks = 61, .dense = 3, .experts = 256};
  std::vector<Module> modules = modelModules(shape);
  EXPECT_GT(modules.size(), 45000u);
  Words words = {"--bf16", "--module-pattern-type", "regex"};
  for (int i = 0; i < 100; ++i) {
    words.push_back("--module-compute-dtype-rule");
    words.push_back("experts\\." + std::to_string(i) + "\\.(gate|up)_proj$=fp16");
    words.push_back("--module-compute-dtype-override");
    words.push_back("blocks.7.ffn.experts." + std::to_string(i) + ".down_proj=fp32");
  }
  Resolution resolution = resolve(modules, parse(words));
  EXPECT_TRUE(resolution.findings.empty()) << printAll(resolution.findings);
  size_t fp16 = 0, fp32 = 0;
  for (const Decision &decision : resolution.decisions) {
    fp16 += decision.compute == Precision::FP16;
    fp32 += decision.compute == Precision::FP32;
  }
  EXPECT_EQ(fp16, 58u * 100 * 2);
  EXPECT_EQ(fp32, 100u);
}

} // namespace
