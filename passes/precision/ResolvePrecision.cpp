// resolvePrecision: modules and policy to decisions; findings to diagnostics at their places. And the pass.
#include "passes/precision/ModelModules.h"
#include "passes/precision/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

namespace dsmlir {

#define GEN_PASS_DEF_RESOLVEPRECISIONPASS
#include "passes/precision/Passes.h.inc"

namespace {

/// "model.mlir:41:12" as a location again; `fallback` for what is none.
Location locationOf(const std::string &text, Location fallback) {
  StringRef rest = text;
  auto [beforeColumn, column] = rest.rsplit(':');
  auto [file, line] = beforeColumn.rsplit(':');
  unsigned lineNumber, columnNumber;
  if (line.getAsInteger(10, lineNumber) || column.getAsInteger(10, columnNumber))
    return fallback;
  return FileLineColLoc::get(fallback.getContext(), file, lineNumber, columnNumber);
}

void emit(const Finding &finding, Location policy) {
  Location place = locationOf(finding.location, policy);
  InFlightDiagnostic diagnostic = finding.isError() ? emitError(place) : emitWarning(place);
  // A file that is not IR has no location of MLIR's: it stands in the message.
  if (place == policy && !finding.location.empty() && finding.location != "policy")
    diagnostic << finding.location << ": ";
  diagnostic << "[" << codeName(finding.code) << "] " << finding.message;
  for (const Note &note : finding.notes) {
    Location at = locationOf(note.location, policy);
    mlir::Diagnostic &attached = diagnostic.attachNote(at);
    if (at == policy && !note.location.empty())
      attached << note.location << ": ";
    attached << note.text;
  }
}

} // namespace

FailureOr<Resolution> resolvePrecision(ds::ModelOp model, const PrecisionOptions &given, const Checkpoint *checkpoint) {
  PrecisionOptions options = given;
  readPolicy(model, options);
  FailureOr<ModelModules> modules = ModelModules::collect(model);
  if (failed(modules))
    return failure();
  Resolution resolution = resolve(std::move(modules->modules), options, checkpoint);
  for (const Finding &finding : resolution.findings)
    emit(finding, model.getLoc());
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
    for (const auto &[name, option] : declared)
      if (option->hasValue())
        for (const std::string &value : *option)
          if (dsrt::Status status = set(options, name, value, {}); status.code() == DSRT_USAGE) {
            getOperation().emitError(status.message());
            return signalPassFailure();
          }
    for (auto model : getOperation().getOps<ds::ModelOp>()) {
      FailureOr<Resolution> resolution = resolvePrecision(model, options, nullptr);
      if (failed(resolution) || failed(applyResolution(model, *resolution)))
        return signalPassFailure();
    }
  }

private:
  /// The option table, as options of the pass: each may be given more than once, as on the command line of ds-compile.
  void declareOptions() {
    auto declare = [&](const std::string &name, const std::string &argument, const std::string &help) {
      texts.push_back(std::make_unique<std::pair<std::string, std::string>>(argument, help));
      declared.emplace_back(name,
                            std::make_unique<ListOption<std::string>>(*this, texts.back()->first, llvm::cl::desc(texts.back()->second)));
    };
    for (const OptionDescriptor &option : optionTable()) {
      declare(option.name, option.name, option.help);
      if (option.kind == OptionKind::NegatableFlag)
        declare("no-" + option.name, "no-" + option.name, "the opposite");
    }
    declare("precision-recipe", "recipe", "short for precision-recipe");
  }

  std::vector<std::unique_ptr<std::pair<std::string, std::string>>> texts;
  std::vector<std::pair<std::string, std::unique_ptr<ListOption<std::string>>>> declared;
};

} // namespace
} // namespace dsmlir
