// Values that are quantised twice: a parameter that goes from one low-bit format to another keeps the first one's errors. Which
// parameters do follows from what the checkpoint holds, so this is said where the graph is at hand, not by resolve().
#include "passes/precision/ModelModules.h"
#include "passes/precision/PathRanges.h"

#include <map>

using namespace mlir;

namespace dsmlir {
namespace {

struct Requantisation {
  std::string from, to, remedy;
  std::vector<uint32_t> modules;
};

std::string remedyOf(const ParameterStep &step) {
  return step.stage == "persistent" ? "say so with --persistent-scale-granularity, or store in the format that is there"
                                    : "say so with --fp8-weight-granularity or --fp8-scale-format, or compute in the format that is stored";
}

} // namespace

std::vector<Finding> requantisations(const ModelModules &model, const Resolution &resolution) {
  std::vector<Requantisation> found;
  std::map<std::pair<std::string, std::string>, size_t> place;
  llvm::DenseSet<uint32_t> done; // both entry points hold every module
  for (const ModuleOperation &entry : model.operations) {
    ds::ModulePrecisionInterface op = entry.operation;
    if (!done.insert(entry.modules[0]).second)
      continue;
    ParameterFormat stored = storedFormatOf(SymbolTable::lookupNearestSymbolFrom<ds::ParamOp>(op, op.getModuleParameter()));
    for (auto [begin, end] : runsDecidedAlike(entry, resolution)) {
      ParameterFormat before = stored;
      for (const ParameterStep &step : parameterSteps(stored, resolution.decisions[entry.modules[begin]], resolution)) {
        bool again = before.isQuantised() && step.format.isQuantised() && !before.holdsSameAs(step.format);
        if (again && !asksForStep(resolution.options, *before.quant, step)) {
          std::string from = formatText(formatJson(before)), to = formatText(formatJson(step.format));
          auto [known, fresh] = place.try_emplace({from, to}, found.size());
          if (fresh)
            found.push_back({from, to, remedyOf(step), {}});
          found[known->second].modules.insert(found[known->second].modules.end(), entry.modules.begin() + long(begin),
                                              entry.modules.begin() + long(end));
        }
        before = step.format;
      }
    }
  }
  std::vector<Finding> findings;
  for (Requantisation &each : found) {
    std::vector<std::string> paths;
    for (uint32_t module : each.modules)
      paths.push_back(resolution.modules()[module].path);
    Finding finding =
        makeFinding(Code::QuantisedTwice, std::to_string(paths.size()) + (paths.size() == 1 ? " parameter is" : " parameters are") +
                                              " dequantised from " + each.from + " and quantised again to " + each.to);
    if (resolution.options.strictRules.value)
      finding.severity = Severity::Error;
    finding.module = paths.front();
    finding.modules = std::move(each.modules);
    finding.notes = {{"of " + listOf(pathRanges(paths), 4), ""}, {each.remedy, ""}};
    findings.push_back(std::move(finding));
  }
  return findings;
}

} // namespace dsmlir
