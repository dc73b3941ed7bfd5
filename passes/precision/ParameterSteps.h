// What a parameter goes through from the checkpoint to the product: stored, persistent (layer 1), compute; what the last step leaves
// is resident. Plain C++; the decision itself is holdParameter's, which legalisation makes as well.
#pragma once

#include "passes/precision/PrecisionModel.h"

#include <optional>
#include <string>
#include <vector>

namespace dsmlir {

/// A dtype (fp32, bf16, fp16), or a quantised format.
struct ParameterFormat {
  Precision dtype = Precision::None; ///< None where quantised
  std::optional<QuantFormat> quant;

  bool isQuantised() const { return quant.has_value(); }
  /// Same payload, tile and values of scales: F32 scales can be powers of two, not the other way round.
  bool holdsSameAs(const ParameterFormat &other) const;
  bool widensTo(const ParameterFormat &other) const { return *this == other || other.dtype == Precision::FP32; }
  bool operator==(const ParameterFormat &) const = default;
};

struct ParameterStep {
  std::string stage; ///< "persistent": what layer 1 says; "compute": what the product takes, which is resident
  ParameterFormat format;
  std::string how; ///< "reused as it is", "quantised", "dequantised to FP32, then quantised", "dequantised to FP32, then rounded",
                   ///< "rounded", "widened"
};

/// The steps that change something on the way from `stored`, in order; the last one is always that of compute.
std::vector<ParameterStep> parameterSteps(const ParameterFormat &stored, const Decision &decision, const Resolution &resolution);

/// Whether the options ask for a step from one low-bit format to another: two payloads are always named, and of the same payload the
/// option that names what differs (tile, scales) was given.
bool asksForStep(const PrecisionOptions &options, const QuantFormat &from, const ParameterStep &step);

/// A dtype as MLIR's type is written ("bf16", "f16"), or a format as an object: what the plan and the manifest hold.
dsrt::Json formatJson(const QuantFormat &format);
dsrt::Json formatJson(const ParameterFormat &format);
/// "bf16"; "f8E4M3FN:128x128:f32:amax:nearest": payload, tile, dtype and rule of the scales, rounding, then what is not the default
/// (":seed=7:floor=0.5:outer=row"). Without blanks; "none" for null.
std::string formatText(const dsrt::Json &format);
/// The dtype of MLIR: "f32", "bf16", "f16".
const char *typeName(Precision dtype);

} // namespace dsmlir
