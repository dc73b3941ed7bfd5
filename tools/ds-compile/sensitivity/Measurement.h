// How far a policy's logits are from the baseline's, in two metrics.
#pragma once

#include "runtime/support/Json.h"

#include <cstdint>

namespace dsmlir {

/// What is called distance: sorts the groups, and is what a budget bounds.
enum class Metric : uint8_t {
  Distance,  ///< ||a - b|| / ||b|| over all logits
  Divergence ///< mean over tokens of the divergence from the baseline's distribution, nats
};

/// A policy's run against the baseline's.
struct Measurement {
  double distance = 0;   ///< ||a - b|| / ||b|| over all logits; infinite where logits were not finite
  double divergence = 0; ///< mean over tokens of the divergence from the baseline's distribution, nats
  uint64_t bytes = 0;    ///< of resident weights

  bool operator==(const Measurement &) const = default;
};

/// {"distance", "divergence", "bytes"}; what is infinite is null.
dsrt::Json toJson(const Measurement &measurement);

} // namespace dsmlir
