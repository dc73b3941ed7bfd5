// Plans to views, and views compared.
#include "passes/precision/PlanDiff.h"

#include "passes/precision/ParameterSteps.h"
#include "passes/precision/PathRanges.h"

#include <map>
#include <unordered_map>
#include <unordered_set>

using namespace dsmlir;
using dsrt::Json;
using dsrt::Status;

namespace {

std::string textOf(const Json &value) {
  if (value.is_null())
    return "none";
  return value.is_string() ? value.get<std::string>() : value.is_object() && value.contains("payload") ? formatText(value) : value.dump();
}

/// Sections to "section.key" and values; a section that is null is "none".
void flatten(const std::string &name, const Json &value, PlanFacts &facts) {
  if (!value.is_object() || value.contains("payload")) {
    facts.emplace_back(name, textOf(value));
    return;
  }
  for (const auto &[key, inner] : value.items())
    flatten(name.empty() ? key : name + "." + key, inner, facts);
}

/// Reads one plan. Members that are missing, or of another type, make it unreadable: nlohmann's accessors would end the program.
class PlanReader {
public:
  PlanReader(const Json &plan, const std::string &what) : plan(plan), what(what) {}

  dsrt::Expected<PlanView> run() {
    if (!isPlan(plan) || !plan.contains("schema") || plan["schema"] != planSchema)
      return Status(DSRT_UNREADABLE, what + ": expects a plan of the schema " + planSchema + ", as --plan-out writes it");
    for (const auto &[key, value] : plan.items()) {
      // What a target makes of the plan is no part of it.
      if (key == "options")
        view.options = optionFacts(value);
      else if (key != "schema" && key != "operations" && key != "without_parameters" && key != "targets")
        flatten(key, value, view.settings);
    }
    for (const char *list : {"operations", "without_parameters"}) {
      const Json *operations = member(plan, list, Json::value_t::array);
      for (size_t i = 0; operations && i < operations->size() && problem.empty(); ++i)
        add((*operations)[i], std::string(list) + "[" + std::to_string(i) + "]");
    }
    if (!problem.empty())
      return Status(DSRT_UNREADABLE, what + ": " + problem);
    return std::move(view);
  }

private:
  const Json *member(const Json &json, const char *key, Json::value_t type) {
    auto found = json.is_object() ? json.find(key) : json.end();
    bool whole = type == Json::value_t::number_unsigned;
    if (json.is_object() && found != json.end() && (whole ? found->is_number_integer() && *found >= 0 : found->type() == type))
      return &*found;
    if (problem.empty())
      problem = place + "expects '" + key + "' to be " + (whole ? "a whole number" : Json(type).type_name());
    return nullptr;
  }
  std::string word(const Json &json, const char *key) {
    const Json *found = member(json, key, Json::value_t::string);
    return found ? found->get<std::string>() : "";
  }
  /// A dtype, a format with all of its members, or null.
  std::string format(const Json &json, const char *key) {
    auto found = json.find(key);
    if (found != json.end() && (found->is_string() || found->is_null()))
      return formatText(*found);
    if (found != json.end() && found->is_object()) {
      for (const char *name : {"payload", "scale", "rule", "rounding"})
        word(*found, name);
      const Json *tile = member(*found, "tile", Json::value_t::array);
      if (found->contains("outer_scale"))
        word(*found, "outer_scale");
      if (problem.empty() && tile->size() == 2 && found->contains("seed") && found->contains("amax_floor"))
        return formatText(*found);
    }
    if (problem.empty())
      problem = place + "expects '" + key + "' to be a dtype or a format";
    return "";
  }

  void add(const Json &entry, const std::string &where) {
    place = where + ": ";
    std::string path = word(entry, "path");
    if (!problem.empty())
      return;
    place = where + " (" + path + "): ";
    bool module = entry.contains("type");
    PlanFacts facts = {{"type", module ? word(entry, "type") : word(entry, "kind")}, {"compute", word(entry, "compute")}};
    std::string sums = entry.contains("accumulate") ? textOf(entry["accumulate"]) : "none";
    if (entry.contains("promote") && entry["promote"] != 0)
      sums += ", promoted every " + entry["promote"].dump();
    facts.emplace_back("sums", sums);
    int64_t bytes = 0;
    if (module) {
      facts.emplace_back("result", word(entry, "result"));
      facts.emplace_back("activation", format(entry, "activation"));
      facts.emplace_back("weight", format(entry, "weight"));
      facts.emplace_back("storage", format(entry, "storage"));
      if (entry.contains("decode"))
        facts.emplace_back("decode", word(entry["decode"], "compute"));
    }
    if (entry.contains("parameter")) {
      const Json *parameter = member(entry, "parameter", Json::value_t::object);
      if (parameter)
        facts.emplace_back("parameter", parameterText(*parameter, bytes));
    }
    facts.emplace_back("reason", word(entry, "reason"));
    if (module)
      facts.emplace_back("storage reason", word(entry, "storage_reason"));
    dsrt::Expected<std::vector<std::string>> paths = expandPathRange(path);
    if (!paths && problem.empty())
      problem = place + paths.status().message();
    if (paths && view.members.size() + paths->size() > mostPaths && problem.empty())
      problem = place + "expects at most " + std::to_string(mostPaths) + " paths in all";
    if (!problem.empty())
      return;
    uint32_t index = view.add(std::move(facts));
    for (std::string &each : *paths) {
      if (!seen.insert(each).second && problem.empty())
        problem = place + "the path stands twice";
      view.members.push_back({std::move(each), index, bytes / static_cast<int64_t>(paths->size())});
    }
  }

  /// "bf16, quantised: f8E4M3FN:...", "bf16, reused as it is", and the bytes of the copy that is this parameter's.
  std::string parameterText(const Json &parameter, int64_t &bytes) {
    std::string text = format(parameter, "stored");
    if (parameter.contains("steps")) {
      const Json *steps = member(parameter, "steps", Json::value_t::array);
      for (size_t i = 0; steps && i < steps->size(); ++i) {
        std::string to = format((*steps)[i], "format"), how = word((*steps)[i], "how");
        text += ", " + how + (how == "reused as it is" ? "" : ": " + to);
      }
    } else {
      text += ", resident " + format(parameter, "resident");
    }
    const Json *size = member(parameter, "bytes", Json::value_t::number_unsigned);
    bool shared = parameter.contains("shares") && !parameter["shares"].is_null();
    bytes = size && !shared ? size->get<int64_t>() : 0;
    return text;
  }

  const Json &plan;
  const std::string &what;
  PlanView view;
  std::string place, problem;
  std::unordered_set<std::string> seen; ///< paths
};

std::string valueOf(const PlanFacts &facts, const std::string &name) {
  for (const auto &[key, value] : facts)
    if (key == name)
      return value;
  return "none";
}

Json changesJson(const std::vector<PlanChange> &changes) {
  Json json = Json::object();
  for (const PlanChange &change : changes)
    json[change.name] = {{"a", change.before}, {"b", change.after}};
  return json;
}

std::string sizeText(int64_t bytes) {
  return bytes < 1'000'000 ? std::to_string(bytes) + " bytes" : dsrt::format("%.3f MB", static_cast<double>(bytes) / 1e6);
}

} // namespace

PlanFacts dsmlir::optionFacts(const Json &options) {
  PlanFacts facts;
  if (!options.is_object())
    return facts;
  for (const auto &[key, value] : options.items()) {
    if (!value.is_array()) {
      facts.emplace_back(key, textOf(value));
      continue;
    }
    for (size_t i = 0; i < value.size(); ++i) {
      std::string text = textOf(value[i]);
      size_t equals = text.rfind('=');
      if (key == "overrides" && equals != std::string::npos)
        facts.emplace_back("override " + text.substr(0, equals), text.substr(equals + 1));
      else if (key == findOption("module-compute-dtype-rule")->key) // the last match wins: rules are ordered
        facts.emplace_back("rule " + std::to_string(i + 1), text);
      else
        facts.emplace_back(key + " '" + text + "'", "given");
    }
  }
  return facts;
}

bool dsmlir::isPlan(const Json &json) { return json.is_object() && json.contains("operations"); }

uint32_t PlanView::add(PlanFacts wanted) {
  for (uint32_t i = 0; i < facts.size(); ++i)
    if (facts[i] == wanted)
      return i;
  facts.push_back(std::move(wanted));
  return static_cast<uint32_t>(facts.size() - 1);
}

dsrt::Expected<PlanView> dsmlir::viewPlan(const Json &plan, const std::string &what) { return PlanReader(plan, what).run(); }

std::vector<PlanChange> dsmlir::compareFacts(const PlanFacts &before, const PlanFacts &after) {
  std::vector<PlanChange> changes;
  if (before == after)
    return changes;
  auto has = [](const PlanFacts &facts, const std::string &name) {
    for (const auto &fact : facts)
      if (fact.first == name)
        return true;
    return false;
  };
  for (const auto &[name, value] : before)
    if (std::string other = valueOf(after, name); other != value)
      changes.push_back({name, value, other});
  for (const auto &[name, value] : after)
    if (!has(before, name) && value != "none")
      changes.push_back({name, "none", value});
  return changes;
}

PlanDifference dsmlir::comparePlans(const PlanView &before, const PlanView &after) {
  PlanDifference difference;
  difference.settings = compareFacts(before.settings, after.settings);
  if (!before.options.empty() || !after.options.empty())
    difference.options = compareFacts(before.options, after.options);
  std::unordered_map<std::string_view, const PlanView::Member *> byPath;
  byPath.reserve(after.members.size());
  for (const PlanView::Member &member : after.members)
    byPath.emplace(member.path, &member);
  // What differs between two facts, once; equal changes for equal reasons are one group.
  struct Comparison {
    PlanChangeGroup group;
    std::string key;
  };
  std::map<std::pair<uint32_t, uint32_t>, Comparison> compared;
  std::map<std::string, size_t> groupOf;
  size_t both = 0;
  for (const PlanView::Member &member : before.members) {
    auto found = byPath.find(member.path);
    if (found == byPath.end()) {
      difference.onlyBefore.push_back(member.path);
      continue;
    }
    ++both;
    const PlanView::Member &other = *found->second;
    bool sized = member.bytes >= 0 && other.bytes >= 0;
    auto [comparison, fresh] = compared.try_emplace({member.facts, other.facts});
    PlanChangeGroup &change = comparison->second.group;
    if (fresh) {
      const PlanFacts &factsBefore = before.facts[member.facts], &factsAfter = after.facts[other.facts];
      change = {{}, compareFacts(factsBefore, factsAfter), valueOf(factsBefore, "reason"), valueOf(factsAfter, "reason"), -1, -1};
      Json key = {changesJson(change.changes), change.reasonBefore, change.reasonAfter};
      comparison->second.key = key.dump();
    }
    if (change.changes.empty() && (!sized || member.bytes == other.bytes))
      continue;
    auto [group, first] = groupOf.try_emplace(comparison->second.key, difference.groups.size());
    if (first) {
      difference.groups.push_back(change);
      if (sized)
        difference.groups.back().bytesBefore = difference.groups.back().bytesAfter = 0;
    }
    PlanChangeGroup &target = difference.groups[group->second];
    target.paths.push_back(member.path);
    if (sized) {
      target.bytesBefore += member.bytes;
      target.bytesAfter += other.bytes;
    }
  }
  if (both < after.members.size()) {
    std::unordered_map<std::string_view, bool> known;
    for (const PlanView::Member &member : before.members)
      known.emplace(member.path, true);
    for (const PlanView::Member &member : after.members)
      if (!known.contains(member.path))
        difference.onlyAfter.push_back(member.path);
  }
  return difference;
}

namespace {

std::string counted(size_t count) { return std::to_string(count) + (count == 1 ? " module" : " modules"); }

void printChange(const std::string &name, const std::string &before, const std::string &after, std::string &text, size_t width = 15) {
  text += "  " + name;
  text.append(name.size() < width ? width - name.size() : 1, ' ');
  text += before == after ? before + " (both)\n" : before + " -> " + after + "\n";
}

} // namespace

std::string dsmlir::printDifference(const PlanDifference &difference, const std::string &before, const std::string &after) {
  constexpr size_t mostRanges = 8;
  std::string text;
  if (difference.empty())
    return text;
  if (!before.empty())
    text += before + " -> " + after + "\n";
  for (const auto &[title, changes] : {std::pair("options", &difference.options), std::pair("settings", &difference.settings)}) {
    if (!changes->empty())
      text += std::string(title) + "\n";
    size_t width = 15;
    for (const PlanChange &change : *changes)
      width = std::max(width, change.name.size() + 1);
    for (const PlanChange &change : *changes)
      printChange(change.name, change.before, change.after, text, width);
  }
  for (const PlanChangeGroup &group : difference.groups) {
    text += counted(group.paths.size()) + ": " + listOf(pathRanges(group.paths), mostRanges) + "\n";
    for (const PlanChange &change : group.changes)
      if (change.name != "reason")
        printChange(change.name, change.before, change.after, text);
    if (group.bytesBefore >= 0)
      printChange("resident", sizeText(group.bytesBefore), sizeText(group.bytesAfter), text);
    printChange("reason", group.reasonBefore, group.reasonAfter, text);
  }
  for (const auto &[side, paths] : {std::pair(before, &difference.onlyBefore), std::pair(after, &difference.onlyAfter)})
    if (!paths->empty())
      text += counted(paths->size()) + " only in " + side + ": " + listOf(pathRanges(*paths), mostRanges) + "\n";
  return text;
}

Json dsmlir::differenceJson(const PlanDifference &difference) {
  Json json = {{"differ", !difference.empty()},
               {"options", changesJson(difference.options)},
               {"settings", changesJson(difference.settings)},
               {"groups", Json::array()}};
  for (const PlanChangeGroup &group : difference.groups) {
    std::vector<std::string> first(group.paths.begin(), group.paths.begin() + static_cast<long>(std::min<size_t>(group.paths.size(), 3)));
    Json entry = {{"modules", group.paths.size()},
                  {"first", first},
                  {"paths", pathRanges(group.paths)},
                  {"changes", changesJson(group.changes)},
                  {"reason", {{"a", group.reasonBefore}, {"b", group.reasonAfter}}}};
    if (group.bytesBefore >= 0)
      entry["resident_bytes"] = {{"a", group.bytesBefore}, {"b", group.bytesAfter}};
    json["groups"].push_back(std::move(entry));
  }
  json["only_a"] = pathRanges(difference.onlyBefore);
  json["only_b"] = pathRanges(difference.onlyAfter);
  return json;
}
