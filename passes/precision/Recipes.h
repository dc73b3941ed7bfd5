// Recipes as data: what a recipe selects, and the formats that it asks for. To add a recipe: an entry in Recipes.cpp and its name
// among the choices of --precision-recipe.
#pragma once

#include "passes/precision/PrecisionModel.h"

#include <string>
#include <string_view>
#include <vector>

namespace dsmlir {

struct Recipe {
  std::string name;
  std::string source;                     ///< where it is published
  std::vector<std::string> highPrecision; ///< regular expressions: modules that leave low precision, compute and storage
  std::string activationGranularity, weightGranularity, rounding, scaleFormat;
  bool commQuant;
  std::string commGranularity;
  std::string dispatch, combine; ///< payloads of the expert exchange where communication is quantised
  std::string mainParamsDtype, mainGradsDtype, expAvgDtype, expAvgSqDtype;
};

/// Null for "default", "auto" and unknown names.
const Recipe *findRecipe(std::string_view name);

/// What --precision-recipe auto finds in a checkpoint.
struct AutoRecipe {
  std::string recipe;      ///< "deepseek_v3", or "default" where nothing is quantised
  std::string mode;        ///< the run mode that the stored dtype says: "fp8", "bf16", ...
  std::string scaleFormat; ///< "fp32" or "ue8m0"; empty where nothing is quantised
  std::string source;      ///< "auto: quantization_config has fp8 e4m3 in blocks of 128x128"
  std::string problem;     ///< why it is not recognised; empty where it is
};
AutoRecipe recogniseRecipe(const Checkpoint *checkpoint);

/// The formats of a low-bit product under a recipe (or none) and the flags, and of low-bit storage.
struct FormatSettings {
  std::string activationGranularity, weightGranularity, rounding, scaleFormat;
};
ProductFormat productFormat(Precision lowBit, const FormatSettings &settings, const PrecisionOptions &options);
QuantFormat storedFormat(Precision persistent, const PrecisionOptions &options);

} // namespace dsmlir
