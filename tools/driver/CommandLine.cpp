// CommandLine: CLI11 with our messages and exit codes.
#include "tools/driver/CommandLine.h"
#include "runtime/support/Nearest.h"

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>

namespace dsmlir {
namespace {

/// Every option name that may stand at this point of the command line: those of the app and of the subcommands that were given.
void collectOptions(const CLI::App &app, std::vector<std::string> &names) {
  for (const CLI::Option *option : app.get_options()) {
    for (const std::string &name : option->get_lnames())
      names.push_back("--" + name);
    for (const std::string &name : option->get_snames())
      names.push_back("-" + name);
  }
  for (const CLI::App *command : app.get_subcommands())
    collectOptions(*command, names);
}

} // namespace

std::string versionText(const std::string &tool) { return tool + " (ds-mlir) " DSMLIR_VERSION; }

CommandLine::CommandLine(const std::string &tool, const std::string &description) : application(description, tool) {
  application.option_defaults()->disable_flag_override(); // a flag takes no value: CLI11 would look for a number in it
  application.set_version_flag("--version", versionText(tool), "print the version");
  application.set_help_flag("-h,--help", "print this help");
}

CLI::Option *CommandLine::addOptionalValue(CLI::App &app, const std::string &name, std::string &value, const std::string &defaultValue,
                                           const std::string &description) {
  // CLI11's flags take a value after '=' only; the braces hold what the bare flag stands for.
  return app.add_flag(name + "{" + defaultValue + "}", value, description)->disable_flag_override(false);
}

CLI::Validator CommandLine::count() {
  auto check = [](const std::string &text) {
    uint64_t value = 0;
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    bool fits = error == std::errc() && end == text.data() + text.size();
    return fits ? std::string() : "expects a whole number from 0 to 2^64 - 1, but got '" + text + "'";
  };
  return {check, ""};
}

std::string CommandLine::unknownArguments() const {
  std::vector<std::string> names;
  collectOptions(application, names);
  std::vector<std::string> commands;
  for (const CLI::App *command : application.get_subcommands([](const CLI::App *) { return true; }))
    commands.push_back(command->get_name());
  for (const std::string &argument : application.remaining(true)) {
    if (argument.starts_with("-") && argument.size() > 1) {
      std::string name = argument.substr(0, argument.find('='));
      return "unknown option '" + name + "'" + dsrt::didYouMean(dsrt::nearestNames(name, names, 1));
    }
    return "unexpected argument '" + argument + "'" + dsrt::didYouMean(dsrt::nearestNames(argument, commands, 1));
  }
  return "unexpected arguments";
}

std::optional<int> CommandLine::parse(int argc, const char *const *argv) {
  std::string message;
  try {
    application.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::Success &asked) { // --help, --version
    return application.exit(asked);
  } catch (const CLI::ExtrasError &) {
    message = unknownArguments();
  } catch (const CLI::ParseError &error) {
    // A misspelt option often leaves a required one missing: the misspelling is the cause to name.
    bool extras = !application.remaining(true).empty();
    message = extras ? unknownArguments() : error.what();
    constexpr std::string_view override = " was given a disallowed flag override";
    if (!extras && message.ends_with(override))
      message = "--" + message.substr(0, message.size() - override.size()) + " takes no value";
  }
  fprintf(stderr, "error: %s\nnote: '%s --help' lists the options\n", message.c_str(), application.get_name().c_str());
  return DSRT_USAGE;
}

dsrt::Status printResult(std::string_view text) {
  if (fwrite(text.data(), 1, text.size(), stdout) == text.size() && fflush(stdout) == 0)
    return {};
  return {DSRT_IO, std::string("cannot write to stdout: ") + strerror(errno)};
}

int reportError(const dsrt::Status &status) {
  fprintf(stderr, "error: %s\n", status.message().c_str());
  return status.code();
}

void reportWarning(const std::string &message) { fprintf(stderr, "warning: %s\n", message.c_str()); }

int runTool(const std::function<int()> &body) {
  try {
    return body();
  } catch (const std::bad_alloc &) {
    return reportError(dsrt::Status(DSRT_OUT_OF_MEMORY, "out of memory"));
  } catch (const std::exception &exception) {
    return reportError(dsrt::Status(DSRT_INTERNAL, std::string("internal error: ") + exception.what()));
  }
}

} // namespace dsmlir
