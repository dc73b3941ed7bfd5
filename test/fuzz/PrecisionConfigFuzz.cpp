// The precision file: read, checked, resolved over a small model. The options that it set go through #ds.policy's form and back.
#include "passes/precision/PrecisionModel.h"
#include "test/fuzz/Fuzz.h"

using namespace dsmlir;

namespace {

std::vector<Module> modules() {
  std::vector<Module> list = {{"token_embeddings", "Embedding", false, ""}};
  for (const char *block : {"blocks.0.", "blocks.1."}) {
    for (const char *name : {"attn.q_a_proj", "attn.kv_b_proj", "ffn.experts.0.gate_proj", "ffn.experts.1.gate_proj"})
      list.push_back({std::string(block) + name, "Linear", true, ""});
    list.push_back({std::string(block) + "attn_norm", "RMSNorm", false, ""});
  }
  return list;
}

} // namespace

bool accepts(std::string_view input) {
  dsrt::Expected<dsrt::Json> json = dsrt::parseJson(input, "precision.json");
  if (!json)
    return false;
  PrecisionOptions options;
  bool good = readConfig(*json, "precision.json", options).ok();
  PrecisionOptions again;
  for (const RecipeDefinition &definition : options.recipes) {
    size_t refused = again.refused.size();
    readRecipe(definition.recipe.name, recipeFieldsJson(definition.recipe), Origin{}, again);
    ENSURE(again.refused.size() == refused);
    ENSURE(findRecipe(definition.recipe.name, again) && *findRecipe(definition.recipe.name, again) == definition.recipe);
  }
  for (const PolicyEntry &entry : policyEntries(options))
    for (const std::string &value : entry.values)
      ENSURE(set(again, entry.key, value, Origin{}).ok());
  ENSURE(policyEntries(again) == policyEntries(options));
  Resolution resolution = resolve(modules(), options);
  ENSURE(resolution.decisions.size() == resolution.modules().size());
  if (!resolution.hasErrors()) {
    listModulesJson(resolution).dump();
    policyJson(resolution).dump();
    listModulesText(resolution);
  }
  return good && !resolution.hasErrors();
}
