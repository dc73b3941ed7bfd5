// What fused operations are made of: the bodies of plain ones (dsrt_ops.def), so that both have one arithmetic. Extents and types are those
// of the plain operation's line; errors have no operation's name yet.
#pragma once

#include "runtime/backend/cpu/Operations.h"

namespace dsrt::cpu {

/// add and swiglu, of `elements` elements.
Status addElements(dsrt_context *context, void *y, const void *a, const void *b, int64_t elements, int32_t type);
Status gateElements(dsrt_context *context, void *y, const void *gate, const void *up, int64_t elements, int32_t type);

/// rms_norm and rope of rows that begin every `xRow` elements of x; rows of y are dense.
Status normalizeRows(dsrt_context *context, void *y, const void *x, int64_t xRow, const dsrt_weight *weight, int64_t tokens, int64_t hidden,
                     int32_t type, float eps);
Status rotateRows(dsrt_context *context, void *y, const void *x, int64_t xRow, const float *cosine, const float *sine, int64_t tokens,
                  int64_t columns, int64_t pairs, int32_t type, int64_t heads, int64_t begin);

Status appendToCache(dsrt_cache *cache, const void *latent, const void *key, const dsrt_batch *batch, int64_t tokens,
                     int64_t latent_columns, int64_t key_columns, int32_t type, int64_t layer);

/// Quantises a matrix of `tokens` rows, of which the first is row `first` of the operand that stochastic rounding counts in.
void quantizeMatrix(dsrt_context *context, void *payload, float *scales, const void *x, int64_t first, int64_t tokens, int64_t columns,
                    int64_t tiles, int32_t type_P, int32_t type_X, const dsrt_quant *format);

Status chooseExperts(float *weights, int32_t *experts, const float *logits, const dsrt_weight *bias, int64_t tokens, int64_t top_k,
                     int64_t expert_count, int64_t scoring, int64_t selection, int64_t groups, int64_t top_groups, int64_t normalize,
                     float scaling);
Status orderPairs(int32_t *order, int32_t *offsets, const int32_t *experts, int64_t pairs, int64_t bounds, int64_t tokens, int64_t top_k);
Status gatherRows(dsrt_context *context, void *y, const void *x, const int32_t *index, int64_t rows, int64_t columns, int64_t tokens,
                  int32_t type, int64_t divisor);
Status combineRows(dsrt_context *context, void *y, const void *x, const float *weights, const int32_t *order, int64_t tokens,
                   int64_t hidden, int64_t rows, int64_t top_k, int32_t type);

} // namespace dsrt::cpu
