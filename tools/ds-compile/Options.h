// The command line of ds-compile.
#pragma once

#include "lowering/DSToDSRT/DSToDSRT.h"
#include "passes/precision/PrecisionOptions.h"

#include <CLI/CLI.hpp>

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
  bool targetGiven = false;
  bool allowFallback = false;
  PrecisionOptions precision;
  ProgramLimits limits;
  std::optional<std::vector<std::string>> fusions; ///< --fuse; not given: all
  std::string listModules;                         ///< "text", "json", or empty
  std::string explain;                             ///< a module's path or a pattern
  std::string planOut;
  std::string legality;            ///< "text", "json", or empty
  std::string report;              ///< an HTML page
  std::string precisionLock;       ///< a file
  std::vector<std::string> whatIf; ///< PATH=DTYPE
  bool timePasses = false;
  std::string dumpIrAfter; ///< a pass
  std::string reproducer;

  /// Whether something is asked for that needs no IR beyond the resolution, or beyond legalisation.
  bool reportsOnly() const { return output.empty() && stage == Stage::Artifact; }
  /// Whether a report is asked for that is read off the legalised graph.
  bool reportsOnGraph() const { return !planOut.empty() || !report.empty() || !legality.empty(); }
};

/// Adds --precision-config, whose value goes to `config`, and every option of the table of precision options.
void addPrecisionOptions(CLI::App &app, PrecisionOptions &options, std::string &config);
/// Reads what --precision-config names, if anything; weaker than what the command line says. What is refused in the file alone stays among
/// the options, to be reported with all other findings.
dsrt::Status readPrecisionConfig(const std::string &config, PrecisionOptions &options);
/// Adds --max-tokens, --max-sequences and --max-length.
void addLimitOptions(CLI::App &app, ProgramLimits &limits);

/// Parses. An exit code where the tool ends here: after --help, or where the usage is wrong.
std::optional<int> parseCompileOptions(int argc, const char *const *argv, CompileOptions &options);

} // namespace dsmlir
