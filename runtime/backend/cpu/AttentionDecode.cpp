// Absorbed latent attention (mla_decode; DeepSeek-V2, arXiv 2405.04434, section 2.1.2): kv_b's key rows act on the query and its
// value rows on the result, so that the cached latent itself is attended to. Weight values are dequantised, activations are not
// quantised, all arithmetic is F32.
#include "runtime/backend/cpu/Attention.h"

#include "dsrt/dsrt_scratch.h"
#include "runtime/numerics/Versions.h"

#include <cmath>
#include <limits>

namespace dsrt::cpu {

namespace {

/// Heads that a work item handles together: a position of the cache is read once for all of them.
constexpr int64_t headBlock = 4;

/// Positions whose scores are computed before their latents are added up.
constexpr int64_t positionBlock = 16;

/// Tokens that share one read of a row of kv_b.
constexpr int64_t tokenBlock = 16;

/// Per token and head: [absorbed query (latent) | attended latent (latent) | running maximum | running sum].
struct States {
  float *base;
  int64_t heads, latent;

  float *query(int64_t token, int64_t head) const { return base + (token * heads + head) * (2 * latent + 2); }
  float *attended(int64_t token, int64_t head) const { return query(token, head) + latent; }
};

DSRT_VERSIONS void addRows(const float *weights, int64_t count, const float *rows, int64_t stride, float *sum, int64_t columns) {
  addWeighted(weights, count, rows, stride, sum, columns);
}

DSRT_VERSIONS float dot(const float *a, const float *b, int64_t count) {
  float result;
  dots<1>(a, 0, b, count, &result);
  return result;
}

DSRT_VERSIONS void dotHeads(const float *queries, int64_t stride, int64_t heads, const float *row, int64_t count, float *results) {
  if (heads == headBlock)
    return dots<headBlock>(queries, stride, row, count, results);
  for (int64_t head = 0; head < heads; ++head)
    dots<1>(queries + head * stride, stride, row, count, results + head);
}

DSRT_VERSIONS void scale(float *x, int64_t count, float factor) {
  for (int64_t i = 0; i < count; ++i)
    x[i] *= factor;
}

/// Attention of up to headBlock heads of one token to positions [0, length) of its slot.
void attend(const MlaShape &shape, const States &states, int64_t token, int64_t firstHead, int64_t heads, const float *rotatedQueries,
            const dsrt_cache &cache, int64_t firstRow, int64_t length, float softmaxScale) {
  float buffer[positionBlock * (maxLatent + maxHeadColumns)], scores[headBlock][positionBlock];
  int64_t stride = 2 * shape.latent + 2;
  float *queries = states.query(token, firstHead);
  for (int64_t begin = 0; begin < length; begin += positionBlock) {
    int64_t count = std::min(positionBlock, length - begin);
    const float *rows = loadF32(cache.data, firstRow + begin * cache.width, cache.dtype, buffer, count * cache.width);
    for (int64_t p = 0; p < count; ++p) {
      float latentDots[headBlock], rotatedDots[headBlock];
      dotHeads(queries, stride, heads, rows + p * cache.width, shape.latent, latentDots);
      dotHeads(rotatedQueries, shape.rope, heads, rows + p * cache.width + shape.latent, shape.rope, rotatedDots);
      for (int64_t head = 0; head < heads; ++head)
        scores[head][p] = (latentDots[head] + rotatedDots[head]) * softmaxScale;
    }
    for (int64_t head = 0; head < heads; ++head) {
      float *attended = states.attended(token, firstHead + head);
      float &maximum = attended[shape.latent], &sum = attended[shape.latent + 1], before = maximum;
      for (int64_t p = 0; p < count; ++p)
        maximum = scores[head][p] > maximum ? scores[head][p] : maximum; // a NaN shows in the sum
      if (maximum != before) {
        float factor = std::exp(before - maximum);
        sum *= factor;
        scale(attended, shape.latent, factor);
      }
      for (int64_t p = 0; p < count; ++p)
        sum += scores[head][p] = std::exp(scores[head][p] - maximum);
      addRows(scores[head], count, rows, cache.width, attended, shape.latent);
    }
  }
}

} // namespace

int32_t ops::mla_decode(dsrt_context *context, int32_t site, void *y, const void *q, const dsrt_weight *kv_b, dsrt_cache *cache,
                        const dsrt_batch *batch, void *memory, int64_t tokens, int64_t columns, int64_t q_columns, int64_t kv_columns,
                        int64_t latent_columns, int64_t bytes, int32_t type_T, int64_t layer, int64_t heads, int64_t nope, int64_t rope,
                        int64_t value, float softmax_scale) {
  return guarded(context, "mla_decode", [&]() -> Status {
    MlaShape shape = {heads, nope, rope, value, latent_columns};
    int64_t needed = dsrt_mla_decode_scratch(tokens, heads, latent_columns);
    if (Status status = expectMla(shape, type_T, tokens, columns, q_columns, kv_columns, kv_b, cache, batch, layer, bytes, needed);
        !status.ok())
      return status;
    if (Status status = expectOneTokenRows(batch); !status.ok())
      return status;

    int threads = threadsOf(context);
    int64_t latent = shape.latent, blocks = (tokens + tokenBlock - 1) / tokenBlock;
    States states = {static_cast<float *>(memory), heads, latent};

    // Absorb the query: sum over n of q[n] * kv_b[head's key row n].
    parallelFor(threads, heads * blocks, [&](int64_t item) {
      int64_t head = item % heads, first = item / heads * tokenBlock, last = std::min(tokens, first + tokenBlock);
      float queries[tokenBlock][maxHeadColumns], buffer[maxLatent];
      for (int64_t token = first; token < last; ++token) {
        toF32(type_T, at(q, token * q_columns + head * shape.query(), type_T), queries[token - first], size_t(nope));
        float *state = states.query(token, head);
        std::fill(state, state + 2 * latent + 2, 0.f);
        state[2 * latent] = -std::numeric_limits<float>::infinity();
      }
      for (int64_t n = 0; n < nope; ++n) {
        const float *row = weightRow(*kv_b, head * shape.expanded() + n, buffer);
        for (int64_t token = first; token < last; ++token)
          addRows(&queries[token - first][n], 1, row, 0, states.query(token, head), latent);
      }
    });

    int64_t headBlocks = (heads + headBlock - 1) / headBlock;
    parallelFor(threads, tokens * headBlocks, [&](int64_t item) {
      int64_t token = item / headBlocks, first = item % headBlocks * headBlock, count = std::min(headBlock, heads - first);
      float rotated[headBlock * maxHeadColumns];
      for (int64_t i = 0; i < count; ++i)
        toF32(type_T, at(q, token * q_columns + (first + i) * shape.query() + nope, type_T), rotated + i * rope, size_t(rope));
      attend(shape, states, token, first, count, rotated, *cache, cacheRow(*cache, batch->slots[token], layer, 0),
             int64_t(batch->starts[token]) + 1, softmax_scale);
    });

    // The result: kv_b's value rows times the attended latent.
    parallelFor(threads, heads * blocks, [&](int64_t item) {
      int64_t head = item % heads, first = item / heads * tokenBlock, last = std::min(tokens, first + tokenBlock);
      float results[tokenBlock][maxHeadColumns], buffer[maxLatent];
      for (int64_t v = 0; v < value; ++v) {
        const float *row = weightRow(*kv_b, head * shape.expanded() + nope + v, buffer);
        for (int64_t token = first; token < last; ++token) {
          const float *attended = states.attended(token, head);
          results[token - first][v] = dot(attended, row, latent) / attended[latent + 1];
        }
      }
      for (int64_t token = first; token < last; ++token)
        fromF32(results[token - first], type_T, at(y, token * columns + head * value, type_T), size_t(value));
    });
    return {};
  });
}

} // namespace dsrt::cpu
