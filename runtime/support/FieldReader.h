// Reads the fields of one JSON object with a type and a range each, and remembers which were asked for: what is left over is
// unknown. The first error is kept, later reads go on with harmless values.
#pragma once

#include "runtime/support/Json.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

namespace dsrt {

class FieldReader {
public:
  /// \param json   an object
  /// \param what   the file, for messages
  /// \param prefix "" for the document, "rope_scaling." for an object in it
  FieldReader(const Json &json, std::string what, std::string prefix = "");

  /// The field, or null where it is absent or null: the two mean the same in a config.
  const Json *find(const std::string &key);
  bool has(const std::string &key) { return find(key) != nullptr; }
  /// Whether the key stands there at all, be it with null.
  bool stands(const std::string &key) const { return json.contains(key); }

  /// An integer of `least` to `most`; without a fallback the field is required.
  int64_t integer(const std::string &key, int64_t least, int64_t most, std::optional<int64_t> fallback = {});
  /// A finite number above `above` (or equal to it where `orEqual`) and up to 1e30; without a fallback it is required.
  double number(const std::string &key, double above, bool orEqual, std::optional<double> fallback = {});
  bool boolean(const std::string &key, bool fallback);
  std::string word(const std::string &key, std::optional<std::string> fallback = {});

  /// A field that may only have the one value that is implemented (or be absent): DSRT_REJECTED otherwise.
  void implemented(const std::string &key, const Json &value);
  /// Fields whose value is of no concern here.
  void withoutEffect(const std::vector<std::string> &keys);

  /// Keeps the error where it is the first: "<what>: field '<prefix><key>' <why>".
  void fail(dsrt_code code, const std::string &key, const std::string &why);
  void fail(const Status &status);
  /// One line for each field that nobody asked for, with the nearest known name.
  void warnUnknown(std::vector<std::string> &warnings) const;

  const Status &status() const { return first; }
  bool ok() const { return first.ok(); }

private:
  const Json &json;
  std::string what, prefix;
  std::set<std::string> known;
  Status first;
};

/// A JSON value as it stands in a message, cut where it is long.
std::string valueText(const Json &value);

} // namespace dsrt
