// `ds-run doctor`: what this machine can run.
#pragma once

#include "runtime/support/Status.h"

namespace dsmlir {

/// Processor, instruction sets that matter to the kernels, memory, and each backend with its state, as text on stdout.
int doctor(int argc, const char *const *argv);

} // namespace dsmlir
