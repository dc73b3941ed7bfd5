// A thread that sleeps until the time is over or the deadline is lifted.
#include "runtime/launcher/Deadline.h"

#include <chrono>

using namespace dsrt;

Deadline::Deadline(double seconds, double graceSeconds, std::function<void()> onHang) {
  if (seconds <= 0)
    return;
  watcher = std::thread([this, seconds, graceSeconds, onHang = std::move(onHang)] {
    std::unique_lock guard(lock);
    if (changed.wait_for(guard, std::chrono::duration<double>(seconds), [this] { return lifted; }))
      return;
    over = true;
    if (!changed.wait_for(guard, std::chrono::duration<double>(graceSeconds), [this] { return lifted; }))
      onHang();
  });
}

void Deadline::lift() {
  {
    std::lock_guard guard(lock);
    lifted = true;
  }
  changed.notify_all();
}

Deadline::~Deadline() {
  lift();
  if (watcher.joinable())
    watcher.join();
}
