// What each format's rules become: the precision file, and the outcome of each rule.
#include "TestConversion.h"

using namespace dsmlir;
using namespace dsmlir::test;
using dsrt::Json;

namespace {

TEST(CompressedTensors, BlocksBecomeTilesAndIgnoredModulesExcludes) {
  Conversion conversion = convertFile("ct-fp8-block.json", Shape{3, 1, 8, true});
  EXPECT_EQ(conversion.precisionFile, Json::parse(R"({
    "params_dtype": "bf16", "fp8": true, "activation_dtype": "bf16",
    "compute_lowbit_exclude": ["^(lm_head|blocks\\.[01]\\.attn\\.out_proj)$", "^blocks\\.\\d+\\.ffn\\.router$", "^blocks\\.\\d+\\.attn\\.kv_b_proj$"],
    "fp8_scale_format": "fp32", "fp8_activation_granularity": "tile_1x128", "fp8_weight_granularity": "block_128x128"})"))
      << conversion.precisionFile.dump(1);
  EXPECT_EQ(conversion.count(Outcome::NotMapped), 0u) << outcomes(conversion);
  EXPECT_TRUE(conversion.warnings.empty()) << printAll(conversion.warnings);
}

TEST(CompressedTensors, WhatHasNoFormatIsListedAndTheRestIsConverted) {
  Conversion conversion = convertFile("ct-experts-int4.json", Shape{3, 1, 8, true});
  EXPECT_EQ(ruleAt(conversion, "config_groups.experts.weights").outcome, Outcome::NotMapped);
  EXPECT_NE(ruleAt(conversion, "config_groups.experts.weights").reason.find("zero points"), std::string::npos);
  EXPECT_EQ(ruleAt(conversion, "kv_cache_scheme").outcome, Outcome::NotMapped);
  EXPECT_EQ(ruleAt(conversion, "config_groups.attention.weights").outcome, Outcome::Mapped);
  EXPECT_EQ(ruleAt(conversion, "ignore[0]").outcome, Outcome::Remarked);
  EXPECT_EQ(conversion.precisionFile["compute_lowbit_include"],
            Json::array({"^blocks\\.\\d+\\.attn\\.(q_a_proj|q_b_proj|kv_a_proj|kv_b_proj|out_proj)$"}));
  EXPECT_EQ(conversion.precisionFile["fp8_weight_granularity"], "channel");
}

TEST(CompressedTensors, ANameCountsBeforeAPatternAndAPatternBeforeAClass) {
  Conversion conversion = convertText(R"({"config_groups": {
    "class": {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "float", "strategy": "channel"},
              "input_activations": {"num_bits": 8, "type": "float", "strategy": "token", "dynamic": true}},
    "name": {"targets": ["model.layers.0.self_attn.o_proj"], "weights": {"num_bits": 8, "type": "int", "strategy": "channel"}},
    "pattern": {"targets": ["re:model.layers.0.self_attn.*"], "weights": {"num_bits": 8, "type": "float", "strategy": "channel"},
              "input_activations": {"num_bits": 8, "type": "float", "strategy": "token", "dynamic": true}}}, "ignore": []})",
                                      "x.json", Shape{2, 1, 4, true});
  Resolution resolution = resolveConverted(conversion, Shape{2, 1, 4, true});
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn.out_proj"), "bf16");
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn.q_a_proj"), "fp8");
  EXPECT_EQ(computeOf(resolution, "lm_head"), "fp8");              // a Linear, and nothing ignores it
  EXPECT_EQ(computeOf(resolution, "blocks.1.ffn.router"), "bf16"); // no Linear
}

struct Weights {
  const char *weights, *activations;
  Json expected; ///< keys of the precision file
  Outcome weightsOutcome, activationsOutcome;
};

TEST(CompressedTensors, FormatsOfWeightsAndActivations) {
  const Outcome good = Outcome::Mapped, remarked = Outcome::Remarked, bad = Outcome::NotMapped;
  const Weights table[] = {
      {R"({"num_bits": 8, "type": "float", "strategy": "tensor"})",
       R"({"num_bits": 8, "type": "float", "strategy": "tensor", "dynamic": true})",
       {{"fp8", true}, {"fp8_activation_granularity", "tensor"}, {"fp8_weight_granularity", "tensor"}},
       good,
       good},
      {R"({"num_bits": 8, "type": "float", "strategy": "tensor"})",
       R"({"num_bits": 8, "type": "float", "strategy": "tensor", "dynamic": false})",
       {{"fp8", true}, {"fp8_activation_granularity", "tensor"}},
       good,
       bad},
      {R"({"num_bits": 8, "type": "float", "strategy": "channel"})",
       "null",
       {{"persistent_lowbit_mode", "fp8"}, {"persistent_scale_granularity", "per_channel"}},
       remarked,
       good},
      {R"({"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16})",
       R"({"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16, "dynamic": "local"})",
       {{"fp4", true}, {"fp4_format", "nvfp4"}},
       good,
       bad},
      {R"({"num_bits": 4, "type": "float", "strategy": "group", "group_size": 32})",
       R"({"num_bits": 4, "type": "float", "strategy": "group", "group_size": 32, "dynamic": true})",
       {{"fp4", true}, {"fp4_format", "mxfp4"}},
       good,
       good},
      {R"({"num_bits": 8, "type": "float", "strategy": "group", "group_size": 64})",
       R"({"num_bits": 8, "type": "float", "strategy": "token", "dynamic": true})", Json::object(), bad, bad},
      {R"({"num_bits": 8, "type": "float", "strategy": "channel", "symmetric": false})",
       R"({"num_bits": 8, "type": "float", "strategy": "token", "dynamic": true})", Json::object(), bad, bad},
      {R"({"num_bits": 8, "type": "int", "strategy": "channel"})",
       R"({"num_bits": 8, "type": "int", "strategy": "token", "dynamic": true})", Json::object(), bad, bad},
      {R"({"num_bits": 8, "type": "float", "strategy": "block", "block_structure": [64, 128]})",
       R"({"num_bits": 8, "type": "float", "strategy": "group", "group_size": 128, "dynamic": true})", Json::object(), bad, bad},
      {R"({"num_bits": 8, "type": "float", "strategy": "block", "block_structure": "128x128"})",
       R"({"num_bits": 8, "type": "float", "strategy": "group", "group_size": 128, "dynamic": true})",
       {{"fp8_weight_granularity", "block_128x128"}},
       good,
       good},
  };
  for (const Weights &entry : table) {
    std::string text = std::string(R"({"config_groups": {"g": {"targets": ["Linear"], "weights": )") + entry.weights +
                       R"(, "input_activations": )" + entry.activations + R"(}}, "ignore": ["lm_head"]})";
    Conversion conversion = convertText(text, "x.json", Shape{2, 1, 4, true});
    for (const auto &[key, value] : entry.expected.items())
      EXPECT_EQ(conversion.precisionFile.value(key, Json()), value) << text << "\n" << conversion.precisionFile.dump(1);
    if (entry.expected.empty())
      EXPECT_FALSE(conversion.precisionFile.contains("fp8")) << text;
    EXPECT_EQ(ruleAt(conversion, "config_groups.g.weights").outcome, entry.weightsOutcome) << text << outcomes(conversion);
    if (std::string_view(entry.activations) != "null")
      EXPECT_EQ(ruleAt(conversion, "config_groups.g.input_activations").outcome, entry.activationsOutcome) << text << outcomes(conversion);
  }
}

TEST(ModelOpt, ExcludesAreGlobsAndStaticScalesAreListed) {
  Conversion conversion = convertFile("modelopt-fp8.json", Shape{4, 1, 8, true});
  EXPECT_EQ(ruleAt(conversion, "quantization.quant_algo").outcome, Outcome::NotMapped); // scales from calibration
  EXPECT_EQ(ruleAt(conversion, "quantization.kv_cache_quant_algo").outcome, Outcome::NotMapped);
  EXPECT_EQ(conversion.count(Outcome::NotMapped), 2u) << outcomes(conversion);
  EXPECT_EQ(
      conversion.precisionFile["compute_lowbit_exclude"],
      Json::array({"^lm_head$", "^blocks\\.\\d+\\.ffn\\.router$", "^blocks\\.0\\.attn\\.(q_a_proj|q_b_proj|kv_a_proj|kv_b_proj|out_proj)$",
                   "^blocks\\.[12]\\.ffn\\.shared_experts\\.(gate_proj|up_proj|down_proj)$"}))
      << conversion.precisionFile.dump(1);
}

TEST(ModelOpt, MixedPrecisionNamesModulesAndWhatIsBelow) {
  Conversion conversion = convertFile("modelopt-mixed.json", Shape{3, 1, 4, true});
  EXPECT_EQ(conversion.count(Outcome::NotMapped), 0u) << outcomes(conversion);
  EXPECT_EQ(
      conversion.precisionFile["compute_lowbit_include"],
      Json::array({"^(blocks\\.\\d+\\.ffn\\.(gate_proj|up_proj)|blocks\\.1\\.ffn\\.experts\\.\\d+\\.(gate_proj|up_proj|down_proj))$"}));
}

TEST(TorchTitan, FiltersAreSubstringsAndExpertsAreAsked) {
  Conversion conversion = convertFile("torchtitan.toml", Shape{3, 1, 8, true});
  EXPECT_EQ(conversion.count(Outcome::NotMapped), 0u) << outcomes(conversion);
  EXPECT_EQ(conversion.precisionFile["fp8_scale_format"], "ue8m0"); // torchao's rowwise rounds scales
  EXPECT_EQ(conversion.precisionFile["fp8_activation_granularity"], "channel");
  Resolution resolution = resolveConverted(conversion, Shape{3, 1, 8, true});
  EXPECT_EQ(computeOf(resolution, "lm_head"), "bf16"); // "output", its name of old
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn.out_proj"), "bf16");
  EXPECT_EQ(computeOf(resolution, "blocks.1.attn.out_proj"), "fp8");
  EXPECT_EQ(computeOf(resolution, "blocks.1.ffn.router"), "bf16");
  EXPECT_EQ(computeOf(resolution, "blocks.1.ffn.experts.5.up_proj"), "fp8");
}

TEST(TorchTitan, WithoutItsConverterASectionHasNoEffect) {
  Conversion conversion = convertText("[model]\nconverters = []\n[float8]\nfilter_fqns = [\"output\"]\n", "x.toml", Shape{2, 1, 4, true});
  EXPECT_FALSE(conversion.precisionFile.contains("fp8"));
  EXPECT_EQ(ruleAt(conversion, "float8.filter_fqns").outcome, Outcome::Remarked);
}

TEST(TorchTitan, TensorwiseIsTheDefaultAndLeavesExpertsOut) {
  Conversion conversion = convertText("[float8]\nfilter_fqns = [\"output\", \"auto_filter_small_kn\"]\n", "x.toml", Shape{2, 1, 4, true});
  EXPECT_EQ(conversion.precisionFile["fp8_format"], "hybrid");
  EXPECT_EQ(conversion.precisionFile["fp8_weight_granularity"], "tensor");
  EXPECT_EQ(ruleAt(conversion, "float8.filter_fqns[1]").outcome, Outcome::NotMapped);
  Resolution resolution = resolveConverted(conversion, Shape{2, 1, 4, true});
  EXPECT_EQ(computeOf(resolution, "blocks.1.ffn.experts.0.up_proj"), "bf16");
  EXPECT_EQ(computeOf(resolution, "blocks.1.ffn.router"), "fp8"); // a Linear there, and nothing filters it
}

TEST(Megatron, BlocksOfTheRecipeAndTheFirstAndLastLayers) {
  Conversion conversion =
      convertText("--fp8-format e4m3 --fp8-recipe blockwise --bf16 --first-last-layers-bf16 --num-layers-at-end-in-bf16 2 --num-layers 6",
                  "x.sh", Shape{6, 1, 4, true});
  EXPECT_EQ(conversion.count(Outcome::NotMapped), 0u) << outcomes(conversion);
  EXPECT_EQ(conversion.precisionFile["fp8_scale_format"], "ue8m0"); // Transformer Engine's default
  Resolution resolution = resolveConverted(conversion, Shape{6, 1, 4, true});
  for (int block = 0; block < 6; ++block)
    EXPECT_EQ(computeOf(resolution, "blocks." + std::to_string(block) + ".attn.out_proj"), block == 0 || block > 3 ? "bf16" : "fp8");
  EXPECT_EQ(computeOf(resolution, "lm_head"), "bf16");
  EXPECT_EQ(computeOf(resolution, "blocks.2.ffn.router"), "bf16");
}

TEST(Megatron, DelayedScalingKeepsItsHistoryAndParametersAreStored) {
  Conversion conversion = convertFile("megatron-delayed.json", Shape{2, 1, 4, true});
  EXPECT_EQ(conversion.count(Outcome::NotMapped), 0u) << outcomes(conversion);
  const Json expected = Json::parse(R"({"fp8": true, "fp8_format": "hybrid", "fp8_amax_history_len": 1024, "fp8_amax_compute_algo": "max",
    "persistent_lowbit_mode": "fp8", "persistent_scale_granularity": "per_tensor", "activation_dtype": "fp16", "loss_scale_init": 65536.0,
    "loss_scale_growth_interval": 500})");
  for (const auto &[key, value] : expected.items())
    EXPECT_EQ(conversion.precisionFile.value(key, Json()), value) << key << conversion.precisionFile.dump(1);
}

TEST(Megatron, WhatCannotBeMappedIsListed) {
  Conversion conversion = convertText(
      "--fp8-format hybrid --fp8-recipe tensorwise --bf16 --no-fp8-wgrad --fp8-margin 1 --exp-avg-dtype fp8 --grad-reduce-in-bf16 "
      "--fp8-quantizer-of-tomorrow x --first-last-layers-bf16 --main-grads-dtype $DTYPE",
      "x.sh", Shape{4, 1, 4, true});
  for (const char *flag :
       {"--no-fp8-wgrad", "--fp8-margin", "--exp-avg-dtype", "--grad-reduce-in-bf16", "--fp8-quantizer-of-tomorrow", "--main-grads-dtype"})
    EXPECT_EQ(ruleAt(conversion, flag).outcome, Outcome::NotMapped) << flag;
  EXPECT_EQ(ruleAt(conversion, "--first-last-layers-bf16").outcome, Outcome::Mapped); // the model says how many there are
  EXPECT_EQ(convertText("--fp8-format e4m3 --first-last-layers-bf16", "x.sh", std::nullopt).count(Outcome::NotMapped), 1u);
  Conversion mx = convertText("--fp8-format e4m3 --fp8-recipe mxfp8 --bf16", "x.sh", Shape{4, 1, 4, true});
  EXPECT_EQ(ruleAt(mx, "--fp8-recipe").outcome, Outcome::NotMapped);
  EXPECT_FALSE(mx.precisionFile.contains("fp8"));
}

TEST(DeepSeek, ThePublishedConfigIsTheRecipe) {
  Conversion conversion = convertFile("deepseek.json", Shape{2, 1, 4, true});
  EXPECT_EQ(conversion.count(Outcome::NotMapped), 0u) << outcomes(conversion);
  EXPECT_EQ(conversion.precisionFile["precision_recipe"], "deepseek_v3");
  EXPECT_EQ(conversion.precisionFile["fp8_scale_format"], "ue8m0");
  EXPECT_EQ(ruleAt(conversion, "quantization_config.modules_to_not_convert[1]").outcome,
            Outcome::Remarked); // the head is not converted in any case
  EXPECT_TRUE(conversion.warnings.empty()) << printAll(conversion.warnings);
  Resolution resolution = resolveConverted(conversion, Shape{2, 1, 4, true});
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn.out_proj"), "bf16");
  EXPECT_EQ(computeOf(resolution, "blocks.1.ffn.shared_experts.down_proj"), "bf16");
  EXPECT_EQ(computeOf(resolution, "blocks.1.ffn.shared_experts.up_proj"), "fp8");
}

TEST(TorchAO, RowsBecomeChannels) {
  Conversion conversion = convertFile("torchao.json", Shape{12, 1, 4, true});
  EXPECT_EQ(conversion.count(Outcome::NotMapped), 0u) << outcomes(conversion);
  EXPECT_EQ(conversion.precisionFile["fp8_weight_granularity"], "channel");
  EXPECT_EQ(conversion.precisionFile["activation_dtype"], "fp16");
  Resolution resolution = resolveConverted(conversion, Shape{12, 1, 4, true});
  EXPECT_EQ(computeOf(resolution, "lm_head"), "fp16");
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn.out_proj"), "fp16");
  EXPECT_EQ(computeOf(resolution, "blocks.1.attn.out_proj"), "fp8");
}

TEST(TorchAO, EntriesByNameComeBeforePatternsAndTheDefault) {
  const char *rows = R"({"_type": "Float8DynamicActivationFloat8WeightConfig", "_data": {"granularity": {"_type": "PerRow"}}})";
  Conversion conversion = convertText(
      std::string(R"({"quant_method": "torchao", "quant_type": {"_type": "FqnToConfig", "_data": {"fqn_to_config": {
    "_default": )") +
          rows + R"(, "re:model.layers.0.self_attn.*": null, "model.layers.0.self_attn.o_proj": )" + rows + R"(, "re:layers": null}}}})",
      "x.json", Shape{2, 1, 4, true});
  Resolution resolution = resolveConverted(conversion, Shape{2, 1, 4, true});
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn.out_proj"), "fp8");
  EXPECT_EQ(computeOf(resolution, "blocks.0.attn.q_a_proj"), "bf16");
  EXPECT_EQ(computeOf(resolution, "blocks.1.attn.q_a_proj"), "fp8"); // patterns are the whole name
  EXPECT_EQ(computeOf(resolution, "lm_head"), "bf16");
}

TEST(TorchAO, WeightsAloneAreStorage) {
  Conversion conversion =
      convertText(R"({"quant_method": "torchao", "quant_type": "float8_weight_only", "modules_to_not_convert": ["lm_head"]})", "x.json",
                  Shape{2, 1, 4, true});
  EXPECT_EQ(conversion.precisionFile["persistent_lowbit_mode"], "fp8");
  EXPECT_FALSE(conversion.precisionFile.contains("fp8"));
  EXPECT_EQ(persistentOf(resolveConverted(conversion, Shape{2, 1, 4, true}), "blocks.0.attn.q_a_proj"), "fp8");
  EXPECT_EQ(
      ruleAt(convertText(R"({"quant_method": "torchao", "quant_type": "int4_weight_only"})", "x.json", Shape{2, 1, 4, true}), "quant_type")
          .outcome,
      Outcome::NotMapped);
}

// Every key, element and flag is a rule, once.
TEST(Conversion, EachRuleOfAFileIsListedOnce) {
  for (const char *name : {"ct-fp8-block.json", "ct-experts-int4.json", "modelopt-fp8.json", "modelopt-mixed.json", "torchtitan.toml",
                           "megatron-delayed.json", "deepseek.json", "torchao.json"}) {
    Conversion conversion = convertFile(name, Shape{3, 1, 8, true});
    std::set<std::string> places;
    for (const ForeignRule &rule : conversion.foreign.rules) {
      EXPECT_TRUE(places.insert(rule.where).second) << name << " " << rule.where;
      EXPECT_TRUE(rule.outcome == Outcome::Mapped || !rule.reason.empty()) << name << " " << rule.where;
      EXPECT_EQ(rule.outcome == Outcome::NotMapped, !rule.instead.empty()) << name << " " << rule.where;
    }
    EXPECT_EQ(conversion.verified, modelModules(Shape{3, 1, 8, true}).size());
    EXPECT_EQ(conversion.count(Outcome::Mapped) + conversion.count(Outcome::Remarked) + conversion.count(Outcome::NotMapped),
              conversion.report("f", "").at("rules").size());
  }
}

TEST(Conversion, OneFormatIsChosenWhereThereAreSeveral) {
  Conversion conversion = convertText(R"({"quant_algo": "MIXED_PRECISION", "quantized_layers": {
    "model.layers.1.mlp.experts": {"quant_algo": "FP8_PER_CHANNEL_PER_TOKEN"}, "lm_head": {"quant_algo": "MXFP4"}}})",
                                      "x.json", Shape{2, 1, 4, true});
  EXPECT_EQ(ruleAt(conversion, "quantized_layers.lm_head").outcome, Outcome::NotMapped);
  EXPECT_EQ(ruleAt(conversion, "quantized_layers.model.layers.1.mlp.experts").outcome, Outcome::Mapped);
  EXPECT_EQ(computeOf(resolveConverted(conversion, Shape{2, 1, 4, true}), "lm_head"), "bf16");
}

TEST(Conversion, MalformedInputIsRefusedWithThePlace) {
  const std::pair<const char *, const char *> table[] = {
      {R"({"config_groups": []})", "config_groups expects an object of groups"},
      {R"({"config_groups": {"g": {"weights": null}}})", "config_groups.g.targets is missing"},
      {R"({"config_groups": {"g": {"targets": ["re:("], "weights": null}}})", "config_groups.g.targets[0]: '(' is no regular expression"},
      {R"({"config_groups": {"g": {"targets": [1]}}})", "config_groups.g.targets[0] expects a string"},
      {R"({"config_groups": {"g": {"targets": ["Linear"], "weights": {"num_bits": "8"}}}})", "num_bits"},
      {R"({"quant_method": "fp8", "modules_to_not_convert": "lm_head"})", "modules_to_not_convert expects an array of strings"},
      {R"({"quant_algo": 8})", "quant_algo expects a string or null"},
      {R"({"quant_algo": "FP8", "exclude_modules": {}})", "exclude_modules expects an array of strings"},
      {R"({"float8": {"filter_fqns": "output"}})", "float8.filter_fqns expects an array of strings"},
      {R"({"fp8_format": "e5m2"})", "--fp8-format expects e4m3 or hybrid"},
  };
  for (const auto &[text, message] : table) {
    dsrt::Status status = tryConvert(text, "x.json", Shape{2, 1, 4, true}).status();
    EXPECT_EQ(status.code(), DSRT_UNREADABLE) << text << status.message();
    EXPECT_NE(status.message().find(message), std::string::npos) << status.message();
  }
  EXPECT_EQ(tryConvert("[float8\n", "x.toml", std::nullopt).status().code(), DSRT_UNREADABLE);
  EXPECT_EQ(tryConvert("{", "x.json", std::nullopt).status().code(), DSRT_UNREADABLE);
}

TEST(Conversion, AnUnknownFormatIsAQuestionOfUsage) {
  for (const char *text : {R"({"quantization_config": {"quant_method": "awq"}})", "{}", R"({"hidden_size": 3})"}) {
    dsrt::Status status = tryConvert(text, "x.json", std::nullopt).status();
    EXPECT_EQ(status.code(), DSRT_USAGE) << text;
    EXPECT_NE(status.message().find("compressed-tensors: a quantization_config"), std::string::npos) << status.message();
  }
}

TEST(Conversion, TooManyPatternsAreRefused) {
  Json config = {{"quant_algo", "FP8_PER_CHANNEL_PER_TOKEN"}, {"exclude_modules", Json::array()}};
  for (int i = 0; i < 600; ++i)
    config["exclude_modules"].push_back("*x" + std::to_string(i));
  EXPECT_EQ(tryConvert(config.dump(), "x.json", Shape{2, 1, 4, true}).status().code(), DSRT_REJECTED);
}

} // namespace
