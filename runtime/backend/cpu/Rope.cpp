// Rotary position embedding: the table of cosines and sines, and the rotation of interleaved pairs.
#include "runtime/backend/cpu/Parts.h"

#include <algorithm>
#include <cmath>

namespace dsrt::cpu {

int32_t ops::rope_table(dsrt_context *context, int32_t site, float *cosine, float *sine, const dsrt_batch *batch, int64_t tokens,
                        int64_t pairs, const float *inverse_frequencies, int64_t inverse_frequencies_count, float scale) {
  return guarded(context, "rope_table", [&]() -> Status {
    if (inverse_frequencies_count != pairs)
      return broken("expects an inverse frequency for each of %lld pairs, but got %lld", (long long)pairs,
                    (long long)inverse_frequencies_count);
    if (Status status = expectBatch(batch, tokens, nullptr); !status.ok())
      return status;
    for (int64_t row = 0; row < batch->rows; ++row)
      for (int64_t token = batch->offsets[row]; token < batch->offsets[row + 1]; ++token) {
        float position = float(batch->starts[row] + (token - batch->offsets[row]));
        for (int64_t pair = 0; pair < pairs; ++pair) {
          // The angle is rounded to F32, as the models were trained with; its cosine and sine are those of that F32.
          double angle = position * inverse_frequencies[pair];
          cosine[token * pairs + pair] = float(std::cos(angle)) * scale;
          sine[token * pairs + pair] = float(std::sin(angle)) * scale;
        }
      }
    return {};
  });
}

Status rotateRows(dsrt_context *context, void *y, const void *x, int64_t xRow, const float *cosine, const float *sine, int64_t tokens,
                  int64_t columns, int64_t pairs, int32_t type, int64_t heads, int64_t begin) {
  if (Status status = expectActivation("elements", type); !status.ok())
    return status;
  if (heads <= 0 || columns % heads != 0)
    return broken("expects columns of whole heads, but got %lld columns of %lld heads", (long long)columns, (long long)heads);
  int64_t width = columns / heads;
  if (begin < 0 || begin > width - 2 * pairs)
    return broken("expects %lld pairs from column %lld within heads of %lld columns", (long long)pairs, (long long)begin, (long long)width);
  // A work item is one token. y may be x itself: each chunk is read before it is written.
  parallelFor(threadsFor(context, tokens * columns), tokens, [&](int64_t token) {
    float buffer[chunk], result[chunk], cosines[chunk / 2], sines[chunk / 2];
    for (int64_t from = 0; from < width;) {
      // Chunks end at the rotated part's ends, and inside it at whole pairs.
      int64_t limit = from < begin ? begin : from < begin + 2 * pairs ? begin + 2 * pairs : width;
      int64_t count = std::min(chunk, limit - from);
      bool rotated = from >= begin && from < begin + 2 * pairs;
      if (rotated) {
        // The rotation computes in T: cosine and sine are operands like the values, and rounded to it.
        int64_t first = token * pairs + (from - begin) / 2;
        std::copy_n(cosine + first, count / 2, cosines);
        std::copy_n(sine + first, count / 2, sines);
        roundTo(cosines, count / 2, {type});
        roundTo(sines, count / 2, {type});
      }
      for (int64_t head = 0; head < heads; ++head) {
        int64_t column = head * width + from;
        const float *values = loadF32(x, token * xRow + column, type, buffer, count);
        for (int64_t i = 0; rotated && i < count / 2; ++i) {
          float even = values[2 * i], odd = values[2 * i + 1];
          result[2 * i] = even * cosines[i] - odd * sines[i];
          result[2 * i + 1] = odd * cosines[i] + even * sines[i];
        }
        fromF32(rotated ? result : values, type, at(y, token * columns + column, type), size_t(count));
      }
      from += count;
    }
  });
  return {};
}

int32_t ops::rope(dsrt_context *context, int32_t site, void *y, const void *x, const float *cosine, const float *sine, int64_t tokens,
                  int64_t columns, int64_t pairs, int32_t type_T, int64_t heads, int64_t begin) {
  return guarded(context, "rope",
                 [&]() { return rotateRows(context, y, x, columns, cosine, sine, tokens, columns, pairs, type_T, heads, begin); });
}

} // namespace dsrt::cpu
