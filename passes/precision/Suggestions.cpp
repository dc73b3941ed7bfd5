// Which existing path a path that does not exist may have meant. Only built when something matched nothing.
#include "passes/precision/EditDistance.h"
#include "passes/precision/ForeignNames.h"
#include "passes/precision/PrecisionModel.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <numeric>
#include <set>
#include <unordered_set>

using namespace dsmlir;

namespace {

std::optional<int64_t> indexOf(std::string_view segment) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(segment.data(), segment.data() + segment.size(), value);
  return error == std::errc() && end == segment.data() + segment.size() && value >= 0 ? std::optional(value) : std::nullopt;
}

/// The path with every index replaced: modules of one kind share it.
std::string shapeOf(std::string_view path) {
  std::vector<std::string> shape = splitPath(path);
  for (std::string &segment : shape)
    if (indexOf(segment))
      segment = "#";
  return joinPath(shape);
}

std::vector<std::string> sortedSegments(std::string_view path) {
  std::vector<std::string> segments = splitPath(path);
  std::sort(segments.begin(), segments.end());
  return segments;
}

using Ids = std::vector<uint32_t>;

/// Whether all of `few` from a position on stands in `many` from that position on, in this order.
bool isSubsequence(const Ids &few, const Ids &many, size_t begin) {
  size_t at = begin;
  for (size_t i = begin; i < many.size() && at < few.size(); ++i)
    at += many[i] == few[at];
  return at == few.size();
}

/// A module, and its distance from what was written.
struct Found {
  unsigned distance;
  uint32_t module;
};

/// A name of each module, to look up misspelt ones in.
struct Spellings {
  std::vector<std::string> names; ///< by module
  std::vector<uint32_t> sorted;   ///< modules by name, so that neighbours share prefixes

  explicit Spellings(std::vector<std::string> given) : names(std::move(given)), sorted(names.size()) {
    std::iota(sorted.begin(), sorted.end(), 0u);
    std::sort(sorted.begin(), sorted.end(), [&](uint32_t a, uint32_t b) { return names[a] < names[b]; });
  }

  /// All modules within an edit distance of the query. Rows of the distance's table are shared by paths with a common prefix, and
  /// a prefix that is too far away already takes all its paths with it.
  std::vector<Found> within(std::string_view query, unsigned bound) const {
    std::vector<Found> found;
    size_t width = query.size() + 1;
    std::vector<std::vector<unsigned>> rows(1, std::vector<unsigned>(width));
    for (size_t j = 0; j < width; ++j)
      rows[0][j] = static_cast<unsigned>(j);
    std::string_view previous;
    size_t valid = 0;        // rows of `previous` that are filled
    size_t cut = ~size_t(0); // prefixes of `previous` of this length are too far away
    for (uint32_t module : sorted) {
      std::string_view path = names[module];
      size_t common = 0;
      while (common < path.size() && common < previous.size() && path[common] == previous[common])
        ++common;
      previous = path;
      if (common >= cut)
        continue;
      cut = ~size_t(0);
      for (size_t i = std::min(common, valid); i < path.size(); ++i) {
        if (rows.size() <= i + 1)
          rows.emplace_back(width);
        std::vector<unsigned> &row = rows[i + 1], &last = rows[i];
        row[0] = static_cast<unsigned>(i + 1);
        unsigned least = row[0];
        for (size_t j = 1; j < width; ++j) {
          row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (path[i] != query[j - 1])});
          if (i > 0 && j > 1 && path[i] == query[j - 2] && path[i - 1] == query[j - 1])
            row[j] = std::min(row[j], rows[i - 1][j - 2] + 1);
          least = std::min(least, row[j]);
        }
        valid = i + 1;
        // A transposition reaches back two rows: both must be beyond the bound.
        if (least > bound && *std::min_element(last.begin(), last.end()) > bound) {
          cut = i + 1;
          break;
        }
      }
      if (cut == ~size_t(0) && rows[path.size()][query.size()] <= bound)
        found.push_back({rows[path.size()][query.size()], module});
    }
    return found;
  }
};

} // namespace

struct Suggester::Index {
  struct Node {
    std::map<std::string_view, std::unique_ptr<Node>> children;
    std::vector<uint32_t> modules; ///< at and below
  };

  const std::vector<Module> &modules;
  std::vector<std::string_view> words; ///< the different segments of all paths
  std::unordered_map<std::string_view, uint32_t> wordIds;
  std::vector<Ids> segments; ///< as modules: indices into words
  std::unordered_set<std::string_view> paths;
  mutable std::optional<Spellings> own, foreign; ///< paths, and Hugging Face's names; made when first used
  Node root;

  explicit Index(const std::vector<Module> &given) : modules(given), segments(given.size()) {
    paths.reserve(modules.size());
    for (uint32_t i = 0; i < modules.size(); ++i) {
      std::string_view path = modules[i].path;
      paths.insert(path);
      Node *node = &root;
      node->modules.push_back(i);
      for (size_t begin = 0, end; begin <= path.size(); begin = end + 1) {
        end = std::min(path.find('.', begin), path.size());
        std::string_view segment = path.substr(begin, end - begin);
        auto [id, fresh] = wordIds.emplace(segment, static_cast<uint32_t>(words.size()));
        if (fresh)
          words.push_back(segment);
        segments[i].push_back(id->second);
        std::unique_ptr<Node> &child = node->children[segment];
        if (!child)
          child = std::make_unique<Node>();
        node = child.get();
        node->modules.push_back(i);
      }
    }
  }

  /// Paths of the same segments in another order: indices swapped.
  std::vector<std::string> reordered(const std::string &query) const {
    std::vector<std::string> wanted = sortedSegments(query), found;
    for (const Module &module : modules)
      if (module.path.size() == query.size() && sortedSegments(module.path) == wanted)
        found.push_back(module.path);
    return found;
  }

  /// The deepest node on the way of the path, and how many segments lead to it.
  std::pair<const Node *, size_t> walk(const std::vector<std::string> &query) const {
    const Node *node = &root;
    size_t depth = 0;
    for (; depth < query.size(); ++depth) {
      auto child = node->children.find(query[depth]);
      if (child == node->children.end())
        break;
      node = child->second.get();
    }
    return {node, depth};
  }

  /// The indices among a node's children, ascending.
  static std::vector<int64_t> indices(const Node &node) {
    std::vector<int64_t> found;
    for (const auto &[name, child] : node.children)
      if (std::optional<int64_t> index = indexOf(name))
        found.push_back(*index);
    std::sort(found.begin(), found.end());
    return found;
  }

  /// Paths that are the query with indices out of range replaced by the nearest that exist.
  void clampIndices(const Node &node, const std::vector<std::string> &query, size_t depth, std::string path, size_t limit,
                    std::vector<std::string> &found) const {
    if (found.size() >= limit)
      return;
    if (depth == query.size()) {
      if (paths.count(path))
        found.push_back(path);
      return;
    }
    auto descend = [&](const std::string &name) {
      if (auto child = node.children.find(name); child != node.children.end())
        clampIndices(*child->second, query, depth + 1, path.empty() ? name : path + "." + name, limit, found);
    };
    std::optional<int64_t> wanted = indexOf(query[depth]);
    if (!wanted || node.children.count(query[depth]))
      return descend(query[depth]);
    std::vector<int64_t> existing = indices(node);
    std::sort(existing.begin(), existing.end(),
              [&](int64_t a, int64_t b) { return std::pair(std::abs(a - *wanted), a) < std::pair(std::abs(b - *wanted), b); });
    for (int64_t index : existing)
      descend(std::to_string(index));
  }

  /// Paths below the deepest existing prefix that have the query's segments and more of them, or fewer: a dense name on an MoE
  /// block, an expert's on a dense one, a segment left out. One of each kind, the fewest extra segments first.
  std::vector<std::string> restructured(const std::vector<std::string> &query) const {
    Ids wanted;
    for (const std::string &word : query) {
      auto known = wordIds.find(word);
      if (known == wordIds.end() && !indexOf(word))
        return {};
      wanted.push_back(known == wordIds.end() ? ~0u : known->second);
    }
    auto [node, depth] = walk(query);
    std::vector<std::pair<size_t, uint32_t>> ranked;
    std::set<std::string> kinds;
    for (uint32_t module : node->modules) {
      const Ids &path = segments[module];
      bool longer = path.size() > wanted.size();
      bool related = path.back() == wanted.back() && (longer ? isSubsequence(wanted, path, depth) : isSubsequence(path, wanted, depth));
      if (related && kinds.insert(shapeOf(modules[module].path)).second)
        ranked.emplace_back(longer ? path.size() - wanted.size() : wanted.size() - path.size(), module);
    }
    std::sort(ranked.begin(), ranked.end());
    std::vector<std::string> found;
    for (auto [extra, module] : ranked)
      found.push_back(modules[module].path);
    return found;
  }

  /// The nearest spellings; of equally near ones, those with the query's own indices, then with near ones.
  std::vector<std::string> misspelt(std::string_view query, size_t limit, std::optional<Spellings> &spellings,
                                    std::string (*nameOf)(std::string_view)) const {
    if (!spellings) {
      std::vector<std::string> names;
      for (const Module &module : modules)
        names.push_back(nameOf(module.path));
      spellings.emplace(std::move(names));
    }
    std::vector<int64_t> wanted = numbers(splitPath(query));
    std::vector<Found> found;
    unsigned furthest = std::max<unsigned>(4, static_cast<unsigned>(query.size() / 3));
    for (unsigned bound = 2; found.size() < limit; bound *= 2) {
      found = spellings->within(query, std::min(bound, furthest));
      if (bound >= furthest)
        break;
    }
    std::vector<std::tuple<unsigned, int64_t, uint32_t>> ranked;
    for (const Found &candidate : found) {
      std::vector<int64_t> own = numbers(splitPath(modules[candidate.module].path));
      int64_t apart = 0;
      if (own.size() != wanted.size())
        apart = 1000;
      else if (own != wanted && digits(modules[candidate.module].path) == digits(query))
        apart = 1; // digits exchanged
      else
        for (size_t i = 0; i < own.size(); ++i)
          apart += std::abs(own[i] - wanted[i]);
      ranked.emplace_back(candidate.distance + (apart ? 1 : 0), apart, candidate.module);
    }
    std::sort(ranked.begin(), ranked.end());
    std::vector<std::string> best;
    for (size_t i = 0; i < ranked.size() && i < limit; ++i)
      best.push_back(modules[std::get<2>(ranked[i])].path);
    return best;
  }

  static std::string digits(std::string_view path) {
    std::string found;
    for (char c : path)
      if (c >= '0' && c <= '9')
        found += c;
    std::sort(found.begin(), found.end());
    return found;
  }

  static std::vector<int64_t> numbers(const std::vector<std::string> &path) {
    std::vector<int64_t> found;
    for (const std::string &segment : path)
      if (std::optional<int64_t> index = indexOf(segment))
        found.push_back(*index);
    return found;
  }
};

Suggester::Suggester(const std::vector<Module> &modules) : index(std::make_unique<Index>(modules)) {}
Suggester::~Suggester() = default;

std::vector<std::string> Suggester::suggest(std::string_view path, size_t limit) const {
  std::vector<std::string> best;
  auto add = [&](const std::string &candidate) {
    if (best.size() < limit && std::find(best.begin(), best.end(), candidate) == best.end())
      best.push_back(candidate);
  };
  std::string own = ownPath(path);
  if (index->paths.count(own))
    add(own);
  std::vector<std::string> query = splitPath(own);
  for (const std::string &candidate : index->reordered(own))
    add(candidate);
  std::vector<std::string> clamped;
  index->clampIndices(index->root, query, 0, "", limit - 1, clamped); // a place is left for digits that were exchanged
  for (const std::string &candidate : clamped)
    add(candidate);
  std::vector<std::string> kinds = index->restructured(query);
  for (size_t i = 0; i < kinds.size() && i < 2; ++i) // leave a place for a misspelling
    add(kinds[i]);
  auto itself = [](std::string_view name) { return std::string(name); };
  for (const std::string &candidate : index->misspelt(own, limit, index->own, itself))
    add(candidate);
  if (best.empty()) { // another project's name, so misspelt that none of its components was known
    std::string_view name = path.ends_with(".weight") ? path.substr(0, path.size() - 7) : path;
    for (const std::string &candidate : index->misspelt(name, limit, index->foreign, huggingFacePath))
      add(candidate);
  }
  return best;
}

std::string Suggester::explain(std::string_view path) const {
  std::vector<std::string> query = splitPath(ownPath(path));
  auto [node, depth] = index->walk(query);
  std::string prefix = joinPath({query.begin(), query.begin() + static_cast<std::ptrdiff_t>(depth)});
  if (depth == query.size())
    return index->paths.count(prefix) ? "" : "it is a group of " + std::to_string(node->modules.size()) + " modules; an override names one";
  std::vector<int64_t> existing = Index::indices(*node);
  if (!existing.empty() && indexOf(query[depth]))
    return prefix + " are " + std::to_string(existing.front()) + ".." + std::to_string(existing.back());
  bool known = depth > 0 && index->wordIds.count(query[depth]);
  if (!known)
    return "";
  std::string names;
  for (const auto &[name, child] : node->children)
    names += (names.empty() ? "" : ", ") + std::string(name);
  return prefix + " has " + names;
}

std::vector<std::string> Suggester::suggestForPattern(std::string_view pattern, size_t limit) const {
  // The pattern's words: what is left without operators, escapes and classes; a dot separates, escaped or not.
  std::vector<std::string> words(1);
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size() && std::isalnum(static_cast<unsigned char>(pattern[i + 1])))
      ++i, words.emplace_back();
    else if (std::isalnum(static_cast<unsigned char>(pattern[i])) || pattern[i] == '_')
      words.back() += pattern[i];
    else
      words.emplace_back();
  }
  std::erase_if(words, [](const std::string &word) { return word.empty(); });
  for (std::string &word : words)
    if (std::string own = ownPath(word); !own.empty())
      word = own;
  if (words.empty())
    return {};
  // A word's distance to a segment is at most its length; beyond a third of it there is no likeness.
  std::vector<std::vector<unsigned>> distances(words.size()); // by word, then by segment
  for (size_t word = 0; word < words.size(); ++word)
    for (std::string_view segment : index->words) {
      unsigned distance = segment.find(words[word]) != std::string_view::npos ? 0 : editDistance(words[word], segment);
      unsigned length = static_cast<unsigned>(words[word].size());
      distances[word].push_back(distance * 3 > length + 2 ? length : distance);
    }
  std::vector<std::pair<unsigned, uint32_t>> ranked;
  unsigned total = 0;
  for (const std::string &word : words)
    total += static_cast<unsigned>(word.size());
  for (uint32_t module = 0; module < index->modules.size(); ++module) {
    unsigned sum = 0;
    for (size_t word = 0; word < words.size(); ++word) {
      unsigned least = static_cast<unsigned>(words[word].size());
      for (uint32_t segment : index->segments[module])
        least = std::min(least, distances[word][segment]);
      sum += least;
    }
    if (sum * 2 < total)
      ranked.emplace_back(sum, module);
  }
  std::sort(ranked.begin(), ranked.end());
  std::vector<std::string> best;
  std::set<std::string> kinds;
  for (auto [distance, module] : ranked) {
    if (best.size() == limit)
      break;
    if (kinds.insert(shapeOf(index->modules[module].path)).second)
      best.push_back(index->modules[module].path);
  }
  return best;
}
