// Ctrl-C as a flag, for long work that keeps what it has.
#pragma once

#include <atomic>

namespace dsmlir {

/// From its construction on the first SIGINT or SIGTERM sets a flag; the second ends the process as if there were no handler. One at
/// a time in a process.
class Interrupt {
public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt &) = delete;

  const std::atomic<bool> *asked() const;
  /// Ends the process by the signal that came, as its parent expects: a shell's exit code 130 or 143.
  [[noreturn]] void end() const;
};

} // namespace dsmlir
