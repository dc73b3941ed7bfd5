// Which element types each operation takes: both backends take the same, natively or by their plain kernels. What a target calls native is
// the compiler's table (passes/precision/Targets.cpp), which the tests hold to this one.
#include "runtime/backend/Checks.h"

#include <iterator>

namespace dsrt {

namespace {

// Sets of element types, a bit each.
constexpr uint32_t bit(dsrt_dtype dtype) { return 1u << dtype; }
constexpr uint32_t plain = bit(DSRT_F32) | bit(DSRT_BF16) | bit(DSRT_F16), payload = bit(DSRT_F8E4M3) | bit(DSRT_F4E2M1);
constexpr uint32_t quantised = payload | bit(DSRT_F8E5M2) | bit(DSRT_NF4), readable = plain | quantised;
constexpr uint32_t bytes = plain | bit(DSRT_F8E4M3) | bit(DSRT_F8E5M2) | bit(DSRT_UE8M0) | bit(DSRT_I32);

/// The letters of each operation's line in dsrt_ops.def in the order of their first appearance, those of weights among them (where
/// a weight has a letter of its own it is the last one).
struct Support {
  dsrt_op op;
  uint32_t letters[3];
};
constexpr Support table[] = {
    {DSRT_OP_embedding, {plain, readable}},
    {DSRT_OP_cast, {plain, plain}},
    {DSRT_OP_add, {plain}},
    {DSRT_OP_slice_columns, {bytes}},
    {DSRT_OP_rms_norm, {plain}},
    {DSRT_OP_rope_table, {}},
    {DSRT_OP_rope, {plain}},
    {DSRT_OP_cache_append, {plain}},
    {DSRT_OP_mla_prefill, {plain, plain | payload}},
    {DSRT_OP_mla_decode, {plain, readable}},
    {DSRT_OP_linear, {plain, plain}},
    {DSRT_OP_quantize, {quantised, plain}},
    {DSRT_OP_grouped_quantize, {quantised, plain}},
    {DSRT_OP_scaled_matmul, {plain, payload, payload}},
    {DSRT_OP_route, {}},
    {DSRT_OP_expert_order, {}},
    {DSRT_OP_gather_rows, {bytes | bit(DSRT_F4E2M1)}},
    {DSRT_OP_grouped_linear, {plain, plain}},
    {DSRT_OP_grouped_scaled_matmul, {plain, payload, payload}},
    {DSRT_OP_swiglu, {plain}},
    {DSRT_OP_combine, {plain}},
    {DSRT_OP_add_rms_norm, {plain}},
    {DSRT_OP_rms_norm_quantize, {plain, quantised}},
    {DSRT_OP_add_rms_norm_quantize, {plain, quantised}},
    {DSRT_OP_swiglu_quantize, {quantised, plain}},
    {DSRT_OP_latent_append, {plain}},
    {DSRT_OP_rope_latent_append, {plain}},
    {DSRT_OP_route_order, {}},
    {DSRT_OP_gather_quantized, {payload | bit(DSRT_F8E5M2)}},
    {DSRT_OP_combine_add, {plain}},
    {DSRT_OP_linear_pair, {plain, plain}},
    {DSRT_OP_scaled_matmul_pair, {plain, payload, payload}},
    {DSRT_OP_grouped_linear_pair, {plain, plain}},
    {DSRT_OP_grouped_scaled_matmul_pair, {plain, payload, payload}},
};
static_assert(std::size(table) == DSRT_OP_COUNT, "each operation of dsrt_ops.def has a line");

} // namespace

int32_t supports(dsrt_op op, const int32_t *dtypes, int32_t count) {
  for (const Support &support : table) {
    if (support.op != op)
      continue;
    for (int32_t i = 0; i < count; ++i)
      if (i >= 3 || dtypes[i] <= DSRT_NONE || dtypes[i] > DSRT_I32 || !(support.letters[i] & bit(dsrt_dtype(dtypes[i]))))
        return 0;
    return 1;
  }
  return 0;
}

} // namespace dsrt
