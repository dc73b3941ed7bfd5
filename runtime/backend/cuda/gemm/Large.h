// Products of many rows: the tile configurations of Large.cu, for runLarge (Gemm.h), which chooses one, and for measurements of each.
#pragma once

#include "runtime/backend/cuda/gemm/Gemm.h"

namespace dsrt::cuda {

/// A block computes tiles of 128 * waves rows by 128 columns; the `cluster` blocks of a cluster compute neighbours along the columns and
/// share what they read of x.
struct LargeTile {
  int waves;    ///< 1 or 2
  int cluster;  ///< 1 or 2
  int slabs;    ///< 1 or, of two waves, 2: results on their way to memory while the next tile begins, at the cost of a stage
  bool ordered; ///< consumers take turns (FP8)
};

/// The configuration that runLarge takes.
LargeTile largeTile(const State &, const Product &);

cudaError_t runLarge(State &, const Product &, LargeTile);

} // namespace dsrt::cuda
