// --precision-lock: a resolved plan as text that people review and later runs are held to. One line a setting, then one line for what
// modules have in common with their paths as ranges under it, so that a model of 47 000 modules is a page. It has neither bytes nor
// FLOPs nor anything of a target or a mesh.
#pragma once

#include "passes/precision/PlanDiff.h"

#include <string>

namespace dsmlir {

/// The lock of a plan. Equal plans give equal bytes.
std::string writeLock(const PlanView &plan);

/// Reads what writeLock wrote; blank lines and lines that begin with # are comments. DSRT_UNREADABLE with `what` and the line for
/// anything else, for a path that stands twice and for a count that is not that of the paths.
dsrt::Expected<PlanView> readLock(std::string_view text, const std::string &what);

} // namespace dsmlir
