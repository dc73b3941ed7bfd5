// The plan as JSON, read off the legalised graph.
#include "passes/precision/Plan.h"

#include <map>

using namespace mlir;

namespace dsmlir {
namespace {

std::string text(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

dsrt::Json formatJson(Attribute format) {
  if (!format)
    return nullptr;
  if (auto dtype = dyn_cast<TypeAttr>(format))
    return text(dtype.getValue());
  auto quant = cast<ds::QuantAttr>(format);
  dsrt::Json json = {{"payload", ds::stringifyPayload(quant.getPayload()).str()},
          {"scale", ds::stringifyScale(quant.getScale()).str()},
          {"tile", {quant.getTile().rows, quant.getTile().columns}},
          {"rule", ds::stringifyScaleRule(quant.getRule()).str()},
          {"rounding", ds::stringifyRounding(quant.getRounding()).str()},
          {"amax_floor", double(quant.getFloor())},
          {"seed", quant.getSeed()}};
  if (quant.getOuter() != ds::OuterScale::none)
    json["outer_scale"] = ds::stringifyOuterScale(quant.getOuter()).str();
  return json;
}

/// Bytes of a parameter of [experts,] rows, columns in a format, its F32 scales included.
int64_t bytesOf(ArrayRef<int64_t> shape, Attribute format) {
  int64_t elements = 1, outer = shape.size() == 3 ? shape[0] : 1;
  for (int64_t extent : shape)
    elements *= extent;
  if (auto dtype = dyn_cast<TypeAttr>(format))
    return elements * dtype.getValue().getIntOrFloatBitWidth() / 8;
  auto quant = cast<ds::QuantAttr>(format);
  int64_t rows = shape.size() > 1 ? shape[shape.size() - 2] : 1;
  int64_t row = llvm::divideCeil(shape.back() * int64_t(quant.getPayloadType().getIntOrFloatBitWidth()), 8);
  return elements / shape.back() * row + outer * quant.getTileRows(rows) * quant.getTileColumns(shape.back()) * 4;
}

} // namespace

dsrt::Json planJson(ds::ModelOp model, const Resolution &resolution) {
  dsrt::Json plan = policyJson(resolution);
  dsrt::Json &operations = plan["operations"] = dsrt::Json::array();
  SymbolTable symbols(model);
  auto prefill = symbols.lookup<ds::FuncOp>("prefill");
  if (!prefill)
    return plan;
  for (auto op : prefill.getBody().front().getOps<ds::ModulePrecisionInterface>()) {
    ds::PrecisionAttr precision = op.getModulePrecision();
    auto param = symbols.lookup<ds::ParamOp>(op.getModuleParameter().getAttr());
    Attribute stored = param.getStoredAttr() ? Attribute(param.getStoredAttr()) : TypeAttr::get(param.getTensorType().getElementType());
    dsrt::Json parameter = {{"name", param.getSymName().str()},
                            {"shape", std::vector<int64_t>(param.getShape().begin(), param.getShape().end())},
                            {"stored", formatJson(stored)},
                            {"through", formatJson(param.getViaAttr())},
                            {"resident", formatJson(param.getResidentAttr())},
                            {"bytes", bytesOf(param.getShape(), param.getResidentAttr())}};
    dsrt::Json entry = {{"path", op.getModulePath().str()},
                        {"kind", op->getName().stripDialect().str()},
                        {"type", op.getModuleType().str()},
                        {"compute", text(precision.getCompute())},
                        {"accumulate", "f32"},
                        {"reason", precision.getBy().str()},
                        {"activation", formatJson(precision.getLhs())},
                        {"weight", formatJson(precision.getRhs())},
                        {"parameter", parameter}};
    if (op.getModuleType() == "Linear") // two for each value of one expert's weight
      entry["flops_per_token"] = 2 * param.getShape()[param.getShape().size() - 2] * param.getShape().back();
    if (auto attention = dyn_cast<ds::MLAAttentionOp>(op.getOperation()); attention && precision.isLowBit())
      // Absorbed: the weight's values act on queries and outputs that are not quantised.
      entry["decode"] = {{"compute", text(cast<RankedTensorType>(attention.getQ().getType()).getElementType())}, {"activation", nullptr}};
    operations.push_back(std::move(entry));
  }
  return plan;
}

std::string planSummary(const dsrt::Json &plan) {
  struct Line {
    int64_t operations = 0, bytes = 0;
  };
  std::map<std::pair<std::string, std::string>, Line> lines;
  int64_t total = 0;
  for (const dsrt::Json &entry : plan["operations"]) {
    Line &line = lines[{entry["compute"], entry["reason"]}];
    ++line.operations;
    line.bytes += entry["parameter"]["bytes"].get<int64_t>();
    total += entry["parameter"]["bytes"].get<int64_t>();
  }
  std::string summary =
      "precision: mode " + plan["mode"].get<std::string>() + ", activations " + plan["activation_dtype"].get<std::string>() + "\n";
  for (const auto &[key, line] : lines)
    summary +=
        dsrt::format("  %5lld %-10s in %-9s by %s, %.1f MB resident\n", static_cast<long long>(line.operations),
                     line.operations == 1 ? "operation" : "operations", key.first.c_str(), key.second.c_str(), double(line.bytes) / 1e6);
  return summary + dsrt::format("  weights %.1f MB in all\n", double(total) / 1e6);
}

} // namespace dsmlir
