// What can be wrong with the options alone, before any module is looked at.
#include "passes/precision/PrecisionOptions.h"
#include "passes/precision/Patterns.h"
#include "runtime/support/Nearest.h"

#include <map>
#include <set>

using namespace dsmlir;

namespace {

class Checker {
public:
  explicit Checker(const PrecisionOptions &options)
      : options(options), recipe(findRecipe(options.recipe.value, options)), findings(options.refused) {}

  std::vector<Finding> run() {
    recipes();
    modes();
    storage();
    lossScaling();
    ranges();
    for (const OptionDescriptor &option : optionTable()) {
      if (option.kind == OptionKind::Patterns)
        patterns(option, options.*std::get<std::vector<PatternSelection> PrecisionOptions::*>(option.storage));
    }
    rules();
    overrides();
    return std::move(findings);
  }

private:
  const PrecisionOptions &options;
  const Recipe *recipe; ///< the one that is asked for; null for auto, and for a name that is none
  std::vector<Finding> findings;

  Finding &report(Code code, std::string message, std::string where, const Origin &origin) {
    Finding finding = makeFinding(code, std::move(message));
    finding.where = std::move(where);
    finding.location = origin.location;
    findings.push_back(std::move(finding));
    return findings.back();
  }

  void recipes() {
    if (!recipe && options.recipe.value != autoRecipe) {
      std::vector<std::string> names = recipeNames(options);
      std::string near = dsrt::didYouMean(dsrt::nearestNames(options.recipe.value, names, 1)), known;
      for (size_t i = 0; i < names.size(); ++i)
        known += (i == 0 ? "" : i + 1 == names.size() ? " or " : ", ") + names[i];
      report(Code::UnknownRecipe, "--precision-recipe expects " + known + ", but got '" + options.recipe.value + "'" + near,
             "--precision-recipe " + options.recipe.value, *options.recipe.origin);
    }
    bool fromFile = false, used = !recipe;
    for (const RecipeDefinition &definition : options.recipes) {
      fromFile |= definition.origin.source == Origin::Source::File;
      used |= &definition.recipe == recipe || !definition.sound;
      recipePatterns(definition);
    }
    // The policy of the IR brings a recipe along, and another one may be asked for beside it.
    if (fromFile && !used)
      report(Code::RecipesNotUsed,
             "recipe " + options.recipes.front().recipe.name + (options.recipes.size() > 1 ? " and others are" : " is") +
                 " declared, but --precision-recipe is " + options.recipe.value,
             "recipes", options.recipes.front().origin);
  }

  void recipePatterns(const RecipeDefinition &definition) {
    const Recipe &declared = definition.recipe;
    std::string where = "recipes." + declared.name + ".high_precision";
    std::set<std::string> seen;
    for (const std::string &text : declared.highPrecision) {
      if (!seen.insert(text).second)
        report(Code::SelectedTwice, "recipe " + declared.name + ": high_precision '" + text + "' is given twice", where, definition.origin);
      else if (std::optional<std::string> problem =
                   patternError(text, declared.patternType == "glob" ? PatternType::Glob : PatternType::Regex))
        report(Code::BadPattern,
               "recipe " + declared.name + ": high_precision '" + text + "' is no " + declared.patternType + ": " + *problem, where,
               definition.origin);
    }
  }

  void modes() {
    if (options.modes.empty())
      return;
    const PatternSelection &mode = options.modes.back();
    for (const PatternSelection &other : options.modes) {
      if (other.origin.source != mode.origin.source || other.text == mode.text)
        continue;
      report(Code::ContradictingOptions,
             "--" + other.text + " and --" + mode.text + ": at most one of --fp32, --bf16, --fp16, --fp8 and --fp4", "--" + other.text,
             other.origin);
      return;
    }
    if (recipe && !recipe->mode.empty() && mode.text != recipe->mode)
      report(Code::ContradictingOptions,
             "--precision-recipe " + recipe->name + " computes in " + recipe->mode + ", but --" + mode.text + " asks for another mode",
             "--" + mode.text, mode.origin)
          .notes.push_back({"give --" + recipe->mode + " or no mode, or leave out the recipe", ""});
  }

  void storage() {
    bool lowBit = recipe && (recipe->mode == "fp8" || recipe->mode == "fp4");
    if (lowBit && options.computeLowbitMode.given() && options.computeLowbitMode.value != recipe->mode)
      report(Code::ContradictingOptions,
             "--precision-recipe " + recipe->name + " computes in " + recipe->mode + ", but --compute-lowbit-mode asks for " +
                 options.computeLowbitMode.value,
             "--compute-lowbit-mode " + options.computeLowbitMode.value, *options.computeLowbitMode.origin);
    if (options.fp8Param.value && options.fp4Param.value)
      report(Code::ContradictingOptions, "--fp8-param and --fp4-param: at most one of the two", "--fp4-param", *options.fp4Param.origin);
    for (auto [flag, mode] : {std::pair(&options.fp8Param, "fp8"), std::pair(&options.fp4Param, "fp4")})
      if (flag->value && options.persistentLowbitMode.given() && options.persistentLowbitMode.value != mode)
        report(Code::ContradictingOptions,
               std::string("--") + mode + "-param stores in " + mode + ", but --persistent-lowbit-mode is " +
                   options.persistentLowbitMode.value,
               "--persistent-lowbit-mode " + options.persistentLowbitMode.value, *options.persistentLowbitMode.origin);
  }

  template <typename T> void expect(bool holds, const char *name, const Setting<T> &setting, const std::string &expectation) {
    if (holds)
      return;
    std::string value = dsrt::Json(setting.value).dump();
    report(Code::BadValue, std::string("--") + name + " expects " + expectation + ", but got " + value,
           std::string("--") + name + " " + value, setting.origin.value_or(Origin{}));
  }

  void lossScaling() {
    const PrecisionOptions &o = options;
    expect(o.lossScaleInit.value > 0, "loss-scale-init", o.lossScaleInit, "a number > 0");
    expect(o.lossScaleGrowthFactor.value > 1, "loss-scale-growth-factor", o.lossScaleGrowthFactor, "a number > 1");
    expect(o.lossScaleBackoffFactor.value > 0 && o.lossScaleBackoffFactor.value < 1, "loss-scale-backoff-factor", o.lossScaleBackoffFactor,
           "a number between 0 and 1");
    expect(o.lossScaleGrowthInterval.value > 0, "loss-scale-growth-interval", o.lossScaleGrowthInterval, "a whole number > 0");
    expect(o.lossScaleMin.value > 0, "loss-scale-min", o.lossScaleMin, "a number > 0");
    if (o.lossScaleMax.value < o.lossScaleMin.value) {
      expect(!o.lossScaleMax.given(), "loss-scale-max", o.lossScaleMax, "at least --loss-scale-min");
      expect(o.lossScaleMax.given(), "loss-scale-min", o.lossScaleMin, "at most --loss-scale-max");
    } else if (o.lossScaleInit.value > 0) {
      std::string range = "a number between --loss-scale-min and --loss-scale-max";
      expect(o.lossScaleInit.value >= o.lossScaleMin.value && o.lossScaleInit.value <= o.lossScaleMax.value, "loss-scale-init",
             o.lossScaleInit, range);
    }
  }

  void ranges() {
    expect(options.fp8AmaxFloor.value >= 0, "fp8-amax-floor", options.fp8AmaxFloor, "a number >= 0");
    expect(options.fp8AmaxHistoryLen.value > 0, "fp8-amax-history-len", options.fp8AmaxHistoryLen, "a whole number > 0");
  }

  PatternType patternType() const { return options.patternType.value == "glob" ? PatternType::Glob : PatternType::Regex; }

  void pattern(const std::string &flag, const std::string &text, const std::string &where, const Origin &origin) {
    if (std::optional<std::string> problem = patternError(text, patternType()))
      report(Code::BadPattern, flag + ": '" + text + "' is no " + options.patternType.value + ": " + *problem, where, origin);
  }

  void patterns(const OptionDescriptor &option, const std::vector<PatternSelection> &list) {
    std::map<std::string, const PatternSelection *> seen;
    std::string flag = "--" + option.name;
    for (const PatternSelection &selection : list) {
      std::string where = flag + " '" + selection.text + "'";
      auto [first, fresh] = seen.emplace(selection.text, &selection);
      if (fresh)
        pattern(flag, selection.text, where, selection.origin);
      else
        report(Code::SelectedTwice, where + " is given twice", where, selection.origin)
            .notes.push_back({"the other one is here", first->second->origin.location});
    }
  }

  void rules() {
    std::map<std::string, const DtypeSelection *> seen;
    for (const DtypeSelection &rule : options.rules) {
      std::string where = "--module-compute-dtype-rule '" + rule.text() + "'";
      auto [first, fresh] = seen.emplace(rule.text(), &rule);
      if (fresh)
        pattern("--module-compute-dtype-rule", rule.target, where, rule.origin);
      else
        report(Code::SelectedTwice, where + " is given twice; the last one counts", where, first->second->origin);
    }
  }

  void overrides() {
    std::map<std::string, const DtypeSelection *> seen;
    for (const DtypeSelection &selection : options.overrides) {
      std::string where = "--module-compute-dtype-override " + selection.text();
      auto [first, fresh] = seen.emplace(selection.target, &selection);
      if (fresh)
        continue;
      if (first->second->dtype == selection.dtype) {
        report(Code::SelectedTwice, "override '" + selection.text() + "' is given twice", where, selection.origin)
            .notes.push_back({"the other one is here", first->second->origin.location});
        continue;
      }
      Finding &finding = report(Code::TwoDtypesForOnePath,
                                "override '" + selection.target + "' has two dtypes, " + first->second->dtype + " and " + selection.dtype,
                                where, selection.origin);
      finding.module = selection.target;
      finding.notes.push_back({first->second->dtype + " is from " + first->second->origin.describe(), first->second->origin.location});
    }
  }
};

} // namespace

std::vector<Finding> dsmlir::validate(const PrecisionOptions &options) { return Checker(options).run(); }
