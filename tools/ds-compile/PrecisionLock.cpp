// holdLock.
#include "tools/ds-compile/PrecisionLock.h"

#include "passes/precision/Findings.h"
#include "passes/precision/PlanLock.h"

#include <filesystem>

using namespace dsrt;

namespace dsmlir {

Expected<std::optional<OutputFile>> holdLock(const std::string &path, const Json &plan) {
  Expected<PlanView> now = viewPlan(plan, "the plan of this run");
  if (!now)
    return Status(DSRT_INTERNAL, now.status().message());
  now->options.clear(); // the same decisions may be asked for in many ways
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error) {
    Expected<OutputFile> file = OutputFile::create(path);
    if (!file)
      return file.status();
    std::string text = writeLock(*now);
    if (Status status = file->write(text.data(), text.size()); !status.ok())
      return status;
    return std::optional<OutputFile>(std::move(*file));
  }
  Expected<std::string> text = readFile(path, uint64_t(64) << 20);
  if (!text)
    return text.status();
  Expected<PlanView> lock = readLock(*text, path);
  if (!lock)
    return lock.status();
  PlanDifference difference = comparePlans(*lock, *now);
  if (difference.empty())
    return std::optional<OutputFile>();
  return Status(DSRT_REJECTED, "[" + codeName(Code::PlanDiffersFromLock) + "] the plan of this run is not the one of the lock " + path +
                                   "\n" + printDifference(difference, path, "this run") +
                                   "note: take back what changed the plan, or delete " + path + " and run again to write it anew");
}

} // namespace dsmlir
