// Resolution: the decisions. Per module, in this order (design/PRECISION.md, "Order, per module"):
//   1. includes (none given: every module that can) and excludes of low precision, compute and storage
//   2. the recipe's high-precision modules leave low precision, compute and storage
//   3. dtype rules in order, the last match wins
//   4. a module that still has a low-bit mode and a rule is a conflict
//   5. the exact override sets the dtype and ends low-bit compute; low-bit storage stays
#include "passes/precision/RecognisedRecipe.h"
#include "passes/precision/Resolver.h"

using namespace dsmlir;

const char *dsmlir::name(Precision precision) {
  static const char *const names[] = {"", "fp32", "bf16", "fp16", "fp8", "fp4"};
  return names[static_cast<size_t>(precision)];
}

static bool isLowBit(Precision precision) { return precision == Precision::FP8 || precision == Precision::FP4; }

Precision dsmlir::precisionNamed(std::string_view text) {
  for (Precision precision : {Precision::FP32, Precision::BF16, Precision::FP16, Precision::FP8, Precision::FP4})
    if (text == name(precision))
      return precision;
  return Precision::None;
}

Resolution dsmlir::resolve(std::vector<Module> modules, const PrecisionOptions &options, const Checkpoint *checkpoint) {
  return Resolver(std::move(modules), options).run(checkpoint);
}

Resolver::Resolver(std::vector<Module> modules, const PrecisionOptions &given) : options(given) {
  auto list = std::make_shared<const std::vector<Module>>(std::move(modules));
  auto paths = std::make_shared<std::unordered_map<std::string_view, uint32_t>>();
  paths->reserve(list->size());
  for (uint32_t i = 0; i < list->size(); ++i)
    paths->emplace((*list)[i].path, i);
  result.moduleList = std::move(list);
  result.byPath = std::move(paths);
  result.options = given;
}

Resolution Resolver::run(const Checkpoint *checkpoint) {
  result.findings = validate(options);
  decidePolicy(checkpoint);
  decideFormats();
  compilePatterns();

  for (uint32_t i = 0; i < options.overrides.size(); ++i)
    overrideOf.emplace(options.overrides[i].target, i);
  overrideFound.assign(options.overrides.size(), false);

  size_t count = result.modules().size();
  result.decisions.resize(count);
  result.evidence.resize(count);
  Matches matches;
  std::vector<int> numbers;
  for (uint32_t module = 0; module < count; ++module) {
    matchModule(module, matches, numbers);
    decideModule(module, matches);
  }
  account();
  return std::move(result);
}

/// Recipe, mode, and the dtypes that follow from them.
void Resolver::decidePolicy(const Checkpoint *checkpoint) {
  std::string mode = requestedMode(options), chosen = options.recipe.value;
  result.recipeSource = options.recipe.given() ? "--precision-recipe " + chosen : "the default";
  RecognisedRecipe found;
  if (chosen == autoRecipe) {
    found = recogniseRecipe(checkpoint);
    if (!found.problem.empty())
      report(Code::CheckpointNotRecognised, "--precision-recipe auto: " + found.problem, "--precision-recipe auto", *options.recipe.origin);
    else
      result.recipeSource = found.source;
    chosen = found.recipe;
  }
  // An unknown name has been reported; with "default" in its place the selections are looked at all the same.
  if (const Recipe *named = findRecipe(chosen, options))
    recipe = named;
  else
    modeKnown = false;
  if (options.recipe.value == autoRecipe && isLowBit(precisionNamed(recipe->mode))) {
    std::string what = "the checkpoint is " + recipe->name + " (" + found.source + ") and computes in " + recipe->mode + ", but ";
    if (!mode.empty() && mode != recipe->mode)
      report(Code::ContradictingOptions, what + "--" + mode + " asks for another mode", "--" + mode, options.modes.back().origin);
    if (options.computeLowbitMode.given() && options.computeLowbitMode.value != recipe->mode)
      report(Code::ContradictingOptions, what + "--compute-lowbit-mode asks for " + options.computeLowbitMode.value,
             "--compute-lowbit-mode " + options.computeLowbitMode.value, *options.computeLowbitMode.origin);
  }
  if (mode.empty())
    mode = !recipe->mode.empty() ? recipe->mode : found.mode.empty() ? "bf16" : found.mode;

  Precision wide = mode == "fp32" ? Precision::FP32 : mode == "fp16" ? Precision::FP16 : Precision::BF16;
  auto given = [&](const Setting<std::string> &setting) { return setting.given() ? precisionNamed(setting.value) : wide; };
  result.mode = precisionNamed(mode);
  result.activationDtype = given(options.activationDtype);
  result.paramsDtype = given(options.paramsDtype);
  if (options.computeLowbitMode.given())
    result.lowBitMode = precisionNamed(options.computeLowbitMode.value);
  else if (isLowBit(result.mode))
    result.lowBitMode = result.mode;
  if (options.fp8Param.value || options.persistentLowbitMode.value == "fp8")
    result.persistentMode = Precision::FP8;
  else if (options.fp4Param.value || options.persistentLowbitMode.value == "fp4")
    result.persistentMode = Precision::FP4;

  auto format = [&](const Setting<std::string> &setting, const std::string &ofRecipe) {
    return setting.given() ? setting.value : ofRecipe;
  };
  formats = {format(options.fp8ActivationGranularity, recipe->activationGranularity),
             format(options.fp8WeightGranularity, recipe->weightGranularity), format(options.fp8Rounding, recipe->rounding),
             format(options.fp8ScaleFormat, found.scaleFormat.empty() ? recipe->scaleFormat : found.scaleFormat),
             format(options.fp4Format, recipe->fp4Format)};

  CommunicationPlan &communication = result.communication;
  communication.quantised = options.fp8CommQuant.given() ? options.fp8CommQuant.value : recipe->commQuant;
  communication.granularity = format(options.fp8CommGranularity, recipe->commGranularity);
  const char *wideName = name(result.activationDtype);
  communication.dispatch = communication.quantised ? recipe->dispatch : wideName;
  communication.combine = communication.quantised ? recipe->combine : wideName;
  // A granularity of one's own is a payload of one's own: the expert input's is no longer carried as it is.
  if (communication.dispatch == expertInputPayload && options.fp8CommGranularity.given() &&
      communication.granularity != formats.activationGranularity)
    communication.dispatch = "fp8";

  result.declaredRecipe = *recipe;
  if (isLowBit(precisionNamed(recipe->mode)))
    result.lowBitSource = "recipe " + recipe->name;
  else
    result.lowBitSource = (options.computeLowbitMode.given() ? "compute-lowbit-mode " : "mode ") + std::string(name(result.lowBitMode));
  if (recipe->name != "default")
    result.recipe = RecipePlan{recipe->name,     result.recipeSource,     formats.activationGranularity, formats.weightGranularity,
                               formats.rounding, communication.quantised, communication.granularity};
}

void Resolver::decideFormats() {
  if (result.lowBitMode != Precision::None)
    result.products = {productFormat(result.lowBitMode, formats, options)};
  if (result.persistentMode != Precision::None)
    result.storedFormats = {storedFormat(result.persistentMode, options)};
}

void Resolver::compilePatterns() {
  PatternType type = options.patternType.value == "glob" ? PatternType::Glob : PatternType::Regex;
  auto add = [&](List list, uint32_t index, const std::string &pattern, PatternType patternType) {
    patterns.add(pattern, patternType);
    patternOwners.emplace_back(list, index);
  };
  for (List list : {Include, Exclude, StoredInclude, StoredExclude}) {
    const std::vector<PatternSelection> &given = selections(list);
    usage[list].resize(given.size());
    std::unordered_map<std::string_view, bool> seen;
    for (uint32_t i = 0; i < given.size(); ++i) {
      usage[list][i].parses = !patternError(given[i].text, type);
      usage[list][i].counted = usage[list][i].parses && seen.emplace(given[i].text, true).second;
      if (usage[list][i].counted)
        add(list, i, given[i].text, type);
    }
  }
  // Of two equal rules the last one counts: rules between them are overruled by it.
  usage[Rule].resize(options.rules.size());
  std::unordered_map<std::string, uint32_t> last;
  for (uint32_t i = 0; i < options.rules.size(); ++i)
    last[options.rules[i].text()] = i;
  for (uint32_t i = 0; i < options.rules.size(); ++i) {
    usage[Rule][i].counted = last[options.rules[i].text()] == i && !patternError(options.rules[i].target, type);
    if (usage[Rule][i].counted)
      add(Rule, i, options.rules[i].target, type);
  }
  PatternType ofRecipe = recipe->patternType == "glob" ? PatternType::Glob : PatternType::Regex;
  usage[HighPrecision].resize(recipe->highPrecision.size());
  for (uint32_t i = 0; i < recipe->highPrecision.size(); ++i) {
    usage[HighPrecision][i].parses = usage[HighPrecision][i].counted = !patternError(recipe->highPrecision[i], ofRecipe);
    if (usage[HighPrecision][i].parses)
      add(HighPrecision, i, recipe->highPrecision[i], ofRecipe);
  }
  patterns.compile();
}

void Resolver::matchModule(uint32_t module, Matches &matches, std::vector<int> &numbers) {
  for (std::vector<uint32_t> &list : matches)
    list.clear();
  patterns.match(result.modules()[module].path, numbers);
  for (int number : numbers) {
    auto [list, index] = patternOwners[static_cast<size_t>(number)];
    matches[list].push_back(index);
    Usage &used = usage[list][index];
    if (used.matches++ == 0)
      used.firstMatch = module;
  }
}

/// Steps 1 and 2 for compute or for storage. True: the module is in low precision.
bool Resolver::select(uint32_t module, Precision mode, List include, List exclude, const Matches &matches, bool highPrecision,
                      bool overridden) {
  if (mode == Precision::None)
    return false;
  bool capable = result.modules()[module].lowBitCapable;
  const std::vector<uint32_t> &includes = matches[include], &excludes = matches[exclude];
  bool included = selections(include).empty() ? capable : !includes.empty();
  if (!included)
    return false;
  for (uint32_t index : excludes) {
    ++usage[exclude][index].effective;
    usage[exclude][index].alone += excludes.size() == 1 && (!highPrecision || !capable); // without it: low-bit, or an error
  }
  if (!excludes.empty())
    return false;
  if (!capable) { // only an include can ask for that
    for (uint32_t index : includes)
      usage[include][index].wrong.push_back(module);
    return false;
  }
  if (highPrecision)
    return false;
  for (uint32_t index : includes) {
    usage[include][index].effective += !overridden;
    usage[include][index].alone += includes.size() == 1;
  }
  return true;
}

/// Steps 3 and 4: the dtype of the last matching rule, or None. A rule on a module in low precision is kept for the conflicts.
Precision Resolver::applyRules(uint32_t module, const std::vector<uint32_t> &rules, bool lowBit, bool overridden) {
  if (rules.empty())
    return Precision::None;
  Usage &winner = usage[Rule][rules.back()];
  if (lowBit) {
    winner.wrong.push_back(module);
    return Precision::None;
  }
  const std::string &dtype = options.rules[rules.back()].dtype;
  if (!overridden) {
    ++winner.effective;
    winner.alone += dtype != (rules.size() > 1 ? options.rules[rules[rules.size() - 2]].dtype : name(result.activationDtype));
  }
  return precisionNamed(dtype);
}

void Resolver::decideModule(uint32_t module, const Matches &matches) {
  Resolution::Evidence &evidence = result.evidence[module];
  auto first = [](const std::vector<uint32_t> &list) { return list.empty() ? -1 : static_cast<int32_t>(list.front()); };
  evidence.include = first(matches[Include]);
  evidence.exclude = first(matches[Exclude]);
  evidence.storedInclude = first(matches[StoredInclude]);
  evidence.storedExclude = first(matches[StoredExclude]);
  evidence.highPrecision = !matches[HighPrecision].empty();
  evidence.firstRule = static_cast<uint32_t>(result.matchedRules.size());
  evidence.rules = static_cast<uint32_t>(matches[Rule].size());
  result.matchedRules.insert(result.matchedRules.end(), matches[Rule].begin(), matches[Rule].end());
  if (auto found = overrideOf.find(result.modules()[module].path); found != overrideOf.end()) {
    evidence.override = static_cast<int32_t>(found->second);
    overrideFound[found->second] = true;
  }
  bool overridden = evidence.override >= 0;

  evidence.selected = select(module, result.lowBitMode, Include, Exclude, matches, evidence.highPrecision, overridden);
  evidence.storedSelected = select(module, result.persistentMode, StoredInclude, StoredExclude, matches, evidence.highPrecision, false);
  Precision ruled = applyRules(module, matches[Rule], evidence.selected, overridden);

  Decision &decision = result.decisions[module];
  bool lowBit = evidence.selected && !overridden;
  if (overridden)
    decision.compute = precisionNamed(options.overrides[static_cast<size_t>(evidence.override)].dtype);
  else if (lowBit)
    decision.compute = result.lowBitMode;
  else
    decision.compute = ruled != Precision::None ? ruled : result.activationDtype;
  decision.persistent = evidence.storedSelected ? result.persistentMode : Precision::None;
  decision.product = lowBit ? 0 : -1;
  decision.stored = evidence.storedSelected ? 0 : -1;
  lowBitModules += lowBit;
  storedModules += evidence.storedSelected;
  bool attempted = result.lowBitMode != Precision::None &&
                   (options.computeInclude.empty() ? result.modules()[module].lowBitCapable : evidence.include >= 0);
  decision.reason = reasonOf(module, lowBit, attempted);
}

std::string Resolver::ruleText(uint32_t rule) const { return "rule " + std::to_string(rule + 1) + " '" + options.rules[rule].text() + "'"; }

/// One line: what decided the compute dtype.
std::string Resolver::reasonOf(uint32_t module, bool lowBit, bool attempted) const {
  const Resolution::Evidence &evidence = result.evidence[module];
  if (evidence.override >= 0)
    return "override";
  if (lowBit)
    return evidence.include >= 0
               ? result.lowBitSource + ", include '" + options.computeInclude[static_cast<size_t>(evidence.include)].text + "'"
               : result.lowBitSource;
  if (evidence.rules)
    return ruleText(result.matchedRules[evidence.firstRule + evidence.rules - 1]);
  if (attempted && evidence.exclude >= 0)
    return "exclude '" + options.computeExclude[static_cast<size_t>(evidence.exclude)].text + "'";
  if (evidence.highPrecision)
    return "recipe " + recipe->name + ": high precision";
  return "run policy";
}

bool Resolution::hasErrors() const {
  for (const Finding &finding : findings)
    if (finding.isError())
      return true;
  return false;
}

std::optional<size_t> Resolution::find(std::string_view path) const {
  auto found = byPath->find(path);
  return found == byPath->end() ? std::nullopt : std::optional<size_t>(found->second);
}

const Decision *Resolution::decision(std::string_view path) const {
  std::optional<size_t> module = find(path);
  return module ? &decisions[*module] : nullptr;
}

PrecisionOptions Resolution::policy() const {
  PrecisionOptions same = options;
  if (options.recipe.value != autoRecipe)
    return same;
  same.recipe.value = declaredRecipe.name;
  if (requestedMode(options).empty())
    same.modes.push_back({name(mode), *options.recipe.origin});
  if (lowBitMode == Precision::FP8 && !options.fp8ScaleFormat.given() && products.front().activation.scale == "ue8m0")
    same.fp8ScaleFormat = {"ue8m0", options.recipe.origin};
  return same;
}
