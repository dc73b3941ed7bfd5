// ds-compile: from a model to an artifact (Compile.h), and its other commands.
#include "runtime/launcher/MapGuard.h"
#include "tools/driver/CommandLine.h"
#include "tools/ds-compile/Compile.h"
#include "tools/ds-compile/ConvertPolicy.h"
#include "tools/ds-compile/Diff.h"
#include "tools/ds-compile/sensitivity/Sensitivity.h"

#include <csignal>
#include <filesystem>
#include <string_view>

int main(int argc, char **argv) {
  return dsmlir::runTool([&] {
    // A model of that name is a model.
    auto command = [&](const char *name) { return argc > 1 && std::string_view(argv[1]) == name && !std::filesystem::exists(name); };
    if (command("diff"))
      return dsmlir::diffCommand(argc - 1, argv + 1);
    if (command("convert-policy"))
      return dsmlir::convertPolicyCommand(argc, argv);
    if (command("sensitivity")) {
      signal(SIGPIPE, SIG_IGN); // a reader that goes away is an error of writing
      dsrt::installMapGuard();
      return dsmlir::sensitivity(argc - 1, argv + 1);
    }
    dsmlir::CompileOptions options;
    if (std::optional<int> code = dsmlir::parseCompileOptions(argc, argv, options))
      return *code;
    return dsmlir::compile(options);
  });
}
