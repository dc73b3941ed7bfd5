// The same facts as a table and as JSON.
#include "tools/ds-compile/sensitivity/Result.h"

#include "runtime/launcher/Memory.h"

#include <algorithm>
#include <numeric>
#include <tuple>

using namespace dsmlir;
using dsrt::bytesText;
using dsrt::format;
using dsrt::Json;

namespace {

/// Columns of text, the first on the left and the others on the right of their width.
std::string table(const std::vector<std::vector<std::string>> &lines) {
  std::vector<size_t> widths;
  for (const std::vector<std::string> &line : lines)
    for (size_t i = 0; i < line.size(); ++i) {
      widths.resize(std::max(widths.size(), i + 1));
      widths[i] = std::max(widths[i], line[i].size());
    }
  std::string text;
  for (const std::vector<std::string> &line : lines) {
    for (size_t i = 0; i < line.size(); ++i) {
      std::string space(widths[i] - line[i].size(), ' ');
      text += i == 0 ? line[i] + space : "  " + space + line[i];
    }
    text += '\n';
  }
  return text;
}

/// "0.0123", "1.23e-05", "inf": three digits, as far as a distance means something.
std::string valueText(double value) { return format("%.3g", value); }

std::vector<std::string> line(const GroupResult &group) {
  return {group.name,
          std::to_string(group.modules),
          std::to_string(group.bytesBefore),
          std::to_string(group.bytesAfter),
          valueText(group.measurement.distance),
          valueText(group.measurement.divergence)};
}

Json groupJson(const GroupResult &group) {
  Json json = {{"group", group.name}, {"modules", group.modules}, {"bytes_before", group.bytesBefore}, {"bytes_after", group.bytesAfter}};
  Json measured = toJson(group.measurement);
  json["distance"] = measured["distance"];
  json["divergence"] = measured["divergence"];
  return json;
}

} // namespace

std::vector<size_t> SensitivityResult::worstFirst() const {
  std::vector<size_t> order(groups.size());
  std::iota(order.begin(), order.end(), size_t(0));
  auto key = [&](size_t group) { return std::tuple(-value(groups[group].measurement), group); };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  return order;
}

Json SensitivityResult::json() const {
  Json json = {{"metric", metric == Metric::Distance ? "distance" : "divergence"},
               {"baseline", baseline},
               {"rows", rows},
               {"tokens", tokens},
               {"nothing", toJson(nothing)},
               {"everything", groupJson(everything)},
               {"groups", Json::array()}};
  for (size_t group : worstFirst())
    json["groups"].push_back(groupJson(groups[group]));
  if (!proposal)
    return json;
  Json &proposed = json["proposal"] = Json::object();
  proposed["budget"] = valueBudget ? Json{{"distance", *valueBudget}} : Json{{"bytes", *bytesBudget}};
  proposed.update(toJson(proposal->measurement));
  proposed["groups"] = Json::array();
  proposed["left_out"] = Json::array();
  for (size_t group : worstFirst())
    proposed[std::binary_search(proposal->groups.begin(), proposal->groups.end(), group) ? "groups" : "left_out"].push_back(
        groups[group].name);
  proposed["policy"] = proposal->policy;
  return json;
}

std::string SensitivityResult::text() const {
  std::string text =
      format("%lld tokens of %lld rows, compared with a run with %s\n", (long long)tokens, (long long)rows, baseline.c_str());
  std::vector<std::vector<std::string>> lines = {{"in low precision", "modules", "bytes before", "after", "distance", "divergence"}};
  for (size_t group : worstFirst())
    lines.push_back(line(groups[group]));
  lines.push_back(line(everything));
  lines.push_back(line({"nothing", 0, 0, 0, nothing}));
  text += table(lines);
  text += format("all weights: %llu bytes with nothing in low precision, %llu with everything\n", (unsigned long long)nothing.bytes,
                 (unsigned long long)everything.measurement.bytes);
  if (!proposal)
    return text;
  const Measurement &measured = proposal->measurement;
  text += format("proposal: %zu of %zu groups in low precision, ", proposal->groups.size(), groups.size());
  text += valueBudget ? "within distance " + valueText(*valueBudget) : "within " + std::to_string(*bytesBudget) + " bytes";
  text += format(": %llu bytes instead of %llu, distance %s, divergence %s\n", (unsigned long long)measured.bytes,
                 (unsigned long long)nothing.bytes, valueText(measured.distance).c_str(), valueText(measured.divergence).c_str());
  for (size_t group : worstFirst())
    if (!std::binary_search(proposal->groups.begin(), proposal->groups.end(), group))
      text += "  left out: " + groups[group].name + "\n";
  return text;
}
