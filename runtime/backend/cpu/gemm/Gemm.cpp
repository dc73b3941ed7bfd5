// The driver of the products: converts the left-hand side once a call, cuts the result into items for the threads, and hands each
// item's segments of K to the kernels of the instruction set in use (Kernels.h).
#include "runtime/backend/cpu/gemm/Gemm.h"

#include "runtime/backend/cpu/Parallel.h"
#include "runtime/backend/cpu/gemm/Panels.h"
#include "runtime/backend/cpu/gemm/Selection.h"

#include <cstdlib>
#include <cstring>
#include <new>

namespace dsrt::cpu {

namespace {

constexpr int64_t kRowsAtOnce = 8;   // that an item converts
constexpr int64_t kElementBytes = 4; // of every path: an F32, or a pair of BF16
// An item's totals, kMaxRows * kMaxPanels * 16 floats, and the rows' segment stay in the second cache; a few decoded panels of a
// segment stay in the first.
constexpr int64_t kMaxRows = 512, kMaxPanels = 12, kTilePanels = 3;
// Units of an E2M1 panel that are expanded at a time: segments of 16 alone would read too little of each panel to be prefetched.
constexpr int64_t kUnitsAtOnce = 128;

int64_t ceilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t tileOf(int64_t index, int64_t extent) { return extent == 0 ? 0 : index / extent; }
int64_t tilesOf(int64_t total, int64_t extent) { return extent == 0 ? 1 : ceilDiv(total, extent); }

/// Memory of a thread that only grows: items come by the thousand.
class Scratch {
public:
  ~Scratch() { free(memory); }
  std::byte *take(size_t bytes) {
    if (bytes > size) {
      free(memory);
      size = (bytes + 4095) / 4096 * 4096;
      memory = static_cast<std::byte *>(aligned_alloc(4096, size));
      if (!memory) {
        size = 0;
        throw std::bad_alloc();
      }
    }
    return memory;
  }

private:
  std::byte *memory = nullptr;
  size_t size = 0;
};

/// Rows [row, row + rows) by panels [panel, panel + panels) of one expert.
struct Item {
  int64_t expert, row, rows, panel, panels;
};

/// One call: what all its items share.
class Product {
public:
  Product(const Kernels &kernels, int32_t yDtype, void *y, int64_t ldy, const Lhs &x, const dsrt_weight &w)
      : x(x), w(w), yDtype(yDtype), y(static_cast<std::byte *>(y)), ldy(ldy), layout(panelLayout(w.format.payload)), kernels(kernels) {
    cutSegments();
    auto pairs = [](int32_t dtype) { return dtype == DSRT_F8E4M3 || dtype == DSRT_F4E2M1 || dtype == DSRT_BF16; };
    path = kernels.bf16 && evenCuts && pairs(x.dtype) && pairs(w.format.payload) ? kernels.bf16 : kernels.f32;
    prepared = static_cast<const PreparedWeight *>(w.prepared);
  }

  /// Adds the items of rows [begin, end), which belong to `expert`.
  void add(int threads, int64_t expert, int64_t begin, int64_t end) {
    int64_t rows = end - begin, panels = ceilDiv(w.rows, kPanelChannels);
    if (rows <= 0 || panels == 0)
      return;
    int64_t rowBlocks = ceilDiv(rows, kMaxRows), rowStep = ceilDiv(rows, rowBlocks);
    // Few items are made a multiple of the threads, so that none of these waits for the last item.
    int64_t panelBlocks = std::min(panels, ceilDiv(ceilDiv(panels, kMaxPanels), threads) * threads);
    int64_t panelStep = ceilDiv(panels, panelBlocks);
    for (int64_t row = begin; row < end; row += rowStep)
      for (int64_t panel = 0; panel < panels; panel += panelStep)
        items.push_back({expert, row, std::min(rowStep, end - row), panel, std::min(panelStep, panels - panel)});
  }

  /// Computes all items, whose rows lie in [begin, end).
  void run(int threads, int64_t begin, int64_t end) {
    if (items.empty())
      return;
    firstRow = begin, convertedRows = end - begin;
    thread_local Scratch scratch;
    int64_t elements = convertedRows * elementsOf(w.cols);
    converted = reinterpret_cast<uint32_t *>(scratch.take(static_cast<size_t>((elements + segments() * convertedRows) * kElementBytes)));
    rowScales = reinterpret_cast<float *>(converted + elements);
    parallelPhases(
        threads, ceilDiv(convertedRows, kRowsAtOnce), [&](int64_t item) { convert(item * kRowsAtOnce); },
        static_cast<int64_t>(items.size()), [&](int64_t item) { compute(items[static_cast<size_t>(item)]); });
  }

private:
  const Lhs &x;
  const dsrt_weight &w;
  int32_t yDtype;
  std::byte *y;
  int64_t ldy;
  PanelLayout layout;
  const Kernels &kernels;
  const Path *path;
  const PreparedWeight *prepared;
  std::vector<int64_t> cuts; ///< segment s is [cuts[s], cuts[s + 1]) of K
  bool evenCuts = true;      ///< every segment begins at an even k, as pairs must
  int64_t longest = 0;       ///< length of a segment
  std::vector<Item> items;

  // The converted rows: for each segment [convertedRows][elements], so that a block's rows lie side by side.
  int64_t firstRow = 0, convertedRows = 0;
  uint32_t *converted = nullptr;
  float *rowScales = nullptr; ///< [segments][convertedRows]

  /// Payloads that the kernels read as E4M3.
  static bool isE4m3(int32_t payload) { return payload == DSRT_F8E4M3 || payload == DSRT_F4E2M1; }

  int64_t segments() const { return static_cast<int64_t>(cuts.size()) - 1; }
  int64_t elementsOf(int64_t k) const { return ceilDiv(k, path->perElement); }

  void cutSegments() {
    int64_t k = w.cols, xTile = x.scales ? x.tileCols : 0, wTile = w.scales ? w.format.tile_cols : 0;
    int64_t promote = x.scales || w.scales ? x.promote : 0;
    if (xTile == 0 && wTile == 0 && promote == 0)
      promote = 256;
    for (int64_t at = 0; at < k;) {
      cuts.push_back(at);
      evenCuts &= at % 2 == 0;
      int64_t next = k;
      for (int64_t extent : {xTile, wTile, promote})
        if (extent > 0)
          next = std::min(next, (at / extent + 1) * extent);
      longest = std::max(longest, next - at);
      at = next;
    }
    cuts.push_back(k);
  }

  /// Converts kRowsAtOnce rows from `first` on, and gathers their scales.
  void convert(int64_t first) const {
    thread_local Scratch expanded;
    PanelLayout source = panelLayout(x.dtype);
    bool fourBit = x.dtype == DSRT_F4E2M1;
    int32_t dtype = fourBit ? int32_t(DSRT_F8E4M3) : x.dtype;
    int64_t bytes = panelLayout(dtype).rowBytes(1);
    float weightScale = isE4m3(w.format.payload) ? path->e4m3Scale : 1.0f;
    for (int64_t row = first; row < std::min(convertedRows, first + kRowsAtOnce); ++row) {
      auto *from = static_cast<const std::byte *>(x.data) + (firstRow + row) * source.rowBytes(x.ld);
      if (fourBit) {
        std::byte *codes = expanded.take(static_cast<size_t>(2 * source.units(w.cols)));
        kernels.expandE2m1(reinterpret_cast<const uint8_t *>(from), source.units(w.cols), reinterpret_cast<uint16_t *>(codes));
        from = codes;
      }
      const float *scales = x.scales ? x.scales + tileOf(firstRow + row, x.tileRows) * x.scale_ld : nullptr;
      for (int64_t s = 0; s < segments(); ++s) {
        int64_t length = cuts[s + 1] - cuts[s], elements = elementsOf(length);
        uint32_t *to = converted + elementsOf(cuts[s]) * convertedRows + row * elements;
        to[elements - 1] = 0; // the missing half of an odd segment's last pair
        path->convertRow(dtype, from + cuts[s] * bytes, length, to);
        rowScales[s * convertedRows + row] = weightScale * (scales ? scales[tileOf(cuts[s], x.tileCols)] : 1.0f);
      }
    }
  }

  /// w's scales of channels [first, first + count) at the K of segment `s`; channels past n have the last one's.
  void fillChannelScales(int64_t expert, int64_t first, int64_t count, int64_t s, float *out) const {
    if (!w.scales) {
      std::fill(out, out + count, 1.0f);
      return;
    }
    int64_t tileRows = w.format.tile_rows, tileCols = w.format.tile_cols, columns = tilesOf(w.cols, tileCols);
    const float *scales = w.scales + expert * tilesOf(w.rows, tileRows) * columns + tileOf(cuts[s], tileCols);
    int64_t last = w.rows - 1;
    if (tileRows == 1) {
      int64_t there = std::min(count, w.rows - first);
      constexpr int64_t line = 16; // scales that a cache line holds: the next one of each channel is on its way while this one is used
      bool prefetch = tileOf(cuts[s], tileCols) % line == 0;
      for (int64_t channel = 0; channel < there; ++channel) {
        out[channel] = scales[(first + channel) * columns];
        if (prefetch)
          __builtin_prefetch(scales + (first + channel) * columns + line, 0, 2);
      }
      std::fill(out + there, out + count, scales[last * columns]);
      return;
    }
    for (int64_t channel = 0; channel < count;) {
      int64_t tile = tileOf(std::min(first + channel, last), tileRows), next = count;
      if (tileRows > 0 && (tile + 1) * tileRows <= last)
        next = std::min(count, (tile + 1) * tileRows - first);
      std::fill(out + channel, out + next, scales[tile * columns]);
      channel = next;
    }
  }

  void compute(const Item &item) const {
    thread_local Scratch scratch;
    // The panels that a register tile takes are worked on together, and their totals lie together: [groups][rows][channels].
    int64_t group = item.rows <= kFusedRows ? item.panels : std::min(kTilePanels, item.panels), width = item.panels * kPanelChannels;
    int64_t units = layout.units(longest) + 1, elements = longest + 2; // one more where a segment begins or ends inside a unit
    int64_t totalBytes = item.rows * width * 4, decodedStride = elements * kPanelChannels * kElementBytes;
    bool expands = w.format.payload == DSRT_F4E2M1;
    if (expands)
      units += kUnitsAtOnce;
    int64_t packedStride = prepared ? layout.panelBytes(w.cols) : (units * kPanelChannels * layout.unitBytes + 63) / 64 * 64;
    int64_t packedBytes = prepared ? 0 : item.panels * packedStride;
    int64_t expandedStride = expands ? units * kPanelChannels * 2 : 0, expandedBegin = 0, expandedEnd = 0;
    auto *memory =
        scratch.take(static_cast<size_t>(totalBytes + width * 4 + group * decodedStride + packedBytes + item.panels * expandedStride));
    auto *totals = reinterpret_cast<float *>(memory), *channelScales = totals + item.rows * width;
    auto *decoded = reinterpret_cast<std::byte *>(channelScales + width), *packBuffer = decoded + group * decodedStride;
    std::byte *expanded = packBuffer + packedBytes;
    if (segments() == 0)
      memset(totals, 0, static_cast<size_t>(totalBytes));

    int32_t payload = expands ? int32_t(DSRT_F8E4M3) : w.format.payload;
    for (int64_t s = 0; s < segments(); ++s) {
      int64_t begin = cuts[s], length = cuts[s + 1] - begin, row = item.row - firstRow;
      int64_t firstUnit = begin / layout.perUnit, lastUnit = ceilDiv(begin + length, layout.perUnit);
      int64_t before = begin - firstUnit * layout.perUnit; // elements of the first unit that belong to the last segment
      const std::byte *packed = packBuffer;
      int64_t stride = packedStride;
      bool nan = false;
      if (expands) {
        if (lastUnit > expandedEnd) {
          expandedBegin = firstUnit, expandedEnd = std::min(layout.units(w.cols), std::max(lastUnit, firstUnit + kUnitsAtOnce));
          for (int64_t p = 0; p < item.panels; ++p) {
            const std::byte *from = packBuffer + p * packedStride;
            if (prepared)
              from = panelOf(item, p) + firstUnit * kPanelChannels * layout.unitBytes;
            else
              pack(item.expert, item.panel + p, expandedBegin, expandedEnd, packBuffer + p * packedStride);
            kernels.expandE2m1(reinterpret_cast<const uint8_t *>(from), (expandedEnd - expandedBegin) * kPanelChannels,
                               reinterpret_cast<uint16_t *>(expanded + p * expandedStride));
          }
        }
        packed = expanded + (firstUnit - expandedBegin) * kPanelChannels * 2, stride = expandedStride;
      } else if (prepared) {
        packed = panelOf(item, 0) + firstUnit * kPanelChannels * layout.unitBytes;
        nan = prepared->hasNan;
      } else {
        for (int64_t p = 0; p < item.panels; ++p)
          nan |= pack(item.expert, item.panel + p, firstUnit, lastUnit, packBuffer + p * packedStride);
      }
      fillChannelScales(item.expert, item.panel * kPanelChannels, width, s, channelScales);
      bool slow = nan && !path->e4m3TakesNan;
      bool asPacked = payload == path->direct || (item.rows <= path->packedRows && before == 0 && !slow);

      Block block;
      block.rows = item.rows, block.length = elementsOf(length), block.first = s == 0;
      block.a = converted + elementsOf(begin) * convertedRows + row * block.length, block.aStride = block.length;
      block.rowScales = rowScales + s * convertedRows + row;
      for (int64_t p = 0; p < item.panels; p += group) {
        block.panels = std::min(group, item.panels - p);
        block.channelScales = channelScales + p * kPanelChannels;
        block.c = totals + p * kPanelChannels * item.rows, block.cStride = block.panels * kPanelChannels;
        block.b = packed + p * stride, block.bStride = stride;
        if (asPacked) {
          path->packed(payload, block);
          continue;
        }
        for (int64_t i = 0; i < block.panels; ++i) {
          const std::byte *from = block.b + i * stride;
          std::byte *out = decoded + i * decodedStride;
          if (slow)
            decodeE4m3Slowly(from, block.length + before, reinterpret_cast<float *>(out));
          else
            path->decode(payload, from, block.length + before, out);
        }
        block.b = decoded + before * kPanelChannels * kElementBytes, block.bStride = decodedStride;
        path->block(block);
      }
    }

    int64_t yBytes = panelLayout(yDtype).rowBytes(1);
    for (int64_t p = 0; p < item.panels; p += group) {
      int64_t first = (item.panel + p) * kPanelChannels, stride = std::min(group, item.panels - p) * kPanelChannels;
      const float *total = totals + p * kPanelChannels * item.rows;
      for (int64_t r = 0; r < item.rows; ++r)
        kernels.storeRow(yDtype, total + r * stride, std::min(stride, w.rows - first), y + ((item.row + r) * ldy + first) * yBytes);
    }
  }

  /// Panel `p` of the item's, of a prepared weight.
  const std::byte *panelOf(const Item &item, int64_t p) const {
    return prepared->panels + (item.expert * ceilDiv(w.rows, kPanelChannels) + item.panel + p) * layout.panelBytes(w.cols);
  }

  /// Packs units of one panel of an unprepared weight; whether an E4M3 payload among them is NaN.
  bool pack(int64_t expert, int64_t panel, int64_t firstUnit, int64_t lastUnit, std::byte *out) const {
    int64_t first = panel * kPanelChannels, channels = std::min(kPanelChannels, w.rows - first);
    auto *row = static_cast<const std::byte *>(w.data) + (expert * w.rows + first) * layout.rowBytes(w.cols);
    packPanel(w.format.payload, row, channels, w.cols, firstUnit, lastUnit, out);
    return w.format.payload == DSRT_F8E4M3 && !path->e4m3TakesNan &&
           hasNanPayload(out, (lastUnit - firstUnit) * kPanelChannels * layout.unitBytes);
  }
};

/// What all products check of their operands.
Status check(int32_t yDtype, const void *y, int64_t ldy, const Lhs &x, const dsrt_weight &w, int64_t rows) {
  const char *path = w.path ? w.path : "";
  if (!panelLayout(w.format.payload).unitBytes || !panelLayout(x.dtype).unitBytes)
    return {DSRT_REJECTED, format("product with '%s': expects operands of f32, bf16, f16, f8E4M3FN or f4E2M1FN, but got dtypes %d and %d",
                                  path, x.dtype, w.format.payload)};
  if (yDtype != DSRT_F32 && yDtype != DSRT_BF16 && yDtype != DSRT_F16)
    return {DSRT_REJECTED, format("product with '%s': expects a result of f32, bf16 or f16, but got dtype %d", path, yDtype)};
  if (rows < 0 || w.experts < 0 || w.rows < 0 || w.cols < 0 || (rows > 1 && (x.ld < w.cols || ldy < w.rows)))
    return {
        DSRT_REJECTED,
        format("product with '%s' of [%lld, %lld, %lld]: expects rows of at least %lld and %lld elements, but got %lld of %lld and %lld",
               path, (long long)w.experts, (long long)w.rows, (long long)w.cols, (long long)w.cols, (long long)w.rows, (long long)rows,
               (long long)x.ld, (long long)ldy)};
  if (x.promote < 0 || x.tileCols < 0 || x.tileRows < 0 || w.format.tile_rows < 0 || w.format.tile_cols < 0)
    return {DSRT_REJECTED, format("product with '%s': expects tiles and a promotion of 0 or more elements", path)};
  if (rows > 0 && w.rows > 0 && (!y || (w.cols > 0 && (!x.data || (!w.data && !w.prepared)))))
    return {DSRT_REJECTED, format("product with '%s': expects operands and a result in memory, but got none", path)};
  return {};
}

} // namespace

Status multiply(int threads, int32_t yDtype, void *y, int64_t ldy, const Lhs &x, const dsrt_weight &w, int64_t expert, int64_t m) {
  Expected<const Kernels *> kernels = selectedKernels();
  if (!kernels)
    return kernels.status();
  if (Status status = check(yDtype, y, ldy, x, w, m); !status.ok())
    return status;
  if (expert < 0 || expert >= w.experts)
    return {DSRT_REJECTED, format("product with '%s': expects an expert below %lld, but got %lld", w.path ? w.path : "",
                                  (long long)w.experts, (long long)expert)};
  Product product(**kernels, yDtype, y, ldy, x, w);
  product.add(threads, expert, 0, m);
  product.run(threads, 0, m);
  return {};
}

Status multiplyGrouped(int threads, int32_t yDtype, void *y, int64_t ldy, const Lhs &x, const dsrt_weight &w, const int32_t *offsets,
                       int64_t bounds, int64_t first, int64_t rows) {
  Expected<const Kernels *> kernels = selectedKernels();
  if (!kernels)
    return kernels.status();
  if (Status status = check(yDtype, y, ldy, x, w, rows); !status.ok())
    return status;
  const char *path = w.path ? w.path : "";
  if (first < 0 || first + w.experts + 1 > bounds)
    return {DSRT_REJECTED, format("grouped product with '%s': expects at least %lld offsets from %lld on, but got %lld", path,
                                  (long long)w.experts + 1, (long long)first, (long long)bounds)};
  const int32_t *from = offsets + first;
  if (from[0] < 0 || from[w.experts] > rows || !std::is_sorted(from, from + w.experts + 1))
    return {DSRT_REJECTED, format("grouped product with '%s': expects offsets that rise from 0 to %lld rows", path, (long long)rows)};
  Product product(**kernels, yDtype, y, ldy, x, w);
  for (int64_t e = 0; e < w.experts; ++e)
    product.add(threads, e, from[e], from[e + 1]);
  product.run(threads, from[0], from[w.experts]);
  return {};
}

} // namespace dsrt::cpu
