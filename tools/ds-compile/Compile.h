// The phases of a compilation, one after the other.
#pragma once

#include "tools/ds-compile/Options.h"

namespace dsmlir {

/// Compiles and writes what the options ask for. The exit code; messages are on stderr.
int compile(const CompileOptions &options);

} // namespace dsmlir
