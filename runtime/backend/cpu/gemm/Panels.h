// The layout of a weight in panels of 16 output channels, one for all kernels.
//
// A panel holds [ceil(k / perUnit)][16] units. A unit is the pair of elements (2i, 2i + 1) of one channel for E2M1, E4M3 and BF16, and
// a single element for F16 and F32. So a BF16 unit is what the BF16 dot product takes, both halves of an E4M3 or BF16 unit are
// reached by shifts, and F16 converts eight channels at a time. E2M1 panels become E4M3 panels, unit by unit, where they are read.
// Channels past n and elements past k are 0.
#pragma once

#include "dsrt/dsrt.h"

#include <cstddef>
#include <cstdint>

namespace dsrt::cpu {

constexpr int64_t kPanelChannels = 16;

struct PanelLayout {
  int64_t unitBytes = 0; ///< 0: a dtype that no product takes
  int64_t perUnit = 0;   ///< elements along K in a unit

  int64_t units(int64_t k) const { return (k + perUnit - 1) / perUnit; }
  /// Bytes of k elements of a row: the last unit of an odd K is there by half, where a half is whole bytes.
  int64_t rowBytes(int64_t k) const { return (k * unitBytes + perUnit - 1) / perUnit; }
  /// Bytes of one panel, a multiple of 16.
  int64_t panelBytes(int64_t k) const { return units(k) * kPanelChannels * unitBytes; }
};

inline PanelLayout panelLayout(int32_t dtype) {
  switch (dtype) {
  case DSRT_F4E2M1:
    return {1, 2};
  case DSRT_F8E4M3:
    return {2, 2};
  case DSRT_BF16:
    return {4, 2};
  case DSRT_F16:
    return {2, 1};
  case DSRT_F32:
    return {4, 1};
  default:
    return {};
  }
}

/// What prepareWeight leaves in dsrt_weight.prepared.
struct PreparedWeight {
  std::byte *panels = nullptr; ///< [experts][ceil(rows / 16)] panels, aligned to 64
  bool hasNan = false;         ///< E4M3: some payload is NaN, so kernels whose decoding takes no NaN go the long way
};

/// Packs units [unitBegin, unitEnd) of `channels` (at most 16) rows of a row-major weight [.., k], `row` the first: out is
/// [unitEnd - unitBegin][16] units.
void packPanel(int32_t dtype, const void *row, int64_t channels, int64_t k, int64_t unitBegin, int64_t unitEnd, void *out);

/// Whether an E4M3 payload among `count` is NaN.
bool hasNanPayload(const void *payload, int64_t count);

} // namespace dsrt::cpu
