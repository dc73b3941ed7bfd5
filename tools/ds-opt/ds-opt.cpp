// ds-opt: the usual mlir-opt driver with the project's dialects, passes and pipelines. The input is read here, because MLIR's
// parser recurses into whatever it is given.
#include "dialects/dsrt/DSRT.h"
#include "passes/Pipelines.h"
#include "tools/driver/IRFile.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

int main(int argc, char **argv) {
  DialectRegistry registry;
  registry.insert<ds::DSDialect, mlir::dsrt::DSRTDialect, LLVM::LLVMDialect>();
  dsmlir::registerPasses();
  auto [input, output] = registerAndParseCLIOptions(argc, argv, "ds-opt: passes of ds-mlir, one by one\n", registry);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  // Lists need no input.
  if (config.shouldShowDialects() || config.shouldListPasses())
    return asMainReturnCode(MlirOptMain(argc, argv, input, output, registry));
  llvm::InitLLVM init(argc, argv);

  auto fail = [](const Twine &message, dsrt_code code) {
    llvm::errs() << "error: " << message << "\n";
    return int(code);
  };
  ::dsrt::Expected<std::unique_ptr<llvm::MemoryBuffer>> file = dsmlir::readIRFile(input);
  if (!file)
    return fail(file.status().message(), DSRT_UNREADABLE);
  std::string message;
  std::unique_ptr<llvm::ToolOutputFile> result = openOutputFile(output, &message);
  if (!result)
    return fail(message, DSRT_CANNOT_CREATE);
  // The pipeline is set up when a module was parsed: what fails before could not be read.
  bool parsed = false;
  config.setPassPipelineSetupFn([&parsed, given = config](PassManager &manager) {
    parsed = true;
    return given.setupPassPipeline(manager);
  });
  if (failed(MlirOptMain(result->os(), std::move(*file), registry, config)))
    return parsed ? DSRT_REJECTED : DSRT_UNREADABLE;
  result->keep();
  return DSRT_OK;
}
