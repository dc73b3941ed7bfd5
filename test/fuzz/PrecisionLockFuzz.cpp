// readLock: what it accepts is written and read again as the same plan.
#include "passes/precision/PlanLock.h"
#include "test/fuzz/Fuzz.h"

bool accepts(std::string_view input) {
  dsrt::Expected<dsmlir::PlanView> lock = dsmlir::readLock(input, "plan.lock");
  if (!lock) {
    ENSURE(!lock.status().message().empty());
    return false;
  }
  ENSURE(lock->members.size() >= 1);
  std::string written = dsmlir::writeLock(*lock);
  dsrt::Expected<dsmlir::PlanView> again = dsmlir::readLock(written, "written");
  ENSURE(again && dsmlir::comparePlans(*lock, *again).empty());
  return true;
}
