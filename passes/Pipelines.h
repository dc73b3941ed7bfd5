// The phases of the compiler, as pipelines: one list each.
#pragma once

#include "lowering/DSToDSRT/DSToDSRT.h"
#include "passes/precision/PrecisionOptions.h"

#include "mlir/Pass/PassManager.h"

#include <string>
#include <vector>

namespace dsmlir {

/// Decides precision and makes it explicit.
void buildPrecisionPipeline(mlir::OpPassManager &passes, const PrecisionOptions &options);
/// The second half of it, for a model that has been decided.
void buildLegalizationPipeline(mlir::OpPassManager &passes);
/// From explicit precision to calls of the runtime in a planned arena.
void buildRuntimePipeline(mlir::OpPassManager &passes, const ProgramLimits &limits);
/// From calls to the LLVM dialect.
void buildLLVMPipeline(mlir::OpPassManager &passes);

/// Makes all passes and pipelines known to ds-opt: --ds-... and --dsrt-....
void registerPasses();
/// The arguments of all passes of the pipelines, in their order.
std::vector<std::string> passNames();

} // namespace dsmlir
