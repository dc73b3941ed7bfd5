// Patterns on RE2: RE2::Set runs all of them as one automaton.
#include "passes/precision/Patterns.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <algorithm>

using namespace dsmlir;

namespace {

/// Memory that the automata may use; where it does not suffice, patterns are matched one by one.
constexpr int64_t automatonBytes = int64_t(128) << 20;

RE2::Options regexOptions() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(automatonBytes);
  return options;
}

std::string regexOf(const std::string &pattern, PatternType type) { return type == PatternType::Glob ? globToRegex(pattern) : pattern; }

std::string quoted(char c) { return RE2::QuoteMeta(re2::StringPiece(&c, 1)); }

/// The class between the brackets of a glob, as a class of RE2. As in fnmatch an empty range (z-a) holds nothing, and a '!' in front
/// negates.
std::string classOf(std::string_view members) {
  bool negated = !members.empty() && members.front() == '!';
  if (negated)
    members.remove_prefix(1);
  std::string ranges;
  for (size_t i = 0; i < members.size(); ++i) {
    bool range = i + 2 < members.size() && members[i + 1] == '-';
    char low = members[i], high = range ? members[i + 2] : low;
    if (low <= high)
      ranges += quoted(low) + "-" + quoted(high);
    i += range ? 2 : 0;
  }
  if (ranges.empty())
    return negated ? "." : "[^\\x00-\\x{10FFFF}]";
  return (negated ? "[^" : "[") + ranges + "]";
}

} // namespace

std::string dsmlir::globToRegex(std::string_view glob) {
  std::string regex = "(?s)\\A";
  for (size_t i = 0; i < glob.size(); ++i) {
    if (glob[i] == '*') {
      regex += ".*";
    } else if (glob[i] == '?') {
      regex += ".";
    } else if (glob[i] == '[') {
      // The first member may be a ']' itself, behind a '!' too.
      size_t first = i + 1 + (i + 1 < glob.size() && glob[i + 1] == '!');
      size_t end = first < glob.size() ? glob.find(']', first + 1) : std::string_view::npos;
      if (end == std::string_view::npos) {
        regex += "\\["; // without an end it is a bracket
        continue;
      }
      regex += classOf(glob.substr(i + 1, end - i - 1));
      i = end;
    } else {
      regex += quoted(glob[i]);
    }
  }
  return regex + "\\z";
}

std::optional<std::string> dsmlir::patternError(const std::string &pattern, PatternType type) {
  RE2 regex(regexOf(pattern, type), regexOptions());
  if (regex.ok())
    return std::nullopt;
  return regex.error();
}

struct PatternSet::Automaton {
  RE2::Set all{regexOptions(), RE2::UNANCHORED};
  std::vector<std::string> regexes;
  mutable std::vector<std::unique_ptr<RE2>> single; ///< compiled when the set runs out of memory
};

PatternSet::PatternSet() : automaton(std::make_unique<Automaton>()) {}
PatternSet::~PatternSet() = default;

int PatternSet::add(const std::string &pattern, PatternType type) {
  automaton->regexes.push_back(regexOf(pattern, type));
  return automaton->all.Add(automaton->regexes.back(), nullptr);
}

void PatternSet::compile() { automaton->all.Compile(); }

void PatternSet::match(std::string_view path, std::vector<int> &matches) const {
  matches.clear();
  if (automaton->regexes.empty())
    return;
  re2::StringPiece text(path.data(), path.size());
  RE2::Set::ErrorInfo error{RE2::Set::kNoError};
  if (automaton->all.Match(text, &matches, &error) || error.kind == RE2::Set::kNoError) {
    std::sort(matches.begin(), matches.end());
    return;
  }
  matches.clear();
  if (automaton->single.empty())
    for (const std::string &regex : automaton->regexes)
      automaton->single.push_back(std::make_unique<RE2>(regex, regexOptions()));
  for (size_t i = 0; i < automaton->single.size(); ++i)
    if (RE2::PartialMatch(text, *automaton->single[i]))
      matches.push_back(static_cast<int>(i));
}
