// The manifest of a program.
#pragma once

#include "dialects/dsrt/DSRT.h"
#include "runtime/launcher/Manifest.h"

namespace dsmlir {

/// What the program says of itself: limits, cache, entry points, parameters in the order in which calls take them, and sites in
/// the order in which calls are numbered. Target, source and plan are the caller's to fill in. Memory must be planned.
::dsrt::Manifest describeProgram(mlir::dsrt::ProgramOp program);

} // namespace dsmlir
