// The fields of a recipe by name: reading a recipe of the user's own from a precision file or from #ds.policy, and writing it back.
#include "passes/precision/PrecisionOptions.h"
#include "runtime/support/Nearest.h"

#include <algorithm>

using namespace dsmlir;
using dsrt::Json;

namespace {

/// The choices of an option of the table: a recipe's field takes what the flag takes.
std::vector<std::string> choicesOf(const char *option) { return findOption(option)->choices; }

std::string listed(const std::vector<std::string> &words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

std::vector<std::string> builtInNames() {
  std::vector<std::string> names;
  for (const Recipe &recipe : builtInRecipes())
    names.push_back(recipe.name);
  return names;
}

bool isName(const std::string &text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-' || c == '.'; });
}

/// Reads one recipe; what is wrong with it goes to the options' refused values.
class RecipeReader {
public:
  RecipeReader(PrecisionOptions &options, const std::string &name, const Origin &origin) : options(options), name(name), origin(origin) {}

  void read(const Json &fields) {
    if (findBuiltInRecipe(name) || name == autoRecipe)
      return refuse(Code::RecipeName,
                    "recipe '" + name + "' has the name of a built-in one: " + listed(builtInNames()) + " and auto are taken");
    if (!isName(name))
      return refuse(Code::RecipeName, "recipe '" + name + "' expects a name of letters, digits, '_', '-' and '.'");
    size_t before = options.refused.size();
    if (!fields.is_object())
      refuse(Code::RecipeField, "recipe " + name + " expects an object of fields, but got " + std::string(fields.type_name()));
    Recipe recipe = basis(fields);
    recipe.name = name;
    if (fields.is_object())
      for (const auto &[key, value] : fields.items())
        if (key != "based_on")
          set(recipe, key, value);
    // A recipe that is wrong is known all the same: that its name is asked for is no second error.
    bool sound = options.refused.size() == before;
    auto known = std::find_if(options.recipes.begin(), options.recipes.end(), [&](auto &other) { return other.recipe.name == name; });
    if (known == options.recipes.end())
      options.recipes.push_back({std::move(recipe), origin, sound});
    else if (known->origin.source <= origin.source)
      *known = {std::move(recipe), origin, sound};
  }

private:
  void refuse(Code code, std::string message) {
    Finding finding = makeFinding(code, std::move(message));
    finding.where = "recipes." + name;
    finding.location = origin.location;
    options.refused.push_back(std::move(finding));
  }

  void expect(const std::string &key, const std::string &expectation, const Json &value) {
    refuse(Code::RecipeField, "recipe " + name + ": " + key + " expects " + expectation + ", but got " + value.dump());
  }

  /// What holds for the fields that are left out.
  Recipe basis(const Json &fields) {
    auto given = fields.find("based_on");
    const Recipe *recipe = findBuiltInRecipe("default");
    if (given == fields.end())
      return *recipe;
    if (const Recipe *named = given->is_string() ? findBuiltInRecipe(given->get<std::string>()) : nullptr) {
      Recipe copy = *named;
      copy.source = "based on " + named->name;
      return copy;
    }
    expect("based_on", listed(builtInNames()), *given);
    return *recipe;
  }

  void set(Recipe &recipe, const std::string &key, const Json &value) {
    for (const RecipeField &field : recipeFields())
      if (field.key == key)
        return std::visit([&](auto member) { set(recipe, field, recipe.*member, value); }, field.storage);
    std::vector<std::string> keys = {"based_on"};
    for (const RecipeField &field : recipeFields())
      keys.push_back(field.key);
    std::string near = dsrt::didYouMean(dsrt::nearestNames(key, keys, 1));
    refuse(Code::RecipeField,
           "recipe " + name + ": '" + key + "' is no field of a recipe" + (near.empty() ? "; fields are " + listed(keys) : near));
  }

  void set(Recipe &, const RecipeField &field, std::string &stored, const Json &value) {
    bool known = value.is_string() && (field.choices.empty() || std::find(field.choices.begin(), field.choices.end(),
                                                                          value.get<std::string>()) != field.choices.end());
    if (!known)
      return expect(field.key, field.choices.empty() ? "a text" : listed(field.choices), value);
    stored = value.get<std::string>();
  }

  void set(Recipe &, const RecipeField &field, bool &stored, const Json &value) {
    if (!value.is_boolean())
      return expect(field.key, "true or false", value);
    stored = value.get<bool>();
  }

  void set(Recipe &, const RecipeField &field, std::vector<std::string> &stored, const Json &value) {
    auto isPattern = [](const Json &element) {
      return element.is_string() && element.get<std::string>().find_first_not_of(" \t") != std::string::npos;
    };
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), isPattern))
      return expect(field.key, "a list of patterns", value);
    stored = value.get<std::vector<std::string>>();
  }

  PrecisionOptions &options;
  const std::string &name;
  const Origin &origin;
};

} // namespace

const std::vector<RecipeField> &dsmlir::recipeFields() {
  static const std::vector<std::string> payloads = {expertInputPayload, "fp8", "bf16"};
  static const std::vector<std::string> floats = choicesOf("main-params-dtype");
  static const std::vector<RecipeField> fields = {
      {"source", "where it is published, or what it is for", {}, &Recipe::source},
      {"mode", "the run mode that it is made for; any other is an error", {"fp32", "bf16", "fp16", "fp8", "fp4"}, &Recipe::mode},
      {"high_precision", "patterns of modules that leave low precision, compute and storage", {}, &Recipe::highPrecision},
      {"pattern_type", "of high_precision", choicesOf("module-pattern-type"), &Recipe::patternType},
      {"activation_granularity", "FP8 tiles of activations", choicesOf("fp8-activation-granularity"), &Recipe::activationGranularity},
      {"weight_granularity", "FP8 tiles of weights", choicesOf("fp8-weight-granularity"), &Recipe::weightGranularity},
      {"rounding", "of FP8 payloads", choicesOf("fp8-rounding"), &Recipe::rounding},
      {"scale_format", "of FP8 scales", choicesOf("fp8-scale-format"), &Recipe::scaleFormat},
      {"fp4_format", "of FP4 operands", choicesOf("fp4-format"), &Recipe::fp4Format},
      {"comm_quant", "whether collectives carry quantised activations", {}, &Recipe::commQuant},
      {"comm_granularity", "tiles of what collectives carry", choicesOf("fp8-comm-granularity"), &Recipe::commGranularity},
      {"dispatch", "what expert dispatch carries where communication is quantised", payloads, &Recipe::dispatch},
      {"combine", "what expert combine carries where communication is quantised", {"fp8", "bf16"}, &Recipe::combine},
      {"main_params_dtype", "master weights", floats, &Recipe::mainParamsDtype},
      {"main_grads_dtype", "accumulated gradients", floats, &Recipe::mainGradsDtype},
      {"exp_avg_dtype", "the first moment", floats, &Recipe::expAvgDtype},
      {"exp_avg_sq_dtype", "the second moment", floats, &Recipe::expAvgSqDtype},
  };
  return fields;
}

void dsmlir::readRecipe(const std::string &name, const Json &fields, const Origin &origin, PrecisionOptions &options) {
  RecipeReader(options, name, origin).read(fields);
}

Json dsmlir::recipeFieldsJson(const Recipe &recipe) {
  Json json = Json::object();
  for (const RecipeField &field : recipeFields())
    std::visit(
        [&](auto member) {
          using T = std::decay_t<decltype(recipe.*member)>;
          bool unset = false; // an empty mode is one that is left alone, and has no word
          if constexpr (std::is_same_v<T, std::string>)
            unset = (recipe.*member).empty();
          if (!unset)
            json[field.key] = recipe.*member;
        },
        field.storage);
  return json;
}

const Recipe *dsmlir::findRecipe(std::string_view name, const PrecisionOptions &options) {
  for (const RecipeDefinition &definition : options.recipes)
    if (definition.recipe.name == name)
      return &definition.recipe;
  return findBuiltInRecipe(name);
}

std::vector<std::string> dsmlir::recipeNames(const PrecisionOptions &options) {
  std::vector<std::string> names = builtInNames();
  names.emplace_back(autoRecipe);
  for (const RecipeDefinition &definition : options.recipes)
    names.push_back(definition.recipe.name);
  return names;
}
