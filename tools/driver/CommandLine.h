// What the command lines of all tools have in common, on CLI11: --help and --version, `--name value` and `--name=value`,
// exit code 64 with the nearest name for an unknown option, errors on stderr, and one place where exceptions end.
#pragma once

#include "runtime/support/Status.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace dsmlir {

/// What --version prints: "ds-run (ds-mlir) 0.1.0".
std::string versionText(const std::string &tool);

class CommandLine {
public:
  /// \param tool         its name as users type it: "ds-run"
  /// \param description  one or two lines for --help
  CommandLine(const std::string &tool, const std::string &description);

  /// To add options and subcommands to.
  CLI::App &app() { return application; }

  /// An option whose value may be left out: `--list-modules` stands for `--list-modules=text`. The value follows `=` only, so
  /// that the next word stays an argument of its own.
  static CLI::Option *addOptionalValue(CLI::App &app, const std::string &name, std::string &value, const std::string &defaultValue,
                                       const std::string &description);

  /// Accepts a whole number from 0 that fits 64 bits: CLI11 alone takes -1 and 2^64 for others.
  static CLI::Validator count();

  /// Parses. Nothing: go on. Otherwise the exit code: 0 where --help or --version was printed to stdout, 64 (DSRT_USAGE) where
  /// the usage is wrong, which was then said on stderr.
  std::optional<int> parse(int argc, const char *const *argv);

private:
  std::string unknownArguments() const;

  CLI::App application;
};

/// Writes a result to stdout. DSRT_IO where that fails: a full disk, a closed pipe.
dsrt::Status printResult(std::string_view text);

/// Prints "error: <message>" and "warning: <message>" to stderr. The first gives the exit code of the status.
int reportError(const dsrt::Status &status);
void reportWarning(const std::string &message);

/// Runs `body`, whose result is the exit code. An exception that reaches this point is 71 where memory ran out (std::bad_alloc)
/// and otherwise a defect of ours, 70.
int runTool(const std::function<int()> &body);

} // namespace dsmlir
