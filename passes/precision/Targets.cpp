// What targets take, as data. A statement about cuda-sm90 is one about the hardware and its libraries: the plugin that will use them is
// not part of this build. Sources: the PTX ISA (conversions, wgmma), cuBLASLt 13's scaling modes, CUTLASS' grouped and group-scaled
// kernels, cuDNN's support matrix for attention, FlashMLA; and what was measured of them on an H200.
#include "passes/precision/Legality.h"

using namespace dsmlir;

namespace {

using Kind = Requirement::Kind;
using Tiles = std::vector<std::pair<int64_t, int64_t>>;

using Names = std::vector<std::string>;

Names plain() { return {"f32", "bf16", "f16"}; }
Names wideScales() { return {"f32", "ue8m0"}; }

/// What runs on one dtype, the same for both operands; no kernel mixes them.
Kernel plainProduct(std::vector<KernelFamily> families, std::string name, const std::string &type,
                    std::vector<Requirement> requirements = {}) {
  return {.verdict = Verdict::Native,
          .families = std::move(families),
          .name = std::move(name),
          .activation = {.types = {type}},
          .weight = {.types = {type}},
          .requirements = std::move(requirements)};
}

/// A product of E4M3 payloads with F32 scales (UE8M0 scales are carried as F32).
Kernel scaledProduct(KernelFamily family, std::string name, Tiles activation, Tiles weight, std::vector<Requirement> requirements,
                     std::vector<Reason> notes = {}, Names weightTypes = {"f8E4M3FN"}) {
  return {.verdict = Verdict::Native,
          .families = {family},
          .name = std::move(name),
          .activation = {.types = {"f8E4M3FN"}, .tiles = std::move(activation), .scales = wideScales()},
          .weight = {.types = std::move(weightTypes), .tiles = std::move(weight), .scales = wideScales()},
          .requirements = std::move(requirements),
          .notes = std::move(notes)};
}

Kernel kernel(Verdict verdict, std::vector<KernelFamily> families, std::string name, OperandRule activation, OperandRule weight = {},
              std::vector<Requirement> requirements = {}) {
  return {verdict, std::move(families), std::move(name), std::move(activation), std::move(weight), std::move(requirements), {}};
}

/// Behind the native kernels, the same on copies that meet their alignment.
void addPaddedCopies(std::vector<Kernel> &kernels) {
  size_t natives = kernels.size();
  for (size_t i = 0; i < natives; ++i) {
    Kernel padded = kernels[i];
    auto isAlignment = [](const Requirement &requirement) { return requirement.kind == Kind::Multiple; };
    if (std::erase_if(padded.requirements, isAlignment) == 0)
      continue;
    padded.verdict = Verdict::Emulated;
    padded.name += ", on copies padded with zeros";
    kernels.push_back(std::move(padded));
  }
}

Target cpu() {
  std::vector<KernelFamily> products = {KernelFamily::Product, KernelFamily::GroupedProduct};
  std::vector<Kernel> kernels;
  for (const std::string &type : plain())
    kernels.push_back(plainProduct(products, "panels of the result, sums in F32", type));
  // The operands of a product need not be in one format: FP4 weights by FP8 activations are as good.
  const Names payloads = {"f8E4M3FN", "f4E2M1FN"};
  kernels.push_back(kernel(Verdict::Emulated, products, "payloads widened, scales applied to partial sums in F32", {.types = payloads},
                           {.types = payloads}));
  kernels.push_back(kernel(Verdict::Native, {KernelFamily::Prefill}, "streaming softmax in F32", {.types = plain()}));
  kernels.push_back(kernel(Verdict::Native, {KernelFamily::Decode}, "absorbed attention in F32", {.types = plain()},
                           {.types = {"f32", "bf16", "f16", "f8E4M3FN", "f8E5M2", "f4E2M1FN", "nf4"}}));
  kernels.push_back(kernel(Verdict::Emulated, {KernelFamily::Quantise}, "bit-exact codecs",
                           {.types = {"f8E4M3FN", "f8E5M2"}, .roundings = {"nearest", "stochastic"}}));
  kernels.push_back(
      kernel(Verdict::Emulated, {KernelFamily::Quantise}, "bit-exact codecs", {.types = {"f4E2M1FN"}, .roundings = {"nearest"}}));
  kernels.push_back(kernel(Verdict::Native, {KernelFamily::RowWise}, "row by row, F32 inside", {}));
  return {.name = "cpu", .built = true, .emulatesByDefault = true, .source = "runtime/backend/cpu", .kernels = std::move(kernels)};
}

Target cudaSm90() {
  const Requirement payloadRows = {Dimension::K, Kind::Multiple, 16, "rows of FP8 payloads begin at 16 bytes"};
  const Requirement wideRows = {Dimension::K, Kind::Multiple, 8, "rows of 2-byte values begin at 16 bytes"};
  const Requirement result16 = {Dimension::N, Kind::Multiple, 16, "cuBLASLt's FP8 kernels take whole 16 bytes of each row"};
  const Requirement result8 = {Dimension::N, Kind::Multiple, 8, "rows of 2-byte results begin at 16 bytes"};
  const Requirement blockN = {Dimension::N, Kind::Multiple, 4, "cuBLASLt's block scaling takes M and N in multiples of 4"};
  const Reason padTokens = {"alignment", "tokens are padded to a multiple of 4, which cuBLASLt's block scaling asks for"};

  std::vector<Kernel> kernels = {
      // cuBLASLt takes 1x128 by 128x128 and 1x128 by 1x128, scalars, and on sm_90 one scale a row of both operands.
      scaledProduct(KernelFamily::Product, "cuBLASLt, block-scaled FP8", {{1, 128}}, {{128, 128}, {1, 128}}, {blockN, payloadRows},
                    {padTokens}),
      scaledProduct(KernelFamily::Product, "cuBLASLt, tensor-scaled FP8", {{0, 0}}, {{0, 0}}, {result16, payloadRows}, {},
                    {"f8E4M3FN", "f8E5M2"}),
      scaledProduct(KernelFamily::Product, "cuBLASLt, row-scaled FP8", {{1, 0}}, {{1, 0}}, {result16, payloadRows}),
      plainProduct({KernelFamily::Product}, "cuBLASLt, BF16", "bf16"),
      plainProduct({KernelFamily::Product}, "cuBLASLt, FP16", "f16"),
      plainProduct({KernelFamily::Product}, "cuBLASLt, FP32 without TF32", "f32"),
      // Grouped FP8 is not in cuBLASLt.
      scaledProduct(KernelFamily::GroupedProduct, "CUTLASS or own wgmma kernel, grouped block-scaled FP8", {{1, 128}}, {{128, 128}},
                    {result8, payloadRows}),
      scaledProduct(KernelFamily::GroupedProduct, "CUTLASS, grouped row-scaled FP8", {{1, 0}}, {{1, 0}}, {result16, payloadRows}),
      scaledProduct(KernelFamily::GroupedProduct, "CUTLASS, grouped row-scaled FP8 with one scale for all rows", {{0, 0}}, {{0, 0}},
                    {result16, payloadRows}),
      plainProduct({KernelFamily::GroupedProduct}, "CUTLASS, grouped BF16", "bf16", {result8, wideRows}),
      plainProduct({KernelFamily::GroupedProduct}, "CUTLASS, grouped FP16", "f16", {result8, wideRows}),
      plainProduct({KernelFamily::GroupedProduct}, "CUTLASS, grouped FP32 on CUDA cores", "f32"),
      kernel(Verdict::Native, {KernelFamily::Prefill}, "cuDNN, scaled dot product attention", {.types = {"bf16", "f16"}}, {},
             {{Dimension::QueryWidth, Kind::AtMost, 256, "cuDNN takes heads of at most 256 on Hopper"},
              {Dimension::ValueWidth, Kind::AtMost, 256, "cuDNN takes heads of at most 256 on Hopper"},
              {Dimension::QueryWidth, Kind::Multiple, 8, "cuDNN takes heads in multiples of 8"},
              {Dimension::ValueWidth, Kind::Multiple, 8, "cuDNN takes heads in multiples of 8"}}),
      kernel(Verdict::Native, {KernelFamily::Decode}, "FlashMLA or own kernel, absorbed", {.types = {"bf16", "f16"}},
             {.types = {"bf16", "f16", "f8E4M3FN"}},
             {{Dimension::LatentWidth, Kind::Exactly, 512, "FlashMLA is made for a latent of 512"},
              {Dimension::RopeWidth, Kind::Exactly, 64, "FlashMLA is made for a rotated key of 64"}}),
      kernel(Verdict::Native, {KernelFamily::Decode}, "own kernel, absorbed", {.types = {"bf16", "f16"}},
             {.types = {"bf16", "f16", "f8E4M3FN"}},
             {{Dimension::LatentWidth, Kind::Multiple, 8, "rows of 2-byte values begin at 16 bytes"},
              {Dimension::RopeWidth, Kind::Multiple, 8, "rows of 2-byte values begin at 16 bytes"}}),
      kernel(Verdict::Native, {KernelFamily::Prefill, KernelFamily::Decode}, "own kernel, FP32 on CUDA cores", {.types = {"f32"}},
             {.types = {"f32", "bf16", "f16", "f8E4M3FN"}}),
      kernel(Verdict::Native, {KernelFamily::Decode}, "own kernel, FP32 on CUDA cores", {.types = plain()}, {.types = {"f32"}}),
      kernel(Verdict::Native, {KernelFamily::Quantise}, "own kernel, cvt to FP8 (sm_89 and above)",
             {.types = {"f8E4M3FN", "f8E5M2"}, .roundings = {"nearest"}}),
      kernel(Verdict::Native, {KernelFamily::RowWise}, "own kernel, F32 inside", {}),
  };
  addPaddedCopies(kernels);
  // E2M1 and E4M3 are exact in BF16, and products of two of them in F32.
  Names payloads = {"f8E4M3FN", "f8E5M2", "f4E2M1FN"};
  kernels.push_back(kernel(Verdict::Emulated, {KernelFamily::Product, KernelFamily::GroupedProduct},
                           "own kernel, payloads widened to BF16, scales applied to partial sums in F32", {.types = payloads},
                           {.types = payloads}));
  kernels.push_back(kernel(Verdict::Emulated, {KernelFamily::Prefill}, "own kernel, FP32 on CUDA cores", {.types = {"bf16", "f16"}}));
  kernels.push_back(
      kernel(Verdict::Emulated, {KernelFamily::Decode}, "own kernel, weights dequantised first", {.types = plain()}, {.types = payloads}));
  kernels.push_back(kernel(Verdict::Emulated, {KernelFamily::Quantise}, "own kernel, rounding in integer arithmetic",
                           {.types = payloads, .roundings = {"nearest", "stochastic"}}));
  return {.name = "cuda-sm90",
          .built = false,
          .emulatesByDefault = false,
          .source = "sm_90, cuBLASLt 13, CUTLASS, cuDNN",
          .kernels = std::move(kernels)};
}

} // namespace

const std::vector<Target> &dsmlir::targets() {
  static const std::vector<Target> table = {cpu(), cudaSm90()};
  return table;
}

const Target *dsmlir::findTarget(std::string_view name) {
  for (const Target &target : targets())
    if (target.name == name)
      return &target;
  return nullptr;
}
