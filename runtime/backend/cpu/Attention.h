// What the two forms of latent attention and the append to their cache share: access to the cache, and the vector loops (checks:
// ../Checks.h).
#pragma once

#include "runtime/backend/cpu/Operations.h"

namespace dsrt::cpu {

/// The element index of the cache row of a slot's position in one layer: [latent | rotated key].
inline int64_t cacheRow(const dsrt_cache &cache, int64_t slot, int64_t layer, int64_t position) {
  return ((slot * cache.layers + layer) * cache.length + position) * cache.width;
}

/// The sum of a[i] * b[i], for `Count` vectors a that lie `stride` apart: 16 partial sums each, element i in sum i mod 16, added in
/// a fixed order. Reading b once for several a is what makes attention fast.
template <int Count>
__attribute__((always_inline)) inline void dots(const float *a, int64_t stride, const float *b, int64_t length, float *results) {
  typedef float Lanes __attribute__((ext_vector_type(16), aligned(4)));
  Lanes sums[Count] = {};
  int64_t i = 0;
  for (; i + 16 <= length; i += 16) {
    Lanes right = *reinterpret_cast<const Lanes *>(b + i);
    for (int k = 0; k < Count; ++k)
      sums[k] += *reinterpret_cast<const Lanes *>(a + k * stride + i) * right;
  }
  for (int k = 0; k < Count; ++k) {
    Lanes sum = sums[k];
    for (int lane = 0; i + lane < length; ++lane)
      sum[lane] += a[k * stride + i + lane] * b[i + lane];
    auto eight = sum.lo + sum.hi;
    auto four = eight.lo + eight.hi;
    results[k] = (four[0] + four[2]) + (four[1] + four[3]);
  }
}

/// sum[i] += weights[p] * rows[p * stride + i] for each p in order. The sums of 32 columns stay in registers over all p.
__attribute__((always_inline)) inline void addWeighted(const float *weights, int64_t count, const float *rows, int64_t stride, float *sum,
                                                       int64_t columns) {
  typedef float Lanes __attribute__((ext_vector_type(16), aligned(4)));
  int64_t i = 0;
  for (; i + 32 <= columns; i += 32) {
    Lanes low = *reinterpret_cast<const Lanes *>(sum + i), high = *reinterpret_cast<const Lanes *>(sum + i + 16);
    for (int64_t p = 0; p < count; ++p) {
      low += weights[p] * *reinterpret_cast<const Lanes *>(rows + p * stride + i);
      high += weights[p] * *reinterpret_cast<const Lanes *>(rows + p * stride + i + 16);
    }
    *reinterpret_cast<Lanes *>(sum + i) = low;
    *reinterpret_cast<Lanes *>(sum + i + 16) = high;
  }
  for (int64_t p = 0; p < count; ++p)
    for (int64_t c = i; c < columns; ++c)
      sum[c] += weights[p] * rows[p * stride + c];
}

} // namespace dsrt::cpu
