// Why a module computes in what it computes in: the chain of decisions, for one module or for groups of modules with equal chains.
#include "passes/precision/Patterns.h"
#include "passes/precision/PrecisionModel.h"

#include <map>

using namespace dsmlir;

std::vector<ChainLink> Resolution::chain(size_t module) const {
  const Evidence &spoke = evidence[module];
  const Decision &decision = decisions[module];
  std::vector<ChainLink> links;
  links.push_back({"run policy", std::string(name(activationDtype)) + ": activations of mode " + name(mode)});
  size_t decided = 0; // the link that decides compute
  auto quoted = [](const std::vector<PatternSelection> &list, int32_t index) { return "'" + list[static_cast<size_t>(index)].text + "'"; };
  // Includes, excludes and the recipe for compute or storage; the link that decides, or nothing where low precision is not in question.
  auto lowBit = [&](const char *layer, Precision low, const std::string &source, const std::vector<PatternSelection> &includes,
                    int32_t include, const std::vector<PatternSelection> &excludes, int32_t exclude) -> std::optional<size_t> {
    if (low == Precision::None)
      return std::nullopt;
    const Module &entry = modules()[module];
    if (includes.empty() ? !entry.lowBitCapable : include < 0) {
      links.push_back({layer, includes.empty() ? "not selected: a " + entry.type + " cannot run in low precision"
                                               : "not selected: no include matches"});
      return std::nullopt;
    }
    links.push_back({layer, std::string(name(low)) + ": " + source +
                                (includes.empty() ? ", every module that can" : ", include " + quoted(includes, include))});
    size_t winner = links.size() - 1;
    if (exclude >= 0) {
      links.push_back({layer, "high precision: exclude " + quoted(excludes, exclude)});
      winner = links.size() - 1;
    }
    if (spoke.highPrecision) {
      links.push_back({"recipe", "high precision: recipe " + recipe->name});
      winner = exclude >= 0 ? winner : links.size() - 1;
    }
    return winner;
  };
  if (std::optional<size_t> winner =
          lowBit("low-bit compute", lowBitMode, lowBitSource, options.computeInclude, spoke.include, options.computeExclude, spoke.exclude))
    decided = *winner;
  for (uint32_t i = 0; i < spoke.rules; ++i) {
    uint32_t rule = matchedRules[spoke.firstRule + i];
    const DtypeSelection &selection = options.rules[rule];
    links.push_back({"rule", selection.dtype + ": rule " + std::to_string(rule + 1) + " '" + selection.text() + "' (" +
                                 selection.origin.describe() + ")"});
    decided = links.size() - 1;
  }
  if (spoke.override >= 0) {
    const DtypeSelection &selection = options.overrides[static_cast<size_t>(spoke.override)];
    links.push_back({"override", selection.dtype + ": override (" + selection.origin.describe() + ")"});
    decided = links.size() - 1;
  }
  links[decided].won = true;
  std::string storage = std::string(name(persistentMode)) + " storage";
  if (std::optional<size_t> winner = lowBit("low-bit storage", persistentMode, storage, options.persistentInclude, spoke.storedInclude,
                                            options.persistentExclude, spoke.storedExclude))
    links[*winner].won = true;
  if (decision.persistent == Precision::None)
    links.push_back({"storage", std::string(name(paramsDtype)) + ": params dtype", true});
  return links;
}

namespace {

std::string chainText(const Resolution &resolution, size_t module) {
  const Decision &decision = resolution.decisions[module];
  const char *stored = name(decision.persistent != Precision::None ? decision.persistent : resolution.paramsDtype);
  std::string text = std::string("  computes in ") + name(decision.compute) + ", stored in " + stored + " (" + decision.reason + ")\n";
  for (const ChainLink &link : resolution.chain(module))
    text += std::string(link.won ? "  * " : "    ") + link.layer + std::string(link.layer.size() < 16 ? 16 - link.layer.size() : 1, ' ') +
            link.said + "\n";
  return text;
}

} // namespace

dsrt::Expected<std::string> dsmlir::explain(const Resolution &resolution, std::string_view pathOrPattern) {
  if (std::optional<size_t> module = resolution.find(pathOrPattern))
    return std::string(pathOrPattern) + "\n" + chainText(resolution, *module);
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
    auto [group, fresh] = groupOf.emplace(chainText(resolution, module), groups.size());
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
    text += std::to_string(members.size()) + (members.size() == 1 ? " module: " : " modules: ");
    for (size_t i = 0; i < members.size() && i < 3; ++i)
      text += (i ? ", " : "") + resolution.modules()[members[i]].path;
    text += (members.size() > 3 ? ", ..." : "") + std::string("\n") + chain;
  }
  return text;
}
