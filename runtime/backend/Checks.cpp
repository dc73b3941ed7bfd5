// The checks that Checks.h declares.
#include "runtime/backend/Checks.h"

#include "runtime/numerics/Quantize.h"

namespace dsrt {

Status expectRows(const dsrt_weight *weight, int64_t rows, int64_t cols) {
  const char *path = weight->path ? weight->path : "a weight";
  if (weight->experts != 1 || weight->rows != rows || weight->cols != cols)
    return broken("expects '%s' of [1, %lld, %lld], but got [%lld, %lld, %lld]", path, (long long)rows, (long long)cols,
                  (long long)weight->experts, (long long)weight->rows, (long long)weight->cols);
  if (weight->data == nullptr)
    return broken("expects rows of '%s' to be resident, but it was prepared for products alone", path);
  if (Status status = checkFormat(weight->format); !status.ok())
    return {status.code(), format("'%s': %s", path, status.message().c_str())};
  if (weight->format.scale != DSRT_NONE && weight->scales == nullptr)
    return broken("expects scales of '%s', but got none", path);
  return {};
}

Status expectBatch(const dsrt_batch *batch, int64_t tokens, const dsrt_cache *cache) {
  if (batch->tokens != tokens || batch->offsets[0] != 0 || batch->offsets[batch->rows] != tokens)
    return broken("expects a batch of %lld tokens, but its rows hold tokens %d to %d of %lld", (long long)tokens, batch->offsets[0],
                  batch->offsets[batch->rows], (long long)batch->tokens);
  for (int64_t row = 0; row < batch->rows; ++row) {
    int64_t count = int64_t(batch->offsets[row + 1]) - batch->offsets[row], start = batch->starts[row];
    if (count < 0 || start < 0)
      return broken("expects row %lld to hold tokens from a position on, but got %lld tokens from position %lld", (long long)row,
                    (long long)count, (long long)start);
    if (cache == nullptr)
      continue;
    if (batch->slots[row] < 0 || batch->slots[row] >= cache->slots)
      return broken("expects row %lld in one of %lld cache slots, but got slot %d", (long long)row, (long long)cache->slots,
                    batch->slots[row]);
    if (start + count > cache->length)
      return broken("expects row %lld to end within %lld cache positions, but got %lld tokens from position %lld", (long long)row,
                    (long long)cache->length, (long long)count, (long long)start);
  }
  return {};
}

Status expectMla(const MlaShape &shape, int32_t type, int64_t tokens, int64_t columns, int64_t qColumns, int64_t kvColumns,
                 const dsrt_weight *kv_b, const dsrt_cache *cache, const dsrt_batch *batch, int64_t layer, int64_t bytes, int64_t needed) {
  if (Status status = expectActivation("queries", type); !status.ok())
    return status;
  if (Status status = expectActivation("a cache", cache->dtype); !status.ok())
    return status;
  if (shape.heads < 1 || shape.nope < 0 || shape.rope < 0 || shape.value < 1 || shape.latent < 1 || shape.query() > maxHeadColumns ||
      shape.value > maxHeadColumns || shape.latent > maxLatent)
    return {DSRT_REJECTED, format("expects heads of at most %lld columns and a latent of at most %lld, but got queries of %lld, values of "
                                  "%lld and a latent of %lld",
                                  (long long)maxHeadColumns, (long long)maxLatent, (long long)shape.query(), (long long)shape.value,
                                  (long long)shape.latent)};
  if (qColumns != shape.heads * shape.query() || columns != shape.heads * shape.value || kvColumns != shape.heads * shape.expanded())
    return broken("expects columns of %lld heads, but got %lld of queries, %lld of results and %lld of kv_b", (long long)shape.heads,
                  (long long)qColumns, (long long)columns, (long long)kvColumns);
  if (cache->width != shape.latent + shape.rope || layer < 0 || layer >= cache->layers)
    return broken("expects a cache of width %lld with layer %lld, but got width %lld and %lld layers",
                  (long long)(shape.latent + shape.rope), (long long)layer, (long long)cache->width, (long long)cache->layers);
  if (bytes < needed)
    return broken("expects %lld bytes of scratch, but got %lld", (long long)needed, (long long)bytes);
  if (Status status = expectRows(kv_b, kvColumns, shape.latent); !status.ok())
    return status;
  return expectBatch(batch, tokens, cache);
}

Status expectOneTokenRows(const dsrt_batch *batch) {
  for (int64_t row = 0; row < batch->rows; ++row)
    if (batch->offsets[row] != row || batch->offsets[row + 1] != row + 1)
      return broken("expects one token in each row of a decode call, but got %d in row %lld", batch->offsets[row + 1] - batch->offsets[row],
                    (long long)row);
  return {};
}

Status expectExpansion(const dsrt_weight *kv_b, const dsrt_quant *activation, int64_t latent) {
  bool quantised = kv_b->format.scale != DSRT_NONE;
  if (quantised != (activation != nullptr && activation->scale != DSRT_NONE))
    return broken("expects a format of activations where '%s' is quantised, and none where not", kv_b->path ? kv_b->path : "kv_b");
  if (!quantised)
    return {};
  if (Status status = checkFormat(*activation); !status.ok())
    return status;
  bool whole = activation->tile_rows == 0 && (activation->tile_cols == 0 || activation->tile_cols >= latent);
  if (!rowsAreIndependent(*activation) && !whole)
    return {DSRT_REJECTED, format("expects activations of kv_b in tiles of one token or as a whole, but got %d x %d", activation->tile_rows,
                                  activation->tile_cols)};
  return {};
}

Status expectQuantize(int64_t columns, int64_t tiles, int32_t type_P, int32_t type_X, const dsrt_quant *format) {
  if (Status status = expectActivation("an operand", type_X); !status.ok())
    return status;
  if (Status status = checkFormat(*format); !status.ok())
    return status;
  if (format->scale == DSRT_NONE || type_P != format->payload)
    return broken("expects a payload of %s with scales, but got %s", typeName(format->payload).c_str(), typeName(type_P).c_str());
  if (tiles != tileColsOf(*format, columns))
    return broken("expects %lld scale columns for %lld columns in tiles of %d, but got %lld", (long long)tileColsOf(*format, columns),
                  (long long)columns, format->tile_cols, (long long)tiles);
  return {};
}

Status expectRowQuantize(int64_t columns, int64_t tiles, int32_t type_P, int32_t type_X, const dsrt_quant *format) {
  if (Status status = expectQuantize(columns, tiles, type_P, type_X, format); !status.ok())
    return status;
  if (!rowsAreIndependent(*format))
    return broken("expects a format whose rows are independent, but got tiles of %d rows", format->tile_rows);
  return {};
}

Status expectRouting(const dsrt_weight *bias, int64_t top_k, int64_t expert_count, int64_t scoring, int64_t selection, int64_t groups,
                     int64_t top_groups) {
  if (scoring != DSRT_SCORING_SOFTMAX && scoring != DSRT_SCORING_SIGMOID)
    return broken("expects scoring by softmax or sigmoid, but got %lld", (long long)scoring);
  if (selection < DSRT_SELECTION_GREEDY || selection > DSRT_SELECTION_NOAUX_TC)
    return broken("expects a selection from 0 to %d, but got %lld", DSRT_SELECTION_NOAUX_TC, (long long)selection);
  if (expert_count < 1 || top_k < 1 || top_k > expert_count)
    return broken("expects to choose 1 to %lld experts, but got %lld", (long long)expert_count, (long long)top_k);
  bool grouped = selection != DSRT_SELECTION_GREEDY, noaux = selection == DSRT_SELECTION_NOAUX_TC;
  if (grouped && (groups < 1 || expert_count % groups != 0 || top_groups < 1 || top_groups > groups))
    return broken("expects to choose among groups that divide %lld experts, but got %lld of %lld groups", (long long)expert_count,
                  (long long)top_groups, (long long)groups);
  if (bias != nullptr) {
    if (!noaux)
      return broken("expects a correction bias with the selection noaux_tc alone");
    if (Status status = expectRows(bias, 1, expert_count); !status.ok())
      return status;
    if (bias->format.payload != DSRT_F32)
      return broken("expects a correction bias of f32, but got %s", typeName(bias->format.payload).c_str());
  }
  return {};
}

} // namespace dsrt
