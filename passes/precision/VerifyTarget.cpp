// verifyTarget: what a target refuses of a legalised model, as diagnostics. And the pass (Passes.td).
#include "passes/precision/Passes.h"
#include "passes/precision/PlannedOperations.h"

#include "mlir/IR/BuiltinOps.h"

using namespace mlir;

namespace dsmlir {

#define GEN_PASS_DEF_VERIFYTARGETPASS
#include "passes/precision/Passes.h.inc"

/// A product whose low precision is only noted on it would be judged as one in the dtype of its operands.
static LogicalResult expectExplicit(ds::ModelOp model) {
  SymbolTable symbols(model);
  for (auto function : model.getBody().getOps<ds::FuncOp>())
    for (auto module : function.getBody().front().getOps<ds::ModulePrecisionInterface>())
      if (!symbols.lookup<ds::ParamOp>(module.getModuleParameter().getAttr()).getResidentAttr()) {
        InFlightDiagnostic diagnostic = module->emitOpError("expects explicit precision, but its parameter has no resident format");
        diagnostic.attachNote() << "run the passes of --ds-precision-pipeline first";
        return diagnostic;
      }
  return success();
}

LogicalResult verifyTarget(ds::ModelOp model, const Target &target, bool allowFallback) {
  if (failed(expectExplicit(model)))
    return failure();
  PrecisionOptions options;
  readPolicy(model, options);
  std::vector<PlannedOperation> operations = plannedOperations(model);
  Legality legality = judgeAll(target, operations, options, allowFallback);
  for (const Finding &refusal : legality.refusals)
    emitFinding(refusal, model.getLoc());
  if (std::optional<Finding> unused = unusedFallback(legality, operations, options))
    emitFinding(*unused, model.getLoc());
  if (allowFallback && !target.emulatesByDefault)
    for (const LegalityGroup &group : legality.notNative())
      if (group.judgement.verdict == Verdict::Emulated) {
        InFlightDiagnostic remark = emitRemark(model.getLoc()) << "target '" << target.name << "' emulates " << group.kindsText(3) << " ("
                                                               << group.judgement.kernel << "): " << group.pathsText(3);
        for (const Reason &reason : group.judgement.reasons)
          remark.attachNote(model.getLoc()) << reason.kind << ": " << reason.text;
      }
  return success(legality.runs());
}

namespace {

class VerifyTargetPass : public impl::VerifyTargetPassBase<VerifyTargetPass> {
public:
  using Base::Base;

  void runOnOperation() override {
    const Target *known = findTarget(target);
    if (!known) {
      std::string names;
      for (const Target &other : targets())
        names += (names.empty() ? "" : " or ") + other.name;
      getOperation().emitError("expects the target ") << names << ", but got '" << target << "'";
      return signalPassFailure();
    }
    for (auto model : getOperation().getOps<ds::ModelOp>())
      if (failed(verifyTarget(model, *known, allowFallback)))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace dsmlir
