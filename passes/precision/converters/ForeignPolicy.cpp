// Reading a policy file as JSON, TOML or words, finding its format, and what the readers have in common.
#include "passes/precision/converters/ForeignPolicy.h"
#include "passes/precision/converters/Toml.h"
#include "runtime/support/FieldReader.h"
#include "runtime/support/Nearest.h"

#include <algorithm>

using namespace dsmlir;
using dsrt::Expected;
using dsrt::Json;
using dsrt::Status;

namespace {

constexpr uint64_t largestFile = uint64_t(16) << 20;

std::string formatNames() {
  std::string names;
  for (const PolicyFormat &format : policyFormats())
    names += (names.empty() ? "" : ", ") + std::string(format.name);
  return names;
}

} // namespace

size_t ForeignPolicy::rule(std::string where, std::string text) {
  rules.push_back({std::move(where), std::move(text), Outcome::Mapped, {}, "", ""});
  return rules.size() - 1;
}

size_t ForeignPolicy::scheme(const Scheme &wanted, const std::vector<size_t> &describing) {
  size_t index = static_cast<size_t>(std::find(schemes.begin(), schemes.end(), wanted) - schemes.begin());
  if (index == schemes.size()) {
    schemes.push_back(wanted);
    definedBy.emplace_back();
  }
  definedBy[index].insert(definedBy[index].end(), describing.begin(), describing.end());
  return index;
}

void ForeignPolicy::silent(size_t index, std::string reason) { rules[index].reason = std::move(reason); }

void ForeignPolicy::remark(size_t index, std::string reason) {
  ForeignRule &entry = rules[index];
  if (entry.outcome == Outcome::NotMapped)
    return;
  entry.outcome = Outcome::Remarked;
  entry.reason += (entry.reason.empty() ? "" : "; ") + reason;
}

void ForeignPolicy::notMapped(size_t index, std::string reason, std::string instead) {
  ForeignRule &entry = rules[index];
  if (entry.outcome != Outcome::NotMapped)
    entry.reason.clear();
  entry.outcome = Outcome::NotMapped;
  entry.reason += (entry.reason.empty() ? "" : "; ") + reason;
  if (!instead.empty())
    entry.instead += (entry.instead.empty() ? "" : "; ") + instead;
}

void ForeignPolicy::set(size_t index, std::string key, std::string value) { settings.push_back({index, std::move(key), std::move(value)}); }

const std::vector<PolicyFormat> &dsmlir::policyFormats() {
  static const std::vector<PolicyFormat> formats = {compressedTensorsFormat, modelOptFormat,   torchAOFormat,
                                                    deepseekFP8Format,       torchTitanFormat, megatronFormat};
  return formats;
}

Expected<const PolicyFormat *> dsmlir::formatOf(const PolicySource &source, std::string_view from) {
  std::vector<std::string> names;
  std::vector<const PolicyFormat *> found;
  for (const PolicyFormat &format : policyFormats()) {
    names.push_back(format.name);
    if (from.empty() ? format.recognises(source) : from == format.name)
      found.push_back(&format);
  }
  if (found.size() == 1)
    return found.front();
  if (!from.empty())
    return Status(DSRT_USAGE, "--from expects " + formatNames() + ", but got '" + std::string(from) + "'" +
                                  dsrt::didYouMean(dsrt::nearestNames(from, names, 1)));
  if (found.size() > 1)
    return Status(DSRT_USAGE, source.name + ": may be " + found[0]->name + " as well as " + found[1]->name + "; say which with --from");
  std::string message = source.name + ": is in no format that is known; looked for";
  for (const PolicyFormat &format : policyFormats())
    message += std::string("\nnote: ") + format.name + ": " + format.lookedFor;
  return Status(DSRT_USAGE, message);
}

Expected<PolicySource> dsmlir::readPolicySource(const std::string &path, std::vector<std::string> (*split)(const std::string &)) {
  Expected<std::string> text = dsrt::readFile(path, largestFile);
  if (!text)
    return text.status();
  return parsePolicySource(*text, path, split);
}

Expected<PolicySource> dsmlir::parsePolicySource(const std::string &text, const std::string &name,
                                                 std::vector<std::string> (*split)(const std::string &)) {
  PolicySource source;
  source.name = name;
  size_t first = text.find_first_not_of(" \t\r\n");
  if (name.ends_with(".toml")) {
    Expected<Json> parsed = parseToml(text, name);
    if (!parsed)
      return parsed.status();
    source.document = std::move(*parsed);
  } else if (name.ends_with(".json") || (first != std::string::npos && text[first] == '{')) {
    Expected<Json> parsed = dsrt::parseJson(text, name);
    if (!parsed)
      return parsed.status();
    if (!parsed->is_object())
      return Status(DSRT_UNREADABLE, name + ": expects an object, but got " + dsrt::valueText(*parsed));
    source.document = std::move(*parsed);
  } else {
    source.words = split(text);
  }
  return source;
}

Status dsmlir::malformed(const PolicySource &source, const std::string &where, const std::string &expectation, const Json &got) {
  return Status(DSRT_UNREADABLE, source.name + ": " + where + " expects " + expectation + ", but got " + dsrt::valueText(got));
}

const Json &dsmlir::member(const Json &object, const std::string &key) {
  static const Json null;
  if (!object.is_object())
    return null;
  auto found = object.find(key);
  return found == object.end() ? null : *found;
}

std::string dsmlir::ruleText(const Json &value) {
  std::string text = value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
  constexpr size_t longest = 120;
  return text.size() > longest ? text.substr(0, longest) + "..." : text;
}

const Json *dsmlir::quantizationConfig(const PolicySource &source) {
  if (!source.document)
    return nullptr;
  auto nested = source.document->find("quantization_config");
  if (nested != source.document->end())
    return nested->is_object() ? &*nested : nullptr;
  return source.document->contains("quant_method") ? &*source.document : nullptr;
}

Status dsmlir::readModelDtype(const PolicySource &source, ForeignPolicy &policy) {
  for (const char *key : {"torch_dtype", "dtype"}) {
    auto found = source.document->find(key);
    if (found == source.document->end() || found->is_null() || !source.document->contains("quantization_config"))
      continue;
    if (!found->is_string())
      return malformed(source, key, "a string", *found);
    std::string dtype = found->get<std::string>();
    size_t rule = policy.rule(key, ruleText(*found));
    const char *own = dtype == "bfloat16" ? "bf16" : dtype == "float16" ? "fp16" : dtype == "float32" ? "fp32" : nullptr;
    if (own) {
      policy.set(rule, "activation_dtype", own);
      policy.set(rule, "params_dtype", own);
    } else {
      policy.notMapped(rule, "expects float32, bfloat16 or float16", "bf16");
    }
    break; // both say the same
  }
  return Status();
}
