// ds-compile: from a model to an artifact.
#include "tools/driver/CommandLine.h"
#include "tools/ds-compile/Compile.h"

int main(int argc, char **argv) {
  return dsmlir::runTool([&] {
    dsmlir::CompileOptions options;
    if (std::optional<int> code = dsmlir::parseCompileOptions(argc, argv, options))
      return *code;
    return dsmlir::compile(options);
  });
}
