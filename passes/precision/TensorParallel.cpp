// Degrees of tensor and expert parallelism, from the shapes and formats of planned operations.
#include "passes/precision/TensorParallel.h"
#include "runtime/support/Status.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

using namespace dsmlir;

namespace {

std::vector<int64_t> divisors(int64_t number) {
  std::vector<int64_t> list;
  for (int64_t divisor = 1; divisor <= number; ++divisor)
    if (number % divisor == 0)
      list.push_back(divisor);
  return list;
}

std::string share(const char *what, int64_t extent, int64_t ranks) {
  return dsrt::format("%s = %lld / %lld", what, (long long)extent, (long long)ranks);
}

/// Why a rank's part of an extent is not whole; empty where it is. `tiles` are the extents of the operands' tiles along the cut.
std::string cutOf(const char *what, int64_t extent, int64_t ranks, std::initializer_list<int64_t> tiles) {
  if (extent % ranks != 0)
    return share(what, extent, ranks) + " is no whole number";
  int64_t part = extent / ranks;
  for (int64_t tile : tiles)
    if (tile > 1 && part % tile != 0)
      return share(what, extent, ranks) + dsrt::format(" = %lld is no multiple of %lld", (long long)part, (long long)tile);
  return "";
}

/// Whether one scale of the format speaks of values on several ranks; `alongK` where K is cut, else the rows.
bool spansRanks(const std::optional<QuantFormat> &format, bool alongK) {
  if (!format)
    return false;
  return (alongK ? format->tileCols : format->tileRows) == 0 || format->outerScale == "tensor" || (alongK && format->outerScale == "row");
}

void examine(const PlannedOperation &operation, TensorParallelDegree &degree) {
  if (operation.cut == Cut::Whole || degree.ranks == 1)
    return;
  auto &cuts = operation.experts > 0 ? degree.expertCuts : degree.cuts;
  bool alongK = operation.cut == Cut::Rows;
  if (operation.heads > 0 && operation.heads % degree.ranks != 0) {
    cuts.push_back({operation.path, share("heads", operation.heads, degree.ranks) + " is no whole number"});
    return;
  }
  auto tile = [&](const std::optional<QuantFormat> &format) { return format ? (alongK ? format->tileCols : format->tileRows) : 0; };
  // Activations are cut along K alone: each rank of a column-parallel product has all of them.
  std::string cut = alongK ? cutOf("K", operation.k, degree.ranks, {tile(operation.weight.format), tile(operation.activation.format)})
                           : cutOf("N", operation.n, degree.ranks, {tile(operation.weight.format)});
  if (!cut.empty())
    cuts.push_back({operation.path, cut});
  std::string what = share(alongK ? "K" : "N", alongK ? operation.k : operation.n, degree.ranks);
  if (spansRanks(operation.weight.format, alongK) || spansRanks(operation.through, alongK))
    degree.loadScales.push_back({operation.path, what});
  if (alongK && spansRanks(operation.activation.format, alongK))
    degree.callScales.push_back({operation.path, what});
}

} // namespace

std::vector<TensorParallelDegree> dsmlir::tensorParallelDegrees(const std::vector<PlannedOperation> &operations) {
  int64_t most = 0;
  for (const PlannedOperation &operation : operations)
    most = std::max(most, operation.heads);
  if (most == 0)
    most = 8;
  std::set<int64_t> ranks;
  for (int64_t power = 1; power <= most; power *= 2)
    ranks.insert(power);
  for (int64_t divisor : divisors(most))
    ranks.insert(divisor);
  std::vector<TensorParallelDegree> degrees;
  for (int64_t count : ranks) {
    degrees.push_back({count, {}, {}, {}, {}});
    for (const PlannedOperation &operation : operations)
      examine(operation, degrees.back());
  }
  return degrees;
}

std::vector<int64_t> dsmlir::expertParallelDegrees(const std::vector<PlannedOperation> &operations) {
  // A layer's experts may stand in several runs of equal precision: those of one projection are counted together.
  std::map<std::string, int64_t> ofProjection;
  for (const PlannedOperation &operation : operations)
    if (operation.experts > 0)
      ofProjection[operation.group] += operation.experts;
  int64_t common = 0;
  for (const auto &[group, experts] : ofProjection)
    common = std::gcd(common, experts);
  return divisors(common);
}
