// The kernel's own figures: proc(5), MemAvailable; Documentation/admin-guide/cgroup-v2.rst, memory.max and memory.current.
#include "runtime/launcher/Memory.h"

#include <algorithm>
#include <fstream>

using namespace dsrt;

std::string dsrt::bytesText(uint64_t bytes) {
  const char *units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024)
    return std::to_string(bytes) + " bytes";
  double value = double(bytes) / 1024;
  int unit = 0;
  for (; value >= 1024 && unit < 5; ++unit)
    value /= 1024;
  return format("%.1f %s", value, units[unit]);
}

Status dsrt::checkMemory(const MemoryNeed &need, uint64_t available, const std::string &what) {
  uint64_t total = 0;
  bool overflow = false;
  // Loading's workspace is free again before the arena and the results fill.
  for (uint64_t part : {need.weights, need.cache, std::max(need.arena + std::min(need.results, UINT64_MAX - need.arena), need.workspace)})
    overflow |= __builtin_add_overflow(total, part, &total);
  if (!overflow && total <= available)
    return {};
  std::string parts;
  for (auto [name, bytes] : {std::pair("weights ", need.weights),
                             {"cache ", need.cache},
                             {"arena ", need.arena},
                             {"results ", need.results},
                             {"workspace while loading ", need.workspace}})
    if (bytes)
      parts += (parts.empty() ? "" : ", ") + std::string(name) + bytesText(bytes);
  return {DSRT_OUT_OF_MEMORY, "the run expects " + bytesText(total) + " of " + what + ", but " + bytesText(available) +
                                  " are available: " + parts +
                                  "; fewer or shorter rows make the cache smaller, a compile with a smaller --max-tokens the arena"};
}

uint64_t dsrt::availableMemory() {
  uint64_t available = UINT64_MAX;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string key, unit; meminfo >> key;) {
    uint64_t kibibytes = 0;
    if (key == "MemAvailable:" && meminfo >> kibibytes) {
      available = kibibytes * 1024;
      break;
    }
    std::getline(meminfo, unit);
  }
  // "0::/user.slice/..." names the control group of version 2.
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (!line.starts_with("0::"))
      continue;
    std::string folder = "/sys/fs/cgroup" + line.substr(3);
    uint64_t limit = 0, used = 0;
    // "max" does not read as a number: no limit.
    if (std::ifstream(folder + "/memory.max") >> limit && std::ifstream(folder + "/memory.current") >> used)
      available = std::min(available, limit > used ? limit - used : 0);
  }
  return available;
}
