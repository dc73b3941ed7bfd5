// ds-compile diff A B: what is decided otherwise, and by which rule.
#pragma once

namespace dsmlir {

/// The sub-command; argv[0] is its name. Exit code 0 where the two agree, 1 where they differ or one is rejected, 2 for what cannot be
/// read, 64 for wrong usage.
int diffCommand(int argc, const char *const *argv);

} // namespace dsmlir
