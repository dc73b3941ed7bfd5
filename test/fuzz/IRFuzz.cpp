// parseIRFile: what it accepts has been verified, and prints as text that it accepts again and prints the same.
#include "dialects/dsrt/DSRT.h"
#include "test/fuzz/Fuzz.h"
#include "tools/driver/IRFile.h"

#include "mlir/IR/Diagnostics.h"

namespace {

std::string text(mlir::ModuleOp module) {
  std::string result;
  llvm::raw_string_ostream stream(result);
  module->print(stream);
  return result;
}

} // namespace

bool accepts(std::string_view input) {
  static ScratchFolder folder;
  // A context of its own for each input: a dialect's attributes stay in one for good.
  mlir::DialectRegistry registry;
  registry.insert<mlir::ds::DSDialect, mlir::dsrt::DSRTDialect>();
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  mlir::ScopedDiagnosticHandler quiet(&context, [](mlir::Diagnostic &diagnostic) {
    (void)diagnostic.str(); // printing is part of the parser's work
    return mlir::success();
  });
  auto parse = [&](std::string_view content) {
    llvm::SourceMgr sources;
    std::string hash;
    auto module = dsmlir::parseIRFile(context, sources, folder.write("input.mlir", content), hash);
    return module ? std::move(*module) : mlir::OwningOpRef<mlir::ModuleOp>();
  };
  mlir::OwningOpRef<mlir::ModuleOp> module = parse(input);
  if (!module)
    return false;
  std::string printed = text(*module);
  mlir::OwningOpRef<mlir::ModuleOp> again = parse(printed);
  ENSURE(again && text(*again) == printed);
  return true;
}
