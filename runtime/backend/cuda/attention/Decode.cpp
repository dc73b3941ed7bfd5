// mla_decode: absorbed latent attention over the cache (DeepSeek-V2, arXiv 2405.04434, section 2.1.2), in three launches: the queries
// take in kv_b's key rows; each part of each context is attended to; the parts are joined and multiplied with kv_b's value rows.
// The scratch (dsrt_scratch.h) holds the absorbed queries, and the one part of each token where contexts are not split; the parts of
// split contexts lie in the backend's workspace, which bounds their number.
#include "runtime/backend/cuda/attention/Decode.h"

#include "dsrt/dsrt_scratch.h"

#include <algorithm>
#include <cmath>

namespace dsrt::cuda {

namespace {

/// As many splits as fill the `slots` blocks that run at a time; where one split does already, the fewest that keep them busy for nine
/// tenths of the waves that it takes: each one more costs the join.
int64_t chooseSplits(int64_t blocks, int64_t slots, int64_t most) {
  if (2 * blocks <= slots)
    return std::clamp<int64_t>(slots / blocks, 1, std::max<int64_t>(most, 1));
  int64_t best = 1;
  double bestUse = 0;
  for (int64_t splits = 1; splits <= std::min<int64_t>(most, 8) && bestUse < 0.9; ++splits) {
    double waves = double(blocks * splits) / double(slots), use = waves / std::ceil(waves);
    if (use > bestUse)
      best = splits, bestUse = use;
  }
  return best;
}

} // namespace

int32_t ops::mla_decode(dsrt_context *context, int32_t site, void *y, const void *q, const dsrt_weight *kv_b, dsrt_cache *cache,
                        const dsrt_batch *batch, void *memory, int64_t tokens, int64_t columns, int64_t q_columns, int64_t kv_columns,
                        int64_t latent_columns, int64_t bytes, int32_t type_T, int64_t layer, int64_t heads, int64_t nope, int64_t rope,
                        int64_t value, float softmax_scale) {
  return guarded(context, "mla_decode", [&](State &state) -> Status {
    MlaShape shape = {heads, nope, rope, value, latent_columns};
    int64_t needed = dsrt_mla_decode_scratch(tokens, heads, latent_columns);
    if (Status status = expectMla(shape, type_T, tokens, columns, q_columns, kv_columns, kv_b, cache, batch, layer, bytes, needed);
        !status.ok())
      return status;
    if (Status status = expectOneTokenRows(batch); !status.ok())
      return status;
    if (tokens == 0)
      return {};
    DecodeCall call = {};
    call.y = y, call.q = q, call.type = type_T;
    call.weight = kv_b->data, call.scales = kv_b->scales, call.format = kv_b->format;
    call.cache = cache->data, call.cacheType = cache->dtype;
    call.slotCount = int32_t(cache->slots), call.layers = int32_t(cache->layers), call.layer = int32_t(layer);
    call.positions = int32_t(cache->length);
    call.slots = batch->device_slots, call.starts = batch->device_starts;
    call.tokens = int32_t(tokens), call.heads = int32_t(heads), call.nope = int32_t(nope), call.rope = int32_t(rope);
    call.value = int32_t(value), call.latent = int32_t(latent_columns);
    call.softmaxScale = softmax_scale * float(M_LOG2E);

    // The scratch: [queries | attended | sums] of one split, F32 or two BF16 for a query's element.
    int64_t elements = tokens * heads * latent_columns;
    float *scratch = static_cast<float *>(memory);
    call.queries = scratch;
    call.queriesHigh = static_cast<__nv_bfloat16 *>(memory), call.queriesLow = call.queriesHigh + elements;
    call.attended = scratch + elements, call.sums = reinterpret_cast<float2 *>(scratch + 2 * elements);

    bool tensorCores = takesAttention(call), manyHeads = tensorCores && takesManyHeads(call);
    int64_t blocks = manyHeads ? manyHeadsBlocks(call) : tensorCores ? attentionBlocks(call) : tokens * heads;
    int64_t slots = state.multiprocessors * (manyHeads ? 1 : tensorCores ? attentionBlocksAtOnce(call) : 2); // blocks that run at a time
    int64_t tiles = (cache->length + decodeTile - 1) / decodeTile, splitBytes = (elements + 2 * tokens * heads) * 4;
    call.splits =
        int32_t(chooseSplits(blocks, slots, std::min(tiles, (int64_t(state.workspaceBytes) - int64_t(sizeof(float2))) / splitBytes)));
    if (call.splits > 1) {
      call.attended = static_cast<float *>(state.workspace);
      call.sums = reinterpret_cast<float2 *>(call.attended + (call.splits * elements + 1) / 2 * 2); // float2 are aligned to 8 bytes
    }
    call.queriesSplit = tensorCores;
    bool projections = takesProjections(call);
    cudaError_t error = tensorCores && projections ? absorb(state, call) : absorbPlain(state, call);
    if (error == cudaSuccess)
      error = manyHeads ? attendManyHeads(state, call) : tensorCores ? attend(state, call) : attendPlain(state, call);
    if (error == cudaSuccess)
      error = projections ? project(state, call) : projectPlain(state, call);
    return cudaStatus(error, "the launch failed");
  });
}

} // namespace dsrt::cuda
