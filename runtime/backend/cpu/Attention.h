// What the two forms of latent attention and the append to their cache share: checks, access to the cache, and the vector loops.
#pragma once

#include "runtime/backend/cpu/Operations.h"

namespace dsrt::cpu {

/// The extents of one latent attention: heads with `nope` unrotated and `rope` rotated query columns, and `value` result columns.
struct MlaShape {
  int64_t heads, nope, rope, value, latent;

  int64_t query() const { return nope + rope; }     ///< columns of a head's query
  int64_t expanded() const { return nope + value; } ///< rows of kv_b of a head: keys, then values
};

/// Largest extents of a head and of the latent: work items keep a few of them on the stack.
inline constexpr int64_t maxHeadColumns = 1024, maxLatent = 4096;

/// Checks the operands of mla_prefill and mla_decode; scratch must hold `needed` of its `bytes`.
Status expectMla(const MlaShape &shape, int32_t type, int64_t tokens, int64_t columns, int64_t qColumns, int64_t kvColumns,
                 const dsrt_weight *kv_b, const dsrt_cache *cache, const dsrt_batch *batch, int64_t layer, int64_t bytes, int64_t needed);

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

/// y[i] += factor * x[i].
__attribute__((always_inline)) inline void addScaled(float factor, const float *x, float *y, int64_t length) {
  for (int64_t i = 0; i < length; ++i)
    y[i] += factor * x[i];
}

} // namespace dsrt::cpu
