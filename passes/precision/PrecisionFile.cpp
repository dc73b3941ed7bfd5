// configJson.
#include "passes/precision/PrecisionFile.h"

#include <charconv>

using namespace dsmlir;
using dsrt::Json;

namespace {

/// A value as set() takes it, in JSON.
Json jsonOf(const OptionDescriptor &option, const std::string &text) {
  switch (option.kind) {
  case OptionKind::Flag:
  case OptionKind::NegatableFlag:
  case OptionKind::Mode:
    return text == "true";
  case OptionKind::Integer: {
    int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }
  case OptionKind::Number: {
    double number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  }
  default:
    return text;
  }
}

} // namespace

Json dsmlir::configJson(const PrecisionOptions &options) {
  Json file = Json::object();
  for (const PolicyEntry &entry : policyEntries(options)) {
    const OptionDescriptor &option = *findOption(entry.key);
    if (option.kind == OptionKind::DtypeOverrides) {
      Json &overrides = file["module_compute_dtype_overrides"] = Json::object();
      for (const std::string &value : entry.values)
        overrides[value.substr(0, value.rfind('='))] = value.substr(value.rfind('=') + 1);
    } else if (entry.list) {
      file[option.key] = entry.values;
    } else {
      file[option.key] = jsonOf(option, entry.values.front());
    }
  }
  // The recipe in use; others say nothing here.
  for (const RecipeDefinition &definition : options.recipes)
    if (definition.recipe.name == options.recipe.value)
      file["recipes"][definition.recipe.name] = recipeFieldsJson(definition.recipe);
  return file;
}
