// viewPlan: what it accepts differs in nothing from itself, prints, and has a lock.
#include "passes/precision/PlanLock.h"
#include "test/fuzz/Fuzz.h"

bool accepts(std::string_view input) {
  dsrt::Expected<dsrt::Json> json = dsrt::parseJson(input, "plan.json");
  if (!json)
    return false;
  dsrt::Expected<dsmlir::PlanView> plan = dsmlir::viewPlan(*json, "plan.json");
  if (!plan) {
    ENSURE(!plan.status().message().empty());
    return false;
  }
  ENSURE(dsmlir::comparePlans(*plan, *plan).empty());
  dsmlir::PlanDifference all = dsmlir::comparePlans(*plan, {});
  ENSURE(all.onlyBefore.size() == plan->members.size());
  ENSURE(dsmlir::printDifference(all, "a", "b").empty() == all.empty());
  ENSURE(!dsmlir::writeLock(*plan).empty());
  return true;
}
