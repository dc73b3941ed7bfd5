// Module patterns: regular expressions by RE2, searched anywhere in the path, and globs with the semantics of Python's fnmatch,
// that must match all of the path and whose * crosses dots. Many patterns are matched against a path in one pass.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dsmlir {

enum class PatternType : uint8_t { Regex, Glob };

/// The regular expression that a glob means, anchored at both ends: * any characters, ? one, [seq] one of, [!seq] none of.
std::string globToRegex(std::string_view glob);

/// Why a pattern does not parse, or nothing.
std::optional<std::string> patternError(const std::string &pattern, PatternType type);

/// Patterns that are matched together: one automaton for all of them, so that a path costs its length, not its length times the patterns.
class PatternSet {
public:
  PatternSet();
  ~PatternSet();

  /// The number of the pattern, from 0. The pattern must parse.
  int add(const std::string &pattern, PatternType type);
  void compile();
  /// The numbers of the patterns that match, ascending.
  void match(std::string_view path, std::vector<int> &matches) const;

private:
  struct Automaton;
  std::unique_ptr<Automaton> automaton;
};

} // namespace dsmlir
