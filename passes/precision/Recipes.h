// Recipes as data: what a recipe selects, and the formats that it asks for. The built-in ones stand in Recipes.cpp; a precision file
// declares more under "recipes", with the same fields (RecipeFields.cpp).
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace dsmlir {

struct Recipe {
  std::string name;
  std::string source;                     ///< where it is published, or what it is for
  std::string mode;                       ///< the run mode that it is made for, any other is an error; empty: it leaves the mode alone
  std::vector<std::string> highPrecision; ///< patterns: modules that leave low precision, compute and storage
  std::string patternType;                ///< of highPrecision, whatever --module-pattern-type says: regex | glob
  std::string activationGranularity, weightGranularity, rounding, scaleFormat; ///< of FP8, as the flags
  std::string fp4Format;                                                       ///< as the flag
  bool commQuant = false;
  std::string commGranularity;
  std::string dispatch, combine; ///< payloads of the expert exchange where communication is quantised
  std::string mainParamsDtype, mainGradsDtype, expAvgDtype, expAvgSqDtype;

  bool operator==(const Recipe &) const = default;
};

/// A dispatch that carries the expert input's own payload and scales: nothing is quantised twice.
inline constexpr char expertInputPayload[] = "expert input payload and scales";

/// The name under which --precision-recipe asks for what the checkpoint says; no recipe may have it.
inline constexpr char autoRecipe[] = "auto";

/// "default", which holds where none is asked for, and the published ones.
const std::vector<Recipe> &builtInRecipes();
const Recipe *findBuiltInRecipe(std::string_view name);

/// A field of a recipe, as a precision file and #ds.policy name it.
struct RecipeField {
  std::string key;                  ///< "high_precision"
  std::string help;                 ///< one line
  std::vector<std::string> choices; ///< of a text; empty: any text
  using Storage = std::variant<std::string Recipe::*, bool Recipe::*, std::vector<std::string> Recipe::*>;
  Storage storage;
};

/// All fields but the name, which is the key of the whole.
const std::vector<RecipeField> &recipeFields();

} // namespace dsmlir
