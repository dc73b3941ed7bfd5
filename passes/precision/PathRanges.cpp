// Ranges over the first number of paths.
#include "passes/precision/PathRanges.h"

#include <algorithm>
#include <map>

using namespace dsmlir;

namespace {

/// [begin, end) of the first component that is a number of at most nine digits; empty where there is none.
std::pair<size_t, size_t> firstNumber(const std::string &path) {
  for (size_t begin = 0; begin < path.size();) {
    size_t end = std::min(path.find('.', begin), path.size());
    bool digits =
        end > begin && end - begin <= 9 &&
        std::all_of(path.begin() + std::ptrdiff_t(begin), path.begin() + std::ptrdiff_t(end), [](char c) { return c >= '0' && c <= '9'; });
    if (digits)
      return {begin, end};
    begin = end + 1;
  }
  return {0, 0};
}

/// "3", "[0-5]", "[0,2-3]".
std::string rangeOf(std::vector<int> numbers) {
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  if (numbers.size() == 1)
    return std::to_string(numbers[0]);
  std::string text;
  for (size_t i = 0; i < numbers.size();) {
    size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1)
      ++last;
    text += (text.empty() ? "" : ",") + std::to_string(numbers[i]) + (last > i ? "-" + std::to_string(numbers[last]) : "");
    i = last + 1;
  }
  return "[" + text + "]";
}

} // namespace

std::vector<std::string> dsmlir::pathRanges(const std::vector<std::string> &paths) {
  struct Group {
    std::string before, after;
    std::vector<int> numbers; ///< empty: the path has none
  };
  std::vector<Group> groups;
  std::map<std::pair<std::string, std::string>, size_t> known;
  for (const std::string &path : paths) {
    auto [begin, end] = firstNumber(path);
    std::pair<std::string, std::string> key = {path.substr(0, begin), path.substr(end)};
    auto [group, fresh] = known.emplace(key, groups.size());
    if (fresh)
      groups.push_back({key.first, key.second, {}});
    if (end > begin)
      groups[group->second].numbers.push_back(std::stoi(path.substr(begin, end - begin)));
  }
  std::vector<std::string> ranges;
  for (const Group &group : groups)
    ranges.push_back(group.before + (group.numbers.empty() ? "" : rangeOf(group.numbers)) + group.after);
  return ranges;
}

std::string dsmlir::listOf(const std::vector<std::string> &texts, size_t most) {
  std::string list;
  for (size_t i = 0; i < texts.size() && i < most; ++i)
    list += (i ? ", " : "") + texts[i];
  return texts.size() > most ? list + " and " + std::to_string(texts.size() - most) + " more" : list;
}
