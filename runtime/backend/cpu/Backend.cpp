// The table of the CPU backend: state, memory, weights, and what it supports.
#include "runtime/backend/cpu/Backend.h"

#include "dsrt/dsrt_abi.h"
#include "runtime/backend/cpu/Operations.h"
#include "runtime/backend/cpu/gemm/Gemm.h"

#include <sched.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace dsrt::cpu {

namespace {

int availableThreads() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

int32_t create(const dsrt_backend_options *options, void **state, char *message, size_t size) {
  if (options->threads < 0 || options->threads > 4096) {
    snprintf(message, size, "expects 0 to 4096 threads, but got %d", options->threads);
    return DSRT_USAGE;
  }
  if (options->device != 0) {
    snprintf(message, size, "expects device 0 of the cpu backend, but got %d", options->device);
    return DSRT_UNAVAILABLE;
  }
  if (Expected<std::string> isa = selectedIsa(); !isa) {
    snprintf(message, size, "%s", isa.status().message().c_str());
    return isa.status().code();
  }
  State *created = new (std::nothrow) State{options->threads == 0 ? availableThreads() : options->threads};
  if (created == nullptr) {
    snprintf(message, size, "no memory for the state of the cpu backend");
    return DSRT_OUT_OF_MEMORY;
  }
  *state = created;
  return DSRT_OK;
}

void destroy(void *state) { delete static_cast<State *>(state); }

int32_t allocate(void *, size_t bytes, void **memory) {
  constexpr size_t alignment = 64;
  *memory = bytes > SIZE_MAX - alignment ? nullptr
                                         : aligned_alloc(alignment, (std::max<size_t>(bytes, 1) + alignment - 1) / alignment * alignment);
  return *memory ? DSRT_OK : DSRT_OUT_OF_MEMORY;
}

void release(void *, void *memory) { free(memory); }

int32_t copyBytes(void *, void *destination, const void *source, size_t bytes) {
  if (bytes != 0)
    memcpy(destination, source, bytes);
  return DSRT_OK;
}

int32_t synchronize(void *) { return DSRT_OK; }

int32_t prepare(void *state, dsrt_weight *weight, int32_t *released) {
  try {
    bool wholly = false;
    Status status = prepareWeight(static_cast<State *>(state)->threads, *weight, wholly);
    *released = wholly;
    return status.code();
  } catch (const std::bad_alloc &) {
    *released = 0;
    return DSRT_OUT_OF_MEMORY;
  }
}

void releasePrepared(void *, dsrt_weight *weight) { releaseWeight(*weight); }

int32_t greedy(void *state, const float *logits, int64_t rows, int64_t vocabulary, int32_t *ids, int32_t *nextIds, int32_t *starts,
               int32_t length) {
  // Of little work, a team of threads costs more than it saves.
  parallelFor(rows * vocabulary < 32768 ? 1 : static_cast<State *>(state)->threads, rows, [&](int64_t row) {
    const float *values = logits + row * vocabulary;
    int64_t best = 0;
    bool finite = true;
    for (int64_t i = 0; i < vocabulary; ++i) {
      finite &= std::isfinite(values[i]);
      best = values[i] > values[best] ? i : best;
    }
    ids[row] = finite ? int32_t(best) : -1;
    if (nextIds) {
      nextIds[row] = std::max(ids[row], 0);
      starts[row] = std::min(starts[row] + 1, length - 1);
    }
  });
  return DSRT_OK;
}

const dsrt_backend cpuBackend = {
    .name = "cpu",
    .abi_hash = DSRT_ABI_HASH,
    .create = create,
    .destroy = destroy,
    .queue = nullptr,
    .message = nullptr,
    .describe = nullptr,
    .memory = nullptr,
    .allocate = allocate,
    .release = release,
    .copy_in = copyBytes,
    .copy_out = copyBytes,
    .synchronize = synchronize,
    .prepare_weight = prepare,
    .release_weight = releasePrepared,
    .fill_random = nullptr,
    .greedy = greedy,
    .supports = supports,
#define DSRT_OP(name, ...) .name = ops::name,
#include "dsrt/dsrt_ops.def"
#undef DSRT_OP
};

} // namespace

const dsrt_backend *backend() { return &cpuBackend; }

} // namespace dsrt::cpu
