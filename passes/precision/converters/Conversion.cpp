// convertPolicy. One run of ours has one low-bit compute format and one format of stored weights: where a foreign policy has several, the
// one of the most modules is taken, and the rules of the others are not mapped.
#include "passes/precision/converters/Conversion.h"
#include "passes/precision/Patterns.h"
#include "passes/precision/PrecisionFile.h"
#include "passes/precision/Recipes.h"

#include <algorithm>
#include <unordered_map>

using namespace dsmlir;
using dsrt::Expected;
using dsrt::Json;
using dsrt::Status;

namespace {

constexpr size_t mostPatterns = 512;
constexpr size_t mostSteps = size_t(30) << 20;
constexpr uint32_t none = ~0u;
using Members = std::vector<bool>;

bool isName(const Selector &selector) {
  return (selector.matcher.kind() == ModuleMatcher::Kind::Name || selector.matcher.kind() == ModuleMatcher::Kind::Subtree) &&
         selector.onlyClass.empty();
}

/// Selectors that become one pattern of ours: one with a pattern, or all names of a list (and, where they give, of a scheme).
struct Group {
  std::vector<uint32_t> selectors;
  Members members;
};

/// A list of selectors: names are looked up, only patterns are tried.
class SelectorList {
public:
  SelectorList(const std::vector<Selector> &selectors, bool byScheme) : selectors(selectors) {
    groupOf.resize(selectors.size());
    matched.resize(selectors.size());
    std::unordered_map<size_t, uint32_t> ofNames; // scheme -> group
    for (uint32_t i = 0; i < selectors.size(); ++i) {
      uint32_t fresh = static_cast<uint32_t>(groups.size());
      if (!isName(selectors[i])) {
        patterns.push_back(i);
        groupOf[i] = fresh;
      } else {
        names.emplace(selectors[i].matcher.text(), std::vector<uint32_t>()).first->second.push_back(i);
        groupOf[i] = ofNames.emplace(byScheme ? selectors[i].scheme : 0, fresh).first->second;
      }
      if (groupOf[i] == fresh)
        groups.emplace_back();
      groups[groupOf[i]].selectors.push_back(i);
    }
  }

  /// The selectors that match, ascending.
  void match(const ForeignModule &module, std::vector<uint32_t> &found) {
    found.clear();
    for (uint32_t i : patterns)
      if ((selectors[i].onlyClass.empty() || module.is(selectors[i].onlyClass)) && selectors[i].matcher.matches(module))
        found.push_back(i);
    if (!names.empty())
      for (const std::string &name : module.names)
        for (size_t end = name.size(); end != std::string::npos && end > 0; end = name.rfind('.', end - 1))
          if (auto known = names.find(name.substr(0, end)); known != names.end())
            for (uint32_t i : known->second)
              if (end == name.size() || selectors[i].matcher.kind() == ModuleMatcher::Kind::Subtree)
                found.push_back(i);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    for (uint32_t i : found)
      ++matched[i];
  }

  const std::vector<Selector> &selectors;
  std::vector<uint32_t> patterns, groupOf, matched;
  std::vector<Group> groups;

private:
  std::unordered_map<std::string, std::vector<uint32_t>> names;
};

/// The part of a scheme that decides products, and the part that decides storage.
Scheme computePart(Scheme scheme) {
  scheme.stored = Precision::None;
  scheme.storedGranularity.clear();
  return scheme;
}
Scheme storedPart(const Scheme &scheme) {
  Scheme part;
  part.stored = scheme.stored;
  part.storedGranularity = scheme.storedGranularity;
  return part;
}

std::string counted(size_t count, const char *what) { return std::to_string(count) + " " + what + (count == 1 ? "" : "s"); }

class Converter {
public:
  Converter(const PolicySource &source, const ModuleUniverse &universe, bool anyModel)
      : source(source), universe(universe), anyModel(anyModel), policy(result.foreign) {}

  Expected<Conversion> run(const PolicyFormat &format) {
    policy.format = format.name;
    if (Status status = format.read(source, {anyModel ? std::nullopt : std::optional(universe.blocks())}, policy); !status.ok())
      return status;
    if (policy.rules.empty())
      return Status(DSRT_REJECTED,
                    source.name + ": has nothing that " + format.name + " says about precision; expects " + format.lookedFor);
    findRecipeModules();
    if (Status status = evaluate(); !status.ok())
      return status;
    choose(primary, computePart, &Scheme::compute, "low-bit compute format");
    choose(primaryStored, storedPart, &Scheme::stored, "format of stored weights");
    applySettings();
    if (Status status = select(primary, computePart, "compute_lowbit"); !status.ok())
      return status;
    if (Status status = select(primaryStored, storedPart, "persistent_lowbit"); !status.ok())
      return status;
    accountIdle();
    if (Status status = verify(); !status.ok())
      return status;
    return std::move(result);
  }

private:
  size_t size() const { return universe.modules().size(); }
  bool capable(size_t module) const { return universe.modules()[module].lowBitCapable && !(recipe && highPrecision[module]); }

  void findRecipeModules() {
    for (const ForeignPolicy::Setting &setting : policy.settings)
      if (setting.key == "precision_recipe")
        recipe = findRecipe(setting.value, PrecisionOptions()); // of those that are built in
    if (!recipe)
      return;
    PatternSet patterns;
    for (const std::string &pattern : recipe->highPrecision)
      patterns.add(pattern, PatternType::Regex);
    patterns.compile();
    highPrecision.resize(size());
    std::vector<int> found;
    for (size_t i = 0; i < size(); ++i) {
      patterns.match(universe.modules()[i].path, found);
      highPrecision[i] = !found.empty();
    }
  }

  /// What the foreign rules say about each module.
  Status evaluate() {
    SelectorList gives(policy.gives, true), takes(policy.takesOut, false);
    if (gives.patterns.size() + takes.patterns.size() > mostPatterns)
      return Status(DSRT_REJECTED, dsrt::format("%s: has %zu patterns, at most %zu are converted", source.name.c_str(),
                                                gives.patterns.size() + takes.patterns.size(), mostPatterns));
    for (SelectorList *list : {&gives, &takes})
      for (Group &group : list->groups)
        group.members.resize(size());
    std::vector<ForeignModule> named = universe.namedBy(policy.naming);
    given.assign(size(), none);
    decides.resize(policy.gives.size());
    taken.resize(size());
    std::vector<uint32_t> found;
    std::vector<size_t> norms(policy.gives.size()), others(policy.gives.size()), firstOther(policy.gives.size());
    for (size_t i = 0; i < size(); ++i) {
      takes.match(named[i], found);
      taken[i] = !found.empty();
      for (uint32_t selector : found)
        takes.groups[takes.groupOf[selector]].members[i] = true;
      gives.match(named[i], found);
      if (found.empty())
        continue;
      given[i] = found.front();
      decides[given[i]] = true;
      gives.groups[gives.groupOf[found.front()]].members[i] = true;
      const Module &module = universe.modules()[i];
      const Scheme &scheme = policy.schemes[policy.gives[given[i]].scheme];
      if (taken[i] || module.lowBitCapable || (scheme.compute == Precision::None && scheme.stored == Precision::None))
        continue;
      size_t &counter = module.type == "RMSNorm" ? norms[given[i]] : others[given[i]];
      if (counter++ == 0 && module.type != "RMSNorm")
        firstOther[given[i]] = i;
    }
    for (size_t i = 0; i < policy.gives.size(); ++i) {
      if (norms[i])
        policy.remark(policy.gives[i].rule, "also names norms, which are not quantised");
      if (others[i])
        policy.notMapped(policy.gives[i].rule, "selects " + universe.modules()[firstOther[i]].path + ", which has no low-bit format",
                         "it keeps its dtype");
    }
    for (const std::vector<Selector> *list : {&policy.gives, &policy.takesOut})
      for (const Selector &selector : *list)
        if (selector.matcher.gaveUp())
          return Status(DSRT_REJECTED, source.name + ": " + policy.rules[selector.rule].where + ": '" + selector.matcher.text() +
                                           "' takes too long to match: write it without nested repetitions");
    giveGroups = std::move(gives.groups);
    takeGroups = std::move(takes.groups);
    giveMatches = std::move(gives.matched);
    takeMatches = std::move(takes.matched);
    return Status();
  }

  /// Takes the format of the most modules.
  template <typename Part> void choose(std::optional<Scheme> &chosen, Part part, Precision Scheme::*kind, const char *what) {
    std::vector<std::pair<Scheme, size_t>> counts;
    std::vector<size_t> own(policy.schemes.size());
    for (size_t i = 0; i < size(); ++i) {
      if (given[i] == none || taken[i] || !capable(i))
        continue;
      size_t index = policy.gives[given[i]].scheme;
      ++own[index];
      Scheme scheme = part(policy.schemes[index]);
      if (scheme.*kind == Precision::None)
        continue;
      auto known = std::find_if(counts.begin(), counts.end(), [&](const auto &entry) { return entry.first == scheme; });
      ++(known == counts.end() ? counts.emplace_back(scheme, 0) : *known).second;
    }
    size_t most = 0;
    for (const auto &[scheme, count] : counts)
      if (count > most)
        most = count, chosen = scheme;
    for (size_t i = 0; i < policy.schemes.size(); ++i) {
      if (policy.schemes[i].*kind == Precision::None || (chosen && part(policy.schemes[i]) == *chosen))
        continue;
      for (size_t rule : policy.definedBy[i]) {
        if (own[i])
          policy.notMapped(rule,
                           "one run has one " + std::string(what) + ", and other modules are more: " + counted(own[i], "module") +
                               " asked for this one",
                           "they keep the activation dtype");
        else
          policy.remark(rule, "no module of the model has it");
      }
    }
  }

  void put(size_t rule, const std::string &key, const std::string &value) {
    Status status = set(result.options, key, value, Origin{Origin::Source::File, source.name});
    if (!status.ok()) {
      policy.notMapped(rule, status.message(), "the default");
      return;
    }
    std::string text = key + " = " + value;
    std::vector<std::string> &becomes = policy.rules[rule].becomes;
    if (std::find(becomes.begin(), becomes.end(), text) == becomes.end())
      becomes.push_back(std::move(text));
  }

  void putForScheme(const Scheme &scheme, Scheme (*part)(const Scheme &), const std::string &key, const std::string &value) {
    for (size_t i = 0; i < policy.schemes.size(); ++i)
      if (part(policy.schemes[i]) == scheme)
        for (size_t rule : policy.definedBy[i])
          put(rule, key, value);
  }

  void applySettings() {
    auto compute = [](const Scheme &scheme) { return computePart(scheme); };
    auto stored = [](const Scheme &scheme) { return storedPart(scheme); };
    Precision lowBit = primary ? primary->compute : Precision::None;
    for (const ForeignPolicy::Setting &setting : policy.settings) {
      if (policy.rules[setting.rule].outcome == Outcome::NotMapped) // of a format that was not chosen
        continue;
      Precision needs = setting.key.starts_with("fp8_")   ? Precision::FP8
                        : setting.key.starts_with("fp4_") ? Precision::FP4
                                                          : Precision::None;
      bool recipeKey = setting.key == "precision_recipe";
      if ((needs != Precision::None && needs != lowBit) || (recipeKey && lowBit != Precision::FP8))
        policy.remark(setting.rule, std::string("nothing computes in ") + (needs == Precision::FP4 ? "FP4" : "FP8"));
      else if (lowBit == Precision::None && setting.key == "activation_dtype")
        put(setting.rule, setting.value, "true"); // the mode of the run, with the same dtype of activations
      else
        put(setting.rule, setting.key, setting.value);
    }
    if (lowBit == Precision::FP8 && !recipe) {
      putForScheme(*primary, compute, "fp8", "true");
      putForScheme(*primary, compute, "fp8_activation_granularity", primary->activationGranularity);
      putForScheme(*primary, compute, "fp8_weight_granularity", primary->weightGranularity);
    } else if (lowBit == Precision::FP4) {
      putForScheme(*primary, compute, "fp4", "true");
      putForScheme(*primary, compute, "fp4_format", primary->fp4Format);
    }
    if (lowBit == Precision::FP8 && (!recipe || primary->scaleFormat != recipe->scaleFormat))
      putForScheme(*primary, compute, "fp8_scale_format", primary->scaleFormat);
    if (primaryStored) {
      putForScheme(*primaryStored, stored, "persistent_lowbit_mode", "fp8");
      putForScheme(*primaryStored, stored, "persistent_scale_granularity", primaryStored->storedGranularity);
    }
  }

  /// Includes and excludes for the modules that have the chosen format.
  template <typename Part> Status select(const std::optional<Scheme> &chosen, Part part, const std::string &key) {
    if (!chosen)
      return Status();
    Members wanted(size()), before(size());
    bool byClass = true;
    auto has = [&](const Selector &selector) { return part(policy.schemes[selector.scheme]) == *chosen; };
    for (const Selector &selector : policy.gives)
      byClass &= !has(selector) || selector.matcher.kind() == ModuleMatcher::Kind::Class;
    for (size_t i = 0; i < size(); ++i) {
      before[i] = capable(i) && (byClass || (given[i] != none && has(policy.gives[given[i]])));
      wanted[i] = capable(i) && given[i] != none && !taken[i] && has(policy.gives[given[i]]);
    }
    bool all = true;
    for (size_t i = 0; i < size(); ++i)
      all &= before[i] == capable(i);
    if (!all)
      for (const Group &group : giveGroups) {
        if (!has(policy.gives[group.selectors.front()]))
          continue;
        Members members = group.members;
        bool some = false;
        for (size_t i = 0; i < size(); ++i) {
          members[i] = members[i] && before[i];
          some |= members[i] && wanted[i];
        }
        if (some) {
          if (Status status = emit(key + "_include", members, rulesOf(policy.gives, group, giveMatches)); !status.ok())
            return status;
        } else {
          for (size_t i = 0; i < size(); ++i)
            before[i] = before[i] && !members[i];
        }
      }
    return exclude(key + "_exclude", before, wanted, has);
  }

  template <typename Has> Status exclude(const std::string &key, const Members &before, const Members &wanted, Has has) {
    // Of the groups that take out, those that take out something which no other does.
    std::vector<uint32_t> covered(size());
    std::vector<Members> effects;
    for (const Group &group : takeGroups) {
      Members &effect = effects.emplace_back(group.members);
      for (size_t i = 0; i < size(); ++i) {
        effect[i] = effect[i] && before[i] && !wanted[i];
        covered[i] += effect[i];
      }
    }
    std::vector<bool> needed(effects.size());
    for (size_t g = effects.size(); g-- > 0;) { // of two that do the same the first stays
      bool some = false;
      for (size_t i = 0; i < size(); ++i) {
        needed[g] = needed[g] || (effects[g][i] && covered[i] == 1);
        some |= effects[g][i];
      }
      if (needed[g] || !some)
        continue;
      for (size_t i = 0; i < size(); ++i)
        covered[i] -= effects[g][i];
      for (size_t rule : rulesOf(policy.takesOut, takeGroups[g], takeMatches))
        if (policy.rules[rule].becomes.empty())
          policy.remark(rule, "other rules take out all of its modules");
    }
    for (size_t g = 0; g < effects.size(); ++g)
      if (needed[g])
        if (Status status = emit(key, effects[g], rulesOf(policy.takesOut, takeGroups[g], takeMatches)); !status.ok())
          return status;
    // What nobody selects, and what is left of other formats.
    Members rest(size());
    bool unselected = false, other = false;
    for (size_t i = 0; i < size(); ++i)
      if (before[i] && !wanted[i] && covered[i] == 0) {
        rest[i] = true;
        (given[i] == none ? unselected : other) = true;
      }
    std::vector<size_t> rules;
    for (const Selector &selector : policy.gives)
      if (has(selector) ? unselected : other)
        rules.push_back(selector.rule);
    return unselected || other ? emit(key, rest, rules) : Status();
  }

  /// The rules of those selectors of a group that match something.
  static std::vector<size_t> rulesOf(const std::vector<Selector> &selectors, const Group &group, const std::vector<uint32_t> &matches) {
    std::vector<size_t> rules;
    for (uint32_t i : group.selectors)
      if (matches[i])
        rules.push_back(selectors[i].rule);
    return rules;
  }

  Status emit(const std::string &key, const Members &members, const std::vector<size_t> &rules) {
    std::string pattern = universe.patternOf(members);
    if (std::optional<std::string> problem = patternError(pattern, PatternType::Regex))
      return Status(DSRT_REJECTED, source.name + ": the modules of " + policy.rules[rules.front()].where +
                                       " are too irregular for a pattern: " + *problem);
    Status status = set(result.options, key, pattern, Origin{Origin::Source::File, source.name});
    if (!status.ok())
      return status;
    for (size_t rule : rules)
      policy.rules[rule].becomes.push_back(key + " = " + pattern);
    return Status();
  }

  /// Rules that select nothing, or nothing that would be in low precision.
  void accountIdle() {
    const char *where = anyModel ? "no model has a module of that name" : "matches no module of the model";
    auto account = [&](const std::vector<Selector> &list, const std::vector<uint32_t> &matches, const char *idle) {
      for (size_t i = 0; i < list.size(); ++i) {
        ForeignRule &rule = policy.rules[list[i].rule];
        if (!rule.becomes.empty() || rule.outcome != Outcome::Mapped)
          continue;
        if (!matches[i])
          policy.remark(list[i].rule, where);
        else if (idle)
          policy.remark(list[i].rule, idle);
      }
    };
    account(policy.takesOut, takeMatches,
            primary || primaryStored ? "its modules are in high precision anyway" : "nothing is in low precision");
    account(policy.gives, giveMatches, nullptr);
    for (size_t i = 0; i < policy.gives.size(); ++i)
      if (giveMatches[i] && !decides[i])
        policy.remark(policy.gives[i].rule, "other targets decide all of its modules");
    bool asks = std::any_of(policy.schemes.begin(), policy.schemes.end(),
                            [](const Scheme &scheme) { return scheme.compute != Precision::None || scheme.stored != Precision::None; });
    if (!asks || primary || primaryStored)
      return;
    for (size_t i = 0; i < policy.gives.size(); ++i) {
      const ForeignRule &rule = policy.rules[policy.gives[i].rule];
      if (rule.outcome == Outcome::NotMapped)
        continue;
      if (decides[i])
        policy.remark(policy.gives[i].rule, "other rules take out all of its modules");
      else
        policy.notMapped(policy.gives[i].rule, "no rule selects a module that can be in low precision",
                         "all modules keep the activation dtype");
    }
  }

  /// Resolves what was made, and compares with what the foreign rules say about each module.
  Status verify() {
    result.precisionFile = configJson(result.options);
    PrecisionOptions read;
    if (Status status = readConfig(result.precisionFile, "the converted policy", read); !status.ok())
      return Status(DSRT_INTERNAL, status.message());
    Resolution resolution = resolve(universe.modules(), read);
    std::vector<Finding> errors;
    for (Finding &finding : resolution.findings)
      (finding.isError() ? errors : result.warnings).push_back(std::move(finding));
    if (!errors.empty())
      return Status(DSRT_REJECTED, "the converted policy does not resolve: " + errors.front().message);
    std::vector<ForeignModule> named = universe.namedBy(policy.naming);
    std::vector<std::string> different;
    // Rule by rule, where that is quick; with many thousands of names, as they were looked up.
    bool byRule = (policy.gives.size() + policy.takesOut.size()) * size() <= mostSteps;
    for (size_t i = 0; i < size(); ++i) {
      std::optional<size_t> scheme;
      if (byRule)
        scheme = schemeOf(policy, named[i]);
      else if (given[i] != none && !taken[i])
        scheme = policy.gives[given[i]].scheme;
      bool compute = scheme && capable(i) && primary && computePart(policy.schemes[*scheme]) == *primary;
      bool stored = scheme && capable(i) && primaryStored && storedPart(policy.schemes[*scheme]) == *primaryStored;
      const Decision &decision = resolution.decisions[i];
      if (compute != (decision.product >= 0) || stored != (decision.stored >= 0))
        different.push_back(universe.modules()[i].path);
    }
    result.verified = size();
    if (different.empty())
      return Status();
    return Status(DSRT_REJECTED, "[" + codeName(Code::ConversionDiffers) + "] the converted policy and " + source.name + " differ in " +
                                     counted(different.size(), "module") + ", first " + different.front());
  }

  const PolicySource &source;
  const ModuleUniverse &universe;
  bool anyModel;
  Conversion result;
  ForeignPolicy &policy;
  const Recipe *recipe = nullptr;
  Members highPrecision, taken;
  std::vector<uint32_t> given; ///< of each module the selector that gives it a scheme, taken out or not
  std::vector<bool> decides;   ///< of each selector that gives: for some module
  std::vector<Group> giveGroups, takeGroups;
  std::vector<uint32_t> giveMatches, takeMatches;
  std::optional<Scheme> primary, primaryStored;
};

} // namespace

std::optional<size_t> dsmlir::schemeOf(const ForeignPolicy &policy, const ForeignModule &module) {
  auto applies = [&](const Selector &selector) {
    return (selector.onlyClass.empty() || module.is(selector.onlyClass)) && selector.matcher.matches(module);
  };
  if (std::any_of(policy.takesOut.begin(), policy.takesOut.end(), applies))
    return std::nullopt;
  auto found = std::find_if(policy.gives.begin(), policy.gives.end(), applies);
  return found == policy.gives.end() ? std::nullopt : std::optional(found->scheme);
}

size_t Conversion::count(Outcome outcome) const {
  return static_cast<size_t>(
      std::count_if(foreign.rules.begin(), foreign.rules.end(), [&](const ForeignRule &rule) { return rule.outcome == outcome; }));
}

Json Conversion::report(const std::string &file, const std::string &model) const {
  static const char *const outcomes[] = {"mapped", "mapped with a remark", "not mapped"};
  Json rules = Json::array();
  for (const ForeignRule &rule : foreign.rules) {
    Json entry = {{"rule", rule.where}, {"value", rule.text}, {"outcome", outcomes[static_cast<size_t>(rule.outcome)]}};
    if (!rule.becomes.empty())
      entry["becomes"] = rule.becomes;
    if (!rule.reason.empty())
      entry["reason"] = rule.reason;
    if (!rule.instead.empty())
      entry["instead"] = rule.instead;
    rules.push_back(std::move(entry));
  }
  return {
      {"file", file},
      {"format", foreign.format},
      {"model", model.empty() ? Json() : Json(model)},
      {"verified_modules", verified},
      {"counts",
       {{"mapped", count(Outcome::Mapped)}, {"mapped with a remark", count(Outcome::Remarked)}, {"not mapped", count(Outcome::NotMapped)}}},
      {"rules", std::move(rules)},
      {"notes", foreign.notes},
      {"policy", precisionFile}};
}

Expected<Conversion> dsmlir::convertPolicy(const PolicySource &source, const PolicyFormat &format, const ModuleUniverse *model) {
  if (model)
    return Converter(source, *model, false).run(format);
  ModuleUniverse any = ModuleUniverse::ofAnyModel();
  return Converter(source, any, true).run(format);
}
