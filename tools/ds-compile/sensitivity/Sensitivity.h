// `ds-compile sensitivity`: which modules suffer from low precision, and what to put into it under a budget.
#pragma once

namespace dsmlir {

/// Measures each group of modules alone in low precision, proposes a policy where a budget is given, and prints both. \returns the exit
/// code
int sensitivity(int argc, const char *const *argv);

} // namespace dsmlir
