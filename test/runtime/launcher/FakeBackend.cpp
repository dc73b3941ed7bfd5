// Plain loops in F32; only what ToyArtifact.c and the tests of the C interface call.
#include "FakeBackend.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace fake {
namespace {

State &of(void *state) { return *static_cast<State *>(state); }

int32_t allocate(void *state, size_t bytes, void **memory) {
  *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
  ++of(state).live;
  return *memory ? DSRT_OK : DSRT_OUT_OF_MEMORY;
}

void release(void *state, void *memory) {
  free(memory);
  --of(state).live;
}

int32_t copy(void *, void *destination, const void *source, size_t bytes) {
  memcpy(destination, source, bytes);
  return DSRT_OK;
}

int32_t synchronize(void *) { return DSRT_OK; }

int32_t prepare(void *state, dsrt_weight *weight, int32_t *released) {
  ++of(state).prepared;
  of(state).lastUse = weight->use;
  *released = of(state).takesWeights;
  if (*released) {
    size_t bytes = size_t(weight->experts * weight->rows * weight->cols) * sizeof(float);
    weight->prepared = malloc(bytes);
    memcpy(weight->prepared, weight->data, bytes);
    weight->data = nullptr;
  }
  return DSRT_OK;
}

void releaseWeight(void *state, dsrt_weight *weight) {
  free(weight->prepared);
  --of(state).prepared;
}

const float *values(const dsrt_weight *weight) { return static_cast<const float *>(weight->data ? weight->data : weight->prepared); }

int32_t fails(dsrt_context *context, int32_t site) {
  return of(dsrt_context_state(context)).failAt == site ? dsrt_context_fail(context, DSRT_INTERNAL, "made to fail at %d", site) : DSRT_OK;
}

int32_t embedding(dsrt_context *context, int32_t site, void *y, const int32_t *ids, const dsrt_weight *table, int64_t tokens,
                  int64_t hidden, int64_t, int32_t) {
  for (int64_t t = 0; t < tokens; ++t)
    memcpy(static_cast<float *>(y) + t * hidden, values(table) + ids[t] * hidden, hidden * sizeof(float));
  return fails(context, site);
}

int32_t gatherRows(dsrt_context *context, int32_t site, void *y, const void *x, const int32_t *index, int64_t rows, int64_t columns,
                   int64_t, int32_t, int64_t divisor) {
  for (int64_t i = 0; i < rows; ++i)
    memcpy(static_cast<float *>(y) + i * columns, static_cast<const float *>(x) + index[i] / divisor * columns, columns * sizeof(float));
  return fails(context, site);
}

int32_t linear(dsrt_context *context, int32_t site, void *y, const void *x, const dsrt_weight *weight, int64_t tokens, int64_t n, int64_t k,
               int32_t, int32_t, int64_t) {
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t row = 0; row < n; ++row) {
      float sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum += static_cast<const float *>(x)[t * k + i] * values(weight)[row * k + i];
      static_cast<float *>(y)[t * n + row] = sum;
    }
  return fails(context, site);
}

/// Leaves its result as it is: tests put into it what they want.
int32_t groupedLinear(dsrt_context *context, int32_t site, void *, const void *, const int32_t *, const dsrt_weight *, int64_t, int64_t,
                      int64_t, int64_t, int64_t, int32_t, int32_t, int64_t, int64_t) {
  return fails(context, site);
}

int32_t greedy(void *, const float *logits, int64_t rows, int64_t vocabulary, int32_t *ids, int32_t *nextIds, int32_t *starts,
               int32_t length) {
  for (int64_t row = 0; row < rows; ++row) {
    const float *values = logits + row * vocabulary;
    ids[row] = std::all_of(values, values + vocabulary, [](float value) { return std::isfinite(value); })
                   ? int32_t(std::max_element(values, values + vocabulary) - values)
                   : -1;
    if (nextIds)
      nextIds[row] = std::max(ids[row], 0), starts[row] = std::min(starts[row] + 1, length - 1);
  }
  return DSRT_OK;
}

dsrt_backend make(const char *name) {
  dsrt_backend table = {};
  table.name = name;
  table.allocate = allocate, table.release = release, table.copy_in = copy, table.copy_out = copy, table.synchronize = synchronize;
  table.greedy = greedy;
  table.prepare_weight = prepare, table.release_weight = releaseWeight;
  table.embedding = embedding, table.gather_rows = gatherRows, table.linear = linear, table.grouped_linear = groupedLinear;
  return table;
}

} // namespace

const dsrt_backend *backend(bool elsewhere) {
  static const dsrt_backend here = make("cpu"), there = make("elsewhere");
  return elsewhere ? &there : &here;
}

} // namespace fake
