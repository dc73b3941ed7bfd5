// ds-opt: the usual mlir-opt driver with the project's dialects, passes and pipelines.
#include "dialects/dsrt/DSRT.h"
#include "passes/Pipelines.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<mlir::ds::DSDialect, mlir::dsrt::DSRTDialect, mlir::LLVM::LLVMDialect>();
  dsmlir::registerPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "ds-opt: passes of ds-mlir, one by one\n", registry));
}
