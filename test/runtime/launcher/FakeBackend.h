// A backend for tests: memory of the host, and the three operations of the toy model, written down directly. It counts what is
// allocated, so that tests see what is not given back.
#pragma once

#include "dsrt/dsrt_backend.h"

#include <cstdint>
#include <functional>
#include <vector>

namespace fake {

using Calls = std::vector<std::function<void()>>;

struct State {
  int64_t live = 0;          ///< allocations that were not released
  int64_t prepared = 0;      ///< weights that were prepared and not released
  bool takesWeights = false; ///< prepare_weight keeps a copy of its own
  int32_t failAt = -1;       ///< the site whose call fails
  int32_t lastUse = 0;       ///< of the weight prepared last

  // Of the backend that queues.
  bool capturing = false, captureFails = false;
  Calls captured;
  std::vector<size_t> graphs; ///< made so far: their numbers of calls
  int64_t liveGraphs = 0;
  dsrt_counters counters = {};
  dsrt_memory memory = {uint64_t(1) << 30, uint64_t(1) << 30, 0};
};

/// `name` is "cpu": stored weights may be used in place. "elsewhere": memory that only copies reach.
const dsrt_backend *backend(bool elsewhere = false);
/// Elsewhere, and with a queue: what is called while a graph is captured runs when the graph is launched. Operations read the batch's
/// arrays in the backend's memory.
const dsrt_backend *queuedBackend();

} // namespace fake
