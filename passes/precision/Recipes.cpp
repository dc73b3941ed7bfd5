// The built-in recipes. This list is all that there is of them: to add one is to add an entry.
#include "passes/precision/Recipes.h"

using namespace dsmlir;

namespace {

/// DeepSeek-V3 technical report (arXiv 2412.19437), section 3.3.1: "we maintain the original precision (e.g., BF16 or FP32) for the
/// embedding module, the output head, MoE gating modules, normalization operators, and attention operators".
const std::vector<std::string> deepseekHighPrecision = {"^token_embeddings$", "^lm_head$", "\\.ffn\\.router$", "norm$"};

const std::vector<Recipe> recipes = {
    {.name = "default",
     .source = "design/PRECISION.md: what holds where nothing else is said",
     .mode = "",
     .highPrecision = {},
     .patternType = "regex",
     .activationGranularity = "tile_1x128",
     .weightGranularity = "block_128x128",
     .rounding = "nearest",
     .scaleFormat = "fp32",
     .fp4Format = "nvfp4",
     .commQuant = false,
     .commGranularity = "tile_1x128",
     .dispatch = "fp8",
     .combine = "fp8",
     .mainParamsDtype = "fp32",
     .mainGradsDtype = "fp32",
     .expAvgDtype = "fp32",
     .expAvgSqDtype = "fp32"},
    {.name = "deepseek_v3",
     .source = "DeepSeek-V3 technical report (arXiv 2412.19437), section 3.3",
     .mode = "fp8",
     .highPrecision = deepseekHighPrecision,
     .patternType = "regex",
     .activationGranularity = "tile_1x128",
     .weightGranularity = "block_128x128",
     .rounding = "nearest",
     .scaleFormat = "fp32",
     .fp4Format = "nvfp4",
     .commQuant = true,
     .commGranularity = "tile_1x128",
     .dispatch = expertInputPayload,
     .combine = "bf16",
     .mainParamsDtype = "fp32",
     .mainGradsDtype = "fp32",
     .expAvgDtype = "bf16",
     .expAvgSqDtype = "bf16"},
    {.name = "nano_train_deepseek_v3",
     .source = "the reference trainer of design/PRECISION.md",
     .mode = "fp8",
     .highPrecision = deepseekHighPrecision,
     .patternType = "regex",
     .activationGranularity = "tile_1x128",
     .weightGranularity = "block_128x128",
     .rounding = "stochastic",
     .scaleFormat = "fp32",
     .fp4Format = "nvfp4",
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

const std::vector<Recipe> &dsmlir::builtInRecipes() { return recipes; }

const Recipe *dsmlir::findBuiltInRecipe(std::string_view name) {
  for (const Recipe &recipe : recipes)
    if (recipe.name == name)
      return &recipe;
  return nullptr;
}
