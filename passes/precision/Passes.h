// Precision on the graph: the passes (Passes.td), and what ds-compile needs of them one by one.
#pragma once

#include "dialects/ds/DS.h"
#include "passes/precision/Legality.h"
#include "passes/precision/PrecisionModel.h"

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dsmlir {

/// The location of what a policy in the IR says, where the IR comes from no file.
inline constexpr char policyPlace[] = "policy";

/// What a policy in the IR says, behind what `options` say already (weaker: Origin::Source::Policy). Keys are those of the option
/// table, and `mode`, `recipe` and `activations` for short. Unknown keys and bad values go to `options.refused`.
void readPolicy(mlir::ds::ModelOp model, PrecisionOptions &options);
/// The options that were given, as a policy; null where none was.
mlir::ds::PolicyAttr policyOf(mlir::MLIRContext *context, const PrecisionOptions &options);

/// Resolves the model's modules under its policy and `options`, and emits every finding at its place. Fails on errors. Changes
/// nothing. `checkpoint`: what `--precision-recipe auto` reads, or null.
mlir::FailureOr<Resolution> resolvePrecision(mlir::ds::ModelOp model, const PrecisionOptions &options, const Checkpoint *checkpoint);

/// Emits a finding at its place; `policy` is that of what has none.
void emitFinding(const Finding &finding, mlir::Location policy);

/// Writes a resolution to the graph: activations and the cache get the activation dtype, each module's operation its
/// #ds.precision, the model its policy. Grouped operations are split into runs of experts that are decided alike, their stacked
/// parameters with them.
mlir::LogicalResult applyResolution(mlir::ds::ModelOp model, const Resolution &resolution);

/// Emits a finding at its place, or at `policy` where that is in no file of IR.
void emitFinding(const Finding &finding, mlir::Location policy);

/// Emits what a target refuses of a legalised model, or (DS1150) that `allowFallback` does nothing; the emulations that it lets pass are
/// remarks. Fails where something is refused.
mlir::LogicalResult verifyTarget(mlir::ds::ModelOp model, const Target &target, bool allowFallback);

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/precision/Passes.h.inc"

} // namespace dsmlir
