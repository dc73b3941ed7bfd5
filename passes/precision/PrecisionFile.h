// Writing a precision file.
#pragma once

#include "passes/precision/PrecisionOptions.h"

namespace dsmlir {

/// The options that were given as a precision file holds them, in the order of the table: readConfig() of it gives the same options.
dsrt::Json configJson(const PrecisionOptions &options);

} // namespace dsmlir
