// Passes on dsrt that decide where things are (Passes.td).
#pragma once

#include "mlir/Pass/Pass.h"

namespace dsmlir {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "passes/optimize/Passes.h.inc"

} // namespace dsmlir
