// loadModel, and the context that it is loaded into.
#include "tools/ds-compile/Model.h"

#include "dialects/dsrt/DSRT.h"
#include "lowering/HuggingFaceToDS/HuggingFaceToDS.h"
#include "tools/driver/CommandLine.h"
#include "tools/driver/IRFile.h"

#include <filesystem>

using namespace mlir;
using ::dsrt::Status;

namespace dsmlir {

/// What --precision-recipe auto reads.
static Checkpoint checkpointOf(const ModelConfig &config) {
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

void prepareContext(MLIRContext &context) {
  context.disableMultithreading();    // the graph is one function after the other; threads cost more than they bring
  context.printOpOnDiagnostic(false); // an operation may be the whole model
  context.loadDialect<ds::DSDialect, mlir::dsrt::DSRTDialect>();
  context.getDiagEngine().registerHandler([](mlir::Diagnostic &diagnostic) -> LogicalResult {
    if (diagnostic.getLocation()->findInstanceOf<FileLineColLoc>())
      return failure();
    llvm::errs() << (diagnostic.getSeverity() == DiagnosticSeverity::Warning ? "warning: " : "error: ") << diagnostic << "\n";
    for (mlir::Diagnostic &note : diagnostic.getNotes())
      llvm::errs() << "note: " << note << "\n";
    return success();
  });
}

::dsrt::Expected<LoadedModel> loadModel(MLIRContext &context, llvm::SourceMgr &sources, const std::string &path) {
  LoadedModel loaded;
  if (std::filesystem::path(path).extension() == ".mlir") {
    ::dsrt::Expected<OwningOpRef<ModuleOp>> parsed = parseIRFile(context, sources, path, loaded.hash);
    if (!parsed)
      return parsed.status();
    loaded.module = std::move(*parsed);
    auto models = loaded.module->getOps<ds::ModelOp>();
    if (std::distance(models.begin(), models.end()) != 1)
      return Status(DSRT_REJECTED, path + ": expects one ds.model");
    return loaded;
  }
  ::dsrt::Expected<ImportedModel> imported = importModel(context, path);
  if (!imported)
    return imported.status();
  for (const std::string &warning : imported->warnings)
    reportWarning(warning);
  for (const std::string &note : imported->notes)
    llvm::errs() << "note: " << note << "\n";
  loaded.module = std::move(imported->module);
  loaded.hash = imported->hash;
  loaded.checkpoint = checkpointOf(imported->config);
  return loaded;
}

Status printResult(const std::string &text) {
  if (fwrite(text.data(), 1, text.size(), stdout) != text.size() || fflush(stdout) != 0)
    return {DSRT_IO, "cannot write to stdout"};
  return {};
}

} // namespace dsmlir
