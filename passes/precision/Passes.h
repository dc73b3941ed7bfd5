// Precision on the graph: the passes, and what ds-compile needs of them one by one.
#pragma once

#include "dialects/ds/DS.h"
#include "passes/precision/PrecisionModel.h"

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dsmlir {

/// What a policy in the IR says, behind what `options` say already (weaker: Origin::Source::Policy). Keys are those of the option
/// table, and `mode`, `recipe` and `activations` for short. Unknown keys and bad values go to `options.refused`.
void readPolicy(mlir::ds::ModelOp model, PrecisionOptions &options);
/// The options that were given, as a policy; null where none was.
mlir::ds::PolicyAttr policyOf(mlir::MLIRContext *context, const PrecisionOptions &options);

/// Resolves the model's modules under its policy and `options`, and emits every finding at its place. Fails on errors. Changes
/// nothing. `checkpoint`: what `--precision-recipe auto` reads, or null.
mlir::FailureOr<Resolution> resolvePrecision(mlir::ds::ModelOp model, const PrecisionOptions &options, const Checkpoint *checkpoint);

/// Writes a resolution to the graph: activations and the cache get the activation dtype, each module's operation its
/// #ds.precision, the model its policy. Grouped operations are split into runs of experts that are decided alike, their stacked
/// parameters with them. Fails, with an error each, for what the CPU cannot execute.
mlir::LogicalResult applyResolution(mlir::ds::ModelOp model, const Resolution &resolution);

/// `ds-resolve-precision`: resolvePrecision and applyResolution. In ds-opt its options are those of the option table.
std::unique_ptr<mlir::Pass> createResolvePrecisionPass(const PrecisionOptions &options = {});

/// `ds-verify-precision`, with (P3) only after legalisation:
///
/// - (P1) every operation of a module has a precision, the same one in each entry point.
/// - (P2) low precision names the formats of both operands, its compute dtype is the payload of the first, and the module can
///   run in it.
/// - (P3) the module's parameter is resident in what the product takes: the format `rhs`, or the compute dtype.
std::unique_ptr<mlir::Pass> createVerifyPrecisionPass(bool legal = false);

/// `ds-legalize-precision`: casts, quantisation and scaled products become operations, parameters say what is resident.
std::unique_ptr<mlir::Pass> createLegalizePrecisionPass();

} // namespace dsmlir
