// The products by decoding whole weight rows: correct on any processor, the yardstick of the kernels.
#include "runtime/backend/cpu/gemm/Gemm.h"

#include "runtime/backend/cpu/Parallel.h"
#include "runtime/numerics/Codecs.h"

#include <algorithm>

namespace dsrt::cpu {

namespace {

int64_t tileOf(int64_t index, int64_t extent) { return extent == 0 ? 0 : index / extent; }

/// Rows [begin, end) of x and y times w[expert], all columns.
void product(int threads, int32_t yDtype, void *y, int64_t ldy, const Lhs &x, const dsrt_weight &w, int64_t expert, int64_t begin, int64_t end) {
  int64_t k = w.cols, n = w.rows, rows = end - begin;
  if (rows <= 0 || n == 0)
    return;
  size_t xBytes = elementBytes(x.dtype), wBytes = elementBytes(w.format.payload), yBytes = elementBytes(yDtype);
  std::vector<float> left(size_t(rows * k));
  for (int64_t r = 0; r < rows; ++r)
    toF32(x.dtype, static_cast<const char *>(x.data) + (begin + r) * x.ld * int64_t(xBytes), left.data() + r * k, size_t(k));
  int64_t tileRows = w.format.tile_rows, tileCols = w.format.tile_cols;
  int64_t scaleRows = tileRows ? (n + tileRows - 1) / tileRows : 1, scaleCols = tileCols ? (k + tileCols - 1) / tileCols : 1;
  parallelFor(threads, (n + 15) / 16, [&](int64_t panel) {
    std::vector<float> right(static_cast<size_t>(k)), out(static_cast<size_t>(rows));
    for (int64_t c = panel * 16; c < std::min(n, panel * 16 + 16); ++c) {
      toF32(w.format.payload, static_cast<const char *>(w.data) + ((expert * n + c) * k) * int64_t(wBytes), right.data(), size_t(k));
      const float *scales = w.scales ? w.scales + (expert * scaleRows + tileOf(c, tileRows)) * scaleCols : nullptr;
      for (int64_t r = 0; r < rows; ++r) {
        const float *a = left.data() + r * k;
        const float *rowScales = x.scales ? x.scales + tileOf(begin + r, x.tileRows) * x.scale_ld : nullptr;
        float total = 0;
        for (int64_t at = 0; at < k;) {
          int64_t next = k;
          auto cut = [&](int64_t extent) {
            if (extent > 0)
              next = std::min(next, (at / extent + 1) * extent);
          };
          cut(rowScales ? x.tileCols : 0);
          cut(scales ? tileCols : 0);
          cut(rowScales || scales ? x.promote : 256);
          float sum = 0;
          for (int64_t i = at; i < next; ++i)
            sum = __builtin_fmaf(a[i], right[size_t(i)], sum);
          float scale = (rowScales ? rowScales[tileOf(at, x.tileCols)] : 1.0f) * (scales ? scales[tileOf(at, tileCols)] : 1.0f);
          total = __builtin_fmaf(sum, scale, total);
          at = next;
        }
        fromF32(&total, yDtype, static_cast<char *>(y) + ((begin + r) * ldy + c) * int64_t(yBytes), 1);
      }
    }
  });
}

} // namespace

Status multiply(int threads, int32_t yDtype, void *y, int64_t ldy, const Lhs &x, const dsrt_weight &w, int64_t expert, int64_t m) {
  product(threads, yDtype, y, ldy, x, w, expert, 0, m);
  return {};
}

Status multiplyGrouped(int threads, int32_t yDtype, void *y, int64_t ldy, const Lhs &x, const dsrt_weight &w, const int32_t *offsets,
                       int64_t bounds, int64_t first, int64_t rows) {
  if (first + w.experts + 1 > bounds)
    return {DSRT_REJECTED, format("grouped product: expects at least %lld offsets, but got %lld", (long long)(first + w.experts + 1), (long long)bounds)};
  for (int64_t e = 0; e < w.experts; ++e)
    if (offsets[first + e] < 0 || offsets[first + e] > offsets[first + e + 1] || offsets[first + e + 1] > rows)
      return {DSRT_REJECTED, "grouped product: expects offsets that rise from 0 to the number of rows"};
  for (int64_t e = 0; e < w.experts; ++e)
    product(threads, yDtype, y, ldy, x, w, e, offsets[first + e], offsets[first + e + 1]);
  return {};
}

Status prepareWeight(int, dsrt_weight &, bool &released) {
  released = false;
  return {};
}
void releaseWeight(dsrt_weight &) {}
std::vector<std::string> availableIsas() { return {"portable"}; }
Status selectIsa(const std::string &) { return {}; }
Expected<std::string> selectedIsa() { return std::string("portable"); }

} // namespace dsrt::cpu
