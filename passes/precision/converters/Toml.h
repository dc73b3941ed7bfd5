// Reading TOML from strangers, into JSON.
#pragma once

#include "runtime/support/Json.h"

#include <string>

namespace dsmlir {

/// Parses `text`; dates and times become strings. Errors (DSRT_UNREADABLE) name `what`, the line and column, and the reason: malformed,
/// nested too deep, or a line with more dots than dotted keys have.
dsrt::Expected<dsrt::Json> parseToml(const std::string &text, const std::string &what);

} // namespace dsmlir
