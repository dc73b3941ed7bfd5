// The phases of the compiler, as pipelines: one list each.
#pragma once

#include "mlir/Pass/PassManager.h"

#include <memory>
#include <string>
#include <vector>

namespace dsmlir {

/// Decides precision, by a ds-resolve-precision pass with its options, and makes it explicit.
void buildPrecisionPipeline(mlir::OpPassManager &passes, std::unique_ptr<mlir::Pass> resolve);
/// The second half of it, for a model that has been decided.
void buildLegalizationPipeline(mlir::OpPassManager &passes);
/// From explicit precision, by a ds-to-dsrt pass with its options, to calls of the runtime, fused by a dsrt-fuse pass (null: not fused), in
/// a planned arena, if the target of a ds-verify-target pass (null: cpu) takes it.
void buildRuntimePipeline(mlir::OpPassManager &passes, std::unique_ptr<mlir::Pass> toRuntime, std::unique_ptr<mlir::Pass> fuse,
                          std::unique_ptr<mlir::Pass> verifyTarget = nullptr);
/// From calls to the LLVM dialect.
void buildLLVMPipeline(mlir::OpPassManager &passes);

/// Makes all passes and pipelines known to ds-opt: --ds-... and --dsrt-....
void registerPasses();
/// The arguments of all passes of the pipelines, each once, in their order.
std::vector<std::string> passNames();

} // namespace dsmlir
