// Matching on PCRE2: Python's `re`, unlike RE2, has lookaround, which policies use. Its steps are bounded.
#include "passes/precision/converters/ModuleMatcher.h"
#include "passes/precision/Patterns.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

using namespace dsmlir;
using dsrt::Status;

namespace {

constexpr size_t longestPattern = 4096;
constexpr uint32_t mostSteps = 100000;

} // namespace

struct ModuleMatcher::Regex {
  pcre2_code *code = nullptr;
  pcre2_match_data *data = nullptr;
  pcre2_match_context *limits = nullptr;
  bool gaveUp = false;

  ~Regex() {
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
  }

  bool matches(std::string_view name) {
    int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(name.data()), name.size(), 0, 0, data, limits);
    if (found < 0 && found != PCRE2_ERROR_NOMATCH)
      gaveUp = true;
    return found >= 0;
  }
};

dsrt::Expected<ModuleMatcher> ModuleMatcher::create(Kind kind, std::string text) {
  ModuleMatcher matcher;
  matcher.what = kind;
  matcher.pattern = std::move(text);
  bool glob = kind == Kind::Glob;
  if (kind != Kind::Regex && kind != Kind::Prefix && !glob)
    return matcher;
  if (matcher.pattern.size() > longestPattern)
    return Status(DSRT_UNREADABLE,
                  dsrt::format("expects a pattern of at most %zu bytes, but got %zu", longestPattern, matcher.pattern.size()));
  std::string source = glob ? globToRegex(matcher.pattern) : matcher.pattern;
  auto regex = std::make_shared<Regex>();
  int error = 0;
  PCRE2_SIZE where = 0;
  regex->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(source.data()), source.size(), PCRE2_ANCHORED | PCRE2_UTF, &error, &where, nullptr);
  if (!regex->code) {
    char message[200] = "";
    pcre2_get_error_message(error, reinterpret_cast<PCRE2_UCHAR *>(message), sizeof message);
    return Status(DSRT_UNREADABLE,
                  dsrt::format("'%.200s' is no regular expression: %s at %zu", matcher.pattern.c_str(), message, size_t(where)));
  }
  pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE); // where there is none, it is interpreted
  regex->data = pcre2_match_data_create_from_pattern(regex->code, nullptr);
  regex->limits = pcre2_match_context_create(nullptr);
  if (!regex->data || !regex->limits)
    return Status(DSRT_OUT_OF_MEMORY, "out of memory");
  pcre2_set_match_limit(regex->limits, mostSteps);
  matcher.regex = std::move(regex);
  return matcher;
}

bool ModuleMatcher::gaveUp() const { return regex && regex->gaveUp; }

bool ModuleMatcher::matchesName(std::string_view name) const {
  switch (what) {
  case Kind::Name:
    return name == pattern;
  case Kind::Class:
    return false;
  case Kind::Regex:
  case Kind::Glob:
    return regex->matches(name);
  case Kind::Substring:
    return name.find(pattern) != std::string_view::npos;
  case Kind::Subtree:
    return name == pattern || (name.starts_with(pattern) && name.substr(pattern.size()).starts_with("."));
  case Kind::Prefix:
    return name.ends_with(pattern) || regex->matches(name);
  }
  return false;
}

bool ModuleMatcher::matches(const ForeignModule &module) const {
  if (what == Kind::Class)
    return module.is(pattern);
  for (const std::string &name : module.names)
    if (matchesName(name))
      return true;
  return false;
}
