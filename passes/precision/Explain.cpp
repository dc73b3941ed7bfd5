// Why a module computes in what it computes in: the chain of decisions, for one module or for groups of modules with equal chains.
#include "passes/precision/ParameterSteps.h"
#include "passes/precision/PathRanges.h"
#include "passes/precision/Patterns.h"
#include "passes/precision/PrecisionModel.h"

#include <map>
#include <memory>
#include <unordered_map>

using namespace dsmlir;

namespace {

std::string quoted(const std::vector<PatternSelection> &list, int32_t index) { return "'" + list[static_cast<size_t>(index)].text + "'"; }

} // namespace

std::vector<ChainLink> Resolution::chain(size_t module) const {
  const Evidence &spoke = evidence[module];
  const Decision &decision = decisions[module];
  const Module &entry = modules()[module];
  std::vector<ChainLink> links;
  auto say = [&](const char *layer, std::string said) {
    links.push_back({layer, std::move(said)});
    return links.size() - 1;
  };
  // Includes, excludes and the recipe for compute or storage: the link that decides, or nothing where none of them spoke.
  auto lowBit = [&](const char *layer, Precision low, const std::string &source, const std::vector<PatternSelection> &includes,
                    int32_t include, const std::vector<PatternSelection> &excludes, int32_t exclude) -> std::optional<size_t> {
    if (low == Precision::None)
      return std::nullopt;
    std::optional<size_t> winner;
    bool asked = includes.empty() ? entry.lowBitCapable : include >= 0;
    if (asked)
      winner = say(layer, std::string(name(low)) + ": " + source +
                              (includes.empty() ? ", every module that can" : ", include " + quoted(includes, include)));
    else
      say(layer, includes.empty() ? "not selected: a " + entry.type + " cannot run in low precision" : "not selected: no include matches");
    if (exclude >= 0) {
      size_t link = say(layer, "high precision: exclude " + quoted(excludes, exclude));
      winner = asked ? std::optional(link) : winner;
    }
    if (spoke.highPrecision) {
      size_t link = say("recipe", "high precision: recipe " + recipe->name);
      winner = asked && exclude >= 0 ? winner : std::optional(link);
    }
    return winner;
  };
  size_t decided = say("run policy", std::string(name(activationDtype)) + ": activations of mode " + name(mode)); // of compute
  if (std::optional<size_t> winner =
          lowBit("low-bit compute", lowBitMode, lowBitSource, options.computeInclude, spoke.include, options.computeExclude, spoke.exclude))
    decided = *winner;
  for (uint32_t i = 0; i < spoke.rules; ++i) {
    uint32_t rule = matchedRules[spoke.firstRule + i];
    const DtypeSelection &selection = options.rules[rule];
    decided = say("rule", selection.dtype + ": rule " + std::to_string(rule + 1) + " '" + selection.text() + "' (" +
                              selection.origin.describe() + ")");
  }
  if (spoke.override >= 0) {
    const DtypeSelection &selection = options.overrides[static_cast<size_t>(spoke.override)];
    decided = say("override", selection.dtype + ": override (" + selection.origin.describe() + ")");
  }
  links[decided].won = true;
  std::string storage = std::string(name(persistentMode)) + " storage";
  if (std::optional<size_t> winner = lowBit("low-bit storage", persistentMode, storage, options.persistentInclude, spoke.storedInclude,
                                            options.persistentExclude, spoke.storedExclude))
    links[*winner].won = true;
  if (decision.persistent == Precision::None)
    links[say("storage", std::string(name(paramsDtype)) + ": params dtype")].won = true;
  return links;
}

std::string Resolution::storageReason(size_t module) const {
  const Evidence &spoke = evidence[module];
  if (persistentMode == Precision::None)
    return "params dtype";
  bool asked = options.persistentInclude.empty() ? modules()[module].lowBitCapable : spoke.storedInclude >= 0;
  if (decisions[module].persistent != Precision::None)
    return std::string(name(persistentMode)) + " storage" +
           (options.persistentInclude.empty() ? "" : ", include " + quoted(options.persistentInclude, spoke.storedInclude));
  if (asked && spoke.storedExclude >= 0)
    return "exclude " + quoted(options.persistentExclude, spoke.storedExclude);
  return spoke.highPrecision ? "recipe " + recipe->name + ": high precision" : "params dtype";
}

namespace {

void line(std::string &text, bool won, const std::string &layer, const std::string &said) {
  text += std::string(won ? "  * " : "    ") + layer + std::string(layer.size() < 16 ? 16 - layer.size() : 1, ' ') + said + "\n";
}

std::string chainText(const Resolution &resolution, size_t module, const dsrt::Json *operation) {
  const Decision &decision = resolution.decisions[module];
  const char *stored = name(decision.persistent != Precision::None ? decision.persistent : resolution.paramsDtype);
  std::string text = std::string("  computes in ") + name(decision.compute) + ", stored in " + stored + " (" + decision.reason + ")\n";
  for (const ChainLink &link : resolution.chain(module))
    line(text, link.won, link.layer, link.said);
  if (!operation)
    return text;
  // What the decisions make of the parameter, from the file to memory.
  const dsrt::Json &parameter = (*operation)["parameter"];
  line(text, false, "checkpoint", formatText(parameter["stored"]));
  for (const dsrt::Json &step : parameter["steps"])
    line(text, false, step["stage"] == "compute" ? "resident" : "persistent",
         formatText(step["format"]) + ": " + step["how"].get<std::string>());
  if (operation->contains("decode"))
    line(text, false, "in decode", (*operation)["decode"]["compute"].get<std::string>() + ": absorbed, the weight's values dequantised");
  return text;
}

/// The operation of each module of a plan.
std::unordered_map<std::string, const dsrt::Json *> operationsOf(const dsrt::Json *plan) {
  std::unordered_map<std::string, const dsrt::Json *> operations;
  if (plan)
    for (const dsrt::Json &operation : (*plan)["operations"])
      if (dsrt::Expected<std::vector<std::string>> paths = expandPathRange(operation["path"].get<std::string>()))
        for (std::string &path : *paths)
          operations.emplace(std::move(path), &operation);
  return operations;
}

} // namespace

dsrt::Expected<std::string> dsmlir::explain(const Resolution &resolution, std::string_view pathOrPattern, const dsrt::Json *plan) {
  std::unordered_map<std::string, const dsrt::Json *> operations = operationsOf(plan);
  auto describe = [&](size_t module) {
    auto operation = operations.find(resolution.modules()[module].path);
    return chainText(resolution, module, operation == operations.end() ? nullptr : operation->second);
  };
  if (std::optional<size_t> module = resolution.find(pathOrPattern))
    return std::string(pathOrPattern) + "\n" + describe(*module);
  std::string pattern(pathOrPattern);
  PatternType type = resolution.options.patternType.value == "glob" ? PatternType::Glob : PatternType::Regex;
  if (std::optional<std::string> problem = patternError(pattern, type))
    return dsrt::Status(DSRT_REJECTED,
                        "'" + pattern + "' is neither a path nor a " + resolution.options.patternType.value + ": " + *problem);
  PatternSet patterns;
  patterns.add(pattern, type);
  patterns.compile();
  std::vector<std::pair<std::string, std::vector<size_t>>> groups; // in the order of the graph
  std::map<std::string, size_t> groupOf;
  std::vector<int> matches;
  for (size_t module = 0; module < resolution.modules().size(); ++module) {
    patterns.match(resolution.modules()[module].path, matches);
    if (matches.empty())
      continue;
    auto [group, fresh] = groupOf.emplace(describe(module), groups.size());
    if (fresh)
      groups.emplace_back(group->first, std::vector<size_t>());
    groups[group->second].second.push_back(module);
  }
  if (groups.empty()) {
    Suggester suggester(resolution.modules());
    std::string message = "'" + pattern + "' matches no module";
    if (std::string why = suggester.explain(pattern); !why.empty())
      message += "; " + why;
    std::vector<std::string> near = suggester.suggest(pattern);
    for (size_t i = 0; i < near.size(); ++i)
      message += (i == 0 ? "; did you mean " : i + 1 == near.size() ? " or " : ", ") + near[i];
    return dsrt::Status(DSRT_REJECTED, message + (near.empty() ? "" : "?"));
  }
  std::string text;
  for (const auto &[chain, members] : groups) {
    std::vector<std::string> paths;
    for (size_t module : members)
      paths.push_back(resolution.modules()[module].path);
    text +=
        std::to_string(members.size()) + (members.size() == 1 ? " module: " : " modules: ") + listOf(pathRanges(paths), 8) + "\n" + chain;
  }
  return text;
}
