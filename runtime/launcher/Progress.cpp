// The line is drawn over itself (carriage return) and erased at the end (ECMA-48, EL).
#include "runtime/launcher/Progress.h"

#include "runtime/launcher/Memory.h"

#include <algorithm>
#include <cstdio>

using namespace dsrt;

std::string dsrt::progressLine(const std::string &work, uint64_t done, uint64_t total, const std::string &unit) {
  constexpr int width = 20;
  double part = total ? std::min(1.0, double(done) / double(total)) : 1;
  int filled = int(part * width);
  std::string amounts =
      unit.empty() ? bytesText(done) + " of " + bytesText(total) : std::to_string(done) + " of " + std::to_string(total) + " " + unit;
  return work + " [" + std::string(filled, '#') + std::string(width - filled, ' ') + "] " + format("%3d %%  ", int(part * 100)) + amounts;
}

void Progress::update(uint64_t done, uint64_t total) {
  auto now = std::chrono::steady_clock::now();
  if (!visible || (drawn && now - last < std::chrono::milliseconds(100)))
    return;
  last = now;
  drawn = true;
  fprintf(stderr, "\r%s\033[K", progressLine(work, done, total, unit).c_str());
  fflush(stderr);
}

void Progress::clear() {
  if (drawn)
    fprintf(stderr, "\r\033[K");
  drawn = false;
}
