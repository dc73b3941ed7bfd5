// The compiler's table of a target against the backend that serves it.
#pragma once

#include "dsrt/dsrt_backend.h"

namespace dsrt::conformance {

/// Registers the tests. They ask the backend what it supports, which needs no device.
void registerTargetTable(const char *target, const dsrt_backend *backend);

} // namespace dsrt::conformance
