// ds-run: runs an artifact of ds-compile (Run.h), says what the machine can do (Doctor.h), measures (Bench.h).
#include "runtime/launcher/MapGuard.h"
#include "tools/driver/CommandLine.h"
#include "tools/ds-run/Bench.h"
#include "tools/ds-run/Doctor.h"
#include "tools/ds-run/Run.h"

#include <csignal>
#include <string_view>

using namespace dsmlir;

int main(int argc, char **argv) {
  // A reader that goes away is an error of writing, not a signal.
  signal(SIGPIPE, SIG_IGN);
  dsrt::installMapGuard();
  return runTool([&] {
    std::string_view command = argc > 1 ? argv[1] : "";
    if (command == "doctor")
      return doctor(argc - 1, argv + 1);
    if (command == "bench")
      return bench(argc - 1, argv + 1);
    RunOptions options;
    if (std::optional<int> code = parseRunOptions(argc, argv, options))
      return *code;
    bool differs = false;
    dsrt::Status status = runArtifact(options, differs);
    if (!status.ok())
      return reportError(status);
    return int(differs ? DSRT_REJECTED : DSRT_OK);
  });
}
