// ds-legalize-precision and ds-verify-precision.
#include "passes/precision/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace dsmlir {
namespace {

class LegalizePrecisionPass : public PassWrapper<LegalizePrecisionPass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(LegalizePrecisionPass)
  StringRef getArgument() const override { return "ds-legalize-precision"; }
  StringRef getDescription() const override { return "makes casts, quantisation and scaled products explicit"; }

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
            op.emitError("has no resolved precision: run --ds-resolve-precision first");
            return signalPassFailure();
          }
          if (failed(module.legalizePrecision(rewriter, symbols)))
            return signalPassFailure();
        }
  }
};

class VerifyPrecisionPass : public PassWrapper<VerifyPrecisionPass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(VerifyPrecisionPass)
  explicit VerifyPrecisionPass(bool legal = false) { this->legal = legal; }
  VerifyPrecisionPass(const VerifyPrecisionPass &other) : PassWrapper(other) {}
  StringRef getArgument() const override { return "ds-verify-precision"; }
  StringRef getDescription() const override {
    return "checks that every module has a precision, and that operations and parameters agree with it";
  }

  void runOnOperation() override {
    SymbolTableCollection symbols;
    for (auto model : getOperation().getOps<ds::ModelOp>()) {
      llvm::StringMap<ds::ModulePrecisionInterface> byPath;
      for (auto function : model.getBody().getOps<ds::FuncOp>())
        for (auto module : function.getBody().front().getOps<ds::ModulePrecisionInterface>())
          if (failed(verify(module, byPath, symbols)))
            return signalPassFailure();
    }
    markAllAnalysesPreserved();
  }

private:
  LogicalResult verify(ds::ModulePrecisionInterface op, llvm::StringMap<ds::ModulePrecisionInterface> &byPath,
                       SymbolTableCollection &symbols) {
    ds::PrecisionAttr precision = op.getModulePrecision();
    if (!precision)
      return op.emitError("(P1) has no resolved precision: run --ds-resolve-precision first");
    auto other = byPath.try_emplace(op.getModulePath(), op).first->second;
    if (other.getModulePrecision() != precision) {
      InFlightDiagnostic diagnostic = op.emitError("(P1) expects one precision for module '") << op.getModulePath() << "'";
      diagnostic.attachNote(other.getLoc()) << "the other entry point has " << other.getModulePrecision();
      return diagnostic;
    }
    if (bool(precision.getLhs()) != bool(precision.getRhs()))
      return op.emitError("(P2) expects formats of both operands, but got ") << precision;
    if (precision.isLowBit() && !op.isLowBitCapable())
      return op.emitError("(P2) expects a module that can run in low precision, but got ") << op.getModuleType();
    if (precision.isLowBit() && precision.getLhs().getPayloadType() != precision.getCompute())
      return op.emitError("(P2) expects the compute dtype ")
             << precision.getLhs().getPayloadType() << ", the payload of `lhs`, but got " << precision.getCompute();
    if (!precision.isLowBit() && !(precision.getCompute().isF32() || precision.getCompute().isBF16() || precision.getCompute().isF16()))
      return op.emitError("(P2) expects f32, bf16 or f16 without formats, but got ") << precision.getCompute();
    if (!legal)
      return success();
    auto param = symbols.lookupNearestSymbolFrom<ds::ParamOp>(op, op.getModuleParameter());
    Attribute resident = param.getResidentAttr();
    auto quant = dyn_cast_or_null<ds::QuantAttr>(resident);
    bool fits = precision.isLowBit() ? quant && quant.holdsSameAs(precision.getRhs()) : resident == TypeAttr::get(precision.getCompute());
    if (fits)
      return success();
    InFlightDiagnostic diagnostic = op.emitError("(P3) computes in ")
                                    << precision.getCompute() << ", but its parameter is not resident for that";
    diagnostic.attachNote(param.getLoc()) << "it is resident as " << resident;
    return diagnostic;
  }

  Option<bool> legal{*this, "legal", llvm::cl::desc("after legalisation: parameters have their resident formats"), llvm::cl::init(false)};
};

} // namespace

std::unique_ptr<Pass> createLegalizePrecisionPass() { return std::make_unique<LegalizePrecisionPass>(); }
std::unique_ptr<Pass> createVerifyPrecisionPass(bool legal) { return std::make_unique<VerifyPrecisionPass>(legal); }

} // namespace dsmlir
