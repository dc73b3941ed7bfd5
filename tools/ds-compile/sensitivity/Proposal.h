// Which groups of modules to put into low precision under a budget: plain C++ over a function that measures a choice, so that the search
// can be tested without a model.
//
// Every group has been measured alone. The search believes that costs add up (errors that are independent of each other: squares of
// distances, or divergences) only to decide what to try; what it proposes has been measured as a whole.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace dsmlir {

/// A group of modules, as measured alone.
struct Candidate {
  double value = 0;  ///< in the metric of the budget; infinite where the logits were not finite: never chosen
  double cost = 0;   ///< the same on the scale on which costs add up, at least 0
  int64_t saved = 0; ///< resident bytes; groups that save none are never chosen
};

/// A choice of groups, as measured together.
struct Outcome {
  double value = 0;
  uint64_t bytes = 0; ///< of resident weights
};

/// Indices of candidates, ascending.
using Choice = std::vector<size_t>;
using MeasureChoice = std::function<dsrt::Expected<Outcome>(const Choice &)>;

struct Proposal {
  Choice chosen;
  Outcome outcome; ///< measured
};

/// The most bytes saved with a measured value of at most `budget`; nothing where not even `none` (nothing in low precision) keeps it.
///
/// Candidates in the order of cost for each byte saved; the longest prefix that keeps the budget is found by bisection, and then each
/// further candidate that keeps it alone is tried on top, in the same order. Where costs do add up, what is saved is at least the best
/// possible less the largest candidate (the bound of the greedy solution of a knapsack), and the best possible where all save the same.
dsrt::Expected<std::optional<Proposal>> proposeForValue(const std::vector<Candidate> &candidates, const Outcome &none, double budget,
                                                        const MeasureChoice &measure);

/// The least value with at most `budget` bytes; nothing where all candidates together leave more.
///
/// The shortest prefix in the same order that is enough; then the same with its last candidate replaced by the cheapest one that is enough
/// in its place. Candidates that turn out not to be needed leave, the dearest first. Of the two choices that with the lower measured value.
dsrt::Expected<std::optional<Proposal>> proposeForBytes(const std::vector<Candidate> &candidates, const Outcome &none, uint64_t budget,
                                                        const MeasureChoice &measure);

} // namespace dsmlir
