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

} // namespace dsrt
