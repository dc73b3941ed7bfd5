// What the clusters of Small.cu work on, in which order: items are tiles of weight rows by rows of x, made of the offsets on the device.
#pragma once

#include "runtime/backend/cuda/gemm/Barrier.cuh"

#include <cstdint>

namespace dsrt::cuda {

/// What the host knows of a product's extents.
struct SmallExtents {
  const int32_t *offsets; ///< [experts + 1] on the device, or null: dense
  int rows, experts, sideCount;
  int weightRows[2]; ///< of an expert
  int tiles[2];      ///< of an expert's weight rows
};

/// An expert with rows, and the number of its first item. An expert's items of the same weight rows follow each other, so that clusters
/// which run side by side read these from L2.
struct SmallEntry {
  int expert, row, rowEnd, firstItem;
};

inline constexpr int maxSmallEntries = 512;

struct SmallList {
  SmallEntry entries[maxSmallEntries];
  int count, items;
};

/// Makes the list of experts that have rows; one warp. Lane l looks at the l-th part of the experts, twice: it counts, then it writes.
template <int columns> __device__ __forceinline__ void listExperts(const SmallExtents &extents, SmallList &list) {
  const int lane = threadIdx.x % 32, tiles = extents.tiles[0] + (extents.sideCount > 1 ? extents.tiles[1] : 0);
  if (extents.offsets == nullptr) {
    if (lane == 0) {
      list.entries[0] = {0, 0, extents.rows, 0};
      list.count = 1, list.items = (extents.rows + columns - 1) / columns * tiles;
    }
    return;
  }
  const int each = (extents.experts + 31) / 32, first = lane * each, end = min(first + each, extents.experts);
  int entries = 0, items = 0;
  for (int expert = first; expert < end; ++expert) {
    const int rows = extents.offsets[expert + 1] - extents.offsets[expert];
    entries += rows > 0;
    items += max(rows + columns - 1, 0) / columns * tiles;
  }
  int entriesUpTo = entries, itemsUpTo = items;
#pragma unroll
  for (int distance = 1; distance < 32; distance *= 2) {
    const int moreEntries = __shfl_up_sync(~0u, entriesUpTo, distance), moreItems = __shfl_up_sync(~0u, itemsUpTo, distance);
    if (lane >= distance)
      entriesUpTo += moreEntries, itemsUpTo += moreItems;
  }
  int entry = entriesUpTo - entries, item = itemsUpTo - items;
  for (int expert = first; expert < end; ++expert) {
    const int row = extents.offsets[expert], rowEnd = extents.offsets[expert + 1];
    if (rowEnd <= row)
      continue;
    list.entries[entry++] = {expert, row, rowEnd, item};
    item += (rowEnd - row + columns - 1) / columns * tiles;
  }
  if (lane == 31)
    list.count = entriesUpTo, list.items = itemsUpTo;
}

/// A tile: weight rows from `column` (of y) on of an expert's matrix, times rows row .. rowEnd of x, at most `columns` of them.
struct SmallItem {
  int expert, side, column, row, rowEnd;
};

/// The items of one cluster: each `stride`-th.
template <int columns, int tileRows> struct SmallItems {
  const SmallExtents &extents;
  const SmallList &list;
  int item, stride, entry = 0;

  __device__ __forceinline__ bool more() const { return item < list.items; }

  __device__ __forceinline__ bool next(SmallItem &result) {
    if (!more())
      return false;
    while (entry + 1 < list.count && item >= list.entries[entry + 1].firstItem)
      ++entry;
    const SmallEntry found = list.entries[entry];
    const int local = item - found.firstItem, columnTiles = (found.rowEnd - found.row + columns - 1) / columns;
    const int tile = local / columnTiles, row = found.row + local % columnTiles * columns;
    const int side = tile >= extents.tiles[0];
    result = {found.expert, side, (tile - (side ? extents.tiles[0] : 0)) * tileRows, row, min(found.rowEnd, row + columns)};
    item += stride;
    return true;
  }
};

} // namespace dsrt::cuda
