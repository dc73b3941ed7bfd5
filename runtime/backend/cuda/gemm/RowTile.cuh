// How blocks find their rows in a grouped product: tiles of rows are counted through all experts, each expert's beginning anew. The
// experts' offsets are on the device, so a grid has as many tiles as there may be, and those past the last have nothing to do.
#pragma once

#include <algorithm>
#include <cstdint>

namespace dsrt::cuda {

/// As many tiles as hold rows at most: at most one an expert is not full, and none is empty.
inline int64_t mostTiles(int64_t rows, int64_t experts, int64_t tileRows) {
  return std::min(rows, (rows + tileRows - 1) / tileRows + experts - 1);
}

struct RowTile {
  int64_t expert = -1, begin = 0, end = 0; ///< rows [begin, end) of an expert, of which the tile may take the first; expert -1: no tile
};

/// The tile with this number; asked by one whole warp.
template <int TileRows> __device__ RowTile findTile(const int32_t *offsets, int64_t experts, int64_t tile) {
  RowTile found;
  const int lane = int(threadIdx.x % 32);
  for (int64_t base = 0; base < experts; base += 32) {
    int64_t expert = base + lane, begin = 0, end = 0;
    if (expert < experts)
      begin = offsets[expert], end = offsets[expert + 1];
    int tiles = int((end - begin + TileRows - 1) / TileRows), sum = tiles;
#pragma unroll
    for (int step = 1; step < 32; step *= 2) {
      int other = __shfl_up_sync(~0u, sum, step);
      sum += lane >= step ? other : 0;
    }
    unsigned holders = __ballot_sync(~0u, tile < sum);
    if (holders == 0) {
      tile -= __shfl_sync(~0u, sum, 31);
      continue;
    }
    int source = __ffs(int(holders)) - 1;
    int64_t first = begin + (tile - (sum - tiles)) * TileRows;
    found.expert = base + source;
    found.begin = __shfl_sync(~0u, first, source), found.end = __shfl_sync(~0u, end, source);
    break;
  }
  return found;
}

/// The same for a whole block; without offsets, tiles of all rows.
template <int TileRows> __device__ RowTile tileOfBlock(const int32_t *offsets, int64_t experts, int64_t rows, int64_t tile) {
  if (offsets == nullptr)
    return {0, tile * TileRows, rows};
  __shared__ RowTile shared;
  if (threadIdx.x < 32) {
    RowTile found = findTile<TileRows>(offsets, experts, tile);
    if (threadIdx.x == 0)
      shared = found;
  }
  __syncthreads();
  return shared;
}

} // namespace dsrt::cuda
