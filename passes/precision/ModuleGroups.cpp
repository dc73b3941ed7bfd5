// A path is taken apart into its shape, "blocks.#.ffn.experts.#.gate_proj", and its numbers: at most a block and an expert.
#include "passes/precision/ModuleGroups.h"

#include <charconv>
#include <map>
#include <set>

using namespace dsmlir;

namespace {

struct NumberedPath {
  std::string shape;
  std::vector<int64_t> numbers;
};

NumberedPath takeApart(std::string_view path) {
  NumberedPath result;
  while (!path.empty()) {
    std::string_view part = path.substr(0, path.find('.'));
    int64_t number = 0;
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (!result.shape.empty())
      result.shape += '.';
    if (error == std::errc() && end == part.data() + part.size()) {
      result.shape += '#';
      result.numbers.push_back(number);
    } else {
      result.shape += part;
    }
    path.remove_prefix(std::min(path.size(), part.size() + 1));
  }
  return result;
}

/// The shape with texts in the place of its numbers.
std::string putTogether(std::string_view shape, const std::vector<std::string> &numbers) {
  std::string text;
  size_t next = 0;
  for (char letter : shape)
    if (letter == '#')
      text += numbers[next++];
    else
      text += letter;
  return text;
}

/// "3", "[0-7]", "[0-1,5]".
std::string ranges(const std::set<int64_t> &numbers) {
  std::string text;
  for (auto first = numbers.begin(); first != numbers.end();) {
    auto last = first;
    for (auto next = std::next(first); next != numbers.end() && *next == *last + 1; ++next)
      last = next;
    text += (text.empty() ? "" : ",") + std::to_string(*first) + (last == first ? "" : "-" + std::to_string(*last));
    first = std::next(last);
  }
  return numbers.size() == 1 ? text : "[" + text + "]";
}

/// One path for all members: those of a group by projection or kind have one shape.
std::string nameOf(const std::vector<NumberedPath> &paths, const std::vector<uint32_t> &members) {
  const NumberedPath &first = paths[members.front()];
  std::vector<std::set<int64_t>> numbers(first.numbers.size());
  for (uint32_t member : members)
    for (size_t i = 0; i < numbers.size(); ++i)
      numbers[i].insert(paths[member].numbers[i]);
  std::vector<std::string> texts;
  for (const std::set<int64_t> &set : numbers)
    texts.push_back(ranges(set));
  return putTogether(first.shape, texts);
}

std::string escaped(const std::string &shape) {
  std::string text;
  for (char letter : shape)
    text += letter == '.' ? std::string("\\.") : std::string(1, letter);
  return text;
}

/// A regular expression for some of the numbers that there are.
std::string alternatives(const std::set<int64_t> &some, const std::set<int64_t> &all) {
  if (some.size() > 1 && some == all)
    return "[0-9]+";
  std::string text;
  for (int64_t number : some)
    text += (text.empty() ? "" : "|") + std::to_string(number);
  return some.size() == 1 ? text : "(" + text + ")";
}

/// Blocks (or -1) to experts (or none) of the modules of one shape.
using Numbers = std::map<int64_t, std::set<int64_t>>;

} // namespace

std::vector<ModuleGroup> dsmlir::groupModules(const std::vector<Module> &modules, const std::vector<uint32_t> &members, GroupBy by) {
  std::vector<NumberedPath> paths(modules.size());
  std::vector<ModuleGroup> groups;
  std::map<std::string, size_t> known;
  for (uint32_t member : members) {
    const NumberedPath &path = paths[member] = takeApart(modules[member].path);
    std::string block = path.numbers.empty() ? "" : std::to_string(path.numbers.front()), key;
    switch (by) {
    case GroupBy::Module:
      key = modules[member].path;
      break;
    case GroupBy::Projection:
      key = path.shape + " " + block;
      break;
    case GroupBy::Block:
      key = path.numbers.empty() ? path.shape : path.shape.substr(0, path.shape.find('#')) + block;
      break;
    case GroupBy::Kind:
      key = path.shape;
      break;
    }
    auto [place, added] = known.emplace(key, groups.size());
    if (added)
      groups.push_back({by == GroupBy::Block ? key : "", {}});
    groups[place->second].modules.push_back(member);
  }
  for (ModuleGroup &group : groups)
    if (group.name.empty())
      group.name = nameOf(paths, group.modules);
  return groups;
}

std::vector<std::string> dsmlir::exactPatterns(const std::vector<Module> &modules, const std::vector<uint32_t> &members) {
  std::map<std::string, Numbers> all, some;
  std::vector<std::string> shapes; // of the members, in their order
  auto add = [](std::map<std::string, Numbers> &table, const NumberedPath &path) {
    std::set<int64_t> &experts = table[path.shape][path.numbers.empty() ? -1 : path.numbers[0]];
    if (path.numbers.size() > 1)
      experts.insert(path.numbers[1]);
  };
  for (const Module &module : modules)
    add(all, takeApart(module.path));
  for (uint32_t member : members) {
    NumberedPath path = takeApart(modules[member].path);
    if (!some.contains(path.shape))
      shapes.push_back(path.shape);
    add(some, path);
  }

  std::vector<std::string> patterns;
  for (const std::string &shape : shapes) {
    // Blocks with the same experts in the selection share a pattern. "[0-9]+" may stand for the blocks only where it means the same
    // experts in all blocks that there are.
    std::map<std::string, std::set<int64_t>> blocksOf;
    std::vector<std::string> order;
    std::set<int64_t> blocks;
    for (const auto &[block, experts] : all[shape])
      blocks.insert(block);
    for (const auto &[block, experts] : some[shape]) {
      std::string key = alternatives(experts, all[shape][block]);
      if (!blocksOf.contains(key))
        order.push_back(key);
      blocksOf[key].insert(block);
    }
    for (const std::string &experts : order)
      patterns.push_back("^" + putTogether(escaped(shape), {alternatives(blocksOf[experts], blocks), experts}) + "$");
  }
  return patterns;
}

std::vector<std::string> dsmlir::pathsOfOperation(std::string_view path) {
  size_t open = path.find('['), dash = path.find('-', open), close = path.find(']', open);
  int64_t first = 0, last = 0;
  if (open == std::string_view::npos || dash == std::string_view::npos || close == std::string_view::npos || dash > close ||
      std::from_chars(path.data() + open + 1, path.data() + dash, first).ptr != path.data() + dash ||
      std::from_chars(path.data() + dash + 1, path.data() + close, last).ptr != path.data() + close)
    return {std::string(path)};
  std::vector<std::string> paths;
  for (int64_t number = first; number <= last; ++number)
    paths.push_back(std::string(path.substr(0, open)) + std::to_string(number) + std::string(path.substr(close + 1)));
  return paths;
}
