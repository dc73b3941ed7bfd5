// The operands of one product, the same for every contestant of a dtype, and the check of a result against F64.
#pragma once

#include "dsrt/dsrt.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bench {

/// x [m, k] and w [n, k] of one dtype; E4M3 with scales of 1x128 and 128x128 tiles.
struct Operands {
  int32_t dtype;
  int64_t m, n, k;
  std::vector<std::byte> x, w;
  std::vector<float> xScales, wScales; ///< [m, ceil(k / 128)], [ceil(n / 128), ceil(k / 128)]; empty where plain

  Operands(int32_t dtype, int64_t m, int64_t n, int64_t k);
};

/// Whether sampled results of y [m, n] are within their F32 sums' and their dtype's rounding of the F64 sums; `largest` is the largest
/// error over its bound.
bool isCorrect(const Operands &operands, int32_t yDtype, const void *y, double &largest);

} // namespace bench
