// How other projects match module names: each kind with the semantics of the project that it comes from.
#pragma once

#include "passes/precision/converters/ForeignModules.h"
#include "runtime/support/Status.h"

#include <memory>
#include <string>
#include <string_view>

namespace dsmlir {

class ModuleMatcher {
public:
  enum class Kind : uint8_t {
    Name,      ///< the name itself
    Class,     ///< a class's name (compressed-tensors, utils/match.py: any class above it counts)
    Regex,     ///< Python's re.match: anchored at the start, not at the end (compressed-tensors' `re:`)
    Glob,      ///< Python's fnmatch.fnmatchcase over the whole name, * crossing dots (ModelOpt, TensorRT-LLM)
    Substring, ///< anywhere in the name (torchtitan, components/quantization/utils.py)
    Subtree,   ///< the name, or what is below it (ModelOpt's quantized_layers)
    Prefix     ///< re.match at the start, or the name's end (transformers, quantizers_utils.py, should_convert_module)
  };

  /// Errors: DSRT_UNREADABLE where `text` is no regular expression, with the reason.
  static dsrt::Expected<ModuleMatcher> create(Kind kind, std::string text);

  Kind kind() const { return what; }
  const std::string &text() const { return pattern; }
  bool matches(const ForeignModule &module) const;
  /// Set where a match was given up because it took too long: what was not found then may be there.
  bool gaveUp() const;

private:
  struct Regex;
  Kind what = Kind::Name;
  std::string pattern;
  std::shared_ptr<Regex> regex; ///< shared, so that matchers can be copied

  bool matchesName(std::string_view name) const;
};

} // namespace dsmlir
