/*
 * How many bytes of scratch the attention operations need: computed by the compiler when it plans the arena, and checked
 * by the kernels. One definition for both.
 */
#ifndef DSRT_SCRATCH_H
#define DSRT_SCRATCH_H

#include <stdint.h>

/* Positions of the context that the CPU's mla_prefill expands at a time. */
#define DSRT_MLA_CONTEXT_TILE 256
/* The positions whose expansion in F32 the scratch holds: a backend that keeps keys and values in 16 bits expands twice as many at a time.
 * With 4096 positions at a time a call of 4096 tokens needs no second chunk; V3 (128 heads of 128 + 128) takes 0.3 GiB for it. */
#define DSRT_MLA_EXPANDED_POSITIONS 2048

static inline int64_t dsrt_scratch_align(int64_t bytes) { return (bytes + 63) / 64 * 64; }

/* What mla_prefill makes of a chunk of the context: latents (F32, and their payload and scales), keys and values (F32). */
static inline int64_t dsrt_mla_expansion_scratch(int64_t heads, int64_t nope, int64_t value, int64_t latent) {
  int64_t chunk = DSRT_MLA_EXPANDED_POSITIONS;
  return chunk * latent * 4 + chunk * latent + chunk * latent * 4 + chunk * heads * (nope + value) * 4;
}

/* mla_prefill: a chunk's expansion, and per token and head the running maximum, sum and output (F32). */
static inline int64_t dsrt_mla_prefill_scratch(int64_t tokens, int64_t heads, int64_t nope, int64_t value, int64_t latent) {
  return dsrt_mla_expansion_scratch(heads, nope, value, latent) + dsrt_scratch_align(tokens * heads * (value + 2) * 4);
}

/* mla_decode: per token and head the absorbed query (latent), the attended latent and running maximum and sum (F32). */
static inline int64_t dsrt_mla_decode_scratch(int64_t tokens, int64_t heads, int64_t latent) {
  return dsrt_scratch_align(tokens * heads * (2 * latent + 2) * 4);
}

#endif
