// The CPU backend: the default, always there, and the reference of the low-precision arithmetic.
#pragma once

#include "dsrt/dsrt_backend.h"

namespace dsrt::cpu {

/// The table. Its state is one per context: the number of threads, from 1 to 4096 (0: what the process may use). Results do
/// not depend on it.
const dsrt_backend *backend();

} // namespace dsrt::cpu
