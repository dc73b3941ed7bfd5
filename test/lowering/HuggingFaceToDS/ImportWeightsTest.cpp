// How the importer reads a folder's weights: what their headers say of dtypes, shapes and scales, and how they may disagree with the
// config.
#include "ImportTesting.h"

#include "lowering/HuggingFaceToDS/CheckpointStorage.h"
#include "runtime/weights/SafeTensors.h"
#include "test/TestFiles.h"

using namespace mlir;
using namespace dsmlir;
using dsrt::FileType;

namespace {

const char *const fp8 = R"({"quantization_config": {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic",
                            "weight_block_size": [64, 32]}})";

std::string text(Type type) {
  std::string result;
  llvm::raw_string_ostream(result) << type;
  return result;
}

/// A folder with config.json and the tensors that the config asks for, which a test changes before they are written.
class ImportWeights : public testing::Test {
protected:
  struct Tensor {
    FileType type;
    std::vector<int64_t> shape;
    int64_t file = 0;
  };

  /// Tensors of `type`; F8E4M3 for linear weights alone, with a scale for each block of 64x32.
  void make(FileType type, const char *changes = "{}") {
    config = tinyConfig(changes);
    std::vector<std::string> warnings;
    dsrt::Expected<ModelConfig> parsed = ModelConfig::parse(config, "config.json", warnings);
    ASSERT_TRUE(bool(parsed)) << parsed.status().message();
    for (const ModelParameter &parameter : modelParameters(*parsed)) {
      bool stacked = parameter.tensor.find("{e}") != std::string::npos;
      std::vector<int64_t> shape(parameter.shape.begin() + stacked, parameter.shape.end());
      bool low = type == FileType::F8E4M3 && parameter.linear;
      for (int64_t expert = 0; expert < (stacked ? parameter.shape[0] : 1); ++expert) {
        std::string name = expertTensor(parameter.tensor, expert);
        tensors[name] = {low                        ? FileType::F8E4M3
                         : parameter.alwaysF32      ? FileType::F32
                         : type == FileType::F8E4M3 ? FileType::BF16
                                                    : type,
                         shape};
        if (low)
          tensors[name + "_scale_inv"] = {FileType::F32, {(shape[0] + 63) / 64, (shape[1] + 31) / 32}};
      }
    }
  }

  dsrt::Expected<ImportedModel> import() {
    folder.write("config.json", config.dump());
    int64_t files = 1;
    for (const auto &[name, tensor] : tensors)
      files = std::max(files, tensor.file + 1);
    std::vector<char> zeros(1 << 16);
    dsrt::Json map = dsrt::Json::object();
    for (int64_t file = 0; file < files; ++file) {
      std::string fileName = files == 1 ? "model.safetensors" : "model-" + std::to_string(file) + ".safetensors";
      std::vector<dsrt::TensorToWrite> items;
      for (const auto &[name, tensor] : tensors)
        if (tensor.file == file) {
          items.push_back({name, tensor.type, tensor.shape, zeros.data()});
          map[name] = fileName;
        }
      EXPECT_TRUE(dsrt::writeSafeTensors(folder / fileName, items).ok());
    }
    if (files > 1)
      folder.write("model.safetensors.index.json", dsrt::Json{{"weight_map", map}}.dump());
    return importModel(context, folder.path);
  }

  /// The model, which must be imported without a word.
  ImportedModel imported() {
    dsrt::Expected<ImportedModel> model = import();
    EXPECT_TRUE(bool(model)) << model.status().message();
    if (!model)
      return {};
    EXPECT_TRUE(model->warnings.empty()) << model->warnings.front();
    return std::move(*model);
  }

  /// The code and a part of the message, which names the folder as well.
  void expectError(dsrt_code code, const std::string &message) {
    dsrt::Status status = import().status();
    EXPECT_EQ(status.code(), code) << status.message();
    EXPECT_NE(status.message().find(message), std::string::npos) << status.message();
    EXPECT_EQ(status.message().find(folder.path), 0u) << status.message();
  }

  static ds::ParamOp param(ImportedModel &model, const char *name) {
    auto found = (*model.module->getOps<ds::ModelOp>().begin()).lookupSymbol<ds::ParamOp>(name);
    EXPECT_TRUE(found) << name;
    return found;
  }
  static std::string typeOf(ImportedModel &model, const char *name) { return text(param(model, name).getType()); }

  TemporaryFolder folder;
  MLIRContext context;
  dsrt::Json config;
  std::map<std::string, Tensor> tensors;
};

const char *const queries = "model.layers.0.self_attn.q_a_proj.weight";
const char *const bias = "model.layers.1.mlp.gate.e_score_correction_bias";

std::string expert(int index, const char *projection) {
  return "model.layers.1.mlp.experts." + std::to_string(index) + "." + projection + ".weight";
}

} // namespace

//===--- How weights are stored -----------------------------------------------------------------------------------------===//

TEST_F(ImportWeights, PlainDtypesAreThoseOfTheFiles) {
  for (auto [type, name] : {std::pair(FileType::BF16, "bf16"), {FileType::F16, "f16"}, {FileType::F32, "f32"}}) {
    make(type); // the config says bfloat16 throughout: the files decide
    ImportedModel model = imported();
    EXPECT_EQ(typeOf(model, "blocks.0.attn.q_a_proj.weight"), std::string("tensor<40x80x") + name + ">");
    EXPECT_EQ(typeOf(model, "final_norm.weight"), std::string("tensor<80x") + name + ">");
    EXPECT_EQ(typeOf(model, "blocks.1.ffn.experts.up_proj.weight"), std::string("tensor<6x28x80x") + name + ">");
    EXPECT_EQ(typeOf(model, "blocks.1.ffn.router.e_score_correction_bias"), "tensor<6xf32>");
    EXPECT_FALSE(param(model, "blocks.0.attn.q_a_proj.weight").getStored().has_value());
    EXPECT_TRUE(model.notes.empty()) << model.notes.front();
  }
}

TEST_F(ImportWeights, Fp8WithItsScales) {
  make(FileType::F8E4M3, fp8);
  ImportedModel model = imported();
  EXPECT_EQ(typeOf(model, "blocks.0.attn.q_a_proj.weight"), "tensor<40x80xf8E4M3FN>");
  EXPECT_EQ(param(model, "blocks.0.attn.q_a_proj.weight").getScales(), "model.layers.0.self_attn.q_a_proj.weight_scale_inv");
  EXPECT_EQ(param(model, "blocks.1.ffn.experts.down_proj.weight").getScales(), "model.layers.1.mlp.experts.{e}.down_proj.weight_scale_inv");
  EXPECT_EQ(typeOf(model, "lm_head.weight"), "tensor<96x80xbf16>");
  EXPECT_EQ(model.hash, sourceHash(model.config, model.parameters, storageFromConfig(model.config, model.parameters)));
}

TEST_F(ImportWeights, TheHashKnowsTheDtypesOfTheFiles) {
  make(FileType::BF16);
  std::string first = imported().hash;
  EXPECT_EQ(first, imported().hash);
  tensors[queries].type = FileType::F16;
  EXPECT_NE(first, imported().hash);
}

TEST_F(ImportWeights, AConfigsPathLeavesTheWeightsAlone) {
  make(FileType::F32);
  EXPECT_EQ(imported().storage[0].dtype, DSRT_F32);
  dsrt::Expected<ImportedModel> model = importModel(context, folder / "config.json");
  ASSERT_TRUE(bool(model)) << model.status().message();
  EXPECT_EQ(model->storage[0].dtype, DSRT_BF16);
}

TEST_F(ImportWeights, ShardsMayKeepScalesApart) {
  make(FileType::F8E4M3, fp8);
  std::string single = imported().hash;
  for (auto &[name, tensor] : tensors)
    tensor.file = name.ends_with("_scale_inv") ? 2 : name.ends_with("proj.weight") ? 1 : 0;
  EXPECT_EQ(imported().hash, single);
}

TEST_F(ImportWeights, RouterBiasInBF16) {
  make(FileType::BF16);
  tensors[bias].type = FileType::BF16;
  ImportedModel model = imported();
  EXPECT_EQ(typeOf(model, "blocks.1.ffn.router.e_score_correction_bias"), "tensor<6xbf16>");
}

TEST_F(ImportWeights, TiedHeadNeedsNoTensor) {
  make(FileType::BF16, R"({"tie_word_embeddings": true})");
  ASSERT_FALSE(tensors.contains("lm_head.weight"));
  tensors["model.embed_tokens.weight"].type = FileType::F32;
  ImportedModel model = imported();
  EXPECT_EQ(param(model, "lm_head.weight").getFrom(), "model.embed_tokens.weight");
  EXPECT_EQ(typeOf(model, "lm_head.weight"), "tensor<96x80xf32>");
  // A checkpoint may hold the head all the same.
  tensors["lm_head.weight"] = {FileType::BF16, {96, 80}};
  model = imported();
  ASSERT_EQ(model.notes.size(), 1u);
  EXPECT_EQ(model.notes[0], "'lm_head.weight' is left out: tie_word_embeddings takes the embedding for it");
}

//===--- Tensors that the model does not have ---------------------------------------------------------------------------===//

TEST_F(ImportWeights, PredictionLayersAreLeftOutByName) {
  make(FileType::BF16, R"({"num_nextn_predict_layers": 1})");
  tensors["model.layers.2.eh_proj.weight"] = {FileType::BF16, {80, 160}};
  tensors["model.layers.2.shared_head.norm.weight"] = {FileType::BF16, {80}};
  tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = {FileType::F32, {4}};
  ImportedModel model = imported();
  EXPECT_EQ(model.notes, (std::vector<std::string>{"layer 2, 2 tensors, is left out: multi-token prediction",
                                                   "1 rotary buffers (inv_freq) are left out: they follow from the config"}));
  // One layer is the published checkpoints', whether the config counts it or not; the one after it is unknown.
  config["num_nextn_predict_layers"] = 0;
  EXPECT_EQ(imported().notes.size(), 2u);
  tensors["model.layers.3.eh_proj.weight"] = {FileType::BF16, {80, 160}};
  dsrt::Expected<ImportedModel> more = import();
  ASSERT_TRUE(bool(more)) << more.status().message();
  EXPECT_EQ(more->warnings, (std::vector<std::string>{"tensor 'model.layers.3.eh_proj.weight' is not part of the model"}));
  config["num_nextn_predict_layers"] = 2;
  EXPECT_EQ(imported().notes.size(), 3u);
}

TEST_F(ImportWeights, ALeftoverIsAWarning) {
  make(FileType::BF16);
  tensors["model.layers.0.mlp.extra.weight"] = {FileType::BF16, {3}};
  tensors["model.layers.0.self_attn.q_a_proj.weight_scale_inv"] = {FileType::F32, {1, 3}};
  dsrt::Expected<ImportedModel> model = import();
  ASSERT_TRUE(bool(model)) << model.status().message();
  EXPECT_EQ(model->warnings,
            (std::vector<std::string>{"tensor 'model.layers.0.mlp.extra.weight' is not part of the model",
                                      "tensor 'model.layers.0.self_attn.q_a_proj.weight_scale_inv' is not part of the model"}));
}

//===--- Weights and config that disagree -------------------------------------------------------------------------------===//

TEST_F(ImportWeights, QuantizationThatTheFilesLack) {
  make(FileType::F8E4M3, fp8);
  tensors[queries].type = FileType::BF16;
  expectError(DSRT_UNREADABLE, std::string("tensor '") + queries + "' expects F8_E4M3, as quantization_config says, but got BF16");
}

TEST_F(ImportWeights, QuantizationThatTheConfigLacks) {
  make(FileType::F8E4M3, fp8);
  config.erase("quantization_config");
  expectError(DSRT_UNREADABLE, "is F8_E4M3, but the config has no quantization_config that says how it is scaled (and ");
}

TEST_F(ImportWeights, AMissingTensor) {
  make(FileType::BF16);
  tensors.erase(expert(3, "up_proj"));
  expectError(DSRT_UNREADABLE, "tensor '" + expert(3, "up_proj") + "' is missing; did you mean '" + expert(0, "up_proj").substr(0, 30));
}

TEST_F(ImportWeights, AMissingHeadNamesTheField) {
  make(FileType::BF16);
  tensors.erase("lm_head.weight");
  expectError(DSRT_UNREADABLE, "tensor 'lm_head.weight' is missing (a model without it has tie_word_embeddings true in its config)");
}

TEST_F(ImportWeights, AnotherShape) {
  make(FileType::BF16);
  tensors[queries].shape = {80, 40};
  expectError(DSRT_UNREADABLE, std::string("tensor '") + queries + "' expects shape [40, 80] by the config, but got [80, 40]");
  tensors[queries].shape = {40, 80};
  tensors[expert(5, "down_proj")].shape = {80, 28, 1};
  expectError(DSRT_UNREADABLE, "tensor '" + expert(5, "down_proj") + "' expects shape [80, 28] by the config, but got [80, 28, 1]");
}

TEST_F(ImportWeights, AMissingScale) {
  make(FileType::F8E4M3, fp8);
  std::string scales = expert(2, "gate_proj") + "_scale_inv";
  tensors.erase(scales);
  expectError(DSRT_UNREADABLE, "tensor '" + scales + "' is missing: the scales of '" + expert(2, "gate_proj") + "', which is F8_E4M3");
}

TEST_F(ImportWeights, ScalesOfOtherBlocksOrDtypes) {
  make(FileType::F8E4M3, fp8);
  std::string scales = std::string(queries) + "_scale_inv";
  tensors[scales].shape = {1, 1};
  expectError(DSRT_UNREADABLE, "tensor '" + scales + "' expects shape [1, 3] by the config, but got [1, 1]");
  tensors[scales] = {FileType::BF16, {1, 3}};
  expectError(DSRT_REJECTED, "tensor '" + scales + "' expects scales in F32, but got BF16");
}

TEST_F(ImportWeights, ExpertsOfMixedDtypes) {
  make(FileType::BF16);
  tensors[expert(4, "up_proj")].type = FileType::F16;
  expectError(DSRT_REJECTED, "tensor '" + expert(4, "up_proj") + "' expects the dtype that the experts before it have, but got F16");
}

TEST_F(ImportWeights, DtypesThatAreNotRead) {
  make(FileType::BF16);
  tensors[queries].type = FileType::F64;
  expectError(DSRT_REJECTED, std::string("tensor '") + queries + "' expects BF16, F16, F32 or F8_E4M3, but got F64");
  make(FileType::F8E4M3, fp8);
  tensors["lm_head.weight"].type = FileType::F8E4M3;
  expectError(DSRT_REJECTED, "tensor 'lm_head.weight' expects BF16, F16 or F32, being no linear's weight, but got F8_E4M3");
}

TEST_F(ImportWeights, ErrorsAreCountedAndTheFirstIsTold) {
  make(FileType::BF16);
  for (auto &[name, tensor] : tensors)
    if (name.ends_with("norm.weight"))
      tensor.shape = {7};
  expectError(DSRT_UNREADABLE, "but got [7] (and 8 more that do not fit; 'ds-checkpoint info' lists them)");
}

TEST_F(ImportWeights, FilesThatCannotBeRead) {
  make(FileType::BF16);
  imported();
  std::string whole = folder.read("model.safetensors");
  folder.write("model.safetensors", whole.substr(0, whole.size() - 1));
  EXPECT_EQ(importModel(context, folder.path).status().code(), DSRT_UNREADABLE);
  // An index goes before the single file: it must name files that are there.
  folder.write("model.safetensors", whole);
  folder.write("model.safetensors.index.json", R"({"weight_map": {"lm_head.weight": "model-9.safetensors"}})");
  dsrt::Status status = importModel(context, folder.path).status();
  EXPECT_EQ(status.code(), DSRT_UNREADABLE);
  EXPECT_NE(status.message().find("model-9.safetensors"), std::string::npos) << status.message();
}
