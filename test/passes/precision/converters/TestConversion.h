// Conversions for the tests: of texts and of the sample files, on a model of some shape or on all models.
#pragma once

#include "passes/precision/converters/Conversion.h"
#include "runtime/support/Json.h"
#include "test/passes/precision/TestModels.h"

#include <set>
#include <sstream>

namespace dsmlir::test {

/// Words between white space: what ds-compile takes from LLVM is tested with the tool.
inline std::vector<std::string> wordsBetweenBlanks(const std::string &text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

inline dsrt::Expected<Conversion> tryConvert(const std::string &text, const std::string &name, std::optional<Shape> shape) {
  dsrt::Expected<PolicySource> source = parsePolicySource(text, name, wordsBetweenBlanks);
  if (!source)
    return source.status();
  dsrt::Expected<const PolicyFormat *> format = formatOf(*source, "");
  if (!format)
    return format.status();
  if (!shape)
    return convertPolicy(*source, **format, nullptr);
  ModuleUniverse universe(modelModules(*shape));
  return convertPolicy(*source, **format, &universe);
}

inline Conversion convertText(const std::string &text, const std::string &name, std::optional<Shape> shape) {
  dsrt::Expected<Conversion> conversion = tryConvert(text, name, shape);
  EXPECT_TRUE(bool(conversion)) << conversion.status().message();
  return conversion ? std::move(*conversion) : Conversion();
}

inline Conversion convertFile(const std::string &name, std::optional<Shape> shape) {
  dsrt::Expected<std::string> text = dsrt::readFile(std::string(INPUTS) + "/" + name, 1 << 20);
  EXPECT_TRUE(bool(text)) << text.status().message();
  return text ? convertText(*text, name, shape) : Conversion();
}

/// The file as ds-compile would read it, resolved.
inline Resolution resolveConverted(const Conversion &conversion, const Shape &shape) {
  PrecisionOptions options;
  dsrt::Status status = readConfig(conversion.precisionFile, "policy.json", options);
  EXPECT_TRUE(status.ok()) << status.message();
  return resolve(modelModules(shape), options);
}

inline const ForeignRule &ruleAt(const Conversion &conversion, const std::string &where) {
  static const ForeignRule missing;
  for (const ForeignRule &rule : conversion.foreign.rules)
    if (rule.where == where)
      return rule;
  ADD_FAILURE() << "no rule " << where;
  return missing;
}

inline std::string outcomes(const Conversion &conversion) { return "\n" + conversion.report("", "").at("rules").dump(1); }

} // namespace dsmlir::test
