// Precision resolution once more, written from the document alone: one module at a time, std::regex, a recursive fnmatch, and
// "without effect" taken at its word, by leaving the selection out and looking. Slow, and for the property test only.
#pragma once

#include "TestModels.h"

#include <map>
#include <regex>
#include <set>

namespace dsmlir::test {

struct SlowPolicy {
  std::string mode, lowBit, stored; ///< "bf16", "fp8" or ""
  bool glob = false, strict = false;
  bool byFlag = false;                    ///< stored by --fp8-param, not by --persistent-lowbit-mode: the same
  std::string recipe;                     ///< "", a built-in one, or "mine"
  bool recipeGlob = false;                ///< of mine
  std::vector<std::string> highPrecision; ///< of mine
  std::vector<std::string> include, exclude, storedInclude, storedExclude;
  std::vector<std::pair<std::string, std::string>> rules, overrides;
};

inline bool fnmatch(const char *glob, const char *text) {
  if (!*glob)
    return !*text;
  if (*glob == '*')
    return fnmatch(glob + 1, text) || (*text && fnmatch(glob, text + 1));
  if (!*text)
    return false;
  if (*glob == '[') {
    const char *at = glob + 1;
    bool negated = *at == '!', member = false;
    for (at += negated; *at && *at != ']'; ++at)
      member |= *at == *text;
    return member != negated && fnmatch(at + 1, text + 1);
  }
  return (*glob == '?' || *glob == *text) && fnmatch(glob + 1, text + 1);
}

class SlowModel {
public:
  explicit SlowModel(const Shape &shape) : modules(modelModules(shape)) {}

  struct Answer {
    std::vector<std::string> compute, stored;
    std::multiset<std::string> codes;
    bool errors = false;
  };

  Answer answer(const SlowPolicy &policy) {
    Answer found;
    std::string activation = policy.mode == "fp32" || policy.mode == "fp16" ? policy.mode : "bf16";
    bool anyLow = false, anyStored = false;
    std::map<size_t, int> conflicts;
    for (const Module &module : modules) {
      bool low = state(policy, module, policy.lowBit, policy.include, policy.exclude) == "low";
      bool keeps = state(policy, module, policy.stored, policy.storedInclude, policy.storedExclude) == "low";
      found.compute.push_back(computeOf(policy, module, activation));
      found.stored.push_back(keeps ? policy.stored : "");
      int rule = lastRule(policy, module);
      if (low && rule >= 0)
        ++conflicts[static_cast<size_t>(rule)];
      anyLow |= found.compute.back() == policy.lowBit;
      anyStored |= keeps;
    }
    for (size_t i = 0; i < conflicts.size(); ++i)
      found.codes.insert("DS1004");
    bool includesHold = lists(policy, policy.lowBit, &SlowPolicy::include, &SlowPolicy::exclude, "DS1005", found.codes);
    bool storedIncludesHold = lists(policy, policy.stored, &SlowPolicy::storedInclude, &SlowPolicy::storedExclude, "DS1006", found.codes);
    if (!policy.lowBit.empty() && !anyLow && includesHold)
      found.codes.insert("DS1008");
    if (!policy.stored.empty() && !anyStored && storedIncludesHold)
      found.codes.insert("DS1008");
    for (size_t i = 0; i < policy.rules.size(); ++i)
      if (!conflicts.count(i))
        rule(policy, i, activation, found);
    for (const auto &[path, dtype] : policy.overrides)
      if (std::none_of(modules.begin(), modules.end(), [&](const Module &module) { return module.path == path; }))
        found.codes.insert("DS1002");
    for (const std::string &pattern : policy.highPrecision)
      if (std::none_of(modules.begin(), modules.end(),
                       [&](const Module &module) { return matches(policy.recipeGlob, pattern, module.path); }))
        found.codes.insert("DS1020");
    for (const std::string &code : found.codes)
      found.errors |= policy.strict || code < "DS1101";
    return found;
  }

private:
  std::vector<Module> modules;
  std::map<std::pair<std::string, std::string>, bool> seen;

  bool matches(const SlowPolicy &policy, const std::string &pattern, const std::string &path) {
    return matches(policy.glob, pattern, path);
  }

  bool matches(bool glob, const std::string &pattern, const std::string &path) {
    if (glob)
      return fnmatch(pattern.c_str(), path.c_str());
    auto [at, fresh] = seen.emplace(std::pair(pattern, path), false);
    if (fresh)
      at->second = std::regex_search(path, std::regex(pattern));
    return at->second;
  }

  bool any(const SlowPolicy &policy, const std::vector<std::string> &patterns, const Module &module) {
    for (const std::string &pattern : patterns)
      if (matches(policy, pattern, module.path))
        return true;
    return false;
  }

  bool highPrecision(const SlowPolicy &policy, const Module &module) {
    if (policy.recipe.empty())
      return false;
    if (policy.recipe == "mine")
      return std::any_of(policy.highPrecision.begin(), policy.highPrecision.end(),
                         [&](const std::string &pattern) { return matches(policy.recipeGlob, pattern, module.path); });
    bool router = module.path.size() > 7 && module.path.substr(module.path.size() - 7) == ".router";
    return module.type != "Linear" || module.path == "lm_head" || router;
  }

  /// "low", "high", or "error" for a module that an include selects and that cannot.
  std::string state(const SlowPolicy &policy, const Module &module, const std::string &mode, const std::vector<std::string> &include,
                    const std::vector<std::string> &exclude) {
    if (mode.empty())
      return "high";
    bool wanted = include.empty() ? module.type == "Linear" : any(policy, include, module);
    if (!wanted || any(policy, exclude, module))
      return "high";
    if (module.type != "Linear")
      return "error";
    return highPrecision(policy, module) ? "high" : "low";
  }

  int lastRule(const SlowPolicy &policy, const Module &module) {
    for (size_t i = policy.rules.size(); i-- > 0;)
      if (matches(policy, policy.rules[i].first, module.path))
        return static_cast<int>(i);
    return -1;
  }

  static const std::string *overrideOf(const SlowPolicy &policy, const Module &module) {
    for (const auto &[path, dtype] : policy.overrides)
      if (path == module.path)
        return &dtype;
    return nullptr;
  }

  std::string computeOf(const SlowPolicy &policy, const Module &module, const std::string &activation) {
    if (const std::string *dtype = overrideOf(policy, module))
      return *dtype;
    if (state(policy, module, policy.lowBit, policy.include, policy.exclude) == "low")
      return policy.lowBit;
    int rule = lastRule(policy, module);
    return rule >= 0 ? policy.rules[static_cast<size_t>(rule)].second : activation;
  }

  std::vector<std::string> states(const SlowPolicy &policy, const std::string &mode, std::vector<std::string> SlowPolicy::*include,
                                  std::vector<std::string> SlowPolicy::*exclude) {
    std::vector<std::string> all;
    for (const Module &module : modules)
      all.push_back(state(policy, module, mode, policy.*include, policy.*exclude));
    return all;
  }

  /// False: an include is broken, and what follows from that is not reported.
  bool lists(const SlowPolicy &policy, const std::string &mode, std::vector<std::string> SlowPolicy::*include,
             std::vector<std::string> SlowPolicy::*exclude, const std::string &unmatched, std::multiset<std::string> &codes) {
    bool hold = true;
    std::vector<std::string> now = states(policy, mode, include, exclude);
    for (size_t i = 0; i < (policy.*include).size(); ++i) {
      const std::string &pattern = (policy.*include)[i];
      int matched = 0, wrong = 0, low = 0;
      for (size_t m = 0; m < modules.size(); ++m) {
        if (!matches(policy, pattern, modules[m].path))
          continue;
        ++matched;
        wrong += now[m] == "error";
        bool ended = include == &SlowPolicy::include && overrideOf(policy, modules[m]);
        low += now[m] == "low" && !ended;
      }
      SlowPolicy without = policy;
      (without.*include).erase((without.*include).begin() + static_cast<std::ptrdiff_t>(i));
      bool needed = (without.*include).empty() || states(without, mode, include, exclude) != now;
      hold &= matched > 0 && wrong == 0;
      if (matched == 0)
        codes.insert(unmatched);
      else if (mode.empty())
        codes.insert("DS1013");
      else if (wrong)
        codes.insert("DS1007");
      else if (low == 0)
        codes.insert("DS1106");
      else if (!needed)
        codes.insert("DS1108");
    }
    for (size_t i = 0; i < (policy.*exclude).size(); ++i) {
      SlowPolicy without = policy;
      (without.*exclude).erase((without.*exclude).begin() + static_cast<std::ptrdiff_t>(i));
      bool matched =
          std::any_of(modules.begin(), modules.end(), [&](const Module &m) { return matches(policy, (policy.*exclude)[i], m.path); });
      if (!matched)
        codes.insert("DS1101");
      else if (states(without, mode, include, exclude) == now)
        codes.insert("DS1102");
    }
    return hold;
  }

  void rule(const SlowPolicy &policy, size_t index, const std::string &activation, Answer &found) {
    bool matched = false, decides = false;
    SlowPolicy without = policy;
    without.rules.erase(without.rules.begin() + static_cast<std::ptrdiff_t>(index));
    bool changes = false;
    for (size_t m = 0; m < modules.size(); ++m) {
      matched |= matches(policy, policy.rules[index].first, modules[m].path);
      decides |= lastRule(policy, modules[m]) == static_cast<int>(index) && !overrideOf(policy, modules[m]);
      changes |= computeOf(without, modules[m], activation) != found.compute[m];
    }
    if (!matched)
      found.codes.insert("DS1003");
    else if (!decides)
      found.codes.insert("DS1103");
    else if (!changes)
      found.codes.insert("DS1104");
  }
};

} // namespace dsmlir::test
