// #ds.policy and PrecisionOptions.
#include "passes/precision/ModelModules.h"
#include "passes/precision/Passes.h"

#include "mlir/IR/Builders.h"

#include <charconv>

using namespace mlir;

namespace dsmlir {
namespace {

/// A scalar as set() takes it.
std::string textOf(Attribute value) {
  if (auto text = dyn_cast<StringAttr>(value))
    return text.getValue().str();
  if (auto flag = dyn_cast<BoolAttr>(value))
    return flag.getValue() ? "true" : "false";
  if (auto number = dyn_cast<FloatAttr>(value)) {
    char digits[32];
    return std::string(digits, std::to_chars(digits, digits + sizeof digits, number.getValueAsDouble()).ptr);
  }
  llvm::SmallString<20> digits;
  cast<IntegerAttr>(value).getValue().toStringSigned(digits);
  return std::string(digits);
}

/// The fields of a recipe as a precision file writes them.
::dsrt::Json fieldsOf(DictionaryAttr recipe) {
  ::dsrt::Json fields = ::dsrt::Json::object();
  for (NamedAttribute field : recipe) {
    ::dsrt::Json &value = fields[field.getName().str()];
    if (auto list = dyn_cast<ArrayAttr>(field.getValue())) {
      value = ::dsrt::Json::array();
      for (Attribute element : list)
        value.push_back(textOf(element));
    } else if (auto flag = dyn_cast<BoolAttr>(field.getValue())) {
      value = flag.getValue();
    } else {
      value = textOf(field.getValue());
    }
  }
  return fields;
}

Attribute fieldOf(Builder &builder, const ::dsrt::Json &value) {
  if (value.is_boolean())
    return builder.getBoolAttr(value.get<bool>());
  if (value.is_string())
    return builder.getStringAttr(value.get<std::string>());
  std::vector<std::string> list = value.get<std::vector<std::string>>();
  return builder.getStrArrayAttr(SmallVector<StringRef>(list.begin(), list.end()));
}

/// The recipe that is asked for, where it is none that is built in: without it the policy would not say what it means.
DictionaryAttr recipesOf(Builder &builder, const PrecisionOptions &options) {
  NamedAttrList recipes;
  for (const RecipeDefinition &definition : options.recipes) {
    if (definition.recipe.name != options.recipe.value)
      continue;
    NamedAttrList fields;
    ::dsrt::Json written = recipeFieldsJson(definition.recipe);
    for (const auto &[key, value] : written.items())
      fields.append(key, fieldOf(builder, value));
    recipes.append(definition.recipe.name, fields.getDictionary(builder.getContext()));
  }
  return recipes.empty() ? DictionaryAttr() : recipes.getDictionary(builder.getContext());
}

} // namespace

void readPolicy(ds::ModelOp model, PrecisionOptions &options) {
  if (!model.getPolicy())
    return;
  Origin origin = {Origin::Source::Policy, fileLocation(model.getLoc())};
  if (origin.location.empty())
    origin.location = policyPlace;
  auto give = [&](StringRef key, const std::string &value) {
    std::string name = key.str();
    if (key == "mode") { // mode = fp8 is fp8 = true
      const OptionDescriptor *option = findOption(value);
      if (!option || option->kind != OptionKind::Mode) {
        options.refused.push_back(
            makeFinding(Code::BadValue, "policy: mode expects fp32, bf16, fp16, fp8 or fp4, but got '" + value + "'"));
        options.refused.back().location = origin.location;
        return;
      }
      (void)set(options, value, "true", origin).ok();
      return;
    }
    if (key == "recipe")
      name = "precision_recipe";
    else if (key == "activations")
      name = "activation_dtype";
    // Bad values are kept in options.refused by set(); a name that is none is not.
    if (dsrt::Status status = set(options, name, value, origin); status.code() == DSRT_USAGE) {
      options.refused.push_back(makeFinding(Code::UnknownKey, "policy: " + status.message()));
      options.refused.back().location = origin.location;
    }
  };
  for (NamedAttribute setting : model.getPolicy()->getSettings()) {
    StringRef key = setting.getName().getValue();
    if (key == "recipes") {
      for (NamedAttribute recipe : cast<DictionaryAttr>(setting.getValue()))
        readRecipe(recipe.getName().str(), fieldsOf(cast<DictionaryAttr>(recipe.getValue())), origin, options);
      continue;
    }
    if (auto overrides = dyn_cast<DictionaryAttr>(setting.getValue())) {
      for (NamedAttribute entry : overrides) {
        std::string dtype;
        llvm::raw_string_ostream(dtype) << cast<TypeAttr>(entry.getValue()).getValue();
        give(key, entry.getName().str() + "=" + dtype);
      }
    } else if (auto list = dyn_cast<ArrayAttr>(setting.getValue())) {
      for (Attribute value : list)
        give(key, textOf(value));
    } else {
      give(key, textOf(setting.getValue()));
    }
  }
}

ds::PolicyAttr policyOf(MLIRContext *context, const PrecisionOptions &options) {
  Builder builder(context);
  NamedAttrList settings;
  for (const PolicyEntry &entry : policyEntries(options)) {
    if (entry.key == "overrides") {
      NamedAttrList overrides;
      for (const DtypeSelection &selection : options.overrides)
        overrides.set(selection.target, TypeAttr::get(selection.dtype == "fp32"   ? Type(builder.getF32Type())
                                                      : selection.dtype == "fp16" ? Type(builder.getF16Type())
                                                                                  : Type(builder.getBF16Type())));
      settings.append(entry.key, overrides.getDictionary(context));
    } else if (entry.list) {
      SmallVector<StringRef> values(entry.values.begin(), entry.values.end());
      settings.append(entry.key, builder.getStrArrayAttr(values));
    } else if (entry.values[0] == "true" || entry.values[0] == "false") {
      settings.append(entry.key, builder.getBoolAttr(entry.values[0] == "true"));
    } else {
      settings.append(entry.key, builder.getStringAttr(entry.values[0]));
    }
  }
  if (DictionaryAttr recipes = recipesOf(builder, options))
    settings.append("recipes", recipes);
  return settings.empty() ? ds::PolicyAttr() : ds::PolicyAttr::get(context, settings.getDictionary(context));
}

} // namespace dsmlir
