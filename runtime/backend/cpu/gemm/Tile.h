// The register tile, shared by all instruction sets. Each Kernels*.cpp defines its sources in an anonymous namespace and includes
// this header inside it, so that every instantiation belongs to one file and one set of -m flags.
//
// A source says how a panel's units become vectors:
//   Math       Vector, kVectors (vectors of 16 channels), Element, zero(), broadcast(element), multiplyAdd(a, b, c), and
//              promote(c, sum, rowScale, channelScales, first): the new total
//   kElements  elements along K that one load yields;  kBytes  bytes of packed panel that it takes
//   kDecodes   whether loading costs more than the load
//   kPacked    whether the panels are read for the first time: then the next segment's, which lie behind, are prefetched
//   load(bytes, out[kElements][kVectors]);  loadLast: the same for a single element

/// The loops are unrolled by request: the compiler keeps the sums in registers only where all their indices are constants.
template <typename Source, int Rows, int Panels> void tile(const Block &block, int64_t row, int64_t panel) {
  using Math = typename Source::Math;
  using Vector = typename Math::Vector;
  using Element = typename Math::Element;
  constexpr int V = Math::kVectors, E = Source::kElements;
  Vector sums[Rows][Panels][V];
#pragma unroll
  for (int r = 0; r < Rows; ++r)
#pragma unroll
    for (int p = 0; p < Panels; ++p)
#pragma unroll
      for (int v = 0; v < V; ++v)
        sums[r][p][v] = Math::zero();

  const Element *a = static_cast<const Element *>(block.a) + row * block.aStride;
  const int64_t aStride = block.aStride, bStride = block.bStride;
  const std::byte *b = block.b + panel * bStride;
  const int64_t steps = block.length / E, ahead = steps * Source::kBytes;
  for (int64_t step = 0; step < steps; ++step, a += E, b += Source::kBytes) {
    if constexpr (Source::kDecodes) {
#pragma unroll
      for (int p = 0; p < Panels; ++p) {
        typename Math::Operand x[E][V];
        Source::load(b + p * bStride, x);
#pragma unroll
        for (int e = 0; e < E; ++e)
#pragma unroll
          for (int r = 0; r < Rows; ++r) {
            auto left = Math::broadcast(a + r * aStride + e);
#pragma unroll
            for (int v = 0; v < V; ++v)
              sums[r][p][v] = Math::multiplyAdd(left, x[e][v], sums[r][p][v]);
          }
      }
    } else {
      static_assert(E == 1);
      typename Math::Operand x[Panels][1][V];
#pragma unroll
      for (int p = 0; p < Panels; ++p) {
        Source::load(b + p * bStride, x[p]);
        if constexpr (Source::kPacked)
          __builtin_prefetch(b + p * bStride + ahead, 0, 2);
      }
#pragma unroll
      for (int r = 0; r < Rows; ++r) {
        auto left = Math::broadcast(a + r * aStride);
#pragma unroll
        for (int p = 0; p < Panels; ++p)
#pragma unroll
          for (int v = 0; v < V; ++v)
            sums[r][p][v] = Math::multiplyAdd(left, x[p][0][v], sums[r][p][v]);
      }
    }
  }
  if constexpr (E > 1)
    if (block.length % E != 0)
#pragma unroll
      for (int p = 0; p < Panels; ++p) {
        typename Math::Operand x[V];
        Source::loadLast(b + p * bStride, x);
#pragma unroll
        for (int r = 0; r < Rows; ++r)
#pragma unroll
          for (int v = 0; v < V; ++v)
            sums[r][p][v] = Math::multiplyAdd(Math::broadcast(a + r * aStride), x[v], sums[r][p][v]);
      }

#pragma unroll
  for (int r = 0; r < Rows; ++r)
#pragma unroll
    for (int p = 0; p < Panels; ++p)
#pragma unroll
      for (int v = 0; v < V; ++v) {
        constexpr int lanes = 16 / V;
        int64_t channel = (panel + p) * 16 + v * lanes;
        Math::promote(block.c + (row + r) * block.cStride + channel, sums[r][p][v], block.rowScales[row + r], block.channelScales + channel,
                      block.first);
      }
}

template <typename Source, int MaxRows, int Panels> void tileOf(const Block &block, int64_t row, int64_t rows, int64_t panel) {
  if (rows == MaxRows)
    tile<Source, MaxRows, Panels>(block, row, panel);
  else if constexpr (MaxRows > 1)
    tileOf<Source, MaxRows - 1, Panels>(block, row, rows, panel);
}

/// All rows against `Panels` panels: the panels stay in the first cache while the rows stream by. The rows are dealt evenly to the
/// tiles, as a tile of a few rows would wait for its own sums.
template <typename Source, int MaxRows, int Panels> void column(const Block &block, int64_t panel) {
  int64_t tiles = (block.rows + MaxRows - 1) / MaxRows;
  for (int64_t i = 0, row = 0; i < tiles; ++i) {
    int64_t rows = (block.rows - row + tiles - i - 1) / (tiles - i);
    tileOf<Source, MaxRows, Panels>(block, row, rows, panel);
    row += rows;
  }
}

template <typename Source, int MaxRows, int Panels> void lastPanels(const Block &block, int64_t panel) {
  if (block.panels - panel == Panels)
    column<Source, MaxRows, Panels>(block, panel);
  else if constexpr (Panels > 1)
    lastPanels<Source, MaxRows, Panels - 1>(block, panel);
}

template <typename Source, int MaxRows, int MaxPanels> void multiplyBlock(const Block &block) {
  int64_t panel = 0;
  for (; panel + MaxPanels <= block.panels; panel += MaxPanels)
    column<Source, MaxRows, MaxPanels>(block, panel);
  if constexpr (MaxPanels > 1)
    if (panel < block.panels)
      lastPanels<Source, MaxRows, MaxPanels - 1>(block, panel);
}

/// Decoding in registers, at most kFusedRows rows: as many panels at a time as give `Chains` sums, which hide each other's latency.
template <typename Source, int Chains> void multiplyFused(const Block &block) {
  constexpr int V = Source::Math::kVectors, two = Chains >= 2 * V ? Chains / (2 * V) : 1, four = Chains >= 4 * V ? Chains / (4 * V) : 1;
  switch (block.rows) {
  case 1:
    return multiplyBlock<Source, 1, Chains / V>(block);
  case 2:
    return multiplyBlock<Source, 2, two>(block);
  case 3:
    return multiplyBlock<Source, 3, four>(block);
  default:
    return multiplyBlock<Source, 4, four>(block);
  }
}

/// Panels that need no decoding, any number of rows.
template <typename Source, int MaxRows, int MaxPanels, int Chains> void multiplyPacked(const Block &block) {
  if (block.rows <= kFusedRows)
    return multiplyFused<Source, Chains>(block);
  multiplyBlock<Source, MaxRows, MaxPanels>(block);
}

/// A panel's units to [elements][16] in memory; the next segment's, which lie behind, are prefetched.
template <typename Source> void decodePanel(const void *units, int64_t elements, void *out) {
  using Math = typename Source::Math;
  constexpr int V = Math::kVectors, E = Source::kElements;
  auto *from = static_cast<const std::byte *>(units);
  auto *to = static_cast<typename Math::Operand *>(out);
  const int64_t steps = elements / E, ahead = steps * Source::kBytes;
  for (int64_t step = 0; step < steps; ++step, from += Source::kBytes, to += E * V) {
    typename Math::Operand x[E][V];
    Source::load(from, x);
    __builtin_prefetch(from + ahead, 0, 2);
#pragma unroll
    for (int e = 0; e < E; ++e)
#pragma unroll
      for (int v = 0; v < V; ++v)
        to[e * V + v] = x[e][v];
  }
  if constexpr (E > 1)
    if (elements % E != 0) {
      typename Math::Operand x[V];
      Source::loadLast(from, x);
      for (int v = 0; v < V; ++v)
        to[v] = x[v];
    }
}
