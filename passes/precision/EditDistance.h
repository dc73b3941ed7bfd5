// The distance of misspellings: optimal string alignment, that is Levenshtein's with transpositions of neighbours counting one.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

namespace dsmlir {

/// Insertions, deletions, substitutions and transpositions of neighbours that turn `a` into `b`.
inline unsigned editDistance(std::string_view a, std::string_view b) {
  // Three rows of the table: two back, the last, this one; columns run over b.
  std::vector<unsigned> older(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    last[j] = static_cast<unsigned>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = static_cast<unsigned>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], older[j - 2] + 1);
    }
    std::swap(older, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

} // namespace dsmlir
