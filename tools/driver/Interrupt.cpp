// The handler stores two numbers, which signal-safety(7) allows.
#include "tools/driver/Interrupt.h"

#include <csignal>
#include <cstdlib>

using namespace dsmlir;

namespace {

std::atomic<bool> interrupted = false;
std::atomic<int> caught = 0;
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void handle(int signal) {
  caught = signal;
  interrupted = true;
}

} // namespace

Interrupt::Interrupt() {
  interrupted = false;
  struct sigaction action = {};
  action.sa_handler = handle;
  // Once: the default action is back before the handler runs. Not blocked in the handler: LLVM's own handler, which it installs over this
  // one while it writes files, removes those, restores this one and raises the signal again.
  action.sa_flags = int(SA_RESETHAND) | SA_NODEFER;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

Interrupt::~Interrupt() {
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
}

const std::atomic<bool> *Interrupt::asked() const { return &interrupted; }

void Interrupt::end() const {
  signal(caught, SIG_DFL);
  raise(caught);
  abort(); // a signal that is blocked from outside
}
