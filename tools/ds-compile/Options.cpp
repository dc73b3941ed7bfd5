// Options of ds-compile on CLI11. The precision options come from their one table.
#include "tools/ds-compile/Options.h"

#include "passes/Pipelines.h"
#include "passes/optimize/Fusions.h"
#include "passes/precision/Legality.h"
#include "runtime/support/Nearest.h"
#include "tools/driver/CommandLine.h"

#include <filesystem>

#include <map>

using namespace dsrt;

namespace dsmlir {
namespace {

const std::map<std::string, Stage> stages = {{"ds", Stage::DS},     {"precision", Stage::Precision}, {"legal", Stage::Legal},
                                             {"dsrt", Stage::DSRT}, {"llvm", Stage::LLVM},           {"obj", Stage::Object}};

/// The group of an option in --help.
std::string groupOf(const OptionDescriptor &descriptor) {
  switch (descriptor.layer) {
  case 1:
    return "Precision: parameter storage";
  case 2:
    return "Precision: run policy";
  case 3:
    return "Precision: low-bit compute of linear modules";
  case 4:
    return "Precision: single modules";
  default:
    return "Precision: training state and accounting";
  }
}

/// Adds one option of the table. A value that it cannot take is kept in the options, to be reported with all other findings.
void addPrecisionOption(CLI::App &app, const OptionDescriptor &descriptor, PrecisionOptions &options) {
  const Origin commandLine = {Origin::Source::CommandLine, ""};
  std::string flag = "--" + descriptor.name;
  // Constant: CLI11 takes what is not for the place of the flag's result.
  const std::string help = descriptor.help + (descriptor.defaultText.empty() ? "" : " (" + descriptor.defaultText + ")");
  auto store = [&options, name = descriptor.name, commandLine](const std::string &value) {
    Status refused = set(options, name, value, commandLine); // what is refused stands in options.refused
    (void)refused.ok();
  };
  CLI::Option *option = nullptr;
  switch (descriptor.kind) {
  case OptionKind::Flag:
  case OptionKind::Mode:
    option = app.add_flag(flag, help)->each(store);
    break;
  case OptionKind::NegatableFlag: // one by one: summed up, --x and --no-x would be neither
    option = app.add_flag(flag + ",!--no-" + descriptor.name, help)->each(store);
    break;
  default:
    option = app.add_option_function<std::vector<std::string>>(
                    flag,
                    [store](const std::vector<std::string> &values) {
                      for (const std::string &value : values)
                        store(value);
                    },
                    help)
                 ->allow_extra_args(false);
    if (descriptor.isList())
      option->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    else
      option->expected(1);
    std::string values;
    for (const std::string &choice : descriptor.choices)
      values += (values.empty() ? "" : "|") + choice;
    if (descriptor.kind == OptionKind::RecipeName)
      values += "|NAME";
    if (descriptor.kind == OptionKind::DtypeRules)
      values = "PATTERN=" + values;
    else if (descriptor.kind == OptionKind::DtypeOverrides)
      values = "PATH=" + values;
    else if (descriptor.kind == OptionKind::Patterns)
      values = "PATTERN";
    option->type_name(values.empty() ? "N" : values);
  }
  option->group(groupOf(descriptor));
}

/// A command of CLI.md that is not here yet, unless a model has its name.
Status expectModel(int argc, const char *const *argv) {
  if (argc < 2 || std::filesystem::exists(argv[1]))
    return {};
  for (std::string_view command : {"plan-mesh"})
    if (argv[1] == command)
      return {DSRT_UNAVAILABLE, "'ds-compile " + std::string(command) + "' is not part of this build; 'ds-compile MODEL' compiles"};
  return {};
}

/// The stage of a name.
Expected<Stage> stageNamed(const std::string &name) {
  if (name == "partitioned")
    return Status(DSRT_UNAVAILABLE, "--compile-to=partitioned is not part of this build: nothing is partitioned over a mesh yet; "
                                    "use legal or dsrt");
  auto found = stages.find(name);
  if (found == stages.end())
    return Status(DSRT_USAGE, "--compile-to expects ds, precision, legal, dsrt, llvm or obj, but got '" + name + "'");
  return found->second;
}

/// An option with an empty value, which would otherwise be as if it were not given. Those of the precision table say what they expect.
Status expectValues(const CLI::App &app) {
  for (const CLI::Option *option : app.get_options()) {
    std::string name = option->get_name();
    bool empty = option->count() > 0 && option->results() == std::vector<std::string>{""};
    if (empty && !findOption(name))
      return {DSRT_USAGE, (option->get_positional() ? "the argument " + name : name) + " expects a value, but got an empty one"};
  }
  return {};
}

bool reports(const CompileOptions &options) {
  return !options.listModules.empty() || !options.explain.empty() || !options.precisionLock.empty() || !options.whatIf.empty() ||
         options.reportsOnGraph();
}

/// What reports must be together, and beside what is compiled.
Status checkReports(const CompileOptions &options) {
  if (!options.listModules.empty() && options.listModules != "text" && options.listModules != "json")
    return {DSRT_USAGE, "--list-modules expects text or json, but got '" + options.listModules + "'"};
  if (!options.legality.empty() && options.legality != "text" && options.legality != "json")
    return {DSRT_USAGE, "--legality expects text or json, but got '" + options.legality + "'"};
  std::string onStdout;
  for (auto [option, given] : {std::pair("--list-modules", !options.listModules.empty()), std::pair("--explain", !options.explain.empty()),
                               std::pair("--legality", !options.legality.empty())}) {
    if (given && !onStdout.empty())
      return {DSRT_USAGE, onStdout + " and " + option + " both write to stdout: give one of them"};
    if (given)
      onStdout = option;
  }
  if (!options.listModules.empty() && !options.output.empty())
    return {DSRT_USAGE, "--list-modules writes no artifact: leave out -o"};
  if (!onStdout.empty() && options.stage != Stage::Artifact && options.output.empty())
    return {DSRT_USAGE, "--compile-to writes to stdout as well: give -o FILE"};
  if ((reports(options) && options.stage == Stage::DS) || (options.reportsOnGraph() && options.stage == Stage::Precision))
    return {DSRT_USAGE, std::string("--compile-to=") + (options.stage == Stage::DS ? "ds" : "precision") +
                            " stops before there is what the reports show: use --compile-to=legal, or leave it out"};
  bool judged = options.reportsOnGraph() || options.stage >= Stage::Legal;
  if (options.allowFallback && (!judged || (options.reportsOnly() && !options.reportsOnGraph() && reports(options))))
    return {DSRT_USAGE,
            "--allow-fallback has nothing to act on: no target judges what is asked for here; give --legality or --plan-out, or "
            "compile to legal or further"};
  if (options.whatIf.empty())
    return {};
  for (auto [given, name] : {std::pair(!options.output.empty(), "-o"), std::pair(options.stage != Stage::Artifact, "--compile-to"),
                             std::pair(!options.listModules.empty(), "--list-modules"), std::pair(!options.explain.empty(), "--explain"),
                             std::pair(!options.legality.empty(), "--legality"), std::pair(!options.planOut.empty(), "--plan-out"),
                             std::pair(!options.report.empty(), "--report"), std::pair(!options.precisionLock.empty(), "--precision-lock")})
    if (given)
      return {DSRT_USAGE, std::string("--what-if only prints what an override would change: leave out ") + name};
  return {};
}

/// What the options must be together.
Status check(const CompileOptions &options) {
  if (Status status = checkReports(options); !status.ok())
    return status;
  std::vector<std::string> passes = passNames();
  if (!options.dumpIrAfter.empty() && std::find(passes.begin(), passes.end(), options.dumpIrAfter) == passes.end()) {
    std::string near = didYouMean(nearestNames(options.dumpIrAfter, passes));
    if (near.empty())
      for (const std::string &pass : passes)
        near += (near.empty() ? "; passes are " : ", ") + pass;
    return {DSRT_USAGE, "--dump-ir-after expects a pass, but got '" + options.dumpIrAfter + "'" + near};
  }
  bool calls = options.stage == Stage::Artifact ? !options.output.empty() : options.stage >= Stage::DSRT;
  if (options.fusions && !calls && options.planOut.empty())
    return {DSRT_USAGE,
            "--fuse and --no-fuse have nothing to act on: no call is made here; give -o or --plan-out, or compile to dsrt or further"};
  if (options.output.empty() && options.stage == Stage::Object)
    return {DSRT_USAGE, "--compile-to=obj expects -o FILE: an object is no text"};
  if (!options.report.empty() && (options.report == options.output || options.report == options.planOut))
    return {DSRT_USAGE, std::string("--report and ") + (options.report == options.output ? "-o" : "--plan-out") + " both write '" +
                            options.report + "': give each a file of its own"};
  if (options.output.empty() && options.stage == Stage::Artifact && !reports(options))
    return {DSRT_USAGE, "expects -o OUT.dsx, or one of --list-modules, --explain, --legality, --plan-out, --report, --precision-lock, "
                        "--what-if and --compile-to"};
  return {};
}

/// "cpu, cuda-sm90", with another text between them.
std::string targetNames(const char *between) {
  std::string names;
  for (const Target &target : targets())
    names += (names.empty() ? "" : between) + target.name;
  return names;
}

Status checkTarget(const CompileOptions &options) {
  if (!findTarget(options.target))
    return {DSRT_USAGE, "--target expects " + targetNames(" or ") + ", but got '" + options.target + "'"};
  return {};
}

/// --fuse and --no-fuse.
Status setFusions(const std::string &list, bool given, bool none, CompileOptions &options) {
  if (given && none)
    return {DSRT_USAGE, "--fuse and --no-fuse exclude each other: leave out one of them"};
  if (none)
    options.fusions.emplace();
  if (!given)
    return {};
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(list).split(names, ',');
  options.fusions.emplace();
  for (llvm::StringRef name : names) {
    if (!findFusion(name))
      return {DSRT_USAGE, "--fuse " + unknownFusion(name)};
    options.fusions->push_back(name.str());
  }
  return {};
}

} // namespace

void addPrecisionOptions(CLI::App &app, PrecisionOptions &options, std::string &config) {
  app.add_option("--precision-config", config, "a JSON file with precision options; the command line wins over it")
      ->type_name("FILE")
      ->group("Precision: all layers");
  for (const OptionDescriptor &descriptor : optionTable())
    addPrecisionOption(app, descriptor, options);
}

Status readPrecisionConfig(const std::string &config, PrecisionOptions &options) {
  if (config.empty())
    return {};
  Status status = readConfigFile(config, options);
  return options.refused.empty() ? status : Status();
}

void addLimitOptions(CLI::App &app, ProgramLimits &limits) {
  std::vector<std::pair<const char *, int64_t *>> members = {
      {"--max-tokens", &limits.maxTokens}, {"--max-sequences", &limits.maxSequences}, {"--max-length", &limits.maxLength}};
  const char *help[] = {"tokens in one call (2048)", "rows of a call (64)", "positions of a row (4096, or the model's)"};
  for (size_t i = 0; i < members.size(); ++i)
    app.add_option(members[i].first, *members[i].second, help[i])->check(CLI::Range(1, INT32_MAX))->type_name("N")->group("Memory plan");
}

std::optional<int> parseCompileOptions(int argc, const char *const *argv, CompileOptions &options) {
  CommandLine line("ds-compile", "Compiles a DeepSeek model to an artifact for ds-run, with the precision of every operation decided,\n"
                                 "explained and verified. 'ds-compile diff A B' compares plans, artifacts and policies, 'ds-compile\n"
                                 "sensitivity' measures what low precision does to a model, and 'ds-compile convert-policy' reads the\n"
                                 "policies of other projects.");
  CLI::App &app = line.app();
  app.get_formatter()->column_width(44);
  std::string stage, precisionConfig;
  app.add_option("model", options.model, "a Hugging Face folder, a config.json, or an .mlir file")->required()->type_name("MODEL");
  app.add_option("-o,--output", options.output, "the artifact, or what --compile-to asks for (stdout)")->type_name("FILE");
  app.add_option("--compile-to", stage, "stop there and write that")->type_name("ds|precision|legal|dsrt|llvm|obj");
  CLI::Option *target = app.add_option("--target", options.target, "what the artifact runs on (cpu)")->type_name(targetNames("|"));
  app.add_flag("--allow-fallback", options.allowFallback, "what the target does not run natively is emulated, and listed");
  addLimitOptions(app, options.limits);
  std::string fusionNames;
  for (const Fusion &fusion : fusions())
    fusionNames += (fusionNames.empty() ? "" : ",") + fusion.name.str();
  std::string fusionList;
  bool noFusions = false;
  CLI::Option *fuse = app.add_option("--fuse", fusionList, "sequences of calls that become one call (all: " + fusionNames + ")")
                          ->type_name("LIST")
                          ->group("Calls of the runtime");
  app.add_flag("--no-fuse", noFusions, "each operation is a call of its own")->group("Calls of the runtime");
  addPrecisionOptions(app, options.precision, precisionConfig);

  CommandLine::addOptionalValue(app, "--list-modules", options.listModules, "text", "prints modules and their precision: text or json")
      ->group("Reports");
  app.add_option("--explain", options.explain, "why a module has its precision; a pattern groups modules by reasons")
      ->type_name("PATH")
      ->group("Reports");
  CommandLine::addOptionalValue(app, "--legality", options.legality, "text",
                                "prints what each target (--target: that one) runs natively, emulated or not at all, and why, and which\n"
                                "tensor-parallel degrees keep tiles whole: text or json")
      ->group("Reports");
  app.add_option("--plan-out", options.planOut, "writes the precision plan, as JSON")->type_name("FILE")->group("Reports");
  app.add_option("--report", options.report, "writes the precision plan as one HTML page, to look at")
      ->type_name("FILE")
      ->check([](const std::string &file) { return file.empty() ? "expects the name of a file" : ""; })
      ->group("Reports");
  app.add_option("--precision-lock", options.precisionLock, "holds the plan to that of the file, or writes the file where there is none")
      ->type_name("FILE")
      ->group("Reports");
  app.add_option("--what-if", options.whatIf, "prints what that override alone would change (repeatable)")
      ->type_name("PATH=fp32|bf16|fp16")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group("Reports");

  app.add_flag("--time-passes", options.timePasses, "prints the time of each phase and pass")->group("The compiler itself");
  app.add_option("--dump-ir-after", options.dumpIrAfter, "prints the IR after a pass, to stderr")
      ->type_name("PASS")
      ->group("The compiler itself");
  app.add_option("--reproducer", options.reproducer, "writes IR and pipeline there if a pass fails")
      ->type_name("FILE")
      ->group("The compiler itself");
  auto fail = [](const Status &status) { return reportError(status); };
  if (Status status = expectModel(argc, argv); !status.ok())
    return fail(status);
  if (std::optional<int> code = line.parse(argc, argv))
    return code;
  if (Status status = expectValues(app); !status.ok())
    return fail(status);
  if (!stage.empty()) {
    Expected<Stage> named = stageNamed(stage);
    if (!named)
      return fail(named.status());
    options.stage = *named;
  }
  options.targetGiven = target->count() > 0;
  if (Status status = checkTarget(options); !status.ok())
    return fail(status);
  if (Status status = setFusions(fusionList, fuse->count() > 0, noFusions, options); !status.ok())
    return fail(status);
  if (Status status = check(options); !status.ok())
    return fail(status);
  if (Status status = readPrecisionConfig(precisionConfig, options.precision); !status.ok())
    return fail(status);
  return std::nullopt;
}

} // namespace dsmlir
