// What `ds-compile sensitivity` prints.
#pragma once

#include "tools/ds-compile/sensitivity/Measurement.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace dsmlir {

/// A group of modules, alone in low precision.
struct GroupResult {
  std::string name;
  size_t modules = 0;
  uint64_t bytesBefore = 0, bytesAfter = 0; ///< of its modules' resident weights, with nothing and with the group in low precision
  Measurement measurement;
};

/// Groups together, and what they are written as in a precision file.
struct ProposalResult {
  std::vector<size_t> groups; ///< indices into SensitivityResult::groups, ascending
  Measurement measurement;
  dsrt::Json policy;
};

struct SensitivityResult {
  Metric metric = Metric::Distance;
  std::string baseline;                ///< "fp32", or what --baseline left out means: "nothing in low precision"
  int64_t rows = 0, tokens = 0;        ///< of the sample
  Measurement nothing;                 ///< in low precision
  GroupResult everything;              ///< in low precision
  std::vector<GroupResult> groups;     ///< in the order of the model
  std::optional<double> valueBudget;   ///< with a proposal
  std::optional<uint64_t> bytesBudget; ///< with a proposal
  std::optional<ProposalResult> proposal;

  /// Of a measurement, what the metric calls distance.
  double value(const Measurement &measurement) const { return metric == Metric::Distance ? measurement.distance : measurement.divergence; }
  /// Indices of the groups, the largest distance first; of equal ones the earlier.
  std::vector<size_t> worstFirst() const;

  dsrt::Json json() const;
  /// A table, the group that hurts most first.
  std::string text() const;
};

} // namespace dsmlir
