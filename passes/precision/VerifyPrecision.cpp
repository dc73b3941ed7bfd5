// Checks (P1) to (P4) of Passes.td.
#include "passes/precision/Passes.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace dsmlir {

#define GEN_PASS_DEF_VERIFYPRECISIONPASS
#include "passes/precision/Passes.h.inc"

namespace {

/// (P2)
LogicalResult verifyFormats(ds::ModulePrecisionInterface op) {
  ds::PrecisionAttr precision = op.getModulePrecision();
  Type compute = precision.getCompute();
  if (bool(precision.getLhs()) != bool(precision.getRhs()))
    return op.emitOpError("(P2) expects formats of both operands, but got ") << precision;
  if (!precision.isLowBit()) {
    if (!compute.isF32() && !compute.isBF16() && !compute.isF16())
      return op.emitOpError("(P2) expects f32, bf16 or f16 without formats, but got ") << compute;
    return success();
  }
  if (!op.isLowBitCapable())
    return op.emitOpError("(P2) expects a module that can run in low precision, but got ") << op.getModuleType();
  if (precision.getLhs().getPayloadType() != compute)
    return op.emitOpError("(P2) expects the compute dtype ")
           << precision.getLhs().getPayloadType() << ", the payload of `lhs`, but got " << compute;
  return success();
}

/// (P3), (P4)
LogicalResult verifyExplicit(ds::ModulePrecisionInterface op, SymbolTableCollection &symbols) {
  ds::PrecisionAttr precision = op.getModulePrecision();
  auto param = symbols.lookupNearestSymbolFrom<ds::ParamOp>(op, op.getModuleParameter());
  Attribute resident = param.getResidentAttr();
  auto quant = dyn_cast_or_null<ds::QuantAttr>(resident);
  bool fits = precision.isLowBit() ? quant && quant.holdsSameAs(precision.getRhs()) : resident == TypeAttr::get(precision.getCompute());
  if (!fits) {
    InFlightDiagnostic diagnostic = op.emitOpError("(P3) computes in ")
                                    << precision.getCompute() << ", but its parameter is not resident for that";
    mlir::Diagnostic &note = diagnostic.attachNote(param.getLoc());
    if (resident)
      note << "it is resident as " << resident;
    else
      note << "it has no resident format";
    return diagnostic;
  }
  Type activations = op.getActivationElement();
  if (activations && activations != precision.getCompute())
    return op.emitOpError("(P4) expects activations of ") << precision.getCompute() << ", but got " << activations;
  return success();
}

class VerifyPrecisionPass : public impl::VerifyPrecisionPassBase<VerifyPrecisionPass> {
public:
  using Base::Base;

  void runOnOperation() override {
    SymbolTableCollection symbols;
    bool holds = true;
    for (auto model : getOperation().getOps<ds::ModelOp>()) {
      llvm::StringMap<ds::ModulePrecisionInterface> byPath;
      for (auto function : model.getBody().getOps<ds::FuncOp>())
        for (auto module : function.getBody().front().getOps<ds::ModulePrecisionInterface>())
          holds &= succeeded(verify(module, byPath, symbols));
    }
    if (!holds)
      return signalPassFailure();
    markAllAnalysesPreserved();
  }

private:
  /// (P1), then the others.
  LogicalResult verify(ds::ModulePrecisionInterface op, llvm::StringMap<ds::ModulePrecisionInterface> &byPath,
                       SymbolTableCollection &symbols) {
    if (!op.getModulePrecision())
      return op.emitOpError("(P1) has no resolved precision: run --ds-resolve-precision first");
    auto other = byPath.try_emplace(op.getModulePath(), op).first->second;
    if (other.getModulePrecision() != op.getModulePrecision()) {
      InFlightDiagnostic diagnostic = op.emitOpError("(P1) expects one precision for module '") << op.getModulePath() << "'";
      diagnostic.attachNote(other.getLoc()) << "the other entry point has " << other.getModulePrecision();
      return diagnostic;
    }
    if (failed(verifyFormats(op)))
      return failure();
    return legal ? verifyExplicit(op, symbols) : success();
  }
};

} // namespace
} // namespace dsmlir
