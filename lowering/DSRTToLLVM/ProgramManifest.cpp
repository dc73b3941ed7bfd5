// The manifest of a program, and how formats of the dialect are formats of the runtime.
#include "lowering/DSRTToLLVM/Formats.h"

#include "dsrt/dsrt_abi.h"
#include "lowering/DSRTToLLVM/ProgramManifest.h"

using namespace mlir;

namespace dsmlir {

dsrt_dtype dtypeOf(Type type) {
  if (type.isF32())
    return DSRT_F32;
  if (type.isBF16())
    return DSRT_BF16;
  if (type.isF16())
    return DSRT_F16;
  if (isa<Float8E4M3FNType>(type))
    return DSRT_F8E4M3;
  if (isa<Float8E5M2Type>(type))
    return DSRT_F8E5M2;
  if (isa<Float4E2M1FNType>(type))
    return DSRT_F4E2M1;
  if (type.isInteger(32))
    return DSRT_I32;
  llvm_unreachable("an element type of the runtime");
}

dsrt_quant quantOf(ds::QuantAttr format) {
  dsrt_quant quant = {};
  switch (format.getPayload()) {
  case ds::Payload::f8E4M3FN:
    quant.payload = DSRT_F8E4M3;
    break;
  case ds::Payload::f8E5M2:
    quant.payload = DSRT_F8E5M2;
    break;
  case ds::Payload::f4E2M1FN:
    quant.payload = DSRT_F4E2M1;
    break;
  case ds::Payload::nf4:
    quant.payload = DSRT_NF4;
    break;
  }
  switch (format.getScale()) {
  case ds::Scale::f32:
    quant.scale = DSRT_F32;
    break;
  case ds::Scale::ue8m0:
    quant.scale = DSRT_UE8M0;
    break;
  case ds::Scale::e4m3:
    quant.scale = DSRT_F8E4M3;
    break;
  }
  quant.tile_rows = int32_t(format.getTile().rows);
  quant.tile_cols = int32_t(format.getTile().columns);
  static_assert(int(ds::ScaleRule::amax) == DSRT_SCALE_AMAX && int(ds::ScaleRule::power_of_two) == DSRT_SCALE_POWER_OF_TWO &&
                int(ds::ScaleRule::mx) == DSRT_SCALE_MX);
  static_assert(int(ds::OuterScale::none) == DSRT_OUTER_NONE && int(ds::OuterScale::row) == DSRT_OUTER_ROW &&
                int(ds::OuterScale::tensor) == DSRT_OUTER_TENSOR);
  quant.rule = int32_t(format.getRule());
  quant.outer = int32_t(format.getOuter());
  quant.rounding = format.getRounding() == ds::Rounding::nearest ? DSRT_NEAREST_EVEN : DSRT_STOCHASTIC;
  quant.amax_floor = float(format.getFloor());
  quant.seed = format.getSeed();
  return quant;
}

static dsrt_quant formatOf(Attribute format) {
  if (auto quant = dyn_cast<ds::QuantAttr>(format))
    return quantOf(quant);
  dsrt_quant plain = {};
  plain.payload = dtypeOf(cast<TypeAttr>(format).getValue());
  return plain;
}

::dsrt::Manifest describeProgram(mlir::dsrt::ProgramOp program) {
  ::dsrt::Manifest manifest;
  manifest.abi = DSRT_ABI_HASH;
  mlir::dsrt::LimitsAttr limits = program.getLimits();
  manifest.maxTokens = limits.getTokens();
  manifest.maxSequences = limits.getSequences();
  manifest.maxLength = limits.getLength();
  manifest.maxWanted = limits.getWanted();
  manifest.vocabulary = int64_t(program.getVocabulary());
  for (auto weight : program.getBody().getOps<mlir::dsrt::WeightOp>()) {
    ::dsrt::ManifestParameter parameter;
    parameter.path = weight.getSymName().str();
    parameter.tensor = weight.getFrom().str();
    parameter.scales = weight.getScales().value_or("").str();
    parameter.shape.assign(weight.getShape().begin(), weight.getShape().end());
    parameter.firstExpert = int64_t(weight.getFirstExpert());
    parameter.stored = formatOf(weight.getStored());
    for (Attribute format : weight.getThrough())
      parameter.through.push_back(formatOf(format));
    parameter.use = int32_t(weight.getUse());
    manifest.parameters.push_back(std::move(parameter));
  }
  for (auto entry : program.getBody().getOps<mlir::dsrt::EntryOp>()) {
    auto cache = cast<mlir::dsrt::CacheType>(entry.getCache().getType());
    manifest.cacheLayers = cache.getLayers();
    manifest.cacheWidth = cache.getWidth();
    manifest.cacheDtype = dtypeOf(cache.getElement());
    auto result = cast<mlir::dsrt::ReturnOp>(entry.getBody().front().back());
    auto logits = result.getLogits().getDefiningOp<mlir::dsrt::AllocateOp>();
    (entry.isDecode() ? manifest.decode : manifest.prefill) = {"dsrt_" + entry.getSymName().str(), *entry.getArena(), *logits.getOffset()};
    for (auto call : entry.getBody().front().getOps<mlir::dsrt::CallInterface>())
      manifest.sites.push_back({call.getSignature().name.str(), call.getModulePath().str()});
  }
  return manifest;
}

} // namespace dsmlir
