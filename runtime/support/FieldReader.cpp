// FieldReader.
#include "runtime/support/FieldReader.h"
#include "runtime/support/Nearest.h"

#include <cmath>

namespace dsrt {

std::string valueText(const Json &value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return text.size() <= 60 ? text : text.substr(0, 57) + "...";
}

FieldReader::FieldReader(const Json &json, std::string what, std::string prefix)
    : json(json), what(std::move(what)), prefix(std::move(prefix)) {}

void FieldReader::fail(dsrt_code code, const std::string &key, const std::string &why) {
  fail(Status(code, what + ": field '" + prefix + key + "' " + why));
}

void FieldReader::fail(const Status &status) {
  if (first.ok())
    first = status;
}

const Json *FieldReader::find(const std::string &key) {
  known.insert(key);
  auto at = json.find(key);
  return at == json.end() || at->is_null() ? nullptr : &*at;
}

int64_t FieldReader::integer(const std::string &key, int64_t least, int64_t most, std::optional<int64_t> fallback) {
  const Json *value = find(key);
  if (!value) {
    if (!fallback)
      fail(DSRT_UNREADABLE, key, "is missing: expects an integer");
    return fallback.value_or(least);
  }
  // is_number_integer holds for unsigned values as well; those above INT64_MAX are out of any range of ours.
  bool fits = value->is_number_integer() && !(value->is_number_unsigned() && value->get<uint64_t>() > uint64_t(INT64_MAX));
  if (!fits || value->get<int64_t>() < least || value->get<int64_t>() > most) {
    fail(DSRT_UNREADABLE, key,
         format("expects an integer of %lld to %lld, but got %s", static_cast<long long>(least), static_cast<long long>(most),
                valueText(*value).c_str()));
    return least;
  }
  return value->get<int64_t>();
}

double FieldReader::number(const std::string &key, double above, bool orEqual, std::optional<double> fallback) {
  const Json *value = find(key);
  if (!value) {
    if (!fallback)
      fail(DSRT_UNREADABLE, key, "is missing: expects a number");
    return fallback.value_or(1);
  }
  double number = value->is_number() ? value->get<double>() : NAN;
  if (!(orEqual ? number >= above : number > above) || number > 1e30) {
    fail(DSRT_UNREADABLE, key,
         format("expects a number %s %g, but got %s", orEqual ? "of at least" : "above", above, valueText(*value).c_str()));
    return fallback.value_or(1);
  }
  return number;
}

bool FieldReader::boolean(const std::string &key, bool fallback) {
  const Json *value = find(key);
  if (!value)
    return fallback;
  if (!value->is_boolean()) {
    fail(DSRT_UNREADABLE, key, "expects true or false, but got " + valueText(*value));
    return fallback;
  }
  return value->get<bool>();
}

std::string FieldReader::word(const std::string &key, std::optional<std::string> fallback) {
  const Json *value = find(key);
  if (!value) {
    if (!fallback)
      fail(DSRT_UNREADABLE, key, "is missing: expects a string");
    return fallback.value_or("");
  }
  if (!value->is_string()) {
    fail(DSRT_UNREADABLE, key, "expects a string, but got " + valueText(*value));
    return fallback.value_or("");
  }
  return value->get<std::string>();
}

void FieldReader::implemented(const std::string &key, const Json &expected) {
  const Json *value = find(key);
  if (!value)
    return;
  bool sameKind = value->type() == expected.type() || (value->is_number() && expected.is_number());
  if (!sameKind)
    fail(DSRT_UNREADABLE, key, "expects " + valueText(expected) + ", but got " + valueText(*value));
  else if (*value != expected)
    fail(DSRT_REJECTED, key, "expects " + valueText(expected) + ", but got " + valueText(*value) + ", which is not implemented");
}

void FieldReader::withoutEffect(const std::vector<std::string> &keys) { known.insert(keys.begin(), keys.end()); }

void FieldReader::warnUnknown(std::vector<std::string> &warnings) const {
  std::vector<std::string> names(known.begin(), known.end());
  for (auto &[key, value] : json.items())
    if (!known.contains(key))
      warnings.push_back(what + ": field '" + prefix + key.substr(0, 80) + "' is unknown and has no effect" +
                         didYouMean(nearestNames(key, names, 1)));
}

} // namespace dsrt
