// Two plans compared, module by module: what changed, grouped, and what decided on either side. Plain C++ over the plan as JSON; a
// lock (PlanLock.h) is the same view of a plan as text. `ds-compile diff`, --precision-lock and --what-if all compare here.
#pragma once

#include "runtime/support/Json.h"
#include "runtime/support/Status.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace dsmlir {

/// Names and values, in a fixed order.
using PlanFacts = std::vector<std::pair<std::string, std::string>>;

/// What of a plan is compared: experts one by one, formats as formatText() writes them.
struct PlanView {
  struct Member {
    std::string path;
    uint32_t facts;     ///< index into `facts`
    int64_t bytes = -1; ///< resident, 0 where another module holds the copy; -1: not known
  };
  PlanFacts settings;           ///< the policy sections: "mode", "compute.activation", ...
  PlanFacts options;            ///< what was asked for; empty where it is not known
  std::vector<PlanFacts> facts; ///< type, compute, sums, ..., reason, storage reason; each once
  std::vector<Member> members;  ///< modules and operations without parameters, in the order of the plan

  /// The index of equal facts, added where there are none.
  uint32_t add(PlanFacts facts);
};

/// DSRT_UNREADABLE, with `what` (a file), where it is no plan of this version.
dsrt::Expected<PlanView> viewPlan(const dsrt::Json &plan, const std::string &what);

/// Options as optionsJson() gives them: scalars by key, overrides by path, rules by number, patterns one by one.
PlanFacts optionFacts(const dsrt::Json &options);

/// Whether JSON is meant as a plan, of whatever version.
bool isPlan(const dsrt::Json &json);

/// One name of which two sides say different things; "none" where a side says nothing.
struct PlanChange {
  std::string name, before, after;
};

/// Modules in which the same changed.
struct PlanChangeGroup {
  std::vector<std::string> paths;
  std::vector<PlanChange> changes;
  std::string reasonBefore, reasonAfter; ///< what decided, also where it is the same
  int64_t bytesBefore = -1, bytesAfter = -1;
};

struct PlanDifference {
  std::vector<PlanChange> settings, options;
  std::vector<PlanChangeGroup> groups; ///< in the order of the first plan
  std::vector<std::string> onlyBefore, onlyAfter;

  bool empty() const { return settings.empty() && options.empty() && groups.empty() && onlyBefore.empty() && onlyAfter.empty(); }
};

PlanDifference comparePlans(const PlanView &before, const PlanView &after);

/// Changes of names and values, in the order of `before`, then of what only `after` has.
std::vector<PlanChange> compareFacts(const PlanFacts &before, const PlanFacts &after);

/// For people: "BEFORE -> AFTER" where the two have names, changed options and settings, then the groups. Empty where nothing differs.
std::string printDifference(const PlanDifference &difference, const std::string &before, const std::string &after);

/// For machines:
/// {"differ","options","settings","groups":[{"modules","first","paths","changes","reason","resident_bytes"}...],"only_a","only_b"}.
dsrt::Json differenceJson(const PlanDifference &difference);

} // namespace dsmlir
