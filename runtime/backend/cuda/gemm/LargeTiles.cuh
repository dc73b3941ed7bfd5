// Which tile a cluster of blocks computes next: a persistent schedule that the producer warp of each block follows for itself.
//
// In: the extents of a product, the expert offsets on the device. Out: tile after tile. Tiles of an expert (of a dense product: of the
// whole) follow in bands of row tiles, within a band column by column, so that tiles that run at the same time read few rows of x and of
// the weights, and all row tiles of a band read a part of the weights at about the same time: it comes from memory once.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace dsrt::cuda {

inline constexpr int largeTileColumns = 128;

struct LargeExtents {
  const int32_t *offsets; ///< [experts + 1] on the device, or null: one expert of all rows
  int rows, experts, sideCount;
  int columns[2];     ///< of each side
  int columnTiles[2]; ///< of each side; 0 where there is no second side
};

struct Tile {
  int expert, row, rowEnd; ///< rows row .. rowEnd are the expert's, of which the tile takes the first
  int side, column;
  bool empty; ///< right of the last column: a neighbour in the cluster has columns
};

/// All lanes of a warp call together.
template <int tileRows, int cluster> class Tiles {
public:
  __device__ __forceinline__ explicit Tiles(const LargeExtents &extents, uint32_t rank)
      : extents(extents), groups((extents.columnTiles[0] + extents.columnTiles[1] + cluster - 1) / cluster), rank(rank),
        item(int(blockIdx.x) / cluster) {
    loadExperts();
  }

  __device__ __forceinline__ bool next(Tile &tile) {
    uint32_t holders;
    while ((holders = __ballot_sync(~0u, item < upTo)) == 0) {
      first += 32;
      before = __shfl_sync(~0u, upTo, 31);
      if (first >= extents.experts)
        return false;
      loadExperts();
    }
    int holder = __ffs(holders) - 1;
    int start = __shfl_sync(~0u, rowStart, holder), end = __shfl_sync(~0u, rowEnd, holder);
    int rowTiles = (end - start + tileRows - 1) / tileRows;
    int index = item - (__shfl_sync(~0u, upTo, holder) - rowTiles * groups);
    int band = index / (bandTiles * groups);
    index -= band * bandTiles * groups;
    int height = min(bandTiles, rowTiles - band * bandTiles);
    tile.expert = first + holder;
    // rotated: the same clusters should not always take an expert's last tile, which is not full
    tile.row = start + (band * bandTiles + (index + index / height + tile.expert) % height) * tileRows;
    tile.rowEnd = end;
    int columnTile = index / height * cluster + int(rank);
    tile.side = columnTile >= extents.columnTiles[0];
    columnTile -= tile.side ? extents.columnTiles[0] : 0;
    tile.empty = columnTile >= extents.columnTiles[tile.side];
    tile.column = columnTile * largeTileColumns;
    item += int(gridDim.x) / cluster;
    return true;
  }

private:
  static constexpr int bandTiles = 2048 / tileRows;

  const LargeExtents &extents;
  int groups; ///< of column tiles, one of which a cluster takes
  uint32_t rank;
  int item;                   ///< the cluster's next
  int first = 0, before = 0;  ///< the expert of lane 0, and the items of the experts before it
  int rowStart, rowEnd, upTo; ///< of the lane's expert: its rows, and the items up to and with it

  __device__ __forceinline__ void loadExperts() {
    int expert = first + int(threadIdx.x) % 32;
    rowStart = rowEnd = 0;
    if (expert < extents.experts) {
      rowStart = extents.offsets ? extents.offsets[expert] : 0;
      rowEnd = extents.offsets ? extents.offsets[expert + 1] : extents.rows;
    }
    upTo = (rowEnd - rowStart + tileRows - 1) / tileRows * groups;
    for (int step = 1; step < 32; step *= 2) {
      int left = __shfl_up_sync(~0u, upTo, step);
      if (int(threadIdx.x) % 32 >= step)
        upTo += left;
    }
    upTo += before;
  }
};

} // namespace dsrt::cuda
