// ds-opt: the usual mlir-opt driver with the project's dialects.
#include "dialects/ds/DS.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<mlir::ds::DSDialect>();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "ds-opt: passes of ds-mlir, one by one\n", registry));
}
