// Collects modules through the interface of their operations.
#include "passes/precision/ModelModules.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace dsmlir {

std::string fileLocation(Location location) {
  auto file = location->findInstanceOf<FileLineColLoc>();
  if (!file)
    return "";
  return file.getFilename().str() + ":" + std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn());
}

/// The part of a grouped path that stands for experts: [begin, end) of "[0-7]" or "3", the component before the last.
static std::pair<size_t, size_t> expertComponent(StringRef path) {
  size_t end = path.rfind('.');
  if (end == StringRef::npos)
    return {0, 0};
  size_t begin = path.rfind('.', end);
  return {begin == StringRef::npos ? 0 : begin + 1, end};
}

std::string expertPath(StringRef rangePath, int64_t first, int64_t count) {
  auto [begin, end] = expertComponent(rangePath);
  std::string experts = std::to_string(first);
  if (count > 1)
    experts = "[" + experts + "-" + std::to_string(first + count - 1) + "]";
  return (rangePath.substr(0, begin) + experts + rangePath.substr(end)).str();
}

namespace {

class Collector {
public:
  explicit Collector(ds::ModelOp model) : model(model) {}

  FailureOr<ModelModules> run() {
    ds::FuncOp before;
    for (auto function : model.getBody().getOps<ds::FuncOp>()) {
      size_t seen = 0;
      for (Operation &op : function.getBody().front())
        if (auto module = dyn_cast<ds::ModulePrecisionInterface>(op)) {
          FailureOr<bool> known = add(module, before);
          if (failed(known))
            return failure();
          seen += *known;
        }
      if (before && seen != firstCount)
        return function.emitError("has ") << seen << " of the " << firstCount << " module operations of @" << before.getSymName()
                                          << ": entry points hold the same modules",
               failure();
      if (!before)
        firstCount = result.operations.size();
      before = function;
    }
    return std::move(result);
  }

private:
  /// Whether the first entry point has the same operation.
  FailureOr<bool> add(ds::ModulePrecisionInterface op, ds::FuncOp before) {
    StringRef path = op.getModulePath();
    int64_t count = op.getExpertCount(), first = op.getFirstExpert();
    if (count > 0 && expertPath(path, first, count) != path)
      return op.emitError("expects the path ") << expertPath(path, first, count) << " for experts " << first << " .. " << first + count - 1
                                               << ", but got " << path,
             failure();
    auto [known, isNew] = byPath.try_emplace(path, result.operations.size());
    if (!isNew) {
      if (!before)
        return op.emitError("module '") << path << "' stands twice in one entry point", failure();
      result.operations.push_back({op, result.operations[known->second].modules});
      return true;
    }
    if (before)
      return op.emitError("module '") << path << "' is not in @" << before.getSymName() << ": entry points hold the same modules",
             failure();
    std::vector<uint32_t> modules;
    if (count == 0) {
      modules.push_back(newModule(path.str(), op));
    } else {
      auto [begin, end] = expertComponent(path);
      for (int64_t expert = first; expert < first + count; ++expert)
        modules.push_back(newModule(path.substr(0, begin).str() + std::to_string(expert) + path.substr(end).str(), op));
    }
    result.operations.push_back({op, std::move(modules)});
    return false;
  }

  uint32_t newModule(std::string path, ds::ModulePrecisionInterface op) {
    result.modules.push_back({std::move(path), op.getModuleType().str(), op.isLowBitCapable(), fileLocation(op->getLoc())});
    return uint32_t(result.modules.size() - 1);
  }

  ds::ModelOp model;
  ModelModules result;
  llvm::StringMap<size_t> byPath;
  size_t firstCount = 0;
};

} // namespace

/// Puts the projections of each expert together: gate, up and down of expert 0, then those of expert 1, ...
static void orderExperts(ModelModules &model) {
  struct Key {
    size_t group;   ///< the first module of the group of experts, or the module itself
    int64_t expert; ///< -1 for what is no expert
    size_t index;
  };
  std::vector<Key> keys(model.modules.size());
  llvm::StringMap<size_t> groups;
  for (size_t i = 0; i < keys.size(); ++i)
    keys[i] = {i, -1, i};
  llvm::DenseSet<uint32_t> done;
  for (ModuleOperation &entry : model.operations) {
    ds::ModulePrecisionInterface op = entry.operation;
    if (op.getExpertCount() == 0 || !done.insert(entry.modules[0]).second)
      continue;
    StringRef path = op.getModulePath();
    size_t group = groups.try_emplace(path.substr(0, expertComponent(path).first), entry.modules[0]).first->second;
    int64_t expert = op.getFirstExpert();
    for (uint32_t module : entry.modules)
      keys[module] = {group, expert++, module};
  }
  llvm::sort(keys, [](const Key &a, const Key &b) { return std::tie(a.group, a.expert, a.index) < std::tie(b.group, b.expert, b.index); });
  std::vector<Module> ordered;
  std::vector<uint32_t> place(keys.size());
  ordered.reserve(keys.size());
  for (const Key &key : keys) {
    place[key.index] = uint32_t(ordered.size());
    ordered.push_back(std::move(model.modules[key.index]));
  }
  model.modules = std::move(ordered);
  for (ModuleOperation &entry : model.operations)
    for (uint32_t &module : entry.modules)
      module = place[module];
}

std::vector<std::pair<size_t, size_t>> runsDecidedAlike(const ModuleOperation &operation, const Resolution &resolution) {
  auto alike = [&](uint32_t first, uint32_t second) {
    const Decision &a = resolution.decisions[first], &b = resolution.decisions[second];
    return a.compute == b.compute && a.persistent == b.persistent && a.product == b.product && a.stored == b.stored &&
           a.reason == b.reason && resolution.storageReason(first) == resolution.storageReason(second);
  };
  std::vector<std::pair<size_t, size_t>> runs;
  for (size_t i = 0; i < operation.modules.size(); ++i) {
    if (runs.empty() || !alike(operation.modules[i - 1], operation.modules[i]))
      runs.push_back({i, i});
    runs.back().second = i + 1;
  }
  return runs;
}

ParameterFormat storedFormatOf(ds::ParamOp param) {
  std::optional<ds::QuantAttr> quant = param.getStored();
  if (!quant) {
    Type element = param.getTensorType().getElementType();
    return {element.isF32() ? Precision::FP32 : element.isF16() ? Precision::FP16 : Precision::BF16, {}};
  }
  QuantFormat format;
  format.payload = ds::stringifyPayload(quant->getPayload()).str();
  format.tileRows = quant->getTile().rows;
  format.tileCols = quant->getTile().columns;
  format.scale = quant->getScale() == ds::Scale::e4m3 ? "f8E4M3FN" : ds::stringifyScale(quant->getScale()).str();
  format.rule = ds::stringifyScaleRule(quant->getRule()).str();
  format.rounding = ds::stringifyRounding(quant->getRounding()).str();
  format.amaxFloor = quant->getFloor();
  format.seed = quant->getSeed();
  if (quant->getOuter() != ds::OuterScale::none)
    format.outerScale = ds::stringifyOuterScale(quant->getOuter()).str();
  return {Precision::None, format};
}

FailureOr<ModelModules> ModelModules::collect(ds::ModelOp model) {
  FailureOr<ModelModules> modules = Collector(model).run();
  if (succeeded(modules))
    orderExperts(*modules);
  return modules;
}

} // namespace dsmlir
