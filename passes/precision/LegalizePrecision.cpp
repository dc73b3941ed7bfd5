// Makes operations explicit in their precision, through their interface (Passes.td).
#include "passes/precision/Passes.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace dsmlir {

#define GEN_PASS_DEF_LEGALIZEPRECISIONPASS
#include "passes/precision/Passes.h.inc"

namespace {

class LegalizePrecisionPass : public impl::LegalizePrecisionPassBase<LegalizePrecisionPass> {
public:
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SymbolTableCollection symbols;
    for (auto model : getOperation().getOps<ds::ModelOp>())
      for (auto function : model.getBody().getOps<ds::FuncOp>())
        for (Operation &op : llvm::make_early_inc_range(function.getBody().front())) {
          auto module = dyn_cast<ds::ModulePrecisionInterface>(op);
          if (!module)
            continue;
          if (!module.getModulePrecision()) {
            op.emitOpError("has no resolved precision: run --ds-resolve-precision first");
            return signalPassFailure();
          }
          if (failed(module.legalizePrecision(rewriter, symbols)))
            return signalPassFailure();
        }
  }
};

} // namespace
} // namespace dsmlir
