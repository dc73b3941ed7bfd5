// Modules to blocks and columns, and everything that they share to tables.
#include "tools/ds-compile/report/ReportData.h"

#include <charconv>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

using dsrt::Json;

namespace dsmlir {
namespace {

/// A value of an object, or null: the page shows what a plan has.
const Json &field(const Json &object, const char *key) {
  static const Json none;
  if (!object.is_object())
    return none;
  auto found = object.find(key);
  return found == object.end() ? none : *found;
}

std::optional<int64_t> number(std::string_view text) {
  int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size() && !text.empty() ? std::optional(value) : std::nullopt;
}

/// The number behind `prefix`, up to the next dot, and what stands behind that dot: "blocks.3.attn_norm" is 3 and "attn_norm".
std::optional<std::pair<int64_t, std::string_view>> numbered(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix))
    return std::nullopt;
  text.remove_prefix(prefix.size());
  size_t dot = text.find('.');
  std::optional<int64_t> index = number(text.substr(0, dot));
  if (dot == text.npos || !index)
    return std::nullopt;
  return std::pair(*index, text.substr(dot + 1));
}

/// A value as a key. Text that is no UTF-8 (file names) makes one as well.
std::string keyOf(const Json &value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

/// The index of a value in a table, to which it is added where it is not there yet.
int32_t numberOf(Json &table, std::unordered_map<std::string, int32_t> &numbers, Json value) {
  auto [known, fresh] = numbers.emplace(keyOf(value), static_cast<int32_t>(table.size()));
  if (fresh)
    table.push_back(std::move(value));
  return known->second;
}

/// The plan's operations by the path of each module that they compute: experts that share one are a range, "experts.[0-7].up_proj".
class Operations {
public:
  explicit Operations(const Json &plan) {
    for (const Json &operation : field(plan, "operations")) {
      const Json &path = field(operation, "path");
      if (!path.is_string())
        continue;
      std::string text = path.get<std::string>();
      int64_t first = 0, count = 1;
      size_t open = text.find('['), dash = text.find('-', open), close = text.find(']', dash);
      bool range = open != text.npos && dash != text.npos && close != text.npos;
      if (range) {
        std::optional<int64_t> low = number(std::string_view(text).substr(open + 1, dash - open - 1));
        std::optional<int64_t> high = number(std::string_view(text).substr(dash + 1, close - dash - 1));
        if (!low || !high || *high < *low)
          continue;
        first = *low;
        count = *high - *low + 1;
      }
      int32_t index = add(operation, count);
      for (int64_t expert = first; expert < first + count; ++expert)
        byPath.emplace(range ? text.substr(0, open) + std::to_string(expert) + text.substr(close + 1) : text, index);
    }
  }

  /// The index of a module's operation, or -1.
  int32_t find(const std::string &path) const {
    auto found = byPath.find(path);
    return found == byPath.end() ? -1 : found->second;
  }

  Json table = Json::array();

private:
  /// The operation as one of its `modules` sees it.
  int32_t add(const Json &operation, int64_t modules) {
    const Json &parameter = field(operation, "parameter");
    Json shape = field(parameter, "shape");
    if (shape.is_array() && shape.size() == 3) // stacked: [experts, rows, columns]
      shape.erase(shape.begin());
    Json entry = Json::object();
    for (const auto &[key, value] : operation.items()) // what the plan will say tomorrow is shown as well
      if (key != "path" && key != "modules" && key != "type" && key != "reason" && key != "parameter" && key != "flops_per_token")
        entry[key] = value;
    entry["shape"] = shape;
    for (const char *key : {"stored", "through", "steps", "resident"})
      if (const Json &value = field(parameter, key); !value.is_null())
        entry[key] = value;
    const Json &bytes = field(parameter, "bytes"), &flops = field(operation, "flops_per_token");
    entry["bytes"] = bytes.is_number_integer() ? bytes.get<int64_t>() / modules : 0;
    entry["flops"] = flops.is_number_integer() ? flops.get<int64_t>() : 0;
    // Tied embeddings: two operations, one parameter in memory. Either the plan says so, or both name it.
    const Json &name = field(parameter, "name"), &shares = field(parameter, "shares");
    if (shares.is_string() || (name.is_string() && !parameters.insert(keyOf({name, field(parameter, "resident")})).second)) {
      entry["bytes"] = 0;
      entry["shared"] = shares.is_string() ? shares : name;
    }
    return numberOf(table, numbers, std::move(entry));
  }

  std::unordered_map<std::string, int32_t> byPath, numbers;
  std::unordered_set<std::string> parameters; ///< with the format in memory
};

/// The tables, while the modules are added in the order of the graph.
class Builder {
public:
  Builder(const Resolution &resolution, const Json &plan) : resolution(resolution), operations(plan) {
    for (size_t module = 0; module < resolution.modules().size(); ++module)
      add(module);
  }

  void write(Json &data) {
    data["chains"] = std::move(chains);
    data["operations"] = std::move(operations.table);
    data["classes"] = std::move(classes);
    data["columns"] = std::move(columns);
    data["before"] = std::move(before);
    Json &rows = data["blocks"] = Json::array();
    for (auto &[block, cells] : blocks) {
      Json row = Json::array();
      for (auto &[column, runs] : cells)
        row.push_back(std::move(runs));
      rows.push_back({block, std::move(row)});
    }
    data["after"] = std::move(after);
  }

private:
  void add(size_t module) {
    const std::string &path = resolution.modules()[module].path;
    int32_t decided = classOf(module);
    auto block = numbered(path, "blocks.");
    if (!block) {
      (blocks.empty() ? before : after).push_back({path, decided});
      return;
    }
    constexpr std::string_view experts = "ffn.experts.";
    auto expert = numbered(block->second, experts);
    std::string name = expert ? std::string(experts) + "*." + std::string(expert->second) : std::string(block->second);
    auto [column, fresh] = columnOf.emplace(name, columns.size());
    if (fresh)
      columns.push_back(name);
    Json &cell = blocks[block->first][column->second];
    if (cell.is_null())
      cell = {column->second};
    if (!expert)
      cell.push_back(decided);
    else if (cell.size() > 1 && cell.back()[1] == decided)
      cell.back()[0] = cell.back()[0].get<int64_t>() + 1;
    else
      cell.push_back({1, decided});
  }

  int32_t classOf(size_t module) {
    const Module &entry = resolution.modules()[module];
    const Decision &decision = resolution.decisions[module];
    Json chain = Json::array();
    for (const ChainLink &link : resolution.chain(module))
      chain.push_back({link.layer, link.said, link.won});
    Precision stored = decision.persistent != Precision::None ? decision.persistent : resolution.paramsDtype;
    return numberOf(classes, classNumbers,
                    {entry.type, name(decision.compute), name(stored), decision.reason, numberOf(chains, chainNumbers, std::move(chain)),
                     operations.find(entry.path)});
  }

  const Resolution &resolution;
  Operations operations;
  Json chains = Json::array(), classes = Json::array(), columns = Json::array(), before = Json::array(), after = Json::array();
  std::unordered_map<std::string, int32_t> chainNumbers, classNumbers;
  std::unordered_map<std::string, size_t> columnOf;
  std::map<int64_t, std::map<size_t, Json>> blocks; ///< by number and column
};

/// Operations of the graph that are no module, those of all blocks together: each with the blocks that have it, as ranges.
Json othersJson(const Json &operations) {
  Json list = Json::array();
  std::unordered_map<std::string, int32_t> numbers;
  std::vector<Json> blocks;
  for (const Json &operation : operations) {
    const Json &path = field(operation, "path");
    if (!path.is_string())
      continue;
    std::string text = path.get<std::string>();
    auto block = numbered(text, "blocks.");
    Json entry = {{"name", block ? std::string(block->second) : text}};
    for (const auto &[key, value] : operation.items())
      if (key != "path" && key != "parameter")
        entry[key] = value;
    size_t index = static_cast<size_t>(numberOf(list, numbers, std::move(entry)));
    blocks.resize(list.size(), Json::array());
    if (!block)
      continue;
    if (Json &ranges = blocks[index]; !ranges.empty() && ranges.back()[1] == block->first - 1)
      ranges.back()[1] = block->first;
    else
      ranges.push_back({block->first, block->first});
  }
  for (size_t i = 0; i < list.size(); ++i)
    list[i]["blocks"] = std::move(blocks[i]);
  return list;
}

Json findingsJson(const std::vector<Finding> &findings) {
  Json list = Json::array();
  for (const Finding &finding : findings) {
    Json notes = Json::array();
    for (const Note &note : finding.notes)
      notes.push_back({{"text", note.text}, {"location", note.location}});
    list.push_back({{"code", codeName(finding.code)},
                    {"severity", finding.isError() ? "error" : "warning"},
                    {"message", finding.message},
                    {"where", finding.where},
                    {"location", finding.location},
                    {"notes", std::move(notes)}});
  }
  return list;
}

} // namespace

Json reportData(const Resolution &resolution, const Json &plan, const ReportHeader &header) {
  Json data = Json::object();
  data["header"] = {
      {"tool", header.tool},        {"source", header.source}, {"hash", header.hash},       {"target", header.target},
      {"family", header.family},    {"layers", header.layers}, {"experts", header.experts}, {"experts_per_token", header.expertsPerToken},
      {"messages", header.messages}};
  Json &policy = data["policy"] = Json::object();
  // What a target makes of the plan is --legality's to say: the page shows what was decided, which is the same for every target.
  for (const auto &[key, value] : plan.items())
    if (key != "operations" && key != "without_parameters" && key != "targets")
      policy[key] = value;
  data["findings"] = findingsJson(resolution.findings);
  Builder(resolution, plan).write(data);
  data["others"] = othersJson(field(plan, "without_parameters"));
  return data;
}

} // namespace dsmlir
