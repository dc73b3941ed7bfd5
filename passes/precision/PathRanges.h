// Many module paths in few words: "blocks.[3-60].ffn.experts.[0-255].{gate_proj,up_proj,down_proj}", and back.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dsmlir {

/// Paths of one range, and modules of one plan: far beyond any model, and little enough to hold.
inline constexpr size_t mostPaths = size_t(1) << 20;

/// Numbers that run through become ranges "[0-3,7]", last names under equal prefixes "{a,b}". In the order in which the first path of
/// each appears; paths are taken once.
std::vector<std::string> pathRanges(const std::vector<std::string> &paths);

/// "a, b, c and 4 more": at most `most` of the texts.
std::string listOf(const std::vector<std::string> &texts, size_t most);

/// All paths of one range, in ascending order of the numbers, the last names innermost. DSRT_UNREADABLE for what pathRanges cannot have
/// written, or stands for more than a million paths.
dsrt::Expected<std::vector<std::string>> expandPathRange(std::string_view range);

} // namespace dsmlir
