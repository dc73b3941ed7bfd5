// Many paths in few words.
#pragma once

#include <string>
#include <vector>

namespace dsmlir {

/// Paths that differ in their first number alone as one, in the order of their first: "blocks.[1-60].attn.q_a_proj",
/// "blocks.[0,2-3].ffn_norm". Numbers of a path that is given twice stand once.
std::vector<std::string> pathRanges(const std::vector<std::string> &paths);

/// "a, b, c and 4 more": at most `most` of the texts.
std::string listOf(const std::vector<std::string> &texts, size_t most);

} // namespace dsmlir
