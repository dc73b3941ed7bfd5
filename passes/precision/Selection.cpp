// The options of the resolution, with its includes and excludes replaced by exact ones; where nothing is left in low precision, without
// what asks for it.
#include "passes/precision/Selection.h"

#include "passes/precision/ModuleGroups.h"
#include "passes/precision/Patterns.h"

using namespace dsmlir;

namespace {

const Origin file = {Origin::Source::File, ""};

/// As if it had never been given.
void forget(PrecisionOptions &options, const OptionDescriptor &option) {
  static const PrecisionOptions defaults;
  std::visit([&](auto member) { options.*member = defaults.*member; }, option.storage);
}

std::vector<PatternSelection> include(const Resolution &resolution, const std::vector<uint32_t> &members) {
  std::vector<PatternSelection> list;
  for (std::string &pattern : exactPatterns(resolution.modules(), members))
    list.push_back({std::move(pattern), file});
  return list;
}

} // namespace

std::vector<uint32_t> dsmlir::lowBitModules(const Resolution &resolution) {
  std::vector<uint32_t> modules;
  for (uint32_t i = 0; i < resolution.decisions.size(); ++i)
    if (resolution.decisions[i].product >= 0 || resolution.decisions[i].stored >= 0)
      modules.push_back(i);
  return modules;
}

PrecisionOptions dsmlir::optionsForSelection(const Resolution &resolution, const std::vector<uint32_t> &members) {
  std::vector<uint32_t> computed, stored;
  for (uint32_t member : members) {
    if (resolution.decisions[member].product >= 0)
      computed.push_back(member);
    if (resolution.decisions[member].stored >= 0)
      stored.push_back(member);
  }
  PrecisionOptions options = resolution.policy(); // names what "auto" found
  if (options.patternType.value == "glob")
    for (DtypeSelection &rule : options.rules)
      rule.target = globToRegex(rule.target);
  options.patternType = {"regex", {}};
  options.computeInclude = include(resolution, computed);
  options.computeExclude.clear();
  options.persistentInclude = include(resolution, stored);
  options.persistentExclude.clear();
  // Dtypes that follow from the mode or the recipe stay what they are when these go.
  options.paramsDtype = {name(resolution.paramsDtype), file};
  if (computed.empty()) {
    for (const OptionDescriptor &option : optionTable())
      if (option.layer == 3 && !option.isList())
        forget(options, option);
    options.recipe = {"default", {}};
    options.recipes.clear();
    options.activationDtype = {};
    options.modes = {{name(resolution.activationDtype), file}};
  }
  if (stored.empty())
    for (const char *option : {"fp8-param", "fp4-param", "fp4-param-format", "persistent-lowbit-mode", "persistent-scale-granularity",
                               "lowbit-master-ownership"})
      forget(options, *findOption(option));
  return options;
}

PrecisionOptions dsmlir::optionsForDtype(const std::string &dtype) {
  PrecisionOptions options;
  options.modes = {{dtype, file}};
  return options;
}
