// A backend for tests: memory of the host, and the three operations of the toy model, written down directly. It counts what is
// allocated, so that tests see what is not given back.
#pragma once

#include "dsrt/dsrt_backend.h"

#include <cstdint>

namespace fake {

struct State {
  int64_t live = 0;          ///< allocations that were not released
  int64_t prepared = 0;      ///< weights that were prepared and not released
  bool takesWeights = false; ///< prepare_weight keeps a copy of its own
  int32_t failAt = -1;       ///< the site whose call fails
  int32_t lastUse = 0;       ///< of the weight prepared last
};

/// `name` is "cpu": stored weights may be used in place. "elsewhere": memory that only copies reach.
const dsrt_backend *backend(bool elsewhere = false);

} // namespace fake
