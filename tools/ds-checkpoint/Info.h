// ds-checkpoint info: what a checkpoint holds, and what does not fit its config.
#pragma once

#include "runtime/support/Status.h"

#include <cstdio>
#include <string>

namespace dsmlir {

/// Prints to `out`: a line for each tensor (name, dtype, shape, bytes, and what its scales are), totals by dtype, what was left
/// out by name, and what does not fit the config. OK where everything fits, DSRT_REJECTED where something does not,
/// DSRT_UNREADABLE where config or headers cannot be read.
dsrt::Status printInfo(const std::string &folder, FILE *out);

} // namespace dsmlir
