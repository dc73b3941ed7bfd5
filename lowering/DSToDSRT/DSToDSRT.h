// From ds, with its precision explicit, to dsrt: each operation becomes a call on buffers (Passes.td).
#pragma once

#include "dialects/dsrt/DSRT.h"

#include "mlir/Pass/Pass.h"

namespace dsmlir {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lowering/DSToDSRT/Passes.h.inc"

/// What the memory plan holds. 0: not given, the default holds.
using ProgramLimits = DSToDSRTPassOptions;

} // namespace dsmlir
