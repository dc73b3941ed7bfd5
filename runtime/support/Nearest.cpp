// editDistance, nearestNames, didYouMean.
#include "runtime/support/Nearest.h"

#include <algorithm>
#include <cstdint>

namespace dsrt {

unsigned editDistance(std::string_view a, std::string_view b, unsigned limit) {
  size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference > limit)
    return limit + 1;
  // Rows of the dynamic programme: distances of a[0 .. i] to every prefix of b.
  std::vector<unsigned> beforeLast(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    unsigned smallest = row[0];
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], beforeLast[j - 2] + 1);
      smallest = std::min(smallest, row[j]);
    }
    // Later rows are at least the smaller of the last two rows' minima, less a swap: one row of slack is kept for it.
    if (smallest > limit && *std::min_element(last.begin(), last.end()) > limit)
      return limit + 1;
    std::swap(beforeLast, last);
    std::swap(last, row);
  }
  return std::min(last[b.size()], limit + 1);
}

std::vector<std::string> nearestNames(std::string_view word, const std::function<void(const std::function<void(std::string_view)> &)> &walk,
                                      unsigned count) {
  // In a word of two letters every edit makes another word; from three on one edit is a slip, from four on two are.
  unsigned slips = word.size() < 3 ? 0 : word.size() == 3 ? 1 : 2;
  unsigned limit = std::max(slips, static_cast<unsigned>(word.size() / 3));
  std::vector<std::pair<unsigned, std::string>> best; // sorted by distance, at most `count`
  walk([&](std::string_view candidate) {
    unsigned bound = best.size() == count && count > 0 ? std::min(limit, best.back().first) : limit;
    unsigned distance = editDistance(word, candidate, bound);
    if (distance > bound)
      return;
    auto at = std::upper_bound(best.begin(), best.end(), distance, [](unsigned d, const auto &entry) { return d < entry.first; });
    best.insert(at, {distance, std::string(candidate)});
    if (best.size() > count)
      best.pop_back();
  });
  std::vector<std::string> names;
  for (auto &entry : best)
    names.push_back(std::move(entry.second));
  return names;
}

std::vector<std::string> nearestNames(std::string_view word, const std::vector<std::string> &candidates, unsigned count) {
  return nearestNames(
      word,
      [&](const std::function<void(std::string_view)> &visit) {
        for (const std::string &candidate : candidates)
          visit(candidate);
      },
      count);
}

std::string didYouMean(const std::vector<std::string> &names) {
  if (names.empty())
    return "";
  std::string text = "; did you mean ";
  for (size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "'" : i + 1 == names.size() ? " or '" : ", '") + names[i] + "'";
  return text + "?";
}

} // namespace dsrt
