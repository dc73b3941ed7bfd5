// A resolution as JSON and as text: the list of modules, and the policy sections of the plan.
#include "passes/precision/ParameterSteps.h"
#include "passes/precision/PrecisionModel.h"

#include <algorithm>

using namespace dsmlir;
using dsrt::Json;

namespace {

Json recipeJson(const Resolution &resolution) {
  if (!resolution.recipe)
    return nullptr;
  const RecipePlan &recipe = *resolution.recipe;
  return {{"activation_granularity", recipe.activationGranularity},
          {"weight_granularity", recipe.weightGranularity},
          {"rounding", recipe.rounding},
          {"comm_quant", recipe.commQuant},
          {"comm_granularity", recipe.commGranularity}};
}

Json trainingJson(const Resolution &resolution) {
  const PrecisionOptions &options = resolution.options;
  auto state = [&](const Setting<std::string> &setting, std::string Recipe::*ofRecipe) {
    return setting.given() ? setting.value : resolution.declaredRecipe.*ofRecipe;
  };
  Json training = {{"main_params_dtype", state(options.mainParamsDtype, &Recipe::mainParamsDtype)},
                   {"main_grads_dtype", state(options.mainGradsDtype, &Recipe::mainGradsDtype)},
                   {"exp_avg_dtype", state(options.expAvgDtype, &Recipe::expAvgDtype)},
                   {"exp_avg_sq_dtype", state(options.expAvgSqDtype, &Recipe::expAvgSqDtype)},
                   {"loss_scaling",
                    {{"init", options.lossScaleInit.value},
                     {"growth_factor", options.lossScaleGrowthFactor.value},
                     {"backoff_factor", options.lossScaleBackoffFactor.value},
                     {"growth_interval", options.lossScaleGrowthInterval.value},
                     {"min", options.lossScaleMin.value},
                     {"max", options.lossScaleMax.value}}}};
  if (resolution.lowBitMode == Precision::FP8)
    training["fp8"] = {{"format", options.fp8Format.value},
                       {"gradient_payload", options.fp8Format.value == "hybrid" ? "f8E5M2" : "f8E4M3FN"},
                       {"amax_history_len", options.fp8AmaxHistoryLen.value},
                       {"amax_compute_algo", options.fp8AmaxComputeAlgo.value}};
  if (resolution.persistentMode != Precision::None)
    training["lowbit_master_ownership"] = options.lowbitMasterOwnership.value;
  return training;
}

} // namespace

Json dsmlir::listModulesJson(const Resolution &resolution) {
  Json json = {{"mode", name(resolution.mode)},
               {"activation_dtype", name(resolution.activationDtype)},
               {"params_dtype", name(resolution.paramsDtype)},
               {"recipe", recipeJson(resolution)},
               {"modules", Json::array()}};
  if (resolution.options.recipe.value == autoRecipe) { // what was found; a recipe that is asked for by name needs no naming
    json["recipe_name"] = resolution.declaredRecipe.name;
    json["recipe_source"] = resolution.recipeSource;
  }
  Json &modules = json["modules"];
  for (size_t i = 0; i < resolution.modules().size(); ++i) {
    const Module &module = resolution.modules()[i];
    const Decision &decision = resolution.decisions[i];
    Json persistent = nullptr;
    if (decision.persistent != Precision::None)
      persistent = name(decision.persistent);
    modules.push_back({{"path", module.path},
                       {"type", module.type},
                       {"low_bit_capable", module.lowBitCapable},
                       {"compute", name(decision.compute)},
                       {"persistent", persistent},
                       {"reason", decision.reason}});
  }
  return json;
}

std::string dsmlir::listModulesText(const Resolution &resolution) {
  std::string text = std::string("mode ") + name(resolution.mode) + ", activations " + name(resolution.activationDtype) + ", parameters " +
                     name(resolution.paramsDtype) + ", recipe " + (resolution.recipe ? resolution.recipe->name : "none") +
                     (resolution.options.recipe.value == autoRecipe ? " (" + resolution.recipeSource + ")" : "") + "\n";
  size_t widest = 4;
  for (const Module &module : resolution.modules())
    widest = std::max(widest, module.path.size());
  auto column = [&](std::string_view word, size_t width) {
    text += word;
    text.append(word.size() < width ? width - word.size() + 2 : 2, ' ');
  };
  auto line = [&](std::string_view path, std::string_view type, std::string_view compute, std::string_view stored,
                  std::string_view reason) {
    column(path, widest);
    column(type, 9);
    column(compute, 7);
    column(stored, 6);
    text += reason;
    text += '\n';
  };
  line("path", "type", "compute", "stored", "reason");
  for (size_t i = 0; i < resolution.modules().size(); ++i) {
    const Decision &decision = resolution.decisions[i];
    Precision stored = decision.persistent != Precision::None ? decision.persistent : resolution.paramsDtype;
    line(resolution.modules()[i].path, resolution.modules()[i].type, name(decision.compute), name(stored), decision.reason);
  }
  return text;
}

Json dsmlir::optionsJson(const PrecisionOptions &options) {
  Json given = Json::object();
  for (const PolicyEntry &entry : policyEntries(options))
    given[entry.key] = entry.list ? Json(entry.values) : Json(entry.values.front());
  for (const RecipeDefinition &definition : options.recipes)
    given["recipes"][definition.recipe.name] = recipeFieldsJson(definition.recipe);
  return given;
}

Json dsmlir::policyJson(const Resolution &resolution) {
  Json json = {{"mode", name(resolution.mode)},
               {"activation_dtype", name(resolution.activationDtype)},
               {"params_dtype", name(resolution.paramsDtype)}};
  json["recipe"] = recipeJson(resolution);
  if (resolution.recipe) {
    json["recipe"]["name"] = resolution.recipe->name;
    json["recipe"]["source"] = resolution.recipe->source;
  }
  json["recipe_name"] = resolution.declaredRecipe.name;
  json["recipe_source"] = resolution.recipeSource;
  json["compute"] = nullptr;
  if (!resolution.products.empty()) {
    const ProductFormat &product = resolution.products.front();
    json["compute"] = {{"mode", name(resolution.lowBitMode)},
                       {"activation", formatJson(product.activation)},
                       {"weight", formatJson(product.weight)},
                       {"accumulate", "f32"},
                       {"promote", product.promote}};
    // One scale for all tokens of a call: results depend on what else is in the batch.
    json["compute"]["depends_on_batch"] = product.activation.tileRows == 0;
  }
  json["persistent"] = nullptr;
  if (!resolution.storedFormats.empty())
    json["persistent"] = {{"mode", name(resolution.persistentMode)}, {"format", formatJson(resolution.storedFormats.front())}};
  json["communication"] = {{"quantised", resolution.communication.quantised},
                           {"granularity", resolution.communication.granularity},
                           {"dispatch", resolution.communication.dispatch},
                           {"combine", resolution.communication.combine}};
  json["training"] = trainingJson(resolution);
  json["options"] = optionsJson(resolution.options);
  return json;
}
