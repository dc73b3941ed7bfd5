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
