// Quantisation formats from what recipe and flags say.
#pragma once

#include "passes/precision/PrecisionModel.h"

namespace dsmlir {

/// Granularities and formats by name, the flags laid over the recipe.
struct FormatSettings {
  std::string activationGranularity, weightGranularity, rounding, scaleFormat, fp4Format;
};

/// The formats of a low-bit product's operands, and of low-bit storage.
ProductFormat productFormat(Precision lowBit, const FormatSettings &settings, const PrecisionOptions &options);
QuantFormat storedFormat(Precision persistent, const PrecisionOptions &options);

} // namespace dsmlir
