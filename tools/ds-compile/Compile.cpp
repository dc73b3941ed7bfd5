// Import, precision, lowering, code generation, linking: each phase timed, each failure with the exit code of its kind.
#include "tools/ds-compile/Compile.h"

#include "dialects/dsrt/DSRT.h"
#include "lowering/DSRTToLLVM/ProgramManifest.h"
#include "lowering/Emit/Emit.h"
#include "lowering/HuggingFaceToDS/HuggingFaceToDS.h"
#include "lowering/DSToDSRT/DSToDSRT.h"
#include "passes/Pipelines.h"
#include "passes/precision/Passes.h"
#include "passes/precision/Plan.h"
#include "tools/ds-compile/report/Report.h"
#include "tools/driver/CommandLine.h"
#include "tools/driver/IRFile.h"

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

/// What --precision-recipe auto reads.
Checkpoint checkpointOf(const ModelConfig &config) {
  Checkpoint checkpoint;
  checkpoint.storedDtype = config.storedDtype == "float32" ? "fp32" : config.storedDtype == "float16" ? "fp16" : "bf16";
  if (config.quantization) {
    checkpoint.quantMethod = "fp8";
    checkpoint.format = "e4m3";
    checkpoint.blockRows = config.quantization->blockRows;
    checkpoint.blockCols = config.quantization->blockCols;
    checkpoint.ue8m0 = config.quantization->ue8m0;
  }
  return checkpoint;
}

/// A model on its way through the phases.
class Compilation {
public:
  explicit Compilation(const CompileOptions &options) : options(options) {
    context.disableMultithreading();    // the graph is one function after the other; threads cost more than they bring
    context.printOpOnDiagnostic(false); // an operation may be the whole model
    context.loadDialect<ds::DSDialect, mlir::dsrt::DSRTDialect>();
    // What has no place in a file is said without one.
    context.getDiagEngine().registerHandler([](mlir::Diagnostic &diagnostic) -> LogicalResult {
      if (diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
        return failure();
      llvm::errs() << (diagnostic.getSeverity() == DiagnosticSeverity::Warning ? "warning: " : "error: ") << diagnostic << "\n";
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
    if (options.stage == Stage::DS)
      return writeIR();
    if (Status status = resolve(); !status.ok())
      return status;
    if (Status status = report(); !status.ok() || (options.reportsOnly() && !options.needsPlan()))
      return status;
    if (options.stage == Stage::Precision)
      return writeIR();
    if (Status status = runPasses("legalise", [](OpPassManager &passes) { buildLegalizationPipeline(passes); }); !status.ok())
      return status;
    plan = planJson(model(), *resolution);
    if (!options.planOut.empty())
      if (Status status = ::dsrt::writeFile(options.planOut, plan.dump(2) + "\n"); !status.ok())
        return status;
    if (!options.report.empty())
      if (Status status = writeReport(); !status.ok())
        return status;
    if (options.reportsOnly())
      return {};
    if (options.stage == Stage::Legal)
      return writeIR();
    if (Status status =
            runPasses("lower", [&](OpPassManager &passes) { buildRuntimePipeline(passes, createDSToDSRTPass(options.limits)); });
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
      return {};
    }
    ::dsrt::Expected<ImportedModel> imported = importModel(context, options.model);
    if (!imported)
      return imported.status();
    for (const std::string &warning : imported->warnings)
      reportWarning(warning);
    for (const std::string &note : imported->notes)
      llvm::errs() << "note: " << note << "\n";
    importMessages = imported->warnings;
    importMessages.insert(importMessages.end(), imported->notes.begin(), imported->notes.end());
    module = std::move(imported->module);
    sourceHash = imported->hash;
    checkpoint = checkpointOf(imported->config);
    return {};
  }

  Status resolve() {
    TimingScope scope = root.nest("resolve precision");
    FailureOr<Resolution> result = resolvePrecision(model(), options.precision, checkpoint ? &*checkpoint : nullptr);
    if (failed(result))
      return {DSRT_REJECTED, ""};
    resolution = std::move(*result);
    if (options.reportsOnly() && !options.needsPlan()) // also of what this target cannot run
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
      return print(listModulesJson(*resolution).dump(1) + "\n");
    if (options.listModules == "text")
      return print(listModulesText(*resolution));
    if (!options.explain.empty()) {
      ::dsrt::Expected<std::string> text = explain(*resolution, options.explain);
      if (!text)
        return text.status();
      return print(*text);
    }
    return {};
  }

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
    llvm::errs() << planSummary(plan) << "wrote " << options.output << "\n";
    return {};
  }

  Status writeIR() {
    std::string text;
    llvm::raw_string_ostream stream(text);
    module->print(stream);
    stream << "\n";
    return options.output.empty() ? print(text) : ::dsrt::writeFile(options.output, text);
  }

  static Status print(const std::string &text) {
    if (fwrite(text.data(), 1, text.size(), stdout) != text.size() || fflush(stdout) != 0)
      return {DSRT_IO, "cannot write to stdout"};
    return {};
  }

  const CompileOptions &options;
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

} // namespace dsmlir
