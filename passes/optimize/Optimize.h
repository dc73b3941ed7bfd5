// Passes on dsrt that decide where things are.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dsmlir {

/// `dsrt-plan-memory`: gives each dsrt.allocate its offset in the arena of its entry point, and the entry its size: buffers that are
/// never live together share memory. Sizes are those of the largest call that the limits allow.
std::unique_ptr<mlir::Pass> createPlanMemoryPass();

/// `dsrt-verify-memory`: checks a plan, from the calls anew and not from what the planner believed:
///
/// - (M1) every buffer has an offset, a multiple of 64, and lies inside of the arena.
/// - (M2) no two buffers that are live together overlap.
/// - (M3) a buffer is written before it is read.
std::unique_ptr<mlir::Pass> createVerifyMemoryPass();

} // namespace dsmlir
