// The recipes, and how a checkpoint is recognised as one.
#include "passes/precision/Recipes.h"

using namespace dsmlir;

namespace {

/// DeepSeek-V3 technical report (arXiv 2412.19437), section 3.3.1: "we maintain the original precision (e.g., BF16 or FP32) for the
/// embedding module, the output head, MoE gating modules, normalization operators, and attention operators".
const std::vector<std::string> deepseekHighPrecision = {"^token_embeddings$", "^lm_head$", "\\.ffn\\.router$", "norm$"};

const std::vector<Recipe> recipes = {
    {.name = "deepseek_v3",
     .source = "DeepSeek-V3 technical report (arXiv 2412.19437), section 3.3",
     .highPrecision = deepseekHighPrecision,
     .activationGranularity = "tile_1x128",
     .weightGranularity = "block_128x128",
     .rounding = "nearest",
     .scaleFormat = "fp32",
     .commQuant = true,
     .commGranularity = "tile_1x128",
     .dispatch = "expert input payload and scales",
     .combine = "bf16",
     .mainParamsDtype = "fp32",
     .mainGradsDtype = "fp32",
     .expAvgDtype = "bf16",
     .expAvgSqDtype = "bf16"},
    {.name = "nano_train_deepseek_v3",
     .source = "the reference trainer of design/PRECISION.md",
     .highPrecision = deepseekHighPrecision,
     .activationGranularity = "tile_1x128",
     .weightGranularity = "block_128x128",
     .rounding = "stochastic",
     .scaleFormat = "fp32",
     .commQuant = true,
     .commGranularity = "block_128x128",
     .dispatch = "fp8",
     .combine = "fp8",
     .mainParamsDtype = "fp32",
     .mainGradsDtype = "fp32",
     .expAvgDtype = "bf16",
     .expAvgSqDtype = "bf16"},
};

} // namespace

const Recipe *dsmlir::findRecipe(std::string_view name) {
  for (const Recipe &recipe : recipes)
    if (recipe.name == name)
      return &recipe;
  return nullptr;
}

AutoRecipe dsmlir::recogniseRecipe(const Checkpoint *checkpoint) {
  AutoRecipe found;
  if (!checkpoint) {
    found.problem = "there is no checkpoint to read: compile a Hugging Face folder or a config.json, or name a recipe";
    return found;
  }
  if (checkpoint->quantMethod.empty()) {
    found.recipe = "default";
    found.mode = checkpoint->storedDtype;
    found.source = "auto: the checkpoint stores " + checkpoint->storedDtype + " and has no quantization_config";
    return found;
  }
  std::string blocks = std::to_string(checkpoint->blockRows) + "x" + std::to_string(checkpoint->blockCols);
  std::string holds = checkpoint->quantMethod + " " + checkpoint->format + " in blocks of " + blocks;
  if (checkpoint->quantMethod != "fp8" || checkpoint->format != "e4m3" || blocks != "128x128") {
    found.problem = "expects fp8 e4m3 in blocks of 128x128, but quantization_config has " + holds;
    return found;
  }
  found.recipe = "deepseek_v3";
  found.mode = "fp8";
  found.scaleFormat = checkpoint->ue8m0 ? "ue8m0" : "fp32";
  found.source = "auto: quantization_config has " + holds + (checkpoint->ue8m0 ? " with ue8m0 scales" : "");
  return found;
}
