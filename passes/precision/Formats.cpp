// Quantisation formats from granularities and formats by name: the table of "Quantisation is part of the type" in PRECISION.md.
#include "passes/precision/Formats.h"

using namespace dsmlir;

namespace {

struct Tile {
  int64_t rows, cols;
};

/// 0 is the whole extent: a channel is a token's row of activations, an output channel's row of weights.
Tile tileOf(std::string_view granularity) {
  if (granularity == "tile_1x128")
    return {1, 128};
  if (granularity == "block_128x128")
    return {128, 128};
  return granularity == "channel" ? Tile{1, 0} : Tile{0, 0};
}

QuantFormat fp8(std::string_view granularity, const FormatSettings &settings, const PrecisionOptions &options) {
  Tile tile = tileOf(granularity);
  bool powers = settings.scaleFormat == "ue8m0", stochastic = settings.rounding == "stochastic";
  return {.payload = "f8E4M3FN",
          .tileRows = tile.rows,
          .tileCols = tile.cols,
          .scale = powers ? "ue8m0" : "f32",
          .rule = powers ? "power_of_two" : "amax",
          .rounding = settings.rounding,
          .amaxFloor = options.fp8AmaxFloor.value,
          .seed = stochastic ? static_cast<uint64_t>(options.roundingSeed.value) : 0,
          .outerScale = ""};
}

QuantFormat fp4(const std::string &format, const char *outerScale) {
  QuantFormat quant;
  quant.payload = "f4E2M1FN";
  quant.tileRows = 1;
  quant.rounding = "nearest";
  if (format == "mxfp4") {
    quant.tileCols = 32, quant.scale = "ue8m0", quant.rule = "mx";
  } else {
    quant.tileCols = 16, quant.scale = "f8E4M3FN", quant.rule = "amax", quant.outerScale = outerScale;
  }
  return quant;
}

} // namespace

ProductFormat dsmlir::productFormat(Precision lowBit, const FormatSettings &settings, const PrecisionOptions &options) {
  if (lowBit == Precision::FP4)
    return {fp4(settings.fp4Format, "row"), fp4(settings.fp4Format, "tensor"), 0};
  ProductFormat product{fp8(settings.activationGranularity, settings, options), fp8(settings.weightGranularity, settings, options), 0};
  // Scales that change along K are applied to partial sums of their tile, in FP32 (DeepSeek-V3, section 3.3.2).
  product.promote = product.activation.tileCols ? product.activation.tileCols : product.weight.tileCols;
  return product;
}

QuantFormat dsmlir::storedFormat(Precision persistent, const PrecisionOptions &options) {
  bool channel = options.persistentScaleGranularity.value == "per_channel";
  return {.payload = persistent == Precision::FP4 ? "nf4" : "f8E4M3FN",
          .tileRows = channel ? 1 : 0,
          .tileCols = 0,
          .scale = "f32",
          .rule = "amax",
          .rounding = "nearest",
          .outerScale = ""};
}

std::optional<std::string> dsmlir::notExecutable(const QuantFormat &format) {
  auto tile = [](int64_t extent) { return extent ? std::to_string(extent) : std::string("all"); };
  bool block = format.tileCols == 128 && (format.tileRows == 1 || format.tileRows == 128);
  bool scales = (format.scale == "f32" && format.rule == "amax") || (format.scale == "ue8m0" && format.rule == "power_of_two");
  if (format.payload == "f8E4M3FN" && block && scales && format.rounding == "nearest" && format.outerScale.empty())
    return std::nullopt;
  return "the cpu target runs f8E4M3FN in tiles of 1x128 and 128x128 with f32 or ue8m0 scales and nearest rounding, but got " +
         format.payload + " in tiles of " + tile(format.tileRows) + "x" + tile(format.tileCols) + " with " + format.scale + " scales and " +
         format.rounding + " rounding";
}

std::vector<Finding> dsmlir::executability(const Resolution &resolution) {
  std::vector<Finding> findings;
  auto check = [&](const QuantFormat &format, const std::string &what, const char *remedy) {
    if (std::optional<std::string> problem = notExecutable(format)) {
      findings.push_back(makeFinding(Code::NotExecutable, what + ": " + *problem));
      findings.back().notes.push_back({remedy, ""});
    }
  };
  for (const ProductFormat &product : resolution.products) {
    const char *remedy = resolution.lowBitMode == Precision::FP4 ? "use fp8 compute"
                         : product.activation.rounding != "nearest"
                             ? "choose --fp8-rounding nearest"
                             : "choose --fp8-activation-granularity tile_1x128 and --fp8-weight-granularity block_128x128";
    check(product.activation, "activations of low-bit products", remedy);
    check(product.weight, "weights of low-bit products", remedy);
  }
  for (const QuantFormat &stored : resolution.storedFormats)
    check(stored, "stored parameters", "leave out --fp8-param, --fp4-param and --persistent-lowbit-mode");
  if (resolution.options.fp8Backend.value == "native" && resolution.lowBitMode == Precision::FP8)
    findings.push_back(makeFinding(Code::NotExecutable,
                                   "--fp8-backend native: the cpu target runs FP8 emulated; leave the option out or choose emulated"));
  return findings;
}
