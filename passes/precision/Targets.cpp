// What targets take, as data: what each backend runs, and how.
#include "passes/precision/Legality.h"

using namespace dsmlir;

namespace {

using Kind = Requirement::Kind;
using Tiles = std::vector<std::pair<int64_t, int64_t>>;

using Names = std::vector<std::string>;

Names plain() { return {"f32", "bf16", "f16"}; }
Names readable() { return {"f32", "bf16", "f16", "f8E4M3FN", "f8E5M2", "f4E2M1FN", "nf4"}; } // weights that are read row by row
Names wideScales() { return {"f32", "ue8m0"}; }

/// What runs on one dtype, the same for both operands; no kernel mixes them.
Kernel plainProduct(std::vector<KernelFamily> families, std::string name, const std::string &type) {
  return {.verdict = Verdict::Native,
          .families = std::move(families),
          .name = std::move(name),
          .activation = {.types = {type}},
          .weight = {.types = {type}}};
}

/// A product of E4M3 payloads with F32 scales (UE8M0 scales are carried as F32).
Kernel scaledProduct(KernelFamily family, std::string name, Tiles activation, Tiles weight, std::vector<Requirement> requirements) {
  return {.verdict = Verdict::Native,
          .families = {family},
          .name = std::move(name),
          .activation = {.types = {"f8E4M3FN"}, .tiles = std::move(activation), .scales = wideScales()},
          .weight = {.types = {"f8E4M3FN"}, .tiles = std::move(weight), .scales = wideScales()},
          .requirements = std::move(requirements)};
}

Kernel kernel(Verdict verdict, std::vector<KernelFamily> families, std::string name, OperandRule activation, OperandRule weight = {},
              std::vector<Requirement> requirements = {}) {
  return {verdict, std::move(families), std::move(name), std::move(activation), std::move(weight), std::move(requirements)};
}

/// What attention asks of its heads, on any backend (expectMla, runtime/backend).
std::vector<Requirement> headLimits() {
  return {{Dimension::QueryWidth, Kind::AtMost, 1024, "a head's query and value have at most 1024 columns"},
          {Dimension::ValueWidth, Kind::AtMost, 1024, "a head's query and value have at most 1024 columns"},
          {Dimension::LatentWidth, Kind::AtMost, 4096, "a latent has at most 4096 columns"}};
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
  kernels.push_back(kernel(Verdict::Native, {KernelFamily::Prefill}, "streaming softmax in F32", {.types = plain()}, {}, headLimits()));
  kernels.push_back(kernel(Verdict::Native, {KernelFamily::Decode}, "absorbed attention in F32", {.types = plain()}, {.types = readable()},
                           headLimits()));
  kernels.push_back(kernel(Verdict::Emulated, {KernelFamily::Quantise}, "bit-exact codecs",
                           {.types = {"f8E4M3FN", "f8E5M2"}, .roundings = {"nearest", "stochastic"}}));
  kernels.push_back(
      kernel(Verdict::Emulated, {KernelFamily::Quantise}, "bit-exact codecs", {.types = {"f4E2M1FN"}, .roundings = {"nearest"}}));
  kernels.push_back(kernel(Verdict::Native, {KernelFamily::RowWise}, "row by row, F32 inside", {}));
  return {.name = "cpu", .emulatesByDefault = true, .source = "runtime/backend/cpu", .kernels = std::move(kernels)};
}

Target cudaSm90() {
  std::vector<KernelFamily> products = {KernelFamily::Product, KernelFamily::GroupedProduct};
  const Requirement payloadRows = {Dimension::K, Kind::Multiple, 16, "rows of FP8 payloads begin at 16 bytes"};
  const Requirement result16 = {Dimension::N, Kind::Multiple, 16, "cuBLASLt's FP8 kernels take whole 16 bytes of each row"};
  const Tiles blocks = {{1, 128}}, weightBlocks = {{128, 128}}, whole = {{1, 0}, {0, 0}};
  std::vector<Kernel> kernels = {
      // The tensor cores multiply payloads; after 128 of K the sums are scaled and joined in F32. Any number of tokens, any N.
      scaledProduct(KernelFamily::Product, "own wgmma kernels or cuBLASLt, block-scaled FP8", blocks, weightBlocks, {payloadRows}),
      scaledProduct(KernelFamily::GroupedProduct, "own wgmma kernels, grouped block-scaled FP8", blocks, weightBlocks, {payloadRows}),
      scaledProduct(KernelFamily::Product, "cuBLASLt, row-scaled FP8", whole, whole, {result16, payloadRows}),
      // Of any shape: what tensor cores do not take is multiplied on CUDA cores, in the same types.
      plainProduct(products, "own kernels or cuBLASLt, BF16", "bf16"),
      plainProduct(products, "own kernels or cuBLASLt, FP16", "f16"),
      plainProduct(products, "own kernels or cuBLASLt, FP32 without TF32", "f32"),
      kernel(Verdict::Native, {KernelFamily::Prefill}, "own kernels, streaming softmax in F32", {.types = plain()}, {}, headLimits()),
      kernel(Verdict::Native, {KernelFamily::Decode}, "own kernels, absorbed, softmax in F32", {.types = plain()}, {.types = readable()},
             headLimits()),
      kernel(Verdict::Native, {KernelFamily::Quantise}, "own kernel, cvt to FP8 (sm_89 and above)",
             {.types = {"f8E4M3FN", "f8E5M2"}, .roundings = {"nearest"}}),
      kernel(Verdict::Native, {KernelFamily::RowWise}, "own kernels, F32 inside", {}),
  };
  const Names payloads = {"f8E4M3FN", "f4E2M1FN"};
  kernels.push_back(kernel(Verdict::Emulated, products, "own kernel, payloads widened and scaled to F32 on CUDA cores", {.types = payloads},
                           {.types = payloads}));
  kernels.push_back(kernel(Verdict::Emulated, {KernelFamily::Quantise}, "own kernel, rounding in integer arithmetic",
                           {.types = {"f8E4M3FN", "f8E5M2"}, .roundings = {"nearest", "stochastic"}}));
  kernels.push_back(kernel(Verdict::Emulated, {KernelFamily::Quantise}, "own kernel, rounding in integer arithmetic",
                           {.types = {"f4E2M1FN"}, .roundings = {"nearest"}}));
  return {.name = "cuda-sm90", .emulatesByDefault = false, .source = "runtime/backend/cuda", .kernels = std::move(kernels)};
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
