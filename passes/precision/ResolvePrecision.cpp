// resolvePrecision: modules and policy to decisions; findings to diagnostics at their places. And the pass.
#include "passes/precision/ModelModules.h"
#include "passes/precision/Passes.h"

#include "mlir/IR/BuiltinOps.h"

#include <deque>

using namespace mlir;

namespace dsmlir {

#define GEN_PASS_DEF_RESOLVEPRECISIONPASS
#include "passes/precision/Passes.h.inc"

namespace {

/// "model.mlir:41:12" as a location again; nothing for what is none.
std::optional<Location> locationOf(MLIRContext *context, StringRef text) {
  auto [beforeColumn, column] = text.rsplit(':');
  auto [file, line] = beforeColumn.rsplit(':');
  unsigned lineNumber, columnNumber;
  if (line.getAsInteger(10, lineNumber) || column.getAsInteger(10, columnNumber))
    return std::nullopt;
  return FileLineColLoc::get(context, file, lineNumber, columnNumber);
}

} // namespace

void emitFinding(const Finding &finding, Location policy) {
  // A file that is not IR has no location of MLIR's: it stands in the message.
  auto place = [&](const std::string &text) -> std::pair<Location, std::string> {
    if (std::optional<Location> location = locationOf(policy.getContext(), text))
      return {*location, ""};
    return {policy, text.empty() || text == policyPlace ? "" : text + ": "};
  };
  auto [at, file] = place(finding.location);
  InFlightDiagnostic diagnostic = finding.isError() ? emitError(at) : emitWarning(at);
  diagnostic << file << "[" << codeName(finding.code) << "] " << finding.message;
  for (const Note &note : finding.notes) {
    auto [at, file] = place(note.location);
    diagnostic.attachNote(at) << file << note.text;
  }
}

FailureOr<Resolution> resolvePrecision(ds::ModelOp model, const PrecisionOptions &given, const Checkpoint *checkpoint) {
  PrecisionOptions options = given;
  readPolicy(model, options);
  FailureOr<ModelModules> modules = ModelModules::collect(model);
  if (failed(modules))
    return failure();
  Resolution resolution = resolve(std::move(modules->modules), options, checkpoint);
  if (!resolution.hasErrors())
    for (Finding &finding : requantisations(*modules, resolution))
      resolution.findings.push_back(std::move(finding));
  for (const Finding &finding : resolution.findings)
    emitFinding(finding, model.getLoc());
  if (resolution.hasErrors())
    return failure();
  return resolution;
}

namespace {

class ResolvePrecisionPass : public impl::ResolvePrecisionPassBase<ResolvePrecisionPass> {
public:
  ResolvePrecisionPass() { declareOptions(); }
  ResolvePrecisionPass(const ResolvePrecisionPass &other) : ResolvePrecisionPassBase(other) { declareOptions(); }

  void runOnOperation() override {
    PrecisionOptions options;
    for (const std::string &path : **config)
      if (::dsrt::Status status = readConfigFile(path, options); !status.ok() && options.refused.empty()) {
        getOperation().emitError() << status.message();
        return signalPassFailure();
      }
    for (const auto &[name, option] : declared) {
      // Values that cannot be are kept in `options`, and reported with all other findings.
      for (const std::string &value : **option)
        (void)set(options, name, value, {}).ok();
      if (option->hasValue() && (**option).empty()) // a flag without a value
        (void)set(options, name, "", {}).ok();
    }
    for (auto model : getOperation().getOps<ds::ModelOp>()) {
      FailureOr<Resolution> resolution = resolvePrecision(model, options, nullptr);
      if (failed(resolution) || failed(applyResolution(model, *resolution)))
        return signalPassFailure();
    }
  }

private:
  /// The option table, as options of the pass: each may be given more than once, as on the command line of ds-compile, and flags
  /// without a value.
  void declareOptions() {
    // An option refers to its argument and its help.
    auto declare = [&](const std::string &name, const std::string &argument, llvm::StringRef help, bool flag) {
      names.push_back(argument);
      auto expected = flag ? llvm::cl::ValueOptional : llvm::cl::ValueRequired;
      declared.emplace_back(name, std::make_unique<ListOption<std::string>>(*this, names.back(), llvm::cl::desc(help), expected));
    };
    for (const OptionDescriptor &option : optionTable()) {
      bool flag = option.kind == OptionKind::Flag || option.kind == OptionKind::NegatableFlag || option.kind == OptionKind::Mode;
      declare(option.name, option.name, option.help, flag);
      if (option.kind == OptionKind::NegatableFlag)
        declare("no-" + option.name, "no-" + option.name, "the opposite", flag);
    }
    declare("precision-recipe", "recipe", "short for precision-recipe", false);
    config = std::make_unique<ListOption<std::string>>(*this, "precision-config", llvm::cl::desc("a JSON file with precision options"));
  }

  std::unique_ptr<ListOption<std::string>> config;
  std::deque<std::string> names;
  std::vector<std::pair<std::string, std::unique_ptr<ListOption<std::string>>>> declared;
};

} // namespace
} // namespace dsmlir
