// Plain loops in F32; only what ToyArtifact.c and the tests of the C interface call.
#include "FakeBackend.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>

namespace fake {
namespace {

State &of(void *state) { return *static_cast<State *>(state); }

/// Runs a call of the backend, or keeps it for the graph.
template <typename Call> void run(void *state, Call call) {
  if (of(state).capturing)
    return of(state).captured.push_back(call);
  ++of(state).counters.operations;
  call();
}
template <typename Call> void run(dsrt_context *context, Call call) { run(dsrt_context_state(context), call); }

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
  run(context, [=] {
    for (int64_t t = 0; t < tokens; ++t)
      memcpy(static_cast<float *>(y) + t * hidden, values(table) + ids[t] * hidden, hidden * sizeof(float));
  });
  return fails(context, site);
}

int32_t gatherRows(dsrt_context *context, int32_t site, void *y, const void *x, const int32_t *index, int64_t rows, int64_t columns,
                   int64_t, int32_t, int64_t divisor) {
  run(context, [=] {
    for (int64_t i = 0; i < rows; ++i)
      memcpy(static_cast<float *>(y) + i * columns, static_cast<const float *>(x) + index[i] / divisor * columns, columns * sizeof(float));
  });
  return fails(context, site);
}

int32_t linear(dsrt_context *context, int32_t site, void *y, const void *x, const dsrt_weight *weight, int64_t tokens, int64_t n, int64_t k,
               int32_t, int32_t, int64_t) {
  run(context, [=] {
    for (int64_t t = 0; t < tokens; ++t)
      for (int64_t row = 0; row < n; ++row) {
        float sum = 0;
        for (int64_t i = 0; i < k; ++i)
          sum += static_cast<const float *>(x)[t * k + i] * values(weight)[row * k + i];
        static_cast<float *>(y)[t * n + row] = sum;
      }
  });
  return fails(context, site);
}

/// Leaves its result as it is: tests put into it what they want.
int32_t groupedLinear(dsrt_context *context, int32_t site, void *, const void *, const int32_t *, const dsrt_weight *, int64_t, int64_t,
                      int64_t, int64_t, int64_t, int32_t, int32_t, int64_t, int64_t) {
  return fails(context, site);
}

/// Keeps (id + 1) * (position + 1) of each token; the ids come in place of a latent.
int32_t cacheAppend(dsrt_context *context, int32_t site, dsrt_cache *cache, const void *ids, const void *, const dsrt_batch *given, int64_t,
                    int64_t, int64_t, int32_t, int64_t) {
  run(context, [=, batch = *given] {
    for (int64_t row = 0; row < batch.rows; ++row)
      for (int32_t t = batch.device_offsets[row]; t < batch.device_offsets[row + 1]; ++t) {
        int64_t position = batch.device_starts[row] + (t - batch.device_offsets[row]);
        static_cast<float *>(cache->data)[batch.device_slots[row] * cache->length + position] =
            float((static_cast<const int32_t *>(ids)[t] + 1) * (position + 1));
      }
  });
  return fails(context, site);
}

/// Adds 100 to the logit that the cache's values up to each wanted token say; the wanted tokens come in place of queries.
int32_t mlaDecode(dsrt_context *context, int32_t site, void *y, const void *wanted, const dsrt_weight *, dsrt_cache *cache,
                  const dsrt_batch *given, void *, int64_t count, int64_t vocabulary, int64_t, int64_t, int64_t, int64_t, int32_t, int64_t,
                  int64_t, int64_t, int64_t, int64_t, float) {
  run(context, [=, batch = *given] {
    for (int64_t w = 0; w < count; ++w) {
      int32_t t = static_cast<const int32_t *>(wanted)[w];
      int64_t row = 0, sum = 0;
      while (t >= batch.device_offsets[row + 1])
        ++row;
      int64_t position = batch.device_starts[row] + (t - batch.device_offsets[row]);
      for (int64_t p = 0; p <= position; ++p)
        sum += int64_t(static_cast<const float *>(cache->data)[batch.device_slots[row] * cache->length + p]);
      static_cast<float *>(y)[w * vocabulary + sum % vocabulary] += 100;
    }
  });
  return fails(context, site);
}

int32_t greedy(void *state, const float *logits, int64_t rows, int64_t vocabulary, int32_t *ids, int32_t *nextIds, int32_t *starts,
               int32_t length) {
  run(state, [=] {
    for (int64_t row = 0; row < rows; ++row) {
      const float *values = logits + row * vocabulary;
      ids[row] = std::all_of(values, values + vocabulary, [](float value) { return std::isfinite(value); })
                     ? int32_t(std::max_element(values, values + vocabulary) - values)
                     : -1;
      if (nextIds)
        nextIds[row] = std::max(ids[row], 0), starts[row] = std::min(starts[row] + 1, length - 1);
    }
  });
  return DSRT_OK;
}

// The queue. What is called outside a graph is done at once, so that marks and waits have nothing to do.

int32_t allocateHost(void *state, size_t bytes, void **memory) { return allocate(state, bytes, memory); }
int32_t mark(void *, int32_t) { return DSRT_OK; }
int32_t elapsed(void *, int32_t, int32_t, double *milliseconds) {
  *milliseconds = 1;
  return DSRT_OK;
}
int32_t captureBegin(void *state) {
  of(state).capturing = true;
  return DSRT_OK;
}
int32_t captureEnd(void *state, void **graph) {
  of(state).capturing = false;
  *graph = nullptr;
  if (of(state).captureFails)
    return DSRT_UNAVAILABLE;
  *graph = new Calls(std::move(of(state).captured));
  of(state).captured.clear();
  of(state).graphs.push_back(static_cast<Calls *>(*graph)->size());
  ++of(state).liveGraphs;
  return DSRT_OK;
}
int32_t graphLaunch(void *state, void *graph) {
  ++of(state).counters.graphs;
  for (const auto &call : *static_cast<Calls *>(graph))
    call();
  return DSRT_OK;
}
void graphRelease(void *state, void *graph) {
  delete static_cast<Calls *>(graph);
  --of(state).liveGraphs;
}
void count(void *state, dsrt_counters *counters) { *counters = of(state).counters; }
int32_t memoryOf(void *state, dsrt_memory *memory) {
  *memory = of(state).memory;
  return DSRT_OK;
}

dsrt_backend_queue makeQueue() {
  dsrt_backend_queue queue = {};
  queue.allocate_host = allocateHost, queue.release_host = release, queue.copy_out_later = copy;
  queue.mark = mark, queue.wait = mark, queue.elapsed = elapsed;
  queue.capture_begin = captureBegin, queue.capture_end = captureEnd;
  queue.graph_launch = graphLaunch, queue.graph_release = graphRelease, queue.count = count;
  return queue;
}

dsrt_backend make(const char *name) {
  dsrt_backend table = {};
  table.name = name;
  table.allocate = allocate, table.release = release, table.copy_in = copy, table.copy_out = copy, table.synchronize = synchronize;
  table.greedy = greedy;
  table.prepare_weight = prepare, table.release_weight = releaseWeight;
  table.embedding = embedding, table.gather_rows = gatherRows, table.linear = linear, table.grouped_linear = groupedLinear;
  table.cache_append = cacheAppend, table.mla_decode = mlaDecode;
  return table;
}

} // namespace

const dsrt_backend *backend(bool elsewhere) {
  static const dsrt_backend here = make("cpu"), there = make("elsewhere");
  return elsewhere ? &there : &here;
}

const dsrt_backend *queuedBackend() {
  static const dsrt_backend_queue queue = makeQueue();
  static const dsrt_backend queued = [] {
    dsrt_backend table = make("queued");
    table.queue = &queue, table.memory = memoryOf;
    return table;
  }();
  return &queued;
}

} // namespace fake
