// One run of precision resolution, for Resolution.cpp (decisions) and Accounting.cpp (findings): what was decided, and for every
// selection what it matched and what came of it.
#pragma once

#include "passes/precision/Formats.h"
#include "passes/precision/Patterns.h"
#include "passes/precision/PrecisionModel.h"

#include <array>

namespace dsmlir {

/// What an include, an exclude or a rule did over all modules.
struct Usage {
  bool counted = true; ///< false: does not parse, or stands twice
  bool parses = true;
  uint32_t matches = 0; ///< modules that it matches
  uint32_t effective =
      0;              ///< include: modules in low precision in the end; exclude: modules that it took out; rule: modules that it decided
  uint32_t alone = 0; ///< of these, those that no other selection of the list accounts for; rule: those whose dtype it changed
  uint32_t firstMatch = 0;     ///< index of a module
  std::vector<uint32_t> wrong; ///< include: modules that cannot run in low precision; rule: modules that are in low precision
};

class Resolver {
public:
  Resolver(std::vector<Module> modules, const PrecisionOptions &options);
  Resolution run(const Checkpoint *checkpoint);

private:
  enum List : uint8_t { Include, Exclude, StoredInclude, StoredExclude, Rule, HighPrecision, listCount };
  using Matches = std::array<std::vector<uint32_t>, listCount>; ///< of one module, ascending

  // Decisions.
  void decidePolicy(const Checkpoint *checkpoint);
  void decideFormats();
  void compilePatterns();
  void matchModule(uint32_t module, Matches &matches, std::vector<int> &numbers);
  bool select(uint32_t module, Precision mode, List include, List exclude, const Matches &matches, bool highPrecision, bool overridden);
  Precision applyRules(uint32_t module, const std::vector<uint32_t> &rules, bool lowBit, bool overridden);
  void decideModule(uint32_t module, const Matches &matches);
  std::string reasonOf(uint32_t module, bool lowBit, bool attempted) const;

  // Accounting.
  void account();
  void accountOptions();
  void accountIncludes(List list, Precision mode);
  void accountExcludes(List list, Precision mode);
  void accountNotCapable(List list);
  void accountRules();
  void accountOverrides();
  void accountRecipe();
  void accountLowPrecision();
  void unmatched(Code code, const std::string &what, const std::string &where, const Origin &origin, const std::string &pattern,
                 bool exact);
  void unusable(const char *name, bool used, const std::string &needs);
  Finding &report(Code code, std::string message, std::string where, const Origin &origin);
  void finish();

  static const char *flagOf(List list);
  const std::vector<PatternSelection> &selections(List list) const;
  Origin originOfRecipe() const;
  std::string ruleText(uint32_t rule) const;
  std::string listed(const std::vector<uint32_t> &modules) const;

  Resolution result;
  const PrecisionOptions &options;
  const Recipe *recipe = findBuiltInRecipe("default");
  FormatSettings formats;
  PatternSet patterns;
  std::vector<std::pair<List, uint32_t>> patternOwners; ///< by the pattern's number
  std::array<std::vector<Usage>, listCount> usage;
  std::unordered_map<std::string_view, uint32_t> overrideOf; ///< path to index
  std::vector<bool> overrideFound;
  uint32_t lowBitModules = 0, storedModules = 0;
  bool modeKnown = true; ///< false after a contradiction: what depends on the mode is not reported on top
  std::unique_ptr<Suggester> suggester;
};

} // namespace dsmlir
