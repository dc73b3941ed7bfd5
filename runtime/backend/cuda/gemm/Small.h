// Products of few rows: the tile configurations of Small.cu, for runSmall (Gemm.h), which chooses one, and for measurements of each.
#pragma once

#include "runtime/backend/cuda/gemm/Gemm.h"

namespace dsrt::cuda {

/// A cluster of `split` blocks computes a tile of weight rows by `columns` rows of x; each block sums a part of K.
struct SmallTile {
  int columns;   ///< 8, 16, 32, 64 or 128
  int split;     ///< 1, 2, 4 or 8
  int residency; ///< blocks that a multiprocessor is given: 1 leaves room for the next kernel's blocks, which fetch their weights early
};

/// The configuration that runSmall takes.
SmallTile smallTile(const State &, const Product &);

cudaError_t runSmall(State &, const Product &, SmallTile);

} // namespace dsrt::cuda
