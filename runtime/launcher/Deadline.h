// --deadline: a run that takes longer ends, even one that waits for something that never comes.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace dsrt {

/// Counts from its construction. When the time is over, `expired()` turns true, which calls and loading look at between two steps; if
/// the deadline still stands `graceSeconds` later, `onHang` is called on the deadline's own thread.
class Deadline {
public:
  /// \param seconds  0: no deadline
  Deadline(double seconds, double graceSeconds, std::function<void()> onHang);
  ~Deadline();
  Deadline(const Deadline &) = delete;

  const std::atomic<bool> *expired() const { return &over; }
  /// From here on the deadline no longer counts: results are being written.
  void lift();

private:
  std::atomic<bool> over = false;
  bool lifted = false;
  std::mutex lock;
  std::condition_variable changed;
  std::thread watcher;
};

} // namespace dsrt
