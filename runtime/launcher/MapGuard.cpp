// Only functions that POSIX calls async-signal-safe are used in the handler.
#include "runtime/launcher/MapGuard.h"

#include "dsrt/dsrt.h"

#include <csignal>
#include <unistd.h>

static void onBusError(int) {
  static const char message[] =
      "error: a mapped file became shorter, or cannot be read any more, while it was in use; do not change weights or "
      "artifacts that a run uses\n";
  ssize_t written = write(STDERR_FILENO, message, sizeof message - 1);
  (void)written;
  _exit(DSRT_IO);
}

void dsrt::installMapGuard() {
  struct sigaction action = {};
  action.sa_handler = onBusError;
  sigaction(SIGBUS, &action, nullptr);
}
