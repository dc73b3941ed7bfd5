// Setting precision options from text and from the precision file, and writing them back as the policy of the IR.
#include "passes/precision/PrecisionOptions.h"
#include "passes/precision/EditDistance.h"

#include <charconv>
#include <cmath>

using namespace dsmlir;
using dsrt::Status;

namespace {

std::string trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
  return first == std::string_view::npos ? "" : std::string(text.substr(first, last - first + 1));
}

std::string joined(const std::vector<std::string> &words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

/// Keeps the refusal for validate(), and returns it.
Status refuse(PrecisionOptions &options, const OptionDescriptor &option, Code code, const std::string &value,
              const std::string &expectation, const Origin &origin) {
  Finding finding = makeFinding(code, "--" + option.name + " expects " + expectation + ", but got '" + value + "'");
  finding.where = "--" + option.name + " " + value;
  finding.location = origin.location;
  std::string text = "[" + codeName(code) + "] " + finding.message;
  options.refused.push_back(std::move(finding));
  return Status(DSRT_REJECTED, text);
}

/// A scalar of a stronger origin stays. Two values of equal rank contradict each other: neither is a guess away.
template <typename T>
Status assign(PrecisionOptions &options, const OptionDescriptor &option, Setting<T> &setting, T value, const std::string &text,
              const Origin &origin) {
  if (setting.given() && setting.origin->source > origin.source)
    return Status();
  if (setting.given() && setting.origin->source == origin.source && setting.value != value) {
    Finding finding =
        makeFinding(Code::ContradictingOptions, "--" + option.name + " is given twice with different values, the second '" + text + "'");
    finding.where = "--" + option.name;
    finding.location = origin.location;
    options.refused.push_back(finding);
    return Status(DSRT_REJECTED, "[" + codeName(finding.code) + "] " + finding.message);
  }
  setting.value = std::move(value);
  setting.origin = origin;
  return Status();
}

/// Appends behind everything of the same or a weaker origin, whatever the order of the calls.
template <typename T> void append(std::vector<T> &list, T element) {
  auto place = list.end();
  while (place != list.begin() && std::prev(place)->origin.source > element.origin.source)
    --place;
  list.insert(place, std::move(element));
}

/// PATTERN=DTYPE, split at the last '='. Within the IR dtypes are also written as MLIR's types.
Status addDtype(PrecisionOptions &options, const OptionDescriptor &option, std::vector<DtypeSelection> &list, std::string_view value,
                const Origin &origin) {
  const char *left = option.kind == OptionKind::DtypeRules ? "PATTERN" : "PATH";
  size_t equals = value.rfind('=');
  std::string target = trim(value.substr(0, equals == std::string_view::npos ? 0 : equals));
  std::string dtype = equals == std::string_view::npos ? "" : trim(value.substr(equals + 1));
  if (origin.source == Origin::Source::Policy && (dtype == "f32" || dtype == "f16"))
    dtype = dtype == "f32" ? "fp32" : "fp16";
  bool known = std::find(option.choices.begin(), option.choices.end(), dtype) != option.choices.end();
  if (target.empty() || !known)
    return refuse(options, option, Code::BadDtypeSelection, std::string(value),
                  std::string(left) + "=fp32, " + left + "=bf16 or " + left + "=fp16", origin);
  append(list, DtypeSelection{target, dtype, origin});
  return Status();
}

Status setFlag(PrecisionOptions &options, const OptionDescriptor &option, std::string_view value, bool negated, const Origin &origin) {
  if (!value.empty() && value != "true" && value != "false")
    return refuse(options, option, Code::BadValue, std::string(value), "true or false", origin);
  bool on = (value != "false") != negated;
  if (option.kind == OptionKind::Mode) {
    if (on)
      append(options.modes, PatternSelection{option.name, origin});
    return Status();
  }
  return assign(options, option, options.*std::get<Setting<bool> PrecisionOptions::*>(option.storage), on, on ? "true" : "false", origin);
}

Status setNumber(PrecisionOptions &options, const OptionDescriptor &option, std::string_view value, const Origin &origin) {
  const char *end = value.data() + value.size();
  if (option.kind == OptionKind::Integer) {
    int64_t number = 0;
    auto [rest, error] = std::from_chars(value.data(), end, number);
    if (error != std::errc() || rest != end || number < 0)
      return refuse(options, option, Code::BadValue, std::string(value), "a whole number that is not negative", origin);
    return assign(options, option, options.*std::get<Setting<int64_t> PrecisionOptions::*>(option.storage), number, std::string(value),
                  origin);
  }
  double number = 0;
  auto [rest, error] = std::from_chars(value.data(), end, number);
  if (error != std::errc() || rest != end || !std::isfinite(number))
    return refuse(options, option, Code::BadValue, std::string(value), "a finite number", origin);
  return assign(options, option, options.*std::get<Setting<double> PrecisionOptions::*>(option.storage), number, std::string(value),
                origin);
}

Status setChoice(PrecisionOptions &options, const OptionDescriptor &option, std::string_view value, const Origin &origin) {
  std::string text(value);
  if (option.name == "fp8-backend" && text == "transformer_engine") // the reference trainer's name of its native backend
    text = "native";
  if (std::find(option.choices.begin(), option.choices.end(), text) == option.choices.end())
    return refuse(options, option, Code::BadValue, std::string(value), joined(option.choices), origin);
  return assign(options, option, options.*std::get<Setting<std::string> PrecisionOptions::*>(option.storage), text, text, origin);
}

Status setOption(PrecisionOptions &options, const OptionDescriptor &option, std::string_view value, bool negated, const Origin &origin) {
  switch (option.kind) {
  case OptionKind::Flag:
  case OptionKind::NegatableFlag:
  case OptionKind::Mode:
    return setFlag(options, option, value, negated, origin);
  case OptionKind::Number:
  case OptionKind::Integer:
    return setNumber(options, option, value, origin);
  case OptionKind::Choice:
    return setChoice(options, option, value, origin);
  case OptionKind::RecipeName: // whether there is such a recipe is known when all files are read
    if (trim(value).empty())
      return refuse(options, option, Code::BadValue, std::string(value), joined(option.choices) + ", or a recipe of the precision file",
                    origin);
    return assign(options, option, options.recipe, std::string(value), std::string(value), origin);
  case OptionKind::Patterns:
    if (trim(value).empty())
      return refuse(options, option, Code::BadValue, std::string(value), "a pattern", origin);
    append(options.*std::get<std::vector<PatternSelection> PrecisionOptions::*>(option.storage),
           PatternSelection{std::string(value), origin});
    return Status();
  case OptionKind::DtypeRules:
  case OptionKind::DtypeOverrides:
    return addDtype(options, option, options.*std::get<std::vector<DtypeSelection> PrecisionOptions::*>(option.storage), value, origin);
  }
  return Status();
}

std::string numberText(double value) {
  char text[32];
  auto [end, error] = std::to_chars(text, text + sizeof text, value); // the shortest that reads back as the same value
  return std::string(text, end);
}

/// A scalar of JSON as set() takes it; nothing for another kind of value.
std::optional<std::string> scalarText(const dsrt::Json &value) {
  if (value.is_string())
    return value.get<std::string>();
  if (value.is_boolean())
    return value.get<bool>() ? "true" : "false";
  if (value.is_number_float())
    return numberText(value.get<double>());
  if (value.is_number())
    return value.dump();
  return std::nullopt;
}

/// "recipes": {NAME: {FIELD: VALUE}}. The first of what is wrong.
Status readRecipes(const dsrt::Json &recipes, const Origin &origin, PrecisionOptions &options) {
  size_t before = options.refused.size();
  if (recipes.is_object()) {
    for (const auto &[name, fields] : recipes.items())
      readRecipe(name, fields, origin, options);
  } else {
    options.refused.push_back(
        makeFinding(Code::RecipeField, "recipes expects an object from names to recipes, but got " + std::string(recipes.type_name())));
    options.refused.back().where = "recipes";
    options.refused.back().location = origin.location;
  }
  if (options.refused.size() == before)
    return Status();
  return Status(DSRT_REJECTED, "[" + codeName(options.refused[before].code) + "] " + options.refused[before].message);
}

} // namespace

std::string dsmlir::nearestOption(std::string_view name) {
  while (!name.empty() && name.front() == '-')
    name.remove_prefix(1);
  std::string wanted(name);
  std::replace(wanted.begin(), wanted.end(), '_', '-');
  unsigned best = std::max<unsigned>(2, static_cast<unsigned>(wanted.size() / 3)) + 1;
  std::string nearest;
  for (const OptionDescriptor &option : optionTable())
    if (unsigned distance = editDistance(wanted, option.name); distance < best)
      best = distance, nearest = "--" + option.name;
  return nearest;
}

Status dsmlir::set(PrecisionOptions &options, std::string_view name, std::string_view value, const Origin &origin) {
  std::string_view bare = name.substr(0, 2) == "--" ? name.substr(2) : name;
  bool negated = false;
  const OptionDescriptor *option = findOption(bare);
  if (!option && (bare.substr(0, 3) == "no-" || bare.substr(0, 3) == "no_")) {
    option = findOption(bare.substr(3));
    negated = option && option->kind == OptionKind::NegatableFlag;
    if (!negated)
      option = nullptr;
  }
  if (option)
    return setOption(options, *option, value, negated, origin);
  std::string nearest = nearestOption(bare);
  return Status(DSRT_USAGE,
                "unknown precision option '" + std::string(name) + "'" + (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
}

Status dsmlir::readConfig(const dsrt::Json &json, const std::string &what, PrecisionOptions &options) {
  if (!json.is_object())
    return Status(DSRT_REJECTED, what + ": expects an object of precision options, but got " + json.type_name());
  Origin origin{Origin::Source::File, what};
  Status first;
  auto keep = [&](Status status) {
    if (first.ok() && !status.ok())
      first = status.code() == DSRT_USAGE ? Status(DSRT_REJECTED, what + ": " + status.message())
                                          : Status(status.code(), what + ": " + status.message());
  };
  for (const auto &[key, value] : json.items()) {
    if (key == "recipes") {
      keep(readRecipes(value, origin, options));
      continue;
    }
    bool negated = key.substr(0, 3) == "no_" && findOption(std::string_view(key).substr(3));
    const OptionDescriptor *option = findOption(negated ? std::string_view(key).substr(3) : std::string_view(key));
    if (!option || key.find('-') != std::string::npos || negated) {
      Finding finding = makeFinding(Code::UnknownKey, "'" + key + "' is no option of a precision file");
      std::string nearest = option ? option->key : nearestOption(key);
      std::replace(nearest.begin(), nearest.end(), '-', '_');
      nearest.erase(0, nearest.find_first_not_of('_'));
      if (!nearest.empty())
        finding.message += "; did you mean \"" + nearest + "\"" + (negated ? ": false?" : "?");
      finding.where = key;
      finding.location = what;
      options.refused.push_back(finding);
      keep(Status(DSRT_REJECTED, "[" + codeName(finding.code) + "] " + finding.message));
      continue;
    }
    bool numeric = option->kind == OptionKind::Number || option->kind == OptionKind::Integer;
    bool flag = option->kind == OptionKind::Flag || option->kind == OptionKind::NegatableFlag || option->kind == OptionKind::Mode;
    if (option->kind == OptionKind::DtypeOverrides && value.is_object()) {
      for (const auto &[path, dtype] : value.items())
        keep(setOption(options, *option, path + "=" + scalarText(dtype).value_or(dtype.dump()), false, origin));
    } else if (option->isList() && value.is_array()) {
      for (const dsrt::Json &element : value)
        keep(element.is_string() ? setOption(options, *option, element.get<std::string>(), false, origin)
                                 : refuse(options, *option, Code::BadValue, element.dump(), "a list of strings", origin));
    } else if (flag ? !value.is_boolean() : numeric ? !value.is_number() : !value.is_string()) {
      keep(refuse(options, *option, Code::BadValue, value.dump(),
                  flag               ? "true or false"
                  : numeric          ? "a number"
                  : option->isList() ? "a list of strings"
                                     : joined(option->choices),
                  origin));
    } else {
      keep(setOption(options, *option, *scalarText(value), false, origin));
    }
  }
  return first;
}

Status dsmlir::readConfigFile(const std::string &path, PrecisionOptions &options) {
  dsrt::Expected<dsrt::Json> json = dsrt::readJson(path);
  return json ? readConfig(*json, path, options) : json.status();
}

std::string dsmlir::requestedMode(const PrecisionOptions &options) {
  // Lists are kept in the order of their origins: the strongest is last.
  return options.modes.empty() ? "" : options.modes.back().text;
}

std::vector<PolicyEntry> dsmlir::policyEntries(const PrecisionOptions &options) {
  std::vector<PolicyEntry> entries;
  for (const OptionDescriptor &option : optionTable()) {
    std::string key = option.kind == OptionKind::DtypeOverrides ? "overrides" : option.key;
    std::vector<std::string> values;
    auto add = [&](auto member) {
      const auto &stored = options.*member;
      using T = std::decay_t<decltype(stored)>;
      if constexpr (std::is_same_v<T, std::vector<PatternSelection>>) {
        for (const PatternSelection &selection : stored)
          if (option.kind != OptionKind::Mode)
            values.push_back(selection.text);
        if (option.kind == OptionKind::Mode && requestedMode(options) == option.name)
          values.push_back("true");
      } else if constexpr (std::is_same_v<T, std::vector<DtypeSelection>>) {
        for (const DtypeSelection &selection : stored)
          values.push_back(selection.text());
      } else if (stored.given()) {
        if constexpr (std::is_same_v<T, Setting<bool>>)
          values.push_back(stored.value ? "true" : "false");
        else if constexpr (std::is_same_v<T, Setting<std::string>>)
          values.push_back(stored.value);
        else if constexpr (std::is_same_v<T, Setting<int64_t>>)
          values.push_back(std::to_string(stored.value));
        else
          values.push_back(numberText(stored.value));
      }
    };
    std::visit(add, option.storage);
    if (!values.empty())
      entries.push_back({key, option.isList(), std::move(values)});
  }
  return entries;
}
