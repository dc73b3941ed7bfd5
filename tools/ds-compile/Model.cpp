// loadModel, and the context that it is loaded into.
#include "tools/ds-compile/Model.h"

#include "dialects/dsrt/DSRT.h"
#include "lowering/HuggingFaceToDS/HuggingFaceToDS.h"
#include "passes/precision/RecognisedRecipe.h"
#include "tools/driver/CommandLine.h"
#include "tools/driver/IRFile.h"
#include "tools/ds-compile/ReadCheckpoint.h"

#include <filesystem>

using namespace mlir;
using ::dsrt::Status;

namespace dsmlir {

/// A checkpoint that stands for no recipe may be none that can be imported: what was asked for is the recipe.
static bool isNotRecognised(const Checkpoint &checkpoint, const std::string &path, const PrecisionOptions &precision) {
  std::string problem = recogniseRecipe(&checkpoint).problem;
  if (problem.empty())
    return false;
  std::vector<Finding> findings = validate(precision);
  findings.push_back(makeFinding(Code::CheckpointNotRecognised, path + ": --precision-recipe auto: " + problem));
  for (const Finding &finding : findings)
    llvm::errs() << print(finding);
  return true;
}

void prepareContext(MLIRContext &context, Manner manner) {
  context.disableMultithreading();    // the graph is one function after the other; threads cost more than they bring
  context.printOpOnDiagnostic(false); // an operation may be the whole model
  context.loadDialect<ds::DSDialect, mlir::dsrt::DSRTDialect>();
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
}

::dsrt::Expected<LoadedModel> loadModel(MLIRContext &context, llvm::SourceMgr &sources, const std::string &path,
                                        const PrecisionOptions &precision, Manner manner) {
  LoadedModel loaded;
  if (std::filesystem::path(path).extension() == ".mlir") {
    ::dsrt::Expected<OwningOpRef<ModuleOp>> parsed = parseIRFile(context, sources, path, loaded.hash);
    if (!parsed)
      return parsed.status();
    loaded.module = std::move(*parsed);
    auto models = loaded.module->getOps<ds::ModelOp>();
    if (std::distance(models.begin(), models.end()) != 1)
      return Status(DSRT_REJECTED, path + ": expects one ds.model");
    if (manner.ignorePolicy)
      loaded.model().removePolicyAttr();
    return loaded;
  }
  if (precision.recipe.value == autoRecipe)
    if (::dsrt::Expected<Checkpoint> stored = readCheckpoint(path))
      loaded.checkpoint = std::move(*stored);
  ::dsrt::Expected<ImportedModel> imported = importModel(context, path);
  if (!imported)
    return loaded.checkpoint && isNotRecognised(*loaded.checkpoint, path, precision) ? Status(DSRT_REJECTED, "") : imported.status();
  if (!manner.quiet) {
    for (const std::string &warning : imported->warnings)
      reportWarning(warning);
    for (const std::string &note : imported->notes)
      llvm::errs() << "note: " << note << "\n";
  }
  loaded.messages = imported->warnings;
  loaded.messages.insert(loaded.messages.end(), imported->notes.begin(), imported->notes.end());
  loaded.module = std::move(imported->module);
  loaded.hash = imported->hash;
  return loaded;
}

} // namespace dsmlir
