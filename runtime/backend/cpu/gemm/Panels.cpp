// Packing of row-major weights into panels, and the preparation of resident weights.
#include "runtime/backend/cpu/gemm/Panels.h"
#include "runtime/backend/cpu/Parallel.h"
#include "runtime/backend/cpu/gemm/Gemm.h"

#include <cstdlib>
#include <cstring>
#include <sys/mman.h>

namespace dsrt::cpu {

namespace {

// As many units of as many channels as a vector holds are transposed in registers: packing must keep up with reading a checkpoint.
using Bytes = uint8_t __attribute__((vector_size(16)));
using Shorts = uint16_t __attribute__((vector_size(16)));
using Words = uint32_t __attribute__((vector_size(16)));

/// Perfect shuffles: log2(side) of them turn rows into columns.
void transpose(const std::byte *const rows[16], Bytes out[16]) {
  Bytes r[16];
  for (int i = 0; i < 16; ++i)
    memcpy(&out[i], rows[i], sizeof(Bytes));
  for (int round = 0; round < 4; ++round) {
    memcpy(r, out, sizeof r);
    for (int i = 0; i < 8; ++i) {
      out[2 * i] = __builtin_shufflevector(r[i], r[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      out[2 * i + 1] = __builtin_shufflevector(r[i], r[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
  }
}

void transpose(const std::byte *const rows[8], Shorts out[8]) {
  Shorts r[8];
  for (int i = 0; i < 8; ++i)
    memcpy(&out[i], rows[i], sizeof(Shorts));
  for (int round = 0; round < 3; ++round) {
    memcpy(r, out, sizeof r);
    for (int i = 0; i < 4; ++i) {
      out[2 * i] = __builtin_shufflevector(r[i], r[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
      out[2 * i + 1] = __builtin_shufflevector(r[i], r[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
    }
  }
}

void transpose(const std::byte *const rows[4], Words out[4]) {
  Words r[4];
  for (int i = 0; i < 4; ++i)
    memcpy(&out[i], rows[i], sizeof(Words));
  for (int round = 0; round < 2; ++round) {
    memcpy(r, out, sizeof r);
    for (int i = 0; i < 2; ++i) {
      out[2 * i] = __builtin_shufflevector(r[i], r[i + 2], 0, 4, 1, 5);
      out[2 * i + 1] = __builtin_shufflevector(r[i], r[i + 2], 2, 6, 3, 7);
    }
  }
}

/// Packs whole units; `side` of them are transposed at once.
template <typename Unit, typename Vector>
void packUnits(const std::byte *row, int64_t stride, int64_t channels, int64_t unitBegin, int64_t unitEnd, Unit *out) {
  constexpr int64_t side = sizeof(Vector) / sizeof(Unit);
  for (int64_t channel = 0; channel < kPanelChannels; channel += side) {
    int64_t unit = unitBegin;
    if (channel + side <= channels)
      for (; unit + side <= unitEnd; unit += side) {
        const std::byte *rows[side];
        Vector turned[side];
        for (int64_t i = 0; i < side; ++i)
          rows[i] = row + (channel + i) * stride + unit * static_cast<int64_t>(sizeof(Unit));
        transpose(rows, turned);
        for (int64_t i = 0; i < side; ++i)
          memcpy(out + (unit - unitBegin + i) * kPanelChannels + channel, &turned[i], sizeof(Vector));
      }
    for (; unit < unitEnd; ++unit)
      for (int64_t i = channel; i < channel + side; ++i) {
        Unit value = 0;
        if (i < channels)
          memcpy(&value, row + i * stride + unit * static_cast<int64_t>(sizeof(Unit)), sizeof(Unit));
        out[(unit - unitBegin) * kPanelChannels + i] = value;
      }
  }
}

} // namespace

void packPanel(int32_t dtype, const void *row, int64_t channels, int64_t k, int64_t unitBegin, int64_t unitEnd, void *out) {
  PanelLayout layout = panelLayout(dtype);
  int64_t stride = layout.rowBytes(k), whole = std::min(unitEnd, stride / layout.unitBytes); // the last pair of an odd K is half a unit
  auto *rows = static_cast<const std::byte *>(row);
  if (layout.unitBytes == 1)
    packUnits<uint8_t, Bytes>(rows, stride, channels, unitBegin, whole, static_cast<uint8_t *>(out));
  else if (layout.unitBytes == 2)
    packUnits<uint16_t, Shorts>(rows, stride, channels, unitBegin, whole, static_cast<uint16_t *>(out));
  else
    packUnits<uint32_t, Words>(rows, stride, channels, unitBegin, whole, static_cast<uint32_t *>(out));
  if (whole == unitEnd)
    return;
  auto *last = static_cast<std::byte *>(out) + (whole - unitBegin) * kPanelChannels * layout.unitBytes;
  memset(last, 0, kPanelChannels * layout.unitBytes);
  int64_t done = whole * layout.unitBytes;
  for (int64_t channel = 0; channel < channels; ++channel)
    memcpy(last + channel * layout.unitBytes, rows + channel * stride + done, stride - done);
}

bool hasNanPayload(const void *payload, int64_t count) {
  auto *codes = static_cast<const uint8_t *>(payload);
  bool found = false;
  constexpr int64_t block = 4096; // branch-free inside, so that it vectorises
  for (int64_t begin = 0; begin < count && !found; begin += block) {
    uint8_t any = 0;
    for (int64_t i = begin, end = std::min(count, begin + block); i < end; ++i)
      any |= (codes[i] & 0x7f) == 0x7f;
    found = any;
  }
  return found;
}

Status prepareWeight(int threads, dsrt_weight &w, bool &released) {
  released = false;
  if (w.use != DSRT_USE_MATMUL || w.prepared || !w.data)
    return {};
  PanelLayout layout = panelLayout(w.format.payload);
  if (!layout.unitBytes)
    return {DSRT_REJECTED,
            format("weight '%s': the CPU's products expect a payload of f32, bf16, f16, f8E4M3FN or f4E2M1FN, but got dtype %d",
                   w.path ? w.path : "", w.format.payload)};
  int64_t panels = (w.rows + kPanelChannels - 1) / kPanelChannels, panelBytes = layout.panelBytes(w.cols);
  size_t bytes = static_cast<size_t>(w.experts * panels * panelBytes);
  // Large weights start on a huge page: products read panels far apart, and small pages would cost a page walk each.
  constexpr size_t hugePage = size_t(2) << 20;
  size_t alignment = bytes >= 2 * hugePage ? hugePage : 64;
  void *memory = nullptr;
  if (posix_memalign(&memory, alignment, std::max<size_t>(bytes, 64)) != 0)
    return {DSRT_OUT_OF_MEMORY, format("weight '%s': no memory for %zu bytes of packed panels", w.path ? w.path : "", bytes)};
  if (alignment == hugePage)
    madvise(memory, bytes, MADV_HUGEPAGE);
  auto *prepared = new PreparedWeight{static_cast<std::byte *>(memory), false};
  std::atomic<bool> nan{false};
  parallelFor(threads, w.experts * panels, [&](int64_t item) {
    int64_t expert = item / panels, first = item % panels * kPanelChannels, channels = std::min(kPanelChannels, w.rows - first);
    auto *rows = static_cast<const std::byte *>(w.data) + (expert * w.rows + first) * layout.rowBytes(w.cols);
    packPanel(w.format.payload, rows, channels, w.cols, 0, layout.units(w.cols), prepared->panels + item * panelBytes);
    if (w.format.payload == DSRT_F8E4M3 && hasNanPayload(rows, channels * w.cols))
      nan.store(true, std::memory_order_relaxed);
  });
  prepared->hasNan = nan.load();
  w.prepared = prepared;
  w.data = nullptr;
  released = true;
  return {};
}

void releaseWeight(dsrt_weight &w) {
  if (auto *prepared = static_cast<PreparedWeight *>(w.prepared)) {
    free(prepared->panels);
    delete prepared;
  }
  w.prepared = nullptr;
}

} // namespace dsrt::cpu
