// The command line of ds-compile.
#pragma once

#include "lowering/DSToDSRT/DSToDSRT.h"
#include "passes/precision/PrecisionOptions.h"

#include <optional>
#include <string>
#include <vector>

namespace dsmlir {

/// Where --compile-to stops.
enum class Stage { DS, Precision, Legal, DSRT, LLVM, Object, Artifact };

struct CompileOptions {
  std::string model;  ///< a Hugging Face folder, a config.json or an .mlir file
  std::string output; ///< empty: stdout where the stage allows it
  Stage stage = Stage::Artifact;
  std::string target = "cpu";
  PrecisionOptions precision;
  ProgramLimits limits;
  std::string listModules; ///< "text", "json", or empty
  std::string explain;     ///< a module's path or a pattern
  std::string planOut;
  std::string precisionLock;       ///< a file
  std::vector<std::string> whatIf; ///< PATH=DTYPE
  bool timePasses = false;
  std::string dumpIrAfter; ///< a pass
  std::string reproducer;

  /// Whether something is asked for that needs no IR beyond the resolution.
  bool reportsOnly() const { return output.empty() && stage == Stage::Artifact; }
};

/// Parses. An exit code where the tool ends here: after --help, or where the usage is wrong.
std::optional<int> parseCompileOptions(int argc, const char *const *argv, CompileOptions &options);

} // namespace dsmlir
