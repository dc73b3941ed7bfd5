// What every backend checks of the operands that it is given, before it touches them. Host code.
#pragma once

#include "dsrt/dsrt_backend.h"
#include "runtime/numerics/Codecs.h"
#include "runtime/support/Status.h"

namespace dsrt {

/// Whether the type is one that activations have.
inline bool isActivation(int32_t dtype) { return dtype == DSRT_F32 || dtype == DSRT_BF16 || dtype == DSRT_F16; }

/// DSRT_INTERNAL: a call that no artifact of ours makes.
template <typename... Arguments> Status broken(const char *pattern, Arguments... arguments) {
  return {DSRT_INTERNAL, format(pattern, arguments...)};
}
inline Status broken(const char *text) { return {DSRT_INTERNAL, text}; }

/// Checks that a type is f32, bf16 or f16.
inline Status expectActivation(const char *what, int32_t dtype) {
  if (isActivation(dtype))
    return {};
  return broken("expects %s of f32, bf16 or f16, but got %s", what, typeName(dtype).c_str());
}

/// Checks that a weight's rows can be read: its extents and that its data is resident.
Status expectRows(const dsrt_weight *weight, int64_t rows, int64_t cols);

/// Checks a batch against the tokens of the call, and its slots and positions against the cache where one is given: the host's arrays.
Status expectBatch(const dsrt_batch *batch, int64_t tokens, const dsrt_cache *cache);

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

/// Checks that each row of a decode call holds one token.
Status expectOneTokenRows(const dsrt_batch *batch);

/// Checks the format in which mla_prefill is to quantise latents before they are multiplied with kv_b: one where kv_b is quantised, in
/// tiles of one token or of the whole operand.
Status expectExpansion(const dsrt_weight *kv_b, const dsrt_quant *activation, int64_t latent);

/// Checks the operands of a quantisation of `columns` columns into a payload of type P and `tiles` scales a row.
Status expectQuantize(int64_t columns, int64_t tiles, int32_t type_P, int32_t type_X, const dsrt_quant *format);

/// The same, and that each row is quantised alone: what an operation can do behind another one, row by row.
Status expectRowQuantize(int64_t columns, int64_t tiles, int32_t type_P, int32_t type_X, const dsrt_quant *format);

/// Checks the attributes of `route` and its bias, which may be null.
Status expectRouting(const dsrt_weight *bias, int64_t top_k, int64_t expert_count, int64_t scoring, int64_t selection, int64_t groups,
                     int64_t top_groups);

/// 1 where `op` takes these element types, 0 where not (dsrt_backend::supports).
int32_t supports(dsrt_op op, const int32_t *dtypes, int32_t count);

/// Reports a status that is not OK, under the operation's name.
inline int32_t report(dsrt_context *context, const char *operation, const Status &status) {
  return status.ok() ? DSRT_OK : dsrt_context_fail(context, status.code(), "%s: %s", operation, status.message().c_str());
}

} // namespace dsrt
