// ds-compile: from a model to an artifact.
#include "tools/driver/CommandLine.h"
#include "tools/ds-compile/Compile.h"
#include "tools/ds-compile/Diff.h"

#include <filesystem>
#include <string_view>

int main(int argc, char **argv) {
  return dsmlir::runTool([&] {
    if (argc > 1 && std::string_view(argv[1]) == "diff" && !std::filesystem::exists(argv[1])) // unless a model has its name
      return dsmlir::diffCommand(argc - 1, argv + 1);
    dsmlir::CompileOptions options;
    if (std::optional<int> code = dsmlir::parseCompileOptions(argc, argv, options))
      return *code;
    return dsmlir::compile(options);
  });
}
