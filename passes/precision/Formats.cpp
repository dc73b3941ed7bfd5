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
  ProductFormat product;
  if (lowBit == Precision::FP4)
    product = {fp4(settings.fp4Format, "row"), fp4(settings.fp4Format, "tensor"), 0};
  else
    product = {fp8(settings.activationGranularity, settings, options), fp8(settings.weightGranularity, settings, options), 0};
  // As legalisation has it: scales that change along K are applied to partial sums of their tile, in FP32 (DeepSeek-V3, section 3.3.2).
  product.promote = product.activation.tileCols ? product.activation.tileCols : 128;
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
