// Paths to ranges and back.
#include "passes/precision/PathRanges.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

using namespace dsmlir;
using dsrt::Status;

namespace {

constexpr int64_t largestNumber = 999999999; // nine digits

/// A component that is a number without leading zeros, or -1.
int64_t numberOf(std::string_view component) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(component.data(), component.data() + component.size(), number);
  bool whole = error == std::errc() && end == component.data() + component.size() && component.size() <= 9 && component[0] != '-';
  return whole && (component.size() == 1 || component[0] != '0') ? number : -1;
}

std::vector<std::string_view> split(std::string_view path, char separator) {
  std::vector<std::string_view> parts;
  for (size_t at = 0; at <= path.size();) {
    size_t end = std::min(path.find(separator, at), path.size());
    parts.push_back(path.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

using Numbers = std::vector<int64_t>;

/// "3", or "[0-3,7]".
std::string rangeText(const std::set<int64_t> &numbers) {
  std::string text;
  for (auto first = numbers.begin(); first != numbers.end();) {
    auto last = first;
    while (std::next(last) != numbers.end() && *std::next(last) == *last + 1)
      ++last;
    text += (text.empty() ? "" : ",") + std::to_string(*first);
    if (last != first)
      text += "-" + std::to_string(*last);
    first = std::next(last);
  }
  return numbers.size() == 1 ? text : "[" + text + "]";
}

/// The tuples [begin, end), sorted, from `depth` on, as products of ranges: each a text for every number that is left. Numbers whose
/// tails are equal stand together.
std::vector<std::vector<std::string>> products(const Numbers *begin, const Numbers *end, size_t depth, size_t width) {
  if (depth == width)
    return {{}};
  std::map<std::vector<std::vector<std::string>>, std::set<int64_t>> byTail;
  std::vector<const std::vector<std::vector<std::string>> *> order;
  for (const Numbers *first = begin; first != end;) {
    int64_t number = (*first)[depth];
    const Numbers *last = std::find_if(first, end, [&](const Numbers &numbers) { return numbers[depth] != number; });
    auto [tail, fresh] = byTail.try_emplace(products(first, last, depth + 1, width));
    tail->second.insert(number);
    if (fresh)
      order.push_back(&tail->first);
    first = last;
  }
  std::vector<std::vector<std::string>> result;
  for (const auto *tails : order)
    for (const std::vector<std::string> &tail : *tails) {
      result.push_back({rangeText(byTail[*tails])});
      result.back().insert(result.back().end(), tail.begin(), tail.end());
    }
  return result;
}

/// The choices of one component of a range: numbers, names, or itself. Empty where it is malformed.
std::vector<std::string> choicesOf(std::string_view component) {
  std::vector<std::string> choices;
  if (component.size() < 2 || (component.front() != '[' && component.front() != '{')) {
    bool plain = !component.empty() && component.find_first_of("[]{}, \t") == std::string_view::npos;
    return plain ? std::vector<std::string>{std::string(component)} : choices;
  }
  bool numbers = component.front() == '[';
  if (component.back() != (numbers ? ']' : '}'))
    return {};
  for (std::string_view part : split(component.substr(1, component.size() - 2), ',')) {
    if (!numbers) {
      if (part.empty() || part.find_first_of("[]{} \t") != std::string_view::npos)
        return {};
      choices.emplace_back(part);
      continue;
    }
    size_t dash = std::min(part.find('-'), part.size());
    int64_t first = numberOf(part.substr(0, dash)), last = dash == part.size() ? first : numberOf(part.substr(dash + 1));
    if (part.empty() || first < 0 || last < first || last > largestNumber ||
        choices.size() + static_cast<size_t>(last - first) >= mostPaths)
      return {};
    for (int64_t number = first; number <= last; ++number)
      choices.push_back(std::to_string(number));
  }
  return choices;
}

} // namespace

std::vector<std::string> dsmlir::pathRanges(const std::vector<std::string> &paths) {
  static const std::string number(1, '\0'); // stands for one in a shape
  // Paths of one shape differ in their numbers only.
  std::vector<std::vector<std::string>> shapes;
  std::vector<std::vector<Numbers>> numbers;
  std::map<std::string, size_t> shapeOf;
  for (const std::string &path : paths) {
    std::string key;
    Numbers tuple;
    std::vector<std::string> shape;
    for (std::string_view component : split(path, '.')) {
      int64_t value = component.empty() ? -1 : numberOf(component);
      shape.push_back(value < 0 ? std::string(component) : number);
      key += shape.back() + ".";
      if (value >= 0)
        tuple.push_back(value);
    }
    auto [place, fresh] = shapeOf.try_emplace(key, shapes.size());
    if (fresh) {
      shapes.push_back(shape);
      numbers.emplace_back();
    }
    numbers[place->second].push_back(std::move(tuple));
  }
  struct Range {
    std::string prefix;
    std::vector<std::string> names;
  };
  std::vector<Range> ranges;
  std::map<std::string, size_t> rangeOf;
  for (size_t i = 0; i < shapes.size(); ++i) {
    std::vector<Numbers> &tuples = numbers[i];
    std::sort(tuples.begin(), tuples.end());
    tuples.erase(std::unique(tuples.begin(), tuples.end()), tuples.end());
    size_t width = tuples.front().size();
    for (const std::vector<std::string> &product : products(tuples.data(), tuples.data() + tuples.size(), 0, width)) {
      std::string prefix;
      size_t next = 0;
      for (size_t at = 0; at + 1 < shapes[i].size(); ++at)
        prefix += (shapes[i][at] == number ? product[next++] : shapes[i][at]) + ".";
      std::string name = shapes[i].back() == number ? product[next] : shapes[i].back();
      bool joins = !prefix.empty() && shapes[i].back() != number; // names without a block stay apart, numbers are ranges already
      auto [place, fresh] = rangeOf.try_emplace(joins ? prefix : prefix + name, ranges.size());
      if (fresh)
        ranges.push_back({prefix, {}});
      ranges[place->second].names.push_back(std::move(name));
    }
  }
  std::vector<std::string> texts;
  for (const Range &range : ranges) {
    std::string names;
    for (const std::string &name : range.names)
      names += (names.empty() ? "" : ",") + name;
    texts.push_back(range.prefix + (range.names.size() == 1 ? names : "{" + names + "}"));
  }
  return texts;
}

std::string dsmlir::listOf(const std::vector<std::string> &texts, size_t most) {
  std::string list;
  for (size_t i = 0; i < texts.size() && i < most; ++i)
    list += (i ? ", " : "") + texts[i];
  return texts.size() > most ? list + " and " + std::to_string(texts.size() - most) + " more" : list;
}

dsrt::Expected<std::vector<std::string>> dsmlir::expandPathRange(std::string_view range) {
  std::vector<std::string> paths = {""};
  // Dots within braces and brackets cannot be: names and numbers have none.
  for (std::string_view component : split(range, '.')) {
    std::vector<std::string> choices = choicesOf(component);
    if (choices.empty() || choices.size() * paths.size() > mostPaths)
      return Status(DSRT_UNREADABLE, "'" + std::string(range.substr(0, 200)) + "' is no path or range of paths");
    std::vector<std::string> longer;
    longer.reserve(paths.size() * choices.size());
    for (const std::string &path : paths)
      for (const std::string &choice : choices)
        longer.push_back(path.empty() ? choice : path + "." + choice);
    paths = std::move(longer);
  }
  return paths;
}
