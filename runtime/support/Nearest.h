// Nearest names for messages: "did you mean ...?".
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace dsrt {

/// Edits between two names, an insertion, a deletion, a substitution or a swap of neighbours counting one each (the
/// restricted Damerau-Levenshtein distance). Stops at `limit`: a larger distance is given as `limit` + 1.
unsigned editDistance(std::string_view a, std::string_view b, unsigned limit = ~0u - 1);

/// Up to `count` candidates within a third of the word's length (at least 2 edits from four letters on), the nearest first, equally near
/// ones in the order given. Empty where nothing is near.
std::vector<std::string> nearestNames(std::string_view word, const std::vector<std::string> &candidates, unsigned count = 3);

/// The same over anything that can be walked: `walk` calls its argument with every candidate.
std::vector<std::string> nearestNames(std::string_view word, const std::function<void(const std::function<void(std::string_view)> &)> &walk,
                                      unsigned count);

/// "; did you mean 'a' or 'b'?", or nothing where `names` is empty: to be appended to a message.
std::string didYouMean(const std::vector<std::string> &names);

} // namespace dsrt
