// Accounting: nothing that was asked for is left over. Every selection that matched nothing, did nothing, or contradicts another
// becomes a finding; design/PRECISION.md, "Accounting".
#include "passes/precision/Resolver.h"

#include <algorithm>
#include <cctype>

using namespace dsmlir;

const char *Resolver::flagOf(List list) {
  static const char *const flags[] = {"--compute-lowbit-include",    "--compute-lowbit-exclude",    "--persistent-lowbit-include",
                                      "--persistent-lowbit-exclude", "--module-compute-dtype-rule", "the recipe"};
  return flags[list];
}

const std::vector<PatternSelection> &Resolver::selections(List list) const {
  switch (list) {
  case Include:
    return options.computeInclude;
  case Exclude:
    return options.computeExclude;
  case StoredInclude:
    return options.persistentInclude;
  default:
    return options.persistentExclude;
  }
}

Finding &Resolver::report(Code code, std::string message, std::string where, const Origin &origin) {
  Finding finding = makeFinding(code, std::move(message));
  finding.where = std::move(where);
  finding.location = origin.location;
  result.findings.push_back(std::move(finding));
  return result.findings.back();
}

/// Where the recipe is declared, or asked for where it is built in.
Origin Resolver::originOfRecipe() const {
  for (const RecipeDefinition &definition : options.recipes)
    if (&definition.recipe == recipe)
      return definition.origin;
  return options.recipe.origin.value_or(Origin{});
}

std::string Resolver::listed(const std::vector<uint32_t> &modules) const {
  std::string text;
  for (size_t i = 0; i < modules.size() && i < 3; ++i)
    text += (i ? ", " : "") + result.modules()[modules[i]].path;
  return modules.size() > 3 ? text + " and " + std::to_string(modules.size() - 3) + " more" : text;
}

void Resolver::account() {
  for (const Finding &finding : result.findings)
    modeKnown &= finding.code != Code::ContradictingOptions && finding.code != Code::BadValue &&
                 finding.code != Code::CheckpointNotRecognised && finding.code != Code::RecipeField;
  if (modeKnown)
    accountOptions();
  accountIncludes(Include, result.lowBitMode);
  accountExcludes(Exclude, result.lowBitMode);
  accountIncludes(StoredInclude, result.persistentMode);
  accountExcludes(StoredExclude, result.persistentMode);
  accountRules();
  accountOverrides();
  accountRecipe();
  if (modeKnown)
    accountLowPrecision();
  finish();
}

/// An option that nothing in this run uses. One that only repeats its default asks for nothing: a warning.
void Resolver::unusable(const char *optionName, bool used, const std::string &needs) {
  const OptionDescriptor &option = *findOption(optionName);
  static const PrecisionOptions defaults;
  std::visit(
      [&](auto member) {
        const auto &setting = options.*member;
        using T = std::decay_t<decltype(setting)>;
        if constexpr (!std::is_same_v<T, std::vector<PatternSelection>> && !std::is_same_v<T, std::vector<DtypeSelection>>) {
          if (used || !setting.given())
            return;
          bool harmless = setting.value == (defaults.*member).value;
          report(harmless ? Code::OptionOverruled : Code::NothingToActOn, "--" + option.name + " has nothing to act on: it needs " + needs,
                 "--" + option.name, *setting.origin);
        }
      },
      option.storage);
}

void Resolver::accountOptions() {
  bool fp8 = result.lowBitMode == Precision::FP8, fp4 = result.lowBitMode == Precision::FP4;
  for (const char *optionName : {"fp8-backend", "fp8-format", "fp8-rounding", "fp8-scale-format", "fp8-amax-floor",
                                 "fp8-activation-granularity", "fp8-weight-granularity", "fp8-amax-history-len", "fp8-amax-compute-algo"})
    unusable(optionName, fp8, "fp8 compute (--fp8, a recipe or --compute-lowbit-mode fp8)");
  unusable("rounding-seed", fp8 && formats.rounding == "stochastic", "fp8 compute with stochastic rounding");
  for (const char *optionName : {"fp4-format", "fp4-backend"})
    unusable(optionName, fp4, "fp4 compute (--fp4 or --compute-lowbit-mode fp4)");
  unusable("fp4-param-format", result.persistentMode == Precision::FP4, "4-bit storage (--fp4-param)");
  for (const char *optionName : {"persistent-scale-granularity", "lowbit-master-ownership"})
    unusable(optionName, result.persistentMode != Precision::None, "low-bit storage (--fp8-param or --fp4-param)");
  bool patternsGiven = !options.computeInclude.empty() || !options.computeExclude.empty() || !options.persistentInclude.empty() ||
                       !options.persistentExclude.empty() || !options.rules.empty();
  unusable("module-pattern-type", patternsGiven, "a pattern");
  if (options.fp8CommGranularity.given() && !result.communication.quantised)
    report(Code::OptionOverruled, "--fp8-comm-granularity has no effect: communication is not quantised", "--fp8-comm-granularity",
           *options.fp8CommGranularity.origin)
        .notes.push_back({"quantise it with --fp8-comm-quant, or leave the granularity out", ""});
  bool lowMode = result.mode == Precision::FP8 || result.mode == Precision::FP4;
  if (lowMode && result.lowBitMode != result.mode)
    report(Code::OptionOverruled,
           std::string("mode ") + name(result.mode) + " has no module of its own: --compute-lowbit-mode " + name(result.lowBitMode) +
               " decides all of them",
           "--compute-lowbit-mode", *options.computeLowbitMode.origin);
}

/// The path that a pattern spells, escapes and anchors taken off; empty where it says more than one path can.
static std::string pathSpelt(std::string_view pattern) {
  if (pattern.starts_with("^"))
    pattern.remove_prefix(1);
  if (pattern.ends_with("$"))
    pattern.remove_suffix(1);
  std::string path;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size() && pattern[i + 1] == '.')
      ++i;
    if (!std::isalnum(static_cast<unsigned char>(pattern[i])) && pattern[i] != '_' && pattern[i] != '.')
      return "";
    path += pattern[i];
  }
  return path;
}

/// A selection that matches nothing, with what it may have meant.
void Resolver::unmatched(Code code, const std::string &what, const std::string &where, const Origin &origin, const std::string &pattern,
                         bool exact) {
  if (!suggester)
    suggester = std::make_unique<Suggester>(result.modules());
  std::vector<std::string> suggestions = exact ? suggester->suggest(pattern) : suggester->suggestForPattern(pattern);
  std::string explanation = suggester->explain(exact ? pattern : pathSpelt(pattern)); // an index out of range, say
  if (!exact && explanation.starts_with("it is a group"))                             // a pattern may mean one, and lacks something else
    explanation = "";
  std::string message = what + " matches no module";
  if (!explanation.empty())
    message += "; " + explanation;
  else if (exact && !suggestions.empty())
    message += "; did you mean " + suggestions.front() + "?";
  else if (suggestions.empty())
    message += "; --list-modules prints all paths";
  Finding &finding = report(code, std::move(message), where, origin);
  if (!suggestions.empty()) {
    std::string text = exact ? "did you mean " : "near it are ";
    for (size_t i = 0; i < suggestions.size(); ++i)
      text += (i == 0 ? "" : exact && i + 1 == suggestions.size() ? " or " : ", ") + suggestions[i];
    if (!exact || !explanation.empty() || suggestions.size() > 1)
      finding.notes.push_back({text + (exact ? "?" : ""), ""});
  }
  finding.suggestions = std::move(suggestions);
}

void Resolver::accountIncludes(List list, Precision mode) {
  const std::vector<PatternSelection> &given = selections(list);
  bool compute = list == Include;
  for (uint32_t i = 0; i < given.size(); ++i) {
    const Usage &used = usage[list][i];
    if (!used.counted)
      continue;
    const Origin &origin = given[i].origin;
    std::string quoted = "'" + given[i].text + "'", where = std::string(flagOf(list)) + " " + quoted;
    std::string what = (compute ? "include " : "persistent include ") + quoted;
    if (used.matches == 0) {
      unmatched(compute ? Code::IncludeMatchesNothing : Code::PersistentIncludeMatchesNothing, what, where, origin, given[i].text, false);
    } else if (!modeKnown) {
      continue;
    } else if (mode == Precision::None) {
      report(Code::NothingToActOn, where + " has nothing to act on: no low-bit " + (compute ? "compute" : "storage") + " is asked for",
             where, origin)
          .notes.push_back(
              {compute ? "give --fp8, --fp4 or --compute-lowbit-mode" : "give --fp8-param, --fp4-param or --persistent-lowbit-mode", ""});
    } else if (used.effective == 0 && used.wrong.empty()) {
      Finding &finding = report(Code::IncludeOverruled, what + " selects nothing: every match is taken out again", where, origin);
      finding.module = result.modules()[used.firstMatch].path;
      finding.notes.push_back({"excludes, the recipe's high-precision modules and exact overrides come after includes", ""});
    } else if (used.alone == 0 && used.wrong.empty()) {
      report(Code::IncludeShadowed, what + " adds nothing: other includes select all of its modules", where, origin).module =
          result.modules()[used.firstMatch].path;
    }
  }
  if (modeKnown)
    accountNotCapable(list);
}

void Resolver::accountNotCapable(List list) {
  const std::vector<PatternSelection> &given = selections(list);
  for (uint32_t i = 0; i < given.size(); ++i) {
    const std::vector<uint32_t> &wrong = usage[list][i].wrong;
    if (wrong.empty())
      continue;
    const Module &first = result.modules()[wrong.front()];
    std::string quoted = "'" + given[i].text + "'", where = std::string(flagOf(list)) + " " + quoted;
    Finding &finding = report(Code::NotLowBitCapable,
                              (list == Include ? "include " : "persistent include ") + quoted + " selects " + first.path + ", a " +
                                  first.type + " that cannot run in low precision",
                              where, given[i].origin);
    finding.module = first.path;
    finding.modules = wrong;
    if (wrong.size() > 1)
      finding.notes.push_back({"it selects " + std::to_string(wrong.size()) + " such modules: " + listed(wrong), first.location});
    finding.notes.push_back(
        {std::string("narrow the pattern, or leave them out with ") + flagOf(list == Include ? Exclude : StoredExclude), ""});
  }
}

void Resolver::accountExcludes(List list, Precision mode) {
  const std::vector<PatternSelection> &given = selections(list);
  for (uint32_t i = 0; i < given.size(); ++i) {
    const Usage &used = usage[list][i];
    if (!used.counted)
      continue;
    std::string quoted = "'" + given[i].text + "'", where = std::string(flagOf(list)) + " " + quoted;
    std::string what = (list == Exclude ? "exclude " : "persistent exclude ") + quoted;
    if (used.matches == 0) {
      unmatched(Code::ExcludeMatchesNothing, what, where, given[i].origin, given[i].text, false);
    } else if (modeKnown && used.alone == 0) {
      const char *why = mode == Precision::None ? "no low precision is asked for"
                        : used.effective == 0   ? "none of its matches is in low precision"
                                                : "other excludes or the recipe take out all of its modules";
      report(Code::ExcludeWithoutEffect, what + " excludes nothing: " + why, where, given[i].origin).module =
          result.modules()[used.firstMatch].path;
    }
  }
}

void Resolver::accountRules() {
  for (uint32_t i = 0; i < options.rules.size(); ++i) {
    const Usage &used = usage[Rule][i];
    const DtypeSelection &rule = options.rules[i];
    if (!used.counted)
      continue;
    std::string where = std::string(flagOf(Rule)) + " '" + rule.text() + "'";
    if (used.matches == 0) {
      unmatched(Code::RuleMatchesNothing, ruleText(i), where, rule.origin, rule.target, false);
    } else if (!modeKnown) {
      continue;
    } else if (!used.wrong.empty()) {
      const Module &first = result.modules()[used.wrong.front()];
      Finding &finding =
          report(Code::RuleOnLowBitModule,
                 "'" + first.path + "' is selected for " + name(result.lowBitMode) + " compute and for " + rule.dtype + " by a rule", where,
                 rule.origin);
      finding.module = first.path;
      finding.modules = used.wrong;
      if (!first.location.empty())
        finding.location = first.location;
      int32_t include = result.evidence[used.wrong.front()].include;
      bool isRecipe = result.lowBitSource.starts_with("recipe ");
      const Origin *low = include >= 0                         ? &options.computeInclude[static_cast<size_t>(include)].origin
                          : options.computeLowbitMode.given()  ? &*options.computeLowbitMode.origin
                          : isRecipe && options.recipe.given() ? &*options.recipe.origin
                          : !options.modes.empty()             ? &options.modes.back().origin
                                                               : nullptr;
      std::string includeText =
          include >= 0 ? ", include '" + options.computeInclude[static_cast<size_t>(include)].text + "'" : " (linear modules)";
      finding.notes.push_back({"low precision by " + result.lowBitSource + includeText, low ? low->location : ""});
      finding.notes.push_back({rule.dtype + " by " + ruleText(i) + ", which matches " + std::to_string(used.matches) +
                                   (used.matches == 1 ? " module" : " modules"),
                               rule.origin.location});
      if (used.wrong.size() > 1)
        finding.notes.push_back({"so are " + std::to_string(used.wrong.size()) + " modules: " + listed(used.wrong), ""});
      finding.notes.push_back(
          {"exclude it from low precision with --compute-lowbit-exclude '" + rule.target + "', or use an exact override per module", ""});
    } else if (used.effective == 0) {
      Finding &finding =
          report(Code::DeadRule,
                 ruleText(i) + " is dead: later rules or exact overrides decide all " + std::to_string(used.matches) + " of its modules",
                 where, rule.origin);
      finding.module = result.modules()[used.firstMatch].path;
      const Resolution::Evidence &evidence = result.evidence[used.firstMatch];
      uint32_t winner = result.matchedRules[evidence.firstRule + evidence.rules - 1];
      if (evidence.override >= 0)
        finding.notes.push_back(
            {"override '" + options.overrides[static_cast<size_t>(evidence.override)].text() + "' decides " + finding.module,
             options.overrides[static_cast<size_t>(evidence.override)].origin.location});
      else
        finding.notes.push_back({ruleText(winner) + " decides " + finding.module, options.rules[winner].origin.location});
    } else if (used.alone == 0) {
      report(Code::RuleWithoutEffect, ruleText(i) + " has no effect: its modules would compute in " + rule.dtype + " anyway", where,
             rule.origin)
          .module = result.modules()[used.firstMatch].path;
    }
  }
}

void Resolver::accountOverrides() {
  for (uint32_t i = 0; i < options.overrides.size(); ++i) {
    const DtypeSelection &selection = options.overrides[i];
    if (!overrideFound[i] && overrideOf.at(selection.target) == i)
      unmatched(Code::OverrideMatchesNothing, "override '" + selection.target + "'", "--module-compute-dtype-override " + selection.text(),
                selection.origin, selection.target, true);
  }
}

/// The patterns of a recipe that is declared for this model. Those of a built-in one are for a family: that a model without experts has no
/// router, or a part of a model no head, is nothing that its user wrote.
void Resolver::accountRecipe() {
  if (findBuiltInRecipe(recipe->name))
    return;
  for (size_t i = 0; i < recipe->highPrecision.size(); ++i) {
    const std::string &pattern = recipe->highPrecision[i];
    if (usage[HighPrecision][i].parses && usage[HighPrecision][i].matches == 0)
      unmatched(Code::RecipePatternMatchesNothing, "recipe " + recipe->name + ": high_precision '" + pattern + "'",
                "recipes." + recipe->name + ".high_precision", originOfRecipe(), pattern, false);
  }
}

void Resolver::accountLowPrecision() {
  // An include that matched nothing, does not parse, or cannot be obeyed has been reported: that nothing is left follows from it.
  auto broken = [&](List list) {
    for (const Usage &used : usage[list])
      if (!used.parses || (used.counted && used.matches == 0) || !used.wrong.empty())
        return true;
    return false;
  };
  if (result.lowBitMode != Precision::None && lowBitModules == 0 && !broken(Include)) {
    std::string source = result.lowBitSource;
    report(Code::NothingInLowPrecision, source + " asks for " + name(result.lowBitMode) + " compute, but no module is left in it", source,
           options.computeLowbitMode.given() ? *options.computeLowbitMode.origin
           : options.modes.empty()           ? options.recipe.origin.value_or(Origin{})
                                             : options.modes.back().origin)
        .notes.push_back({"widen --compute-lowbit-include, narrow --compute-lowbit-exclude, or drop the mode", ""});
  }
  if (result.persistentMode != Precision::None && storedModules == 0 && !broken(StoredInclude)) {
    const Setting<bool> &flag = options.fp8Param.value ? options.fp8Param : options.fp4Param;
    report(Code::NothingInLowPrecision, std::string(name(result.persistentMode)) + " storage is asked for, but no module is left in it",
           flag.value ? (options.fp8Param.value ? "--fp8-param" : "--fp4-param") : "--persistent-lowbit-mode",
           flag.value ? *flag.origin : *options.persistentLowbitMode.origin)
        .notes.push_back({"widen --persistent-lowbit-include, narrow --persistent-lowbit-exclude, or drop the storage mode", ""});
  }
}

void Resolver::finish() {
  if (options.strictRules.value)
    for (Finding &finding : result.findings)
      finding.severity = Severity::Error;
  std::vector<Finding> errors, warnings;
  for (Finding &finding : result.findings)
    (finding.isError() ? errors : warnings).push_back(std::move(finding));
  std::move(warnings.begin(), warnings.end(), std::back_inserter(errors));
  result.findings = std::move(errors);
}
