// What parameters go through, for each pair of stored and computed formats, with and without low-bit storage.
#include "passes/precision/ParameterSteps.h"

#include "TestModels.h"

using namespace dsmlir;
using namespace dsmlir::test;

namespace {

/// The format of a checkpoint's FP8 block weights.
ParameterFormat blocks(const char *scale = "f32") {
  QuantFormat format{.payload = "f8E4M3FN", .tileRows = 128, .tileCols = 128, .scale = scale};
  format.rule = format.scale == "ue8m0" ? "power_of_two" : "amax";
  format.rounding = "nearest";
  return {Precision::None, format};
}
const ParameterFormat bf16{Precision::BF16, {}}, fp16{Precision::FP16, {}}, fp32{Precision::FP32, {}};

/// The steps of a linear module under flags: "persistent bf16 (rounded), compute f32 (widened)".
std::string steps(const ParameterFormat &stored, const std::vector<std::string> &words) {
  Resolution resolution = resolveWords(words);
  EXPECT_FALSE(resolution.hasErrors()) << printAll(resolution.findings);
  std::string text;
  for (const ParameterStep &step : parameterSteps(stored, *resolution.decision("blocks.0.attn.q_a_proj"), resolution))
    text += (text.empty() ? "" : ", ") + step.stage + " " + formatText(formatJson(step.format)) + " (" + step.how + ")";
  return text;
}

const std::string block = "f8E4M3FN:128x128:f32:amax:nearest", nf4 = "nf4:1xall:f32:amax:nearest";

TEST(ParameterSteps, WithoutLowPrecisionValuesAreRoundedWhereTheDtypesSay) {
  EXPECT_EQ(steps(bf16, {"--bf16"}), "compute bf16 (reused as it is)");
  EXPECT_EQ(steps(bf16, {"--fp32"}), "compute f32 (widened)");
  EXPECT_EQ(steps(fp32, {"--bf16"}), "compute bf16 (rounded)");
  // The params dtype is a rounding of its own only where it loses something that compute would have kept.
  EXPECT_EQ(steps(bf16, {"--bf16", "--params-dtype", "fp32"}), "compute bf16 (reused as it is)");
  EXPECT_EQ(steps(bf16, {"--fp32", "--params-dtype", "fp16"}), "persistent f16 (rounded), compute f32 (widened)");
  EXPECT_EQ(steps(fp32, {"--fp32", "--params-dtype", "bf16"}), "persistent bf16 (rounded), compute f32 (widened)");
}

TEST(ParameterSteps, LowBitComputeQuantises) {
  EXPECT_EQ(steps(bf16, {"--fp8"}), "compute " + block + " (quantised)");
  EXPECT_EQ(steps(fp32, {"--fp8"}), "persistent bf16 (rounded), compute " + block + " (quantised)");
  EXPECT_EQ(steps(bf16, {"--fp4", "--fp4-format", "mxfp4"}), "compute f4E2M1FN:1x32:ue8m0:mx:nearest (quantised)");
  EXPECT_EQ(steps(bf16, {"--fp4"}), "compute f4E2M1FN:1x16:f8E4M3FN:amax:nearest:outer=tensor (quantised)");
}

TEST(ParameterSteps, ALowBitCheckpointIsReusedWhereItsFormatIsComputedIn) {
  EXPECT_EQ(steps(blocks(), {"--fp8"}), "compute " + block + " (reused as it is)");
  // F32 scales can hold powers of two; the params dtype is skipped.
  EXPECT_EQ(steps(blocks("ue8m0"), {"--fp8", "--params-dtype", "fp16"}),
            "compute f8E4M3FN:128x128:ue8m0:power_of_two:nearest (reused as it is)");
  EXPECT_EQ(steps(blocks(), {"--fp8", "--fp8-scale-format", "ue8m0"}),
            "compute f8E4M3FN:128x128:ue8m0:power_of_two:nearest (dequantised to FP32, then quantised)");
  EXPECT_EQ(steps(blocks(), {"--bf16"}), "compute bf16 (dequantised to FP32, then rounded)");
  EXPECT_EQ(steps(blocks(), {"--fp32"}), "compute f32 (dequantised to FP32)");
}

TEST(ParameterSteps, LowBitStorageIsAStepOfItsOwn) {
  EXPECT_EQ(steps(bf16, {"--fp32", "--fp4-param"}), "persistent " + nf4 + " (quantised), compute f32 (dequantised to FP32)");
  EXPECT_EQ(steps(bf16, {"--fp8", "--fp4-param"}),
            "persistent " + nf4 + " (quantised), compute " + block + " (dequantised to FP32, then quantised)");
  EXPECT_EQ(steps(blocks(), {"--fp8", "--fp4-param"}),
            "persistent " + nf4 + " (dequantised to FP32, then quantised), compute " + block + " (dequantised to FP32, then quantised)");
  // Stored and computed in one format: quantised once.
  EXPECT_EQ(steps(bf16, {"--fp8", "--fp8-param", "--fp8-weight-granularity", "channel"}),
            "compute f8E4M3FN:1xall:f32:amax:nearest (quantised)");
}

TEST(ParameterSteps, ASecondLowBitFormatIsAskedForByTheOptionThatNamesIt) {
  auto asked = [](const ParameterFormat &from, const std::vector<std::string> &words) {
    Resolution resolution = resolveWords(words);
    std::vector<ParameterStep> steps = parameterSteps(from, *resolution.decision("blocks.0.attn.q_a_proj"), resolution);
    const ParameterFormat &before = steps.size() > 1 ? steps[steps.size() - 2].format : from;
    return asksForStep(resolution.options, *before.quant, steps.back());
  };
  EXPECT_FALSE(asked(bf16, {"--fp8", "--fp8-param"})); // channels, then blocks: two defaults met
  EXPECT_TRUE(asked(bf16, {"--fp8", "--fp8-param", "--fp8-weight-granularity", "block_128x128"}));
  EXPECT_TRUE(asked(bf16, {"--fp8", "--fp4-param"})); // both payloads have been named
  EXPECT_TRUE(asked(blocks(), {"--fp8", "--fp8-scale-format", "ue8m0"}));
}

} // namespace
