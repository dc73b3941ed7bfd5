// --precision-lock FILE: holds a plan to the one that a file has, or writes the file.
#pragma once

#include "runtime/support/Json.h"
#include "runtime/support/OutputFile.h"

#include <optional>
#include <string>

namespace dsmlir {

/// Compares a plan with the lock at `path`. Where there is none its text is made ready beside it, to be committed when everything else
/// has succeeded. DSRT_REJECTED where the plan differs, with what the lock says, what this run says and what decided; DSRT_UNREADABLE
/// for a malformed lock; DSRT_CANNOT_CREATE where none can be written.
dsrt::Expected<std::optional<dsrt::OutputFile>> holdLock(const std::string &path, const dsrt::Json &plan);

} // namespace dsmlir
