// What targets take: each format of the precision document, the alignment that cuda-sm90 asks for, what is refused and what would run.
#include "PlannedShapes.h"

using namespace dsmlir;
using namespace dsmlir::test;
using Words = std::vector<std::string>;

namespace {

const Target &cpu = *findTarget("cpu");
const Target &sm90 = *findTarget("cuda-sm90");

Judgement judged(const Target &target, const PlannedOperation &operation, const Words &words = {"--fp8"}) {
  return judge(target, operation, parse(words));
}

PlannedOperation quantise(const Words &words, int64_t columns) {
  PlannedOperation operation = product(words, 0, columns);
  operation.kind = "quantize";
  operation.family = KernelFamily::Quantise;
  operation.weight = {};
  return operation;
}

/// Attention with heads of nope + rope over a latent.
PlannedOperation attention(KernelFamily family, const std::string &type, int64_t nope, int64_t rope, int64_t value, int64_t latent) {
  PlannedOperation operation;
  operation.path = "blocks.0.attn.kv_b_proj";
  operation.kind = family == KernelFamily::Prefill ? "mla_attention prefill" : "mla_attention decode";
  operation.family = family;
  operation.activation = {type, std::nullopt};
  if (family == KernelFamily::Decode)
    operation.weight = {type, std::nullopt};
  operation.queryWidth = nope + rope;
  operation.valueWidth = value;
  operation.latentWidth = latent;
  return operation;
}

/// The kinds of the reasons, in their order.
Words kindsOf(const std::vector<Reason> &reasons) {
  Words kinds;
  for (const Reason &reason : reasons)
    kinds.push_back(reason.kind);
  return kinds;
}

const std::vector<Words> formats = {{"--fp8"},
                                    {"--fp8", "--fp8-scale-format", "ue8m0"},
                                    {"--fp8", "--fp8-activation-granularity", "channel", "--fp8-weight-granularity", "channel"},
                                    {"--fp8", "--fp8-activation-granularity", "tensor", "--fp8-weight-granularity", "tensor"},
                                    {"--fp8", "--fp8-activation-granularity", "tensor"},
                                    {"--fp8", "--fp8-weight-granularity", "channel"},
                                    {"--fp8", "--fp8-rounding", "stochastic"},
                                    {"--fp8", "--fp8-amax-floor", "0.25"},
                                    {"--fp4"},
                                    {"--fp4", "--fp4-format", "mxfp4"}};

} // namespace

TEST(Legality, TheCpuEmulatesEveryFormatAndRefusesNone) {
  for (const Words &words : formats)
    for (int64_t experts : {0, 8}) {
      std::vector<PlannedOperation> operations = {product(words, 97, 55, experts), quantise(words, 55)};
      Legality legality = judgeAll(cpu, operations, parse(words), false);
      EXPECT_EQ(legality.count(Verdict::Emulated), 2u) << words.back();
      EXPECT_TRUE(legality.runs()) << printAll(legality.refusals);
    }
  for (const char *type : {"f32", "bf16", "f16"})
    EXPECT_EQ(judged(cpu, plainProduct(type, 97, 55)).verdict, Verdict::Native);
}

TEST(Legality, WhatTheCpuHasNoKernelFor) {
  PlannedOperation e5m2 = product({"--fp8"}, 256, 256);
  e5m2.activation.type = e5m2.activation.format->payload = "f8E5M2";
  Judgement judgement = judged(cpu, e5m2);
  EXPECT_EQ(judgement.verdict, Verdict::Unsupported);
  EXPECT_EQ(judgement.kernel, "");
  EXPECT_EQ(kindsOf(judgement.reasons), (Words{"format", "format"}));
  EXPECT_EQ(judgement.reasons[1].text, "emulation: f8E5M2 by f8E4M3FN, but kernels take f8E4M3FN/f4E2M1FN by f8E4M3FN/f4E2M1FN");

  PlannedOperation stochastic = quantise({"--fp4"}, 256);
  stochastic.activation.format->rounding = "stochastic";
  EXPECT_EQ(judged(cpu, stochastic).verdict, Verdict::Unsupported);
  PlannedOperation mixed = product({"--fp8"}, 256, 256); // FP8 activations by FP4 weights
  mixed.weight = lowBit({"--fp4"}, true);
  EXPECT_EQ(judged(cpu, mixed).verdict, Verdict::Emulated);
}

TEST(Legality, Sm90RunsWhatItsKernelsTake) {
  auto kernelOf = [&](const Words &words, int64_t n, int64_t k, int64_t experts = 0) {
    Judgement judgement = judged(sm90, product(words, n, k, experts), words);
    return std::string(name(judgement.verdict)) + ": " + judgement.kernel;
  };
  const std::string blocks = "native: own wgmma kernels or cuBLASLt, block-scaled FP8";
  EXPECT_EQ(kernelOf(formats[0], 7168, 2048), blocks);
  EXPECT_EQ(kernelOf(formats[0], 97, 48), blocks) << "any N, and any K whose rows are aligned";
  EXPECT_EQ(kernelOf(formats[1], 7168, 2048), blocks);
  EXPECT_EQ(kernelOf(formats[2], 7168, 2048), "native: cuBLASLt, row-scaled FP8");
  EXPECT_EQ(kernelOf(formats[3], 7168, 2048), "native: cuBLASLt, row-scaled FP8");
  EXPECT_EQ(kernelOf(formats[0], 2048, 7168, 256), "native: own wgmma kernels, grouped block-scaled FP8");
  EXPECT_EQ(kernelOf(formats[6], 7168, 2048), blocks) << "the product does not round";
  const std::string widened = "emulated: own kernel, payloads widened and scaled to F32 on CUDA cores";
  for (size_t i : {size_t(4), size_t(5), size_t(8), size_t(9)})
    EXPECT_EQ(kernelOf(formats[i], 7168, 2048), widened) << i;
  for (size_t i : {size_t(2), size_t(3), size_t(8)})
    EXPECT_EQ(kernelOf(formats[i], 2048, 7168, 256), widened) << i;
  for (const char *type : {"f32", "bf16", "f16"})
    for (int64_t experts : {0, 8})
      EXPECT_EQ(judged(sm90, plainProduct(type, 97, 55, experts)).verdict, Verdict::Native) << type;
}

TEST(Legality, Sm90SaysWhyNot) {
  auto first = [&](const PlannedOperation &operation, const Words &words = {"--fp8"}) {
    return judged(sm90, operation, words).reasons.at(0);
  };
  EXPECT_EQ(first(product({"--fp4"}, 256, 256)).kind, "format");
  EXPECT_EQ(first(product({"--fp8", "--fp8-activation-granularity", "tensor"}, 256, 256)),
            (Reason{"tile", "tiles of allxall by 128x128, but kernels take 1x128 by 128x128 or 1xall or allxall by 1xall or allxall"}));
  EXPECT_EQ(first(quantise({"--fp8", "--fp8-rounding", "stochastic"}, 256)),
            (Reason{"rounding", "stochastic rounding, but kernels take nearest rounding"}));
  EXPECT_EQ(first(product({"--fp8"}, 256, 100)),
            (Reason{"alignment", "K = 100 is no multiple of 16: rows of FP8 payloads begin at 16 bytes"}));
  EXPECT_EQ(first(product(formats[2], 254, 128)).text,
            "N = 254 is no multiple of 16: cuBLASLt's FP8 kernels take whole 16 bytes of each row");
  PlannedOperation outer = product({"--fp8"}, 256, 256);
  outer.activation.format->scale = "f8E4M3FN";
  EXPECT_EQ(first(outer).kind, "scale");
  EXPECT_EQ(first(product({"--fp8"}, 256, 256), {"--fp8", "--fp8-backend", "emulated"}),
            (Reason{"backend", "--fp8-backend emulated asks for the emulation"}));
}

TEST(Legality, PartialTilesAreSaidAndRun) {
  // kjv's experts: 96 wide.
  Judgement gate = judged(sm90, product({"--fp8"}, 96, 128, 16)), down = judged(sm90, product({"--fp8"}, 128, 96, 16));
  EXPECT_EQ(gate.verdict, Verdict::Native);
  EXPECT_EQ(gate.notes, (std::vector<Reason>{{"tile", "N = 96 is no multiple of 128: the last tile is partial, and a tile of its own"}}));
  EXPECT_EQ(down.notes, (std::vector<Reason>{{"tile", "K = 96 is no multiple of 128: the last tile is partial, and a tile of its own"}}));
  EXPECT_EQ(kindsOf(judged(sm90, product({"--fp8"}, 576, 7168)).notes), Words{"tile"}) << "4.5 tiles";
}

TEST(Legality, AttentionByItsHeads) {
  for (const Target *target : {&cpu, &sm90})
    for (KernelFamily family : {KernelFamily::Prefill, KernelFamily::Decode}) {
      for (const char *type : {"f32", "bf16", "f16"}) {
        EXPECT_EQ(judged(*target, attention(family, type, 128, 64, 128, 512)).verdict, Verdict::Native);
        EXPECT_EQ(judged(*target, attention(family, type, 13, 6, 16, 64)).verdict, Verdict::Native);
      }
      Judgement wide = judged(*target, attention(family, "bf16", 1000, 64, 128, 512));
      EXPECT_EQ(wide.verdict, Verdict::Unsupported);
      EXPECT_EQ(wide.reasons.at(0),
                (Reason{"shape", "the query's head = 1064 is above 1024: a head's query and value have at most 1024 columns"}));
      EXPECT_EQ(judged(*target, attention(family, "bf16", 128, 64, 128, 4097)).reasons.at(0).kind, "shape");
    }
  PlannedOperation fp8 = attention(KernelFamily::Decode, "bf16", 128, 64, 128, 512);
  fp8.weight = lowBit({"--fp8"}, true);
  EXPECT_EQ(judged(sm90, fp8).verdict, Verdict::Native) << "decode computes in the activation dtype: that is the plan";
}

TEST(Legality, EveryDefaultRecipeIsNativeOnSm90) {
  for (const Words &words : {Words{"--precision-recipe", "deepseek_v3"}, {"--fp8"}}) {
    std::vector<PlannedOperation> operations = {product(words, 7168, 2048), quantise(words, 7168), product(words, 2048, 7168, 256)};
    EXPECT_TRUE(judgeAll(sm90, operations, parse(words), false).runs());
  }
}

TEST(Legality, DS1050_EmulationNeedsTheFlagOrTheBackendsName) {
  std::vector<PlannedOperation> operations = {product({"--fp4"}, 256, 256), plainProduct("bf16", 256, 256)};
  Legality refused = judgeAll(sm90, operations, parse({"--fp4"}), false);
  ASSERT_EQ(codesOf(refused.refusals), Words{"DS1050"});
  EXPECT_EQ(refused.refusals[0].message,
            "target 'cuda-sm90' runs scaled_matmul emulated alone, and --allow-fallback is not given: blocks.0.ffn.down_proj");
  ASSERT_EQ(refused.refusals[0].notes.size(), 2u);
  EXPECT_EQ(refused.refusals[0].notes[1].text, "what would run: --allow-fallback (own kernel, payloads widened and scaled to F32 on CUDA "
                                               "cores), --fp8 instead of FP4 or --target=cpu");
  EXPECT_TRUE(judgeAll(sm90, operations, parse({"--fp4"}), true).runs());
  EXPECT_TRUE(judgeAll(sm90, operations, parse({"--fp4", "--fp4-backend", "emulated"}), false).runs());

  std::vector<PlannedOperation> fp8 = {product({"--fp8"}, 256, 256)};
  EXPECT_TRUE(judgeAll(sm90, fp8, parse({"--fp8", "--fp8-backend", "native"}), false).runs());
  Legality asked = judgeAll(sm90, fp8, parse({"--fp8", "--fp8-backend", "emulated"}), false);
  EXPECT_EQ(asked.count(Verdict::Emulated), 1u);
  EXPECT_TRUE(asked.runs());
}

TEST(Legality, WhatWouldRunIsAskedOfTheTable) {
  auto remedy = [&](const Target &target, const PlannedOperation &operation, const Words &words, bool allowFallback = false) {
    Legality legality = judgeAll(target, {operation}, parse(words), allowFallback);
    return legality.refusals.empty() || legality.refusals[0].notes.empty() ? "" : legality.refusals[0].notes.back().text;
  };
  Words stochastic = {"--fp8", "--fp8-rounding", "stochastic"};
  EXPECT_EQ(remedy(sm90, quantise(stochastic, 256), stochastic),
            "what would run: --allow-fallback (own kernel, rounding in integer arithmetic), --fp8-rounding nearest or --target=cpu");
  Words tensor = {"--fp8", "--fp8-activation-granularity", "tensor"};
  EXPECT_NE(remedy(sm90, product(tensor, 256, 256), tensor)
                .find("--fp8-activation-granularity tile_1x128 --fp8-weight-granularity block_128x128"),
            std::string::npos);
  EXPECT_NE(remedy(sm90, product({"--fp8"}, 256, 100), {"--fp8"}).find("--compute-lowbit-exclude"), std::string::npos)
      << "no format helps against the shape; bf16 does";
  PlannedOperation e5m2 = product({"--fp8"}, 256, 256);
  e5m2.activation.type = e5m2.activation.format->payload = "f8E5M2";
  EXPECT_EQ(remedy(cpu, e5m2, {"--fp8"}), "what would run: --fp8-activation-granularity tile_1x128 --fp8-weight-granularity block_128x128");
}

TEST(Legality, DS1016_NativeIsAskedForAndIsNot) {
  Words native = {"--fp8", "--fp8-backend", "native"};
  for (bool allowFallback : {false, true}) {
    Legality legality = judgeAll(cpu, {product(native, 256, 256)}, parse(native), allowFallback);
    ASSERT_EQ(codesOf(legality.refusals), Words{"DS1016"});
    EXPECT_EQ(legality.refusals[0].message,
              "target 'cpu' runs scaled_matmul emulated, but --fp8-backend is native: blocks.0.ffn.down_proj");
    EXPECT_EQ(legality.refusals[0].notes.back().text, "what would run: leaving out --fp8-backend native or --target=cuda-sm90");
  }
  EXPECT_EQ(codesOf(judgeAll(sm90, {product(native, 256, 100)}, parse(native), true).refusals), Words{"DS1016"});
}

TEST(Legality, DS1150_AFallbackThatLetsNothingPass) {
  std::vector<PlannedOperation> fp4 = {product({"--fp4"}, 256, 256)}, bf16 = {plainProduct("bf16", 256, 256)};
  auto unused = [&](const Target &target, const std::vector<PlannedOperation> &operations, const Words &words, bool allowFallback) {
    PrecisionOptions options = parse(words);
    std::optional<Finding> finding = unusedFallback(judgeAll(target, operations, options, allowFallback), operations, options);
    return finding ? codeName(finding->code) : "";
  };
  EXPECT_EQ(unused(sm90, fp4, {"--fp4"}, true), "");
  EXPECT_EQ(unused(sm90, bf16, {"--bf16"}, true), "DS1150");
  EXPECT_EQ(unused(sm90, bf16, {"--bf16"}, false), "");
  EXPECT_EQ(unused(cpu, fp4, {"--fp4"}, true), "DS1150");
}

TEST(Legality, OperationsJudgedAlikeAreOneGroup) {
  std::vector<PlannedOperation> operations;
  for (int block = 0; block < 3; ++block) {
    operations.push_back(product({"--fp8"}, 256, 256));
    operations.back().path = "blocks." + std::to_string(block) + ".attn.out_proj";
    operations.push_back(product({"--fp8"}, 192, 256));
    operations.back().path = "blocks." + std::to_string(block) + ".attn.q_b_proj";
  }
  Legality legality = judgeAll(sm90, operations, parse({"--fp8"}), false);
  ASSERT_EQ(legality.groups.size(), 2u);
  EXPECT_EQ(legality.groups[0].paths.size(), 3u);
  EXPECT_EQ(legality.count(Verdict::Native), 6u);
}

TEST(Legality, NotesDoNotSplitARefusal) {
  std::vector<PlannedOperation> operations = {product({"--fp4"}, 256, 256), product({"--fp4"}, 256, 250)};
  Legality legality = judgeAll(sm90, operations, parse({"--fp4"}), false);
  EXPECT_EQ(legality.groups.size(), 2u) << "250 is 15.6 tiles";
  ASSERT_EQ(legality.notNative().size(), 1u);
  EXPECT_EQ(legality.notNative()[0].paths.size(), 2u);
  EXPECT_EQ(legality.refusals.size(), 1u);
}
