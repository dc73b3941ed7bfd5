// Which tensor-parallel degrees keep quantisation tiles, heads and the vocabulary whole. Plain C++ without MLIR.
#pragma once

#include "passes/precision/Legality.h"

#include <string>
#include <vector>

namespace dsmlir {

/// What a degree does to one weight.
struct Cutting {
  std::string path;
  std::string what; ///< "K = 10944 / 8 = 1368 is no multiple of 128"
};

struct TensorParallelDegree {
  int64_t ranks;
  std::vector<Cutting> cuts;       ///< tiles, heads, rows of the vocabulary that no rank would hold whole
  std::vector<Cutting> expertCuts; ///< of routed experts: not cut where expert parallelism keeps them whole
  std::vector<Cutting> loadScales; ///< scales of weights that span the ranks: their amax is taken over all ranks when they are loaded
  std::vector<Cutting> callScales; ///< scales of activations that span the ranks: their amax is reduced over the ranks in each call

  bool isWhole() const { return cuts.empty() && expertCuts.empty(); }
};

/// Degrees that can be asked for: the powers of two up to the number of heads, and all its divisors (8 where there is no attention).
/// A rank holds n / ranks output channels of a weight whose columns are cut and k / ranks of one whose rows are: whole where
/// the part is a number of whole tiles of every operand along the cut. A tile that is the whole extent is never cut: its scale needs an
/// amax over the ranks.
std::vector<TensorParallelDegree> tensorParallelDegrees(const std::vector<PlannedOperation> &operations);

/// Degrees of expert parallelism: the divisors of the number of experts, the same for all layers; empty where there are none.
std::vector<int64_t> expertParallelDegrees(const std::vector<PlannedOperation> &operations);

} // namespace dsmlir
