/*
 * How many bytes of scratch the attention operations need: computed by the compiler when it plans the arena, and checked
 * by the kernels. One definition for both.
 */
#ifndef DSRT_SCRATCH_H
#define DSRT_SCRATCH_H

#include <stdint.h>

/* Positions of the context that mla_prefill expands at a time. */
#define DSRT_MLA_CONTEXT_TILE 256

static inline int64_t dsrt_scratch_align(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/* mla_prefill: the latents of a context tile (F32, and their payload and scales), keys and values expanded from them
 * (F32), and per token and head the running maximum, sum and output (F32). */
static inline int64_t dsrt_mla_prefill_scratch(int64_t tokens, int64_t heads, int64_t nope, int64_t value, int64_t latent) {
  int64_t tile = DSRT_MLA_CONTEXT_TILE;
  return dsrt_scratch_align(tile * latent * 4) + dsrt_scratch_align(tile * latent) + dsrt_scratch_align(tile * latent * 4) +
         dsrt_scratch_align(tile * heads * (nope + value) * 4) + dsrt_scratch_align(tokens * heads * (value + 2) * 4);
}

/* mla_decode: per token and head the absorbed query (latent), the attended latent and running maximum and sum (F32). */
static inline int64_t dsrt_mla_decode_scratch(int64_t tokens, int64_t heads, int64_t latent) {
  return dsrt_scratch_align(tokens * heads * (2 * latent + 2) * 4);
}

#endif
