// The fusions. Each replaces calls by one that gives the same bits (dsrt_ops.def says which parts it stands for); the pass that applies
// them (Fuse.cpp) checks what holds for all: types, intermediate results, and that nothing between the calls is in the way.
#include "passes/optimize/Fusions.h"

#include "runtime/support/Nearest.h"

using namespace mlir;

namespace dsmlir {

namespace {

int64_t integer(Operation *call, StringRef name) { return call->getAttrOfType<IntegerAttr>(name).getInt(); }

/// As rowsAreIndependent (runtime/numerics/Quantize.h): what fused quantisations take.
bool rowsAreIndependent(Operation *quantize) {
  auto format = quantize->getAttrOfType<ds::QuantAttr>("format");
  return format.getTile().rows == 1 && format.getOuter() != ds::OuterScale::tensor;
}

template <unsigned Part> bool independentRows(ArrayRef<Operation *> parts) { return rowsAreIndependent(parts[Part]); }

/// Two weights of one format, so that one kernel reads both.
bool sameWeightFormat(ArrayRef<Operation *> parts) {
  auto resident = [](Operation *call) {
    auto weight = SymbolTable::lookupNearestSymbolFrom<mlir::dsrt::WeightOp>(call, call->getAttrOfType<FlatSymbolRefAttr>("weight"));
    return weight ? weight.getResident() : Attribute();
  };
  return resident(parts[0]) == resident(parts[1]);
}

/// slice_columns, rms_norm, cache_append, rope, slice_columns: the latent from column 0, the rest the key, which is one head.
bool splitsLatentAndKey(ArrayRef<Operation *> parts) {
  auto columns = [](Operation *slice) { return cast<mlir::dsrt::BufferType>(slice->getOperand(0).getType()).getExtents()[1].factor; };
  auto source = cast<mlir::dsrt::BufferType>(parts[0]->getOperand(1).getType()).getExtents()[1].factor;
  int64_t latent = columns(parts[0]);
  return integer(parts[0], "begin") == 0 && integer(parts[4], "begin") == latent && latent + columns(parts[4]) == source &&
         integer(parts[3], "heads") == 1 && integer(parts[3], "begin") == 0;
}

/// Payloads and their scales.
bool gathersPayloadAndScales(ArrayRef<Operation *> parts) {
  Type payload = mlir::dsrt::elementOf(parts[0], "T");
  return isa<Float8E4M3FNType, Float8E5M2Type, Float4E2M1FNType>(payload) && mlir::dsrt::elementOf(parts[1], "T").isF32();
}

/// A product and another one of the same operands but the weight: `shared` are the operands and attributes that both must have alike.
FusionRule pairOf(StringRef product, StringRef fused, ArrayRef<StringRef> shared) {
  FusionRule rule = {{product, product}, {}, fused, {}, sameWeightFormat};
  for (StringRef name : shared) {
    rule.same.push_back({{1, name}, {0, name}});
    rule.operands.push_back({name, {0, name}});
  }
  rule.operands.insert(rule.operands.end(), {{"y1", {0, "y"}}, {"y2", {1, "y"}}, {"weight1", {0, "weight"}}, {"weight2", {1, "weight"}}});
  return rule;
}

/// combine and add, where `combined` is the operand of add that combine gives, and `other` the other one.
FusionRule combineAdd(StringRef combined, StringRef other) {
  return {{"combine", "add"},
          {{{1, combined}, {0, "y"}}},
          "combine_add",
          {{"y", {1, "y"}}, {"x", {0, "x"}}, {"weights", {0, "weights"}}, {"order", {0, "order"}}, {"b", {1, other}}}};
}

/// swiglu and the quantisation of its result, alone or expert by expert: where rows are independent, that is the same.
FusionRule swigluQuantize(StringRef quantize) {
  return {{"swiglu", quantize},
          {{{1, "x"}, {0, "y"}}},
          "swiglu_quantize",
          {{"payload", {1, "payload"}}, {"scales", {1, "scales"}}, {"gate", {0, "gate"}}, {"up", {0, "up"}}, {"format", {1, "format"}}},
          independentRows<1>};
}

std::vector<Fusion> allFusions() {
  return {
      {"residual-norm",
       "add and the rms_norm of its result",
       {{{"add", "rms_norm"},
         {{{1, "x"}, {0, "y"}}},
         "add_rms_norm",
         {{"sum", {0, "y"}}, {"y", {1, "y"}}, {"a", {0, "a"}}, {"b", {0, "b"}}, {"weight", {1, "weight"}}, {"eps", {1, "eps"}}}}}},
      // After residual-norm: it takes its result as well.
      {"norm-quantize",
       "rms_norm or add_rms_norm and the quantize of its result",
       {{{"add_rms_norm", "quantize"},
         {{{1, "x"}, {0, "y"}}},
         "add_rms_norm_quantize",
         {{"sum", {0, "sum"}},
          {"y", {0, "y"}},
          {"payload", {1, "payload"}},
          {"scales", {1, "scales"}},
          {"a", {0, "a"}},
          {"b", {0, "b"}},
          {"weight", {0, "weight"}},
          {"eps", {0, "eps"}},
          {"format", {1, "format"}}},
         independentRows<1>},
        {{"rms_norm", "quantize"},
         {{{1, "x"}, {0, "y"}}},
         "rms_norm_quantize",
         {{"y", {0, "y"}},
          {"payload", {1, "payload"}},
          {"scales", {1, "scales"}},
          {"x", {0, "x"}},
          {"weight", {0, "weight"}},
          {"eps", {0, "eps"}},
          {"format", {1, "format"}}},
         independentRows<1>}}},
      {"swiglu-quantize",
       "swiglu and the quantize or grouped_quantize of its result",
       {swigluQuantize("quantize"), swigluQuantize("grouped_quantize")}},
      {"latent-append",
       "the rms_norm of the latent columns, the rope of the key columns, and the cache_append of both",
       {{{"slice_columns", "rms_norm", "cache_append", "rope", "slice_columns"},
         {{{1, "x"}, {0, "y"}}, {{2, "latent"}, {1, "y"}}, {{3, "y"}, {2, "key"}}, {{4, "y"}, {3, "x"}}, {{4, "x"}, {0, "x"}}},
         "latent_append",
         {{"cache", {2, "cache"}},
          {"x", {0, "x"}},
          {"weight", {1, "weight"}},
          {"cosine", {3, "cosine"}},
          {"sine", {3, "sine"}},
          {"batch", {2, "batch"}},
          {"layer", {2, "layer"}},
          {"eps", {1, "eps"}}},
         splitsLatentAndKey}}},
      // After latent-append: queries are rotated by the same tables.
      {"rope-append",
       "the rope of the queries and latent_append",
       {{{"rope", "latent_append"},
         {{{1, "cosine"}, {0, "cosine"}}, {{1, "sine"}, {0, "sine"}}},
         "rope_latent_append",
         {{"y", {0, "y"}},
          {"cache", {1, "cache"}},
          {"q", {0, "x"}},
          {"x", {1, "x"}},
          {"weight", {1, "weight"}},
          {"cosine", {0, "cosine"}},
          {"sine", {0, "sine"}},
          {"batch", {1, "batch"}},
          {"heads", {0, "heads"}},
          {"begin", {0, "begin"}},
          {"layer", {1, "layer"}},
          {"eps", {1, "eps"}}}}}},
      {"route-order",
       "route and the expert_order of its experts",
       {{{"route", "expert_order"},
         {{{1, "experts"}, {0, "experts"}}},
         "route_order",
         {{"weights", {0, "weights"}},
          {"experts", {0, "experts"}},
          {"order", {1, "order"}},
          {"offsets", {1, "offsets"}},
          {"logits", {0, "logits"}},
          {"bias", {0, "bias"}},
          {"scoring", {0, "scoring"}},
          {"selection", {0, "selection"}},
          {"groups", {0, "groups"}},
          {"top_groups", {0, "top_groups"}},
          {"normalize", {0, "normalize"}},
          {"scaling", {0, "scaling"}}}}}},
      {"gather-quantized",
       "the gather_rows of payloads and of their scales",
       {{{"gather_rows", "gather_rows"},
         {{{1, "index"}, {0, "index"}}, {{1, "divisor"}, {0, "divisor"}}},
         "gather_quantized",
         {{"y_payload", {0, "y"}},
          {"y_scales", {1, "y"}},
          {"payload", {0, "x"}},
          {"scales", {1, "x"}},
          {"index", {0, "index"}},
          {"divisor", {0, "divisor"}}},
         gathersPayloadAndScales}}},
      {"combine-add", "combine and the add of its result", {combineAdd("a", "b"), combineAdd("b", "a")}},
      {"product-pair",
       "two products that read the same operand: gate_proj and up_proj, q_proj or q_a_proj and kv_a_proj",
       {pairOf("linear", "linear_pair", {"x", "round"}),
        pairOf("scaled_matmul", "scaled_matmul_pair", {"payload", "scales", "activation", "promote"}),
        pairOf("grouped_linear", "grouped_linear_pair", {"x", "offsets", "first", "round"}),
        pairOf("grouped_scaled_matmul", "grouped_scaled_matmul_pair", {"payload", "scales", "offsets", "first", "activation", "promote"})}},
  };
}

} // namespace

ArrayRef<Fusion> fusions() {
  static const std::vector<Fusion> table = allFusions();
  return table;
}

const Fusion *findFusion(StringRef name) {
  const auto *found = llvm::find_if(fusions(), [&](const Fusion &fusion) { return fusion.name == name; });
  return found == fusions().end() ? nullptr : found;
}

std::string unknownFusion(StringRef name) {
  std::vector<std::string> names;
  std::string list;
  for (const Fusion &fusion : fusions()) {
    names.push_back(fusion.name.str());
    list += (list.empty() ? "" : &fusion == &fusions().back() ? " or " : ", ") + fusion.name.str();
  }
  return "expects " + list + ", but got '" + name.str() + "'" + ::dsrt::didYouMean(::dsrt::nearestNames(name.str(), names, 1));
}

} // namespace dsmlir
