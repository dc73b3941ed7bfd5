// --precision-recipe auto: which recipe a checkpoint is stored for.
#pragma once

#include "passes/precision/PrecisionModel.h"

#include <string>

namespace dsmlir {

struct RecognisedRecipe {
  std::string recipe;      ///< "deepseek_v3", or "default" where nothing is quantised
  std::string mode;        ///< the run mode that the stored dtype says: "fp8", "bf16", ...
  std::string scaleFormat; ///< "fp32" or "ue8m0"; empty where nothing is quantised
  std::string source;      ///< "auto: quantization_config has fp8 e4m3 in blocks of 128x128, and so do 39 linear weights in the files"
  std::string problem;     ///< why it is not recognised; empty where it is
};

/// Config and files must agree where both speak: what disagrees is a problem that names both sides. Null: there is no checkpoint.
RecognisedRecipe recogniseRecipe(const Checkpoint *checkpoint);

} // namespace dsmlir
