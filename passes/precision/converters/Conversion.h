// From a foreign policy to a precision file of ours: what its rules select is evaluated on the modules of a model, or of all models that
// there may be, and written as patterns that select the same; the result is resolved again and compared module by module.
#pragma once

#include "passes/precision/converters/ForeignPolicy.h"

namespace dsmlir {

struct Conversion {
  ForeignPolicy foreign; ///< every rule, with what became of it
  PrecisionOptions options;
  dsrt::Json precisionFile;      ///< `options`, for --precision-config
  std::vector<Finding> warnings; ///< of resolving it on the model
  size_t verified = 0;           ///< modules on which both select the same

  size_t count(Outcome outcome) const;
  /// `ds-compile convert-policy --report`. `model` is its path, or empty.
  dsrt::Json report(const std::string &file, const std::string &model) const;
};

/// Converts. `model` null: the result holds for every model of up to ModuleUniverse::anyBlocks blocks of anyExperts experts.
/// Errors: DSRT_UNREADABLE where the source is malformed; DSRT_REJECTED where it has too many patterns, or one that takes too long to
/// match, and, a finding DS1040, where the converted policy selects other modules than the source.
dsrt::Expected<Conversion> convertPolicy(const PolicySource &source, const PolicyFormat &format, const ModuleUniverse *model);

/// What a policy gives a module: an index into `schemes`, or nothing. For tests: the definition of what is converted, rule by rule.
std::optional<size_t> schemeOf(const ForeignPolicy &policy, const ForeignModule &module);

} // namespace dsmlir
