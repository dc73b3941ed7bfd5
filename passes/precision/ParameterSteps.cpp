// Steps of parameters, and formats as JSON and in words.
#include "passes/precision/ParameterSteps.h"

#include "dialects/ds/ParameterSteps.h"

using namespace dsmlir;
using dsrt::Json;

bool ParameterFormat::holdsSameAs(const ParameterFormat &other) const {
  if (!quant || !other.quant)
    return false;
  bool scales = quant->scale == other.quant->scale || (quant->scale == "ue8m0" && other.quant->scale == "f32");
  return quant->payload == other.quant->payload && quant->tileRows == other.quant->tileRows && quant->tileCols == other.quant->tileCols &&
         quant->outerScale == other.quant->outerScale && scales;
}

namespace {

std::string howOf(const ParameterFormat &from, const ParameterFormat &to) {
  if (from == to || from.holdsSameAs(to))
    return "reused as it is";
  if (to.isQuantised())
    return from.isQuantised() ? "dequantised to FP32, then quantised" : "quantised";
  if (from.isQuantised())
    return to.dtype == Precision::FP32 ? "dequantised to FP32" : "dequantised to FP32, then rounded";
  return from.widensTo(to) ? "widened" : "rounded";
}

std::string extent(const Json &extent) { return extent == 0 ? "all" : extent.dump(); }

} // namespace

std::vector<ParameterStep> dsmlir::parameterSteps(const ParameterFormat &stored, const Decision &decision, const Resolution &resolution) {
  ParameterFormat storage{resolution.paramsDtype, {}}, compute{decision.compute, {}};
  if (decision.stored >= 0)
    storage = {Precision::None, resolution.storedFormats[static_cast<size_t>(decision.stored)]};
  if (decision.product >= 0)
    compute = {Precision::None, resolution.products[static_cast<size_t>(decision.product)].weight};
  auto held = mlir::ds::holdParameter(stored, std::optional(storage), compute);
  std::vector<ParameterStep> steps;
  if (held.via)
    steps.push_back({"persistent", *held.via, howOf(stored, *held.via)});
  const ParameterFormat before = held.via ? *held.via : stored;
  steps.push_back({"compute", held.resident, howOf(before, held.resident)});
  return steps;
}

bool dsmlir::asksForStep(const PrecisionOptions &options, const QuantFormat &from, const ParameterStep &step) {
  const QuantFormat &to = *step.format.quant;
  if (from.payload != to.payload)
    return true;
  bool tiles = from.tileRows != to.tileRows || from.tileCols != to.tileCols;
  if (step.stage == "persistent")
    return tiles && options.persistentScaleGranularity.given();
  return (tiles && options.fp8WeightGranularity.given()) || (from.scale != to.scale && options.fp8ScaleFormat.given());
}

const char *dsmlir::typeName(Precision dtype) { return dtype == Precision::FP32 ? "f32" : dtype == Precision::FP16 ? "f16" : "bf16"; }

Json dsmlir::formatJson(const QuantFormat &format) {
  Json json = {{"payload", format.payload}, {"scale", format.scale},       {"tile", {format.tileRows, format.tileCols}},
               {"rule", format.rule},       {"rounding", format.rounding}, {"amax_floor", format.amaxFloor},
               {"seed", format.seed}};
  if (!format.outerScale.empty())
    json["outer_scale"] = format.outerScale;
  return json;
}

Json dsmlir::formatJson(const ParameterFormat &format) { return format.quant ? formatJson(*format.quant) : Json(typeName(format.dtype)); }

std::string dsmlir::formatText(const Json &format) {
  if (format.is_string())
    return format.get<std::string>();
  if (!format.is_object())
    return "none";
  std::string text = format["payload"].get<std::string>() + ":" + extent(format["tile"][0]) + "x" + extent(format["tile"][1]) + ":" +
                     format["scale"].get<std::string>() + ":" + format["rule"].get<std::string>() + ":" +
                     format["rounding"].get<std::string>();
  if (format["rounding"] == "stochastic")
    text += ":seed=" + format["seed"].dump();
  if (format["amax_floor"] != 0)
    text += ":floor=" + format["amax_floor"].dump();
  if (format.contains("outer_scale"))
    text += ":outer=" + format["outer_scale"].get<std::string>();
  return text;
}
