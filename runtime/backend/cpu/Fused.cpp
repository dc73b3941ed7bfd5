// Fused operations that are no products: each is its parts, one after the other. What a fusion saves is memory traffic and launches on a
// device; here it saves the memory of intermediate results that no later call reads.
#include "runtime/backend/cpu/Parts.h"

#include "runtime/numerics/Quantize.h"

#include <vector>

namespace dsrt::cpu {

namespace {

/// Bytes of intermediate rows that an operation holds at a time.
constexpr int64_t intermediateBytes = 1 << 20;

Status appendLatent(dsrt_context *context, dsrt_cache *cache, const void *x, const dsrt_weight *weight, const float *cosine,
                    const float *sine, const dsrt_batch *batch, int64_t tokens, int64_t columns, int64_t latentColumns, int64_t pairs,
                    int32_t type, int64_t layer, float eps) {
  if (Status status = expectActivation("elements", type); !status.ok())
    return status;
  int64_t keyColumns = columns - latentColumns;
  if (keyColumns < 0)
    return broken("expects at least %lld columns, but got %lld", (long long)latentColumns, (long long)columns);
  std::vector<char> rows(size_t(tokens * columns) * elementBytes(type));
  void *latent = rows.data(), *key = at(latent, tokens * latentColumns, type);
  if (Status status = normalizeRows(context, latent, x, columns, weight, tokens, latentColumns, type, eps); !status.ok())
    return status;
  if (Status status = rotateRows(context, key, at(x, latentColumns, type), columns, cosine, sine, tokens, keyColumns, pairs, type, 1, 0);
      !status.ok())
    return status;
  return appendToCache(cache, latent, key, batch, tokens, latentColumns, keyColumns, type, layer);
}

} // namespace

int32_t ops::add_rms_norm(dsrt_context *context, int32_t site, void *sum, void *y, const void *a, const void *b, const dsrt_weight *weight,
                          int64_t tokens, int64_t hidden, int32_t type_T, float eps) {
  return guarded(context, "add_rms_norm", [&]() -> Status {
    if (Status status = addElements(context, sum, a, b, tokens * hidden, type_T); !status.ok())
      return status;
    return normalizeRows(context, y, sum, hidden, weight, tokens, hidden, type_T, eps);
  });
}

int32_t ops::rms_norm_quantize(dsrt_context *context, int32_t site, void *y, void *payload, float *scales, const void *x,
                               const dsrt_weight *weight, int64_t tokens, int64_t hidden, int64_t tiles, int32_t type_T, int32_t type_P,
                               float eps, const dsrt_quant *format) {
  return guarded(context, "rms_norm_quantize", [&]() -> Status {
    if (Status status = expectRowQuantize(hidden, tiles, type_P, type_T, format); !status.ok())
      return status;
    if (Status status = normalizeRows(context, y, x, hidden, weight, tokens, hidden, type_T, eps); !status.ok())
      return status;
    quantizeMatrix(context, payload, scales, y, 0, tokens, hidden, tiles, type_P, type_T, format);
    return {};
  });
}

int32_t ops::add_rms_norm_quantize(dsrt_context *context, int32_t site, void *sum, void *y, void *payload, float *scales, const void *a,
                                   const void *b, const dsrt_weight *weight, int64_t tokens, int64_t hidden, int64_t tiles, int32_t type_T,
                                   int32_t type_P, float eps, const dsrt_quant *format) {
  return guarded(context, "add_rms_norm_quantize", [&]() -> Status {
    if (Status status = expectRowQuantize(hidden, tiles, type_P, type_T, format); !status.ok())
      return status;
    if (Status status = addElements(context, sum, a, b, tokens * hidden, type_T); !status.ok())
      return status;
    if (Status status = normalizeRows(context, y, sum, hidden, weight, tokens, hidden, type_T, eps); !status.ok())
      return status;
    quantizeMatrix(context, payload, scales, y, 0, tokens, hidden, tiles, type_P, type_T, format);
    return {};
  });
}

int32_t ops::swiglu_quantize(dsrt_context *context, int32_t site, void *payload, float *scales, const void *gate, const void *up,
                             int64_t rows, int64_t columns, int64_t tiles, int32_t type_P, int32_t type_T, const dsrt_quant *format) {
  return guarded(context, "swiglu_quantize", [&]() -> Status {
    if (Status status = expectRowQuantize(columns, tiles, type_P, type_T, format); !status.ok())
      return status;
    int64_t row = std::max<int64_t>(1, columns * int64_t(elementBytes(type_T)));
    int64_t step = std::clamp<int64_t>(intermediateBytes / row, 1, std::max<int64_t>(rows, 1));
    std::vector<char> y(size_t(step * row));
    for (int64_t begin = 0; begin < rows; begin += step) {
      int64_t count = std::min(step, rows - begin), first = begin * columns;
      if (Status status = gateElements(context, y.data(), at(gate, first, type_T), at(up, first, type_T), count * columns, type_T);
          !status.ok())
        return status;
      quantizeMatrix(context, static_cast<uint8_t *>(payload) + begin * rowBytes(type_P, columns), scales + begin * tiles, y.data(), begin,
                     count, columns, tiles, type_P, type_T, format);
    }
    return {};
  });
}

int32_t ops::latent_append(dsrt_context *context, int32_t site, dsrt_cache *cache, const void *x, const dsrt_weight *weight,
                           const float *cosine, const float *sine, const dsrt_batch *batch, int64_t tokens, int64_t columns,
                           int64_t latent_columns, int64_t pairs, int32_t type_T, int64_t layer, float eps) {
  return guarded(context, "latent_append", [&]() {
    return appendLatent(context, cache, x, weight, cosine, sine, batch, tokens, columns, latent_columns, pairs, type_T, layer, eps);
  });
}

int32_t ops::rope_latent_append(dsrt_context *context, int32_t site, void *y, dsrt_cache *cache, const void *q, const void *x,
                                const dsrt_weight *weight, const float *cosine, const float *sine, const dsrt_batch *batch, int64_t tokens,
                                int64_t q_columns, int64_t columns, int64_t latent_columns, int64_t pairs, int32_t type_T, int64_t heads,
                                int64_t begin, int64_t layer, float eps) {
  return guarded(context, "rope_latent_append", [&]() -> Status {
    if (Status status = rotateRows(context, y, q, q_columns, cosine, sine, tokens, q_columns, pairs, type_T, heads, begin); !status.ok())
      return status;
    return appendLatent(context, cache, x, weight, cosine, sine, batch, tokens, columns, latent_columns, pairs, type_T, layer, eps);
  });
}

int32_t ops::route_order(dsrt_context *context, int32_t site, float *weights, int32_t *experts, int32_t *order, int32_t *offsets,
                         const float *logits, const dsrt_weight *bias, int64_t tokens, int64_t top_k, int64_t pairs, int64_t bounds,
                         int64_t expert_count, int64_t scoring, int64_t selection, int64_t groups, int64_t top_groups, int64_t normalize,
                         float scaling) {
  return guarded(context, "route_order", [&]() -> Status {
    if (Status status = chooseExperts(weights, experts, logits, bias, tokens, top_k, expert_count, scoring, selection, groups, top_groups,
                                      normalize, scaling);
        !status.ok())
      return status;
    return orderPairs(order, offsets, experts, pairs, bounds, tokens, top_k);
  });
}

int32_t ops::gather_quantized(dsrt_context *context, int32_t site, void *y_payload, float *y_scales, const void *payload,
                              const float *scales, const int32_t *index, int64_t rows, int64_t columns, int64_t tiles, int64_t tokens,
                              int32_t type_P, int64_t divisor) {
  return guarded(context, "gather_quantized", [&]() -> Status {
    if (Status status = gatherRows(context, y_payload, payload, index, rows, columns, tokens, type_P, divisor); !status.ok())
      return status;
    return gatherRows(context, y_scales, scales, index, rows, tiles, tokens, DSRT_F32, divisor);
  });
}

int32_t ops::combine_add(dsrt_context *context, int32_t site, void *y, const void *x, const float *weights, const int32_t *order,
                         const void *b, int64_t tokens, int64_t hidden, int64_t rows, int64_t top_k, int32_t type_T) {
  return guarded(context, "combine_add", [&]() -> Status {
    if (Status status = combineRows(context, y, x, weights, order, tokens, hidden, rows, top_k, type_T); !status.ok())
      return status;
    return addElements(context, y, y, b, tokens * hidden, type_T); // in place: each chunk is read before it is written
  });
}

} // namespace dsrt::cpu
