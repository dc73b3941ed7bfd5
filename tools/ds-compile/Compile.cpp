// Import, precision, lowering, code generation, linking: each phase timed, each failure with the exit code of its kind.
#include "tools/ds-compile/Compile.h"

#include "dialects/dsrt/DSRT.h"
#include "lowering/DSRTToLLVM/ProgramManifest.h"
#include "lowering/Emit/Emit.h"
#include "lowering/DSToDSRT/DSToDSRT.h"
#include "passes/Pipelines.h"
#include "passes/optimize/Fusions.h"
#include "passes/optimize/Optimize.h"
#include "passes/precision/LegalityReport.h"
#include "passes/precision/Passes.h"
#include "passes/precision/Plan.h"
#include "passes/precision/PlannedOperations.h"
#include "passes/precision/RecognisedRecipe.h"
#include "tools/ds-compile/report/Report.h"
#include "tools/driver/CommandLine.h"
#include "tools/ds-compile/Model.h"
#include "tools/ds-compile/PrecisionLock.h"
#include "tools/ds-compile/WhatIf.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/SourceMgr.h"

#include <optional>

using namespace mlir;
using ::dsrt::Status;

namespace dsmlir {
namespace {

/// A model on its way through the phases.
class Compilation {
public:
  explicit Compilation(const CompileOptions &options, Manner manner = {}) : options(options), manner(manner) {
    prepareContext(context, manner);
    timing.setOutput(mlir::createOutputStrategy(DefaultTimingManager::OutputFormat::Text, llvm::errs()));
    timing.setEnabled(options.timePasses);
    root = timing.getRootScope();
  }

  Status run() {
    if (Status status = import(); !status.ok())
      return status;
    if (options.stage == Stage::DS && policyEntries(options.precision).empty())
      return writeIR();
    if (Status status = resolve(); !status.ok())
      return status;
    if (options.stage == Stage::DS) { // nothing is decided in that IR, but it says what is asked for
      model().setPolicyAttr(policyOf(&context, resolution->policy()));
      return writeIR();
    }
    plan = planJson(model(), *resolution);
    if (!options.whatIf.empty())
      return printWhatIf();
    if (!options.precisionLock.empty()) {
      ::dsrt::Expected<std::optional<::dsrt::OutputFile>> held = holdLock(options.precisionLock, plan);
      if (!held)
        return held.status();
      if (*held)
        newLock.emplace(std::move(**held));
    }
    if (Status status = report(); !status.ok())
      return status;
    Status status = options.reportsOnly() && !options.reportsOnGraph() ? Status() : compileOn();
    return status.ok() && newLock ? newLock->commit() : status;
  }

  ::dsrt::Expected<Resolution> resolveOnly() {
    if (Status status = import(); !status.ok())
      return status;
    if (Status status = resolve(); !status.ok())
      return status;
    return std::move(*resolution);
  }

private:
  /// From the resolution to what is asked for.
  Status compileOn() {
    if (failed(applyResolution(model(), *resolution)))
      return {DSRT_REJECTED, ""};
    if (options.dumpIrAfter == createResolvePrecisionPass()->getArgument()) // what ran here is that pass, with its result kept
      llvm::errs() << "// -----// IR Dump After ResolvePrecisionPass (" << options.dumpIrAfter << ") //----- //\n" << module() << "\n\n";
    if (options.stage == Stage::Precision)
      return writeIR();
    if (Status status = runPasses("legalise", [](OpPassManager &passes) { buildLegalizationPipeline(passes); }); !status.ok())
      return status;
    if (Status status = reportOnGraph(); !status.ok() || options.reportsOnly())
      return status;
    auto verifyTarget = [&] { return createVerifyTargetPass({options.target, options.allowFallback}); };
    if (options.stage == Stage::Legal) {
      Status status = runPasses("verify target", [&](OpPassManager &passes) { passes.addPass(verifyTarget()); });
      return status.ok() ? writeIR() : status;
    }
    if (Status status = runPasses(
            "lower",
            [&](OpPassManager &passes) { buildRuntimePipeline(passes, createDSToDSRTPass(options.limits), fusePass(), verifyTarget()); });
        !status.ok())
      return status;
    if (options.stage == Stage::DSRT)
      return writeIR();
    ::dsrt::Manifest manifest = describe();
    if (Status status = runPasses("to LLVM", [](OpPassManager &passes) { buildLLVMPipeline(passes); }); !status.ok())
      return status;
    if (options.stage == Stage::LLVM)
      return writeIR();
    return emit(manifest);
  }

  /// What is fused, in the order in which it is.
  std::vector<std::string> chosenFusions() const {
    std::vector<std::string> names;
    for (const Fusion &fusion : fusions())
      if (!options.fusions || llvm::is_contained(*options.fusions, fusion.name.str()))
        names.push_back(fusion.name.str());
    return names;
  }

  /// Null where nothing is fused.
  std::unique_ptr<Pass> fusePass() const {
    std::vector<std::string> names = chosenFusions();
    if (names.empty())
      return nullptr;
    FusePassOptions chosen;
    chosen.names.assign(names.begin(), names.end());
    return createFusePass(chosen);
  }

  ds::ModelOp model() { return loaded->model(); }
  ModuleOp module() { return *loaded->module; }

  Status import() {
    TimingScope scope = root.nest("import");
    ::dsrt::Expected<LoadedModel> model = loadModel(context, sources, options.model, options.precision, manner);
    if (!model)
      return model.status();
    loaded = std::move(*model);
    return {};
  }

  const Checkpoint *checkpoint() const { return loaded->checkpoint ? &*loaded->checkpoint : nullptr; }

  Status resolve() {
    TimingScope scope = root.nest("resolve precision");
    FailureOr<Resolution> result = resolvePrecision(model(), options.precision, checkpoint());
    if (failed(result))
      return {DSRT_REJECTED, ""};
    resolution = std::move(*result);
    return {};
  }

  Status printWhatIf() {
    ::dsrt::Expected<std::string> text = whatIf(model(), *resolution, checkpoint(), plan, options.whatIf);
    return text ? printResult(*text) : text.status();
  }

  /// --list-modules and --explain.
  Status report() {
    if (options.listModules == "json")
      return printResult(listModulesJson(*resolution).dump(1) + "\n");
    if (options.listModules == "text")
      return printResult(listModulesText(*resolution));
    if (!options.explain.empty()) {
      ::dsrt::Expected<std::string> text = explain(*resolution, options.explain, &plan);
      if (!text)
        return text.status();
      return printResult(*text);
    }
    return {};
  }

  /// The plan gets its target's section; then --plan-out, --report and --legality, also of what the target refuses.
  Status reportOnGraph() {
    TimingScope scope = root.nest("targets");
    std::vector<PlannedOperation> operations = plannedOperations(model());
    auto judged = [&](const Target &target) { return judgeAll(target, operations, resolution->options, options.allowFallback); };
    plan["targets"] = targetsJson({judged(*findTarget(options.target))});
    plan["targets"][options.target]["fusions"] = chosenFusions();
    if (!options.planOut.empty())
      if (Status status = ::dsrt::writeFile(options.planOut, plan.dump(2) + "\n"); !status.ok())
        return status;
    if (!options.report.empty())
      if (Status status = writeReport(); !status.ok())
        return status;
    std::vector<Legality> asked;
    for (const Target &target : targets())
      if (target.name == options.target || (!options.targetGiven && !options.legality.empty()))
        asked.push_back(judged(target));
    if (options.reportsOnly()) // else ds-verify-target says so
      warnOfUnusedFallback(asked, operations);
    if (options.legality.empty())
      return {};
    return printResult(options.legality == "json" ? legalityJson(asked, operations).dump(1) + "\n" : legalityText(asked, operations));
  }

  /// Where --allow-fallback lets nothing pass on any of the targets.
  void warnOfUnusedFallback(const std::vector<Legality> &asked, const std::vector<PlannedOperation> &operations) {
    std::optional<Finding> unused;
    for (const Legality &legality : asked) {
      unused = unusedFallback(legality, operations, resolution->options);
      if (!unused)
        return;
    }
    if (unused)
      reportWarning("[" + codeName(unused->code) + "] " + unused->message);
  }

  /// --report.
  Status writeReport() {
    TimingScope scope = root.nest("report");
    ds::ConfigAttr config = model().getConfig();
    ReportHeader header;
    header.tool = versionText("ds-compile");
    header.source = options.model;
    header.hash = loaded->hash;
    header.target = options.target;
    header.family = ds::stringifyFamily(config.getFamily()).str();
    header.layers = config.getLayers();
    header.experts = config.getExperts();
    header.expertsPerToken = config.getExpertsPerToken();
    header.messages = loaded->messages;
    return ::dsrt::writeFile(options.report, reportPage(reportData(*resolution, plan, header)));
  }

  template <typename Build> Status runPasses(const char *phase, Build build) {
    TimingScope scope = root.nest(phase);
    PassManager passes(&context);
    passes.enableTiming(scope);
    build(passes);
    if (!options.dumpIrAfter.empty())
      passes.enableIRPrinting(
          nullptr, [&](Pass *pass, Operation *) { return pass->getArgument() == options.dumpIrAfter; }, /*printModuleScope=*/true,
          /*printAfterOnlyOnChange=*/false, /*printAfterOnlyOnFailure=*/false, llvm::errs());
    if (!options.reproducer.empty())
      passes.enableCrashReproducerGeneration(options.reproducer);
    if (failed(passes.run(module())))
      return {DSRT_REJECTED, ""};
    return {};
  }

  ::dsrt::Manifest describe() {
    ::dsrt::Manifest manifest = describeProgram(*module().getOps<mlir::dsrt::ProgramOp>().begin());
    manifest.target = options.target;
    manifest.source = loaded->hash;
    manifest.plan = plan;
    return manifest;
  }

  Status emit(const ::dsrt::Manifest &manifest) {
    TimingScope scope = root.nest("code generation");
    ::dsrt::Expected<std::string> object = emitObject(module(), manifest.write());
    if (!object)
      return object.status();
    if (options.stage == Stage::Object)
      return ::dsrt::writeFile(options.output, *object);
    scope = root.nest("link");
    if (Status status = linkArtifact(*object, options.output); !status.ok())
      return status;
    if (!manner.quiet)
      llvm::errs() << planSummary(plan) << "wrote " << options.output << "\n";
    return {};
  }

  Status writeIR() {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module().print(stream);
    stream << "\n";
    return options.output.empty() ? printResult(text) : ::dsrt::writeFile(options.output, text);
  }

  const CompileOptions &options;
  Manner manner;
  MLIRContext context;
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler diagnostics{sources, &context, llvm::errs()};
  DefaultTimingManager timing;
  TimingScope root;
  std::optional<LoadedModel> loaded;
  std::optional<Resolution> resolution;
  ::dsrt::Json plan;
  std::optional<::dsrt::OutputFile> newLock; ///< committed when everything else is done
};

} // namespace

int compile(const CompileOptions &options) {
  Status status = Compilation(options).run();
  if (status.ok())
    return DSRT_OK;
  // An empty message: diagnostics have said it.
  return status.message().empty() ? int(status.code()) : reportError(status);
}

::dsrt::Expected<Resolution> resolveModel(const CompileOptions &options) { return Compilation(options).resolveOnly(); }

Status compileArtifact(const CompileOptions &options) { return Compilation(options, {.quiet = true, .ignorePolicy = true}).run(); }

} // namespace dsmlir
