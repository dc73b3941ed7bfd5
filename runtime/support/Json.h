// Reading JSON from strangers: nlohmann's parser behind a SAX guard that bounds the depth and refuses duplicate keys.
#pragma once

#include "runtime/support/Status.h"

#include <nlohmann/json.hpp>

#include <string_view>

namespace dsrt {

using Json = nlohmann::ordered_json;

/// Parses `text`. Errors (DSRT_UNREADABLE) name `what` (usually the file), the line and column, and the reason: malformed,
/// nested deeper than `depth`, a duplicate key (named), or an integer outside of 64 bits.
Expected<Json> parseJson(std::string_view text, std::string_view what, int depth = 64);

/// Reads a whole file (at most `limit` bytes) and parses it.
Expected<Json> readJson(const std::string &path, uint64_t limit = uint64_t(64) << 20);

/// Reads a whole file, at most `limit` bytes.
Expected<std::string> readFile(const std::string &path, uint64_t limit);

/// Writes beside the target, syncs and renames: either the old file or the whole new one is there afterwards.
Status writeFile(const std::string &path, std::string_view content);

} // namespace dsrt
