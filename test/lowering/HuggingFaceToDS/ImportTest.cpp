// What the importer's operations and parameters carry, by variation of the config, and how paths are read.
#include "ImportTesting.h"

#include "runtime/support/Json.h"

#include <cmath>
#include <filesystem>

using namespace mlir;
using namespace dsmlir;

static std::string text(Attribute attribute) {
  std::string result;
  llvm::raw_string_ostream(result) << attribute;
  return result;
}
static std::string text(Type type) {
  std::string result;
  llvm::raw_string_ostream(result) << type;
  return result;
}
static double eps(ds::RMSNormOp norm) { return norm.getEps().convertToDouble(); }

//===--- Operations -----------------------------------------------------------------------------------------------------===//

TEST(Import, NormsInsideOfAttentionHaveTheirOwnEps) {
  Imported model;
  EXPECT_EQ(eps(model.one<ds::RMSNormOp>("blocks.0.attn_norm")), 1e-5);
  EXPECT_EQ(eps(model.one<ds::RMSNormOp>("blocks.1.ffn_norm")), 1e-5);
  EXPECT_EQ(eps(model.one<ds::RMSNormOp>("final_norm")), 1e-5);
  EXPECT_EQ(eps(model.one<ds::RMSNormOp>("blocks.0.attn.q_a_norm")), 1e-6);
  EXPECT_EQ(eps(model.one<ds::RMSNormOp>("blocks.1.attn.kv_a_norm")), 1e-6);
}

TEST(Import, AttentionKnowsItsSizesAndLayer) {
  Imported model;
  for (const char *phase : {"prefill", "decode"})
    for (int64_t layer : {0, 1}) {
      std::string path = "blocks." + std::to_string(layer) + ".attn";
      auto attention = model.all<ds::MLAAttentionOp>(phase, path + ".kv_b_proj").at(0);
      EXPECT_EQ(ds::stringifyPhase(attention.getPhase()), phase);
      EXPECT_EQ(int64_t(attention.getLayer()), layer);
      EXPECT_EQ(attention.getHeads(), 3u);
      EXPECT_EQ(attention.getNope(), 16u);
      EXPECT_EQ(attention.getRope(), 8u);
      EXPECT_EQ(attention.getValue(), 12u);
      EXPECT_EQ(attention.getKvB(), path + ".kv_b_proj.weight");
      EXPECT_EQ(int64_t(model.all<ds::CacheAppendOp>(phase, path + ".cache").at(0).getLayer()), layer);
    }
}

TEST(Import, RotationStartsAfterTheUnrotatedColumns) {
  Imported model;
  auto rotations = model.all<ds::RopeOp>("prefill", "blocks.0.attn.rope");
  ASSERT_EQ(rotations.size(), 2u);
  EXPECT_EQ(rotations[0].getHeads(), 3u);
  EXPECT_EQ(rotations[0].getBegin(), 16u);
  EXPECT_EQ(rotations[1].getHeads(), 1u);
  EXPECT_EQ(rotations[1].getBegin(), 0u);
  auto slices = model.all<ds::SliceColumnsOp>("prefill", "blocks.0.attn.kv_split");
  ASSERT_EQ(slices.size(), 2u);
  EXPECT_EQ(slices[0].getBegin(), 0u);
  EXPECT_EQ(text(slices[0].getResult().getType()), "tensor<?x48xbf16>");
  EXPECT_EQ(slices[1].getBegin(), 48u);
  EXPECT_EQ(text(slices[1].getResult().getType()), "tensor<?x8xbf16>");
}

TEST(Import, YarnScalesTheSoftmax) {
  double mscale = 0.1 * 0.7 * std::log(40.0) + 1; // of mscale_all_dim
  double scale = Imported().one<ds::MLAAttentionOp>("blocks.0.attn.kv_b_proj").getScale().convertToDouble();
  EXPECT_NEAR(scale, mscale * mscale / std::sqrt(24.0), 1e-15);
}

TEST(Import, PlainRope) {
  Imported model(R"({"rope_scaling": null})");
  EXPECT_EQ(text(model.all<ds::RopeTableOp>("prefill").at(0).getRope()), "#ds.rope<dims = 8, theta = 2.000000e+04>");
  EXPECT_NEAR(model.one<ds::MLAAttentionOp>("blocks.0.attn.kv_b_proj").getScale().convertToDouble(), 1 / std::sqrt(24.0), 1e-15);
}

TEST(Import, YarnByEitherName) {
  const char *expected = "#ds.rope<dims = 8, theta = 2.000000e+04, factor = 4.000000e+01, beta_fast = 2.400000e+01, beta_slow = "
                         "2.000000e+00, mscale = 9.000000e-01, mscale_all_dim = 0.69999999999999996, original_length = 16>";
  EXPECT_EQ(text(Imported().all<ds::RopeTableOp>("decode").at(0).getRope()), expected);
  Imported parameters(R"({"rope_scaling": null, "rope_theta": null, "rope_parameters": {"rope_type": "yarn", "rope_theta": 20000,
      "factor": 40, "beta_fast": 24, "beta_slow": 2, "mscale": 0.9, "mscale_all_dim": 0.7, "original_max_position_embeddings": 16}})");
  EXPECT_EQ(text(parameters.all<ds::RopeTableOp>("decode").at(0).getRope()), expected);
}

TEST(Import, RoutingOfV3) {
  Imported model;
  ds::RouteOp route = model.one<ds::RouteOp>("blocks.1.ffn.route");
  EXPECT_EQ(text(route.getRouting()), "#ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 6, top_k = 4, groups = 3, "
                                      "top_groups = 2, normalize = true, scaling = 2.500000e+00>");
}

TEST(Import, RoutingBiasIsTheRouters) {
  Imported model;
  EXPECT_EQ(model.one<ds::RouteOp>("blocks.1.ffn.route").getBias(), "blocks.1.ffn.router.e_score_correction_bias");
  EXPECT_EQ(text(model.param("blocks.1.ffn.router.e_score_correction_bias").getType()), "tensor<6xf32>");
}

TEST(Import, RoutingOfV2) {
  Imported limited(R"({"model_type": "deepseek_v2", "topk_method": "group_limited_greedy", "norm_topk_prob": false})");
  ds::RouteOp route = limited.one<ds::RouteOp>("blocks.1.ffn.route");
  EXPECT_EQ(text(route.getRouting()), "#ds.routing<scoring = softmax, selection = group_limited_greedy, experts = 6, top_k = 4, "
                                      "groups = 3, top_groups = 2, scaling = 2.500000e+00>");
  EXPECT_FALSE(route.getBias().has_value());
  Imported greedy(R"({"model_type": "deepseek_v2", "norm_topk_prob": true})");
  EXPECT_EQ(text(greedy.one<ds::RouteOp>("blocks.1.ffn.route").getRouting()),
            "#ds.routing<scoring = softmax, selection = greedy, experts = 6, top_k = 4, normalize = true, scaling = 2.500000e+00>");
}

TEST(Import, ExpertsAreOneGroup) {
  Imported model;
  auto gate = model.one<ds::GroupedLinearOp>("blocks.1.ffn.experts.[0-5].gate_proj");
  EXPECT_EQ(gate.getFirst(), 0u);
  EXPECT_EQ(gate.getCount(), 6u);
  EXPECT_EQ(gate.getWeight(), "blocks.1.ffn.experts.gate_proj.weight");
  EXPECT_EQ(text(gate.getOffsets().getType()), "tensor<7xi32>");
  EXPECT_EQ(model.one<ds::DispatchOp>("blocks.1.ffn.dispatch").getChoices(), 4u);
  EXPECT_EQ(text(model.one<ds::GroupedLinearOp>("blocks.1.ffn.experts.[0-5].down_proj").getResult().getType()), "tensor<?x80xbf16>");
  // Shared experts are one module of the summed width.
  EXPECT_EQ(text(model.one<ds::LinearOp>("blocks.1.ffn.shared_experts.up_proj").getResult().getType()), "tensor<?x56xbf16>");
}

TEST(Import, RouterAndHeadGiveF32Logits) {
  Imported model;
  for (ds::LinearOp linear : model.all<ds::LinearOp>("prefill")) {
    bool logits = linear.getPath() == "lm_head" || linear.getPath() == "blocks.1.ffn.router";
    EXPECT_EQ(linear.getLogits(), logits) << linear.getPath().str();
    EXPECT_EQ(linear.getResult().getType().getElementType().isF32(), logits);
    EXPECT_EQ(linear.getWeight(), linear.getPath().str() + ".weight");
  }
}

TEST(Import, OperationsAreLocatedByTheirPath) {
  Imported model;
  auto location = dyn_cast<NameLoc>(model.one<ds::LinearOp>("blocks.0.attn.out_proj").getLoc());
  ASSERT_TRUE(location);
  EXPECT_EQ(location.getName(), "blocks.0.attn.out_proj");
}

//===--- Model and parameters -------------------------------------------------------------------------------------------===//

TEST(Import, ModelCarriesTheConfig) {
  Imported model;
  EXPECT_EQ(text(model.model().getConfig()),
            "#ds.config<family = v3, vocabulary = 96, hidden_size = 80, layers = 2, heads = 3, kv_lora_rank = 48, rope_head_dim = 8, "
            "max_positions = 640, experts = 6, experts_per_token = 4>");
  EXPECT_EQ(text(model.function("prefill").getFunctionType()),
            "(tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache<2x56xbf16>) -> tensor<?x96xf32>");
  EXPECT_EQ(model.function("prefill").getFunctionType(), model.function("decode").getFunctionType());
  EXPECT_EQ(Imported(R"({"model_type": "deepseek_v2"})").model().getConfig().getFamily(), ds::Family::v2);
}

TEST(Import, ParametersAreThoseOfTheCheckpointInOrder) {
  Imported model;
  std::vector<std::string> names;
  for (ds::ParamOp param : model.model().getBody().getOps<ds::ParamOp>())
    names.push_back(param.getSymName().str());
  ASSERT_EQ(names.size(), model.parameters.size());
  for (size_t i = 0; i < names.size(); ++i)
    EXPECT_EQ(names[i], model.parameters[i].path);
  EXPECT_EQ(text(model.param("blocks.0.attn.kv_b_proj.weight").getType()), "tensor<84x48xbf16>");
  EXPECT_EQ(model.param("blocks.1.ffn.experts.up_proj.weight").getFrom(), "model.layers.1.mlp.experts.{e}.up_proj.weight");
  EXPECT_EQ(text(model.param("blocks.1.ffn.experts.up_proj.weight").getType()), "tensor<6x28x80xbf16>");
  EXPECT_EQ(model.param("lm_head.weight").getFrom(), "lm_head.weight");
}

TEST(Import, TiedHeadReadsTheEmbeddingsTensor) {
  Imported model(R"({"tie_word_embeddings": true})");
  EXPECT_EQ(model.param("lm_head.weight").getFrom(), "model.embed_tokens.weight");
  EXPECT_EQ(model.param("token_embeddings.weight").getFrom(), "model.embed_tokens.weight");
  EXPECT_EQ(model.param("lm_head.weight").getType(), model.param("token_embeddings.weight").getType());
  EXPECT_EQ(model.one<ds::LinearOp>("lm_head").getWeight(), "lm_head.weight");
}

TEST(Import, DtypeOfTheConfig) {
  Imported half(R"({"torch_dtype": "float16"})");
  EXPECT_EQ(text(half.param("final_norm.weight").getType()), "tensor<80xf16>");
  EXPECT_EQ(text(half.param("blocks.1.ffn.router.e_score_correction_bias").getType()), "tensor<6xf32>");
  Imported single(R"({"torch_dtype": "float32"})");
  EXPECT_EQ(text(single.param("final_norm.weight").getType()), "tensor<80xf32>");
  // Activations are BF16 until precision is resolved, however weights are stored.
  EXPECT_EQ(text(single.one<ds::RMSNormOp>("final_norm").getResult().getType()), "tensor<?x80xbf16>");
}

static const char *const fp8 = R"({"quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                                   "weight_block_size": [64, 32]}})";

TEST(Import, Fp8CheckpointsNameTheirScales) {
  Imported model(fp8);
  ds::ParamOp linear = model.param("blocks.0.attn.q_a_proj.weight");
  EXPECT_EQ(text(linear.getType()), "tensor<40x80xf8E4M3FN>");
  EXPECT_EQ(linear.getScales(), "model.layers.0.self_attn.q_a_proj.weight_scale_inv");
  EXPECT_EQ(text(*linear.getStored()), "#ds.quant<payload = f8E4M3FN, tile = 64x32, scale = f32, rule = amax, rounding = nearest>");
  EXPECT_EQ(model.param("blocks.1.ffn.experts.down_proj.weight").getScales(), "model.layers.1.mlp.experts.{e}.down_proj.weight_scale_inv");
  for (const char *high : {"token_embeddings.weight", "lm_head.weight", "final_norm.weight", "blocks.1.ffn.router.weight"}) {
    EXPECT_FALSE(model.param(high).getStored().has_value()) << high;
    EXPECT_TRUE(model.param(high).getTensorType().getElementType().isBF16()) << high;
  }
}

TEST(Import, Ue8m0ScalesArePowersOfTwo) {
  Imported model(R"({"quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                     "weight_block_size": [128, 128], "scale_fmt": "ue8m0"}})");
  EXPECT_EQ(text(*model.param("blocks.0.attn.out_proj.weight").getStored()),
            "#ds.quant<payload = f8E4M3FN, tile = 128x128, scale = ue8m0, rule = power_of_two, rounding = nearest>");
}

//===--- Hash -----------------------------------------------------------------------------------------------------------===//

static std::string hashOf(const dsrt::Json &json) {
  std::vector<std::string> warnings;
  dsrt::Expected<ModelConfig> config = ModelConfig::parse(json, "config.json", warnings);
  EXPECT_TRUE(bool(config)) << config.status().message();
  std::vector<ModelParameter> parameters = modelParameters(*config);
  return sourceHash(*config, parameters, storageFromConfig(*config, parameters));
}

TEST(SourceHash, DependsOnWhatTheModelComputes) {
  std::vector<std::string> hashes = {hashOf(tinyConfig())};
  for (const char *changes : {R"({"vocab_size": 97})",
                              R"({"hidden_size": 81})",
                              R"({"intermediate_size": 73})",
                              R"({"num_hidden_layers": 3})",
                              R"({"num_attention_heads": 4})",
                              R"({"q_lora_rank": 41})",
                              R"({"kv_lora_rank": 49})",
                              R"({"qk_nope_head_dim": 17})",
                              R"({"qk_rope_head_dim": 10})",
                              R"({"v_head_dim": 13})",
                              R"({"rms_norm_eps": 2e-5})",
                              R"({"max_position_embeddings": 641})",
                              R"({"tie_word_embeddings": true})",
                              R"({"torch_dtype": "float16"})",
                              R"({"first_k_dense_replace": 0})",
                              R"({"n_routed_experts": 9})",
                              R"({"n_shared_experts": 3})",
                              R"({"num_experts_per_tok": 3})",
                              R"({"moe_intermediate_size": 29})",
                              R"({"n_group": 2})",
                              R"({"topk_group": 3})",
                              R"({"routed_scaling_factor": 2.6})",
                              R"({"norm_topk_prob": false})",
                              R"({"rope_theta": 20001})",
                              R"({"rope_scaling": {"factor": 41}})",
                              R"({"rope_scaling": {"beta_fast": 25}})",
                              R"({"rope_scaling": {"beta_slow": 3}})",
                              R"({"rope_scaling": {"mscale": 0.8}})",
                              R"({"rope_scaling": {"mscale_all_dim": 0.8}})",
                              R"({"rope_scaling": {"original_max_position_embeddings": 17}})",
                              R"({"rope_scaling": null})",
                              fp8,
                              R"({"model_type": "deepseek_v2", "topk_method": "greedy"})",
                              R"({"model_type": "deepseek_v2", "topk_method": "group_limited_greedy"})"}) {
    std::string hash = hashOf(tinyConfig(changes));
    EXPECT_EQ(hash.size(), 16u);
    EXPECT_EQ(std::count(hashes.begin(), hashes.end(), hash), 0) << changes;
    hashes.push_back(hash);
  }
}

TEST(SourceHash, IgnoresFieldsWithoutEffect) { EXPECT_EQ(hashOf(tinyConfig(R"({"use_cache": false})")), hashOf(tinyConfig())); }

TEST(SourceHash, DependsOnStorage) {
  Imported model;
  std::vector<ParameterStorage> storage = storageFromConfig(model.config, model.parameters);
  std::string before = sourceHash(model.config, model.parameters, storage);
  EXPECT_EQ(sourceHash(model.config, model.parameters, storage), before);
  storage.back().dtype = DSRT_F32;
  EXPECT_NE(sourceHash(model.config, model.parameters, storage), before);
}

//===--- Paths ----------------------------------------------------------------------------------------------------------===//

struct ImportPath : testing::Test {
  ImportPath() : folder(testing::TempDir() + "/import-" + testing::UnitTest::GetInstance()->current_test_info()->name()) {
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
  }
  ~ImportPath() override { std::filesystem::remove_all(folder); }
  void writeConfig(const std::string &content) { EXPECT_TRUE(dsrt::writeFile(folder + "/config.json", content).ok()); }

  std::string folder;
  MLIRContext context;
};

TEST_F(ImportPath, ConfigAlone) {
  writeConfig(tinyConfig(R"({"brand_new_field": 1})").dump());
  for (const std::string &path : {folder, folder + "/config.json"}) {
    dsrt::Expected<ImportedModel> model = importModel(context, path);
    ASSERT_TRUE(bool(model)) << model.status().message();
    EXPECT_TRUE(model->module);
    EXPECT_EQ(model->hash, hashOf(tinyConfig()));
    ASSERT_EQ(model->warnings.size(), 1u);
    EXPECT_NE(model->warnings[0].find("brand_new_field"), std::string::npos);
  }
}

TEST_F(ImportPath, ErrorsCarryTheExitCode) {
  EXPECT_EQ(importModel(context, folder).status().code(), DSRT_UNREADABLE);
  EXPECT_NE(importModel(context, folder).status().message().find("config.json"), std::string::npos);
  writeConfig("{");
  EXPECT_EQ(importModel(context, folder).status().code(), DSRT_UNREADABLE);
  writeConfig(tinyConfig(R"({"hidden_size": null})").dump());
  EXPECT_EQ(importModel(context, folder).status().code(), DSRT_UNREADABLE);
  writeConfig(tinyConfig(R"({"attention_bias": true})").dump());
  EXPECT_EQ(importModel(context, folder).status().code(), DSRT_REJECTED);
}

//===--- Published models -----------------------------------------------------------------------------------------------===//

struct Published {
  const char *name;
  int64_t layers, denseLayers, experts;
};
struct ImportPublished : testing::TestWithParam<Published> {};

TEST_P(ImportPublished, Imports) {
  const Published &published = GetParam();
  std::string path = std::string(DSMLIR_SHARED_DIR) + "/configs/" + published.name + ".json";
  if (!std::filesystem::exists(path))
    GTEST_SKIP() << "needs " << path;
  dsrt::Expected<dsrt::Json> json = dsrt::readJson(path);
  ASSERT_TRUE(bool(json)) << json.status().message();
  Imported model(*json);
  EXPECT_EQ(model.count<ds::MLAAttentionOp>(), size_t(published.layers));
  EXPECT_EQ(model.count<ds::RouteOp>(), size_t(published.layers - published.denseLayers));
  EXPECT_EQ(model.count<ds::GroupedLinearOp>(), size_t(3 * (published.layers - published.denseLayers)));
  for (ds::RouteOp route : model.all<ds::RouteOp>("decode"))
    EXPECT_EQ(route.getRouting().getExperts(), published.experts);
}

INSTANTIATE_TEST_SUITE_P(Configs, ImportPublished,
                         testing::Values(Published{"deepseek-v2-lite", 27, 1, 64}, Published{"deepseek-v2", 60, 1, 160},
                                         Published{"deepseek-v3", 61, 3, 256}, Published{"deepseek-v3.1", 61, 3, 256}),
                         [](const auto &info) {
                           std::string name = info.param.name;
                           std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });
