// Import, precision, lowering, code generation, linking: each phase timed, each failure with the exit code of its kind.
#include "tools/ds-compile/Compile.h"

#include "dialects/dsrt/DSRT.h"
#include "lowering/DSRTToLLVM/ProgramManifest.h"
#include "lowering/Emit/Emit.h"
#include "lowering/HuggingFaceToDS/HuggingFaceToDS.h"
#include "lowering/DSToDSRT/DSToDSRT.h"
#include "passes/Pipelines.h"
#include "passes/precision/LegalityReport.h"
#include "passes/precision/Passes.h"
#include "passes/precision/Plan.h"
#include "passes/precision/PlannedOperations.h"
#include "passes/precision/RecognisedRecipe.h"
#include "tools/ds-compile/report/Report.h"
#include "tools/driver/CommandLine.h"
#include "tools/driver/IRFile.h"
#include "tools/ds-compile/ReadCheckpoint.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/SourceMgr.h"

#include <filesystem>
#include <optional>

using namespace mlir;
using ::dsrt::Status;

namespace dsmlir {
namespace {

/// How a compilation behaves when a program asks for it, not a user.
struct Manner {
  bool quiet = false;        ///< errors alone are said
  bool ignorePolicy = false; ///< a policy in the IR is taken away
};

/// A model on its way through the phases.
class Compilation {
public:
  explicit Compilation(const CompileOptions &options, Manner manner = {}) : options(options), manner(manner) {
    context.disableMultithreading();    // the graph is one function after the other; threads cost more than they bring
    context.printOpOnDiagnostic(false); // an operation may be the whole model
    context.loadDialect<ds::DSDialect, mlir::dsrt::DSRTDialect>();
    // What has no place in a file is said without one.
    context.getDiagEngine().registerHandler([manner](mlir::Diagnostic &diagnostic) -> LogicalResult {
      if (manner.quiet && diagnostic.getSeverity() == DiagnosticSeverity::Warning)
        return success();
      if (diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
        return failure();
      const char *severity = diagnostic.getSeverity() == DiagnosticSeverity::Warning  ? "warning: "
                             : diagnostic.getSeverity() == DiagnosticSeverity::Remark ? "remark: "
                                                                                      : "error: ";
      llvm::errs() << severity << diagnostic << "\n";
      for (mlir::Diagnostic &note : diagnostic.getNotes())
        llvm::errs() << "note: " << note << "\n";
      return success();
    });
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
    if (options.stage == Stage::DS) // nothing is decided in that IR, but it says what is asked for
      model().setPolicyAttr(policyOf(&context, resolution->policy()));
    if (Status status = report(); !status.ok() || (options.reportsOnly() && !options.reportsOnGraph()))
      return status;
    if (options.stage == Stage::DS || options.stage == Stage::Precision)
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
            "lower", [&](OpPassManager &passes) { buildRuntimePipeline(passes, createDSToDSRTPass(options.limits), verifyTarget()); });
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

  ::dsrt::Expected<Resolution> resolveOnly() {
    if (Status status = import(); !status.ok())
      return status;
    if (Status status = resolve(); !status.ok())
      return status;
    return std::move(*resolution);
  }

private:
  ds::ModelOp model() { return *module->getOps<ds::ModelOp>().begin(); }

  Status import() {
    TimingScope scope = root.nest("import");
    if (std::filesystem::path(options.model).extension() == ".mlir") {
      ::dsrt::Expected<OwningOpRef<ModuleOp>> parsed = parseIRFile(context, sources, options.model, sourceHash);
      if (!parsed)
        return parsed.status();
      module = std::move(*parsed);
      auto models = module->getOps<ds::ModelOp>();
      if (std::distance(models.begin(), models.end()) != 1)
        return {DSRT_REJECTED, options.model + ": expects one ds.model"};
      if (manner.ignorePolicy)
        model().removePolicyAttr();
      return {};
    }
    bool recognise = options.precision.recipe.value == autoRecipe;
    if (recognise)
      if (::dsrt::Expected<Checkpoint> stored = readCheckpoint(options.model))
        checkpoint = std::move(*stored);
    ::dsrt::Expected<ImportedModel> imported = importModel(context, options.model);
    if (!imported)
      return checkpoint && notRecognised() ? Status(DSRT_REJECTED, "") : imported.status();
    importMessages = imported->warnings;
    importMessages.insert(importMessages.end(), imported->notes.begin(), imported->notes.end());
    if (!manner.quiet) {
      for (const std::string &warning : imported->warnings)
        reportWarning(warning);
      for (const std::string &note : imported->notes)
        llvm::errs() << "note: " << note << "\n";
    }
    module = std::move(imported->module);
    sourceHash = imported->hash;
    return {};
  }

  /// A checkpoint that stands for no recipe may be none that can be imported: what was asked for is the recipe.
  bool notRecognised() {
    std::string problem = recogniseRecipe(&*checkpoint).problem;
    if (problem.empty())
      return false;
    std::vector<Finding> findings = validate(options.precision);
    findings.push_back(makeFinding(Code::CheckpointNotRecognised, options.model + ": --precision-recipe auto: " + problem));
    for (const Finding &finding : findings)
      llvm::errs() << ::dsmlir::print(finding);
    return true;
  }

  Status resolve() {
    TimingScope scope = root.nest("resolve precision");
    FailureOr<Resolution> result = resolvePrecision(model(), options.precision, checkpoint ? &*checkpoint : nullptr);
    if (failed(result))
      return {DSRT_REJECTED, ""};
    resolution = std::move(*result);
    if (options.stage == Stage::DS || (options.reportsOnly() && !options.reportsOnGraph()))
      return {};
    if (failed(applyResolution(model(), *resolution)))
      return {DSRT_REJECTED, ""};
    if (options.dumpIrAfter == createResolvePrecisionPass()->getArgument()) // what ran here is that pass, with its result kept
      llvm::errs() << "// -----// IR Dump After ResolvePrecisionPass (" << options.dumpIrAfter << ") //----- //\n" << *module << "\n\n";
    return {};
  }

  /// --list-modules and --explain.
  Status report() {
    if (options.listModules == "json")
      return printResult(listModulesJson(*resolution).dump(1) + "\n");
    if (options.listModules == "text")
      return printResult(listModulesText(*resolution));
    if (!options.explain.empty()) {
      ::dsrt::Expected<std::string> text = explain(*resolution, options.explain);
      if (!text)
        return text.status();
      return printResult(*text);
    }
    return {};
  }

  /// The plan with its target's section; --legality and --plan-out, also of what the target refuses.
  Status reportOnGraph() {
    TimingScope scope = root.nest("plan");
    plan = planJson(model(), *resolution);
    std::vector<PlannedOperation> operations = plannedOperations(model());
    auto judged = [&](const Target &target) { return judgeAll(target, operations, resolution->options, options.allowFallback); };
    plan["targets"] = targetsJson({judged(*findTarget(options.target))});
    if (!options.planOut.empty())
      if (Status status = ::dsrt::writeFile(options.planOut, plan.dump(2) + "\n"); !status.ok())
        return status;
    std::vector<Legality> asked;
    for (const Target &target : targets())
      if (target.name == options.target || (!options.targetGiven && !options.legality.empty()))
        asked.push_back(judged(target));
    if (options.reportsOnly()) // else ds-verify-target says so
      warnOfUnusedFallback(asked, operations);
    if (options.legality.empty())
      return {};
    return print(options.legality == "json" ? legalityJson(asked, operations).dump(1) + "\n" : legalityText(asked, operations));
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
  /// --report.
  Status writeReport() {
    TimingScope scope = root.nest("report");
    ds::ConfigAttr config = model().getConfig();
    ReportHeader header;
    header.tool = versionText("ds-compile");
    header.source = options.model;
    header.hash = sourceHash;
    header.target = options.target;
    header.family = ds::stringifyFamily(config.getFamily()).str();
    header.layers = config.getLayers();
    header.experts = config.getExperts();
    header.expertsPerToken = config.getExpertsPerToken();
    header.messages = importMessages;
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
    if (failed(passes.run(*module)))
      return {DSRT_REJECTED, ""};
    return {};
  }

  ::dsrt::Manifest describe() {
    ::dsrt::Manifest manifest = describeProgram(*module->getOps<mlir::dsrt::ProgramOp>().begin());
    manifest.target = options.target;
    manifest.source = sourceHash;
    manifest.plan = plan;
    return manifest;
  }

  Status emit(const ::dsrt::Manifest &manifest) {
    TimingScope scope = root.nest("code generation");
    ::dsrt::Expected<std::string> object = emitObject(*module, manifest.write());
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
    module->print(stream);
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
  OwningOpRef<ModuleOp> module;
  std::string sourceHash;
  std::vector<std::string> importMessages; ///< warnings and notes, for the report
  std::optional<Checkpoint> checkpoint;
  std::optional<Resolution> resolution;
  ::dsrt::Json plan;
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
