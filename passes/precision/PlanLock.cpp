// Locks to text and back. A line of settings or facts is name=value..., a value in JSON's quotes where it is no plain word.
#include "passes/precision/PlanLock.h"

#include "passes/precision/PathRanges.h"

#include <algorithm>
#include <unordered_set>

using namespace dsmlir;
using dsrt::Status;

namespace {

constexpr std::string_view firstLine = "# ds-mlir precision lock, version 1\n";
constexpr std::string_view comment =
    "# The resolved plan of a model. 'ds-compile --precision-lock FILE' fails where its plan is another; delete the file\n"
    "# to write it anew. First the settings, then modules that have everything in common: how many, and which.\n";

bool isPlain(char c) { return isalnum(static_cast<unsigned char>(c)) || std::string_view("_.:/+-").find(c) != std::string_view::npos; }

std::string quoted(const std::string &value) {
  return !value.empty() && std::all_of(value.begin(), value.end(), isPlain) ? value : dsrt::Json(value).dump();
}

/// Names have blanks in them ("storage reason"): written with underscores.
std::string factsText(const PlanFacts &facts) {
  std::string text;
  for (const auto &[name, value] : facts) {
    std::string key = name;
    std::replace(key.begin(), key.end(), ' ', '_');
    text += (text.empty() ? "" : " ") + key + "=" + quoted(value);
  }
  return text;
}

/// The end of a value that begins at `at`: behind the closing quote, or at the next blank.
size_t valueEnd(std::string_view line, size_t at) {
  if (at >= line.size() || line[at] != '"')
    return std::min(line.find(' ', at), line.size());
  for (++at; at < line.size() && line[at] != '"'; ++at)
    if (line[at] == '\\')
      ++at;
  return at + 1;
}

bool parseFacts(std::string_view line, PlanFacts &facts) {
  for (size_t at = 0; at < line.size();) {
    size_t equals = line.find('=', at);
    if (equals == std::string_view::npos || equals == at)
      return false;
    std::string name(line.substr(at, equals - at));
    size_t end = valueEnd(line, equals + 1);
    if (end > line.size() || end == equals + 1 || (end < line.size() && line[end] != ' ') || name.find_first_of(" \"") != std::string::npos)
      return false;
    std::string_view value = line.substr(equals + 1, end - equals - 1);
    std::string text(value);
    if (value.front() == '"') {
      dsrt::Expected<dsrt::Json> json = dsrt::parseJson(value, "value");
      if (!json || !json->is_string())
        return false;
      text = json->get<std::string>();
    } else if (!std::all_of(value.begin(), value.end(), isPlain)) {
      return false;
    }
    facts.emplace_back(std::move(name), std::move(text));
    at = end + 1;
  }
  return !facts.empty();
}

} // namespace

std::string dsmlir::writeLock(const PlanView &plan) {
  std::string text(firstLine);
  text += comment;
  text += "\n";
  for (const auto &setting : plan.settings)
    text += factsText({setting}) + "\n";
  std::vector<std::vector<std::string>> paths(plan.facts.size());
  for (const PlanView::Member &member : plan.members)
    paths[member.facts].push_back(member.path);
  for (size_t i = 0; i < paths.size(); ++i) {
    if (paths[i].empty())
      continue;
    text += "\n" + factsText(plan.facts[i]) + "\n";
    for (const std::string &range : pathRanges(paths[i])) {
      dsrt::Expected<std::vector<std::string>> expanded = expandPathRange(range);
      text += dsrt::format("%7zu  ", expanded ? expanded->size() : 1) + range + "\n";
    }
  }
  return text;
}

dsrt::Expected<PlanView> dsmlir::readLock(std::string_view text, const std::string &what) {
  PlanView plan;
  std::unordered_set<std::string> seen;
  size_t number = 0;
  auto malformed = [&](const std::string &problem) {
    return Status(DSRT_UNREADABLE,
                  what + ":" + std::to_string(number) + ": " + problem +
                      "; a lock is written by --precision-lock where the file is absent: restore it, or delete it to write it anew");
  };
  if (!text.starts_with(firstLine)) {
    number = 1;
    return malformed("expects '" + std::string(firstLine.substr(0, firstLine.size() - 1)) + "'");
  }
  std::optional<uint32_t> facts;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.empty() || line.front() == '#')
      continue;
    if (line.front() == ' ') { // "    174  blocks.[0-57]...."
      size_t count = line.find_first_not_of(' '), blank = std::min(line.find(' ', count), line.size());
      size_t path = line.find_first_not_of(' ', blank);
      if (count == std::string_view::npos || path == std::string_view::npos || !facts)
        return malformed(facts ? "expects a count and a range of paths" : "expects what the modules have in common before their paths");
      dsrt::Expected<std::vector<std::string>> paths = expandPathRange(line.substr(path));
      if (!paths)
        return malformed(paths.status().message());
      if (line.substr(count, blank - count) != std::to_string(paths->size()))
        return malformed("expects the count " + std::to_string(paths->size()) + ", but got '" +
                         std::string(line.substr(count, blank - count)) + "'");
      if (plan.members.size() + paths->size() > mostPaths)
        return malformed("expects at most " + std::to_string(mostPaths) + " paths in all");
      for (std::string &each : *paths) {
        if (!seen.insert(each).second)
          return malformed("'" + each + "' stands twice");
        plan.members.push_back({std::move(each), *facts, -1});
      }
      continue;
    }
    PlanFacts read;
    if (!parseFacts(line, read))
      return malformed("expects name=value, a value with blanks in quotes");
    if (read.size() == 1) {
      if (facts)
        return malformed("expects settings before the modules");
      plan.settings.push_back(std::move(read.front()));
      continue;
    }
    for (auto &[name, value] : read)
      std::replace(name.begin(), name.end(), '_', ' ');
    facts = plan.add(std::move(read));
  }
  if (plan.members.empty())
    return malformed("ends before the first module");
  return plan;
}
