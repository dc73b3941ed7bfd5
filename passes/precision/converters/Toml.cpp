// parseToml on toml++, whose checks of itself are made exceptions: version 3.3 fails some of them on malformed input ("[[["). It recurses
// over the parts of dotted keys without a limit: lines are bounded first.
#include "passes/precision/converters/Toml.h"

#include <algorithm>
#include <sstream>
#include <exception>

namespace {
struct CheckFailed : std::exception {};
struct TooDeep : std::exception {};
} // namespace

#undef NDEBUG // with it the checks are assumptions
#define TOML_ASSERT(condition) (static_cast<bool>(condition) ? void() : throw CheckFailed())
#define TOML_EXCEPTIONS 1
#define TOML_HEADER_ONLY 1
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

using dsrt::Expected;
using dsrt::Json;
using dsrt::Status;

namespace {

constexpr long mostDots = 256;
constexpr int deepest = 64;

Json fromToml(const toml::node &node, int depth) {
  if (depth > deepest)
    throw TooDeep();
  if (const toml::table *table = node.as_table()) {
    Json object = Json::object();
    for (const auto &[key, value] : *table)
      object[std::string(key.str())] = fromToml(value, depth + 1);
    return object;
  }
  if (const toml::array *array = node.as_array()) {
    Json elements = Json::array();
    for (const toml::node &element : *array)
      elements.push_back(fromToml(element, depth + 1));
    return elements;
  }
  if (auto value = node.value_exact<bool>())
    return *value;
  if (auto value = node.value_exact<int64_t>())
    return *value;
  if (auto value = node.value_exact<double>())
    return *value;
  if (auto value = node.value_exact<std::string>())
    return *value;
  std::ostringstream text;
  node.visit([&](const auto &value) {
    if constexpr (toml::is_date<decltype(value)> || toml::is_time<decltype(value)> || toml::is_date_time<decltype(value)>)
      text << *value;
  });
  return text.str();
}

} // namespace

Expected<Json> dsmlir::parseToml(const std::string &text, const std::string &what) {
  unsigned line = 1;
  for (size_t begin = 0; begin < text.size(); ++line) {
    size_t end = std::min(text.find('\n', begin), text.size());
    if (std::count(text.begin() + static_cast<long>(begin), text.begin() + static_cast<long>(end), '.') > mostDots)
      return Status(DSRT_UNREADABLE, dsrt::format("%s:%u:1: expects at most %ld dots in a line", what.c_str(), line, mostDots));
    begin = end + 1;
  }
  try {
    return fromToml(toml::parse(text, std::string_view(what)), 0);
  } catch (const toml::parse_error &error) {
    return Status(DSRT_UNREADABLE,
                  dsrt::format("%s:%u:%u: %s", what.c_str(), static_cast<unsigned>(error.source().begin.line),
                               static_cast<unsigned>(error.source().begin.column), std::string(error.description()).c_str()));
  } catch (const TooDeep &) {
    return Status(DSRT_UNREADABLE, dsrt::format("%s:1: expects at most %d levels of nesting", what.c_str(), deepest));
  } catch (const CheckFailed &) {
    return Status(DSRT_UNREADABLE, what + ":1: is no TOML");
  }
}
