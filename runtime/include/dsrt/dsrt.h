/*
 * The C interface between a compiled model and the runtime.
 *
 * An artifact calls the functions that dsrt_ops.def lists (their declarations are generated into dsrt/dsrt_calls.h);
 * the runtime answers them through the table of one backend. Nothing here depends on LLVM or on C++.
 *
 * Conventions. Matrices are row major and dense. Extents are in elements. Every function returns a dsrt_code; the
 * message of a failure is in the context. Scales are F32 in memory whatever their format is: a UE8M0 scale is the
 * power of two that it stands for.
 */
#ifndef DSRT_DSRT_H
#define DSRT_DSRT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Changes whenever a struct or a convention below changes; part of the hash that an artifact carries. */
#define DSRT_ABI_VERSION 4

/* Results of calls, and the exit codes of ds-run (docs/reference/exit-codes.md). */
typedef enum dsrt_code {
  DSRT_OK = 0,
  DSRT_REJECTED = 1,       /* understood and rejected */
  DSRT_UNREADABLE = 2,     /* malformed input */
  DSRT_USAGE = 64,         /* wrong usage */
  DSRT_UNAVAILABLE = 69,   /* backend or device not available */
  DSRT_INTERNAL = 70,      /* a defect of ours */
  DSRT_OUT_OF_MEMORY = 71, /* more memory than there is */
  DSRT_CANNOT_CREATE = 73, /* an output could not be created */
  DSRT_IO = 74,            /* an I/O error */
  DSRT_PEER_LOST = 75,     /* a peer was lost */
  DSRT_MISMATCH = 76,      /* the artifact does not fit this runtime or these weights */
  DSRT_NOT_FINITE = 77     /* values that are not finite */
} dsrt_code;

/* Element types. The numbers are part of the ABI. */
typedef enum dsrt_dtype {
  DSRT_NONE = 0,
  DSRT_F32 = 1,
  DSRT_BF16 = 2,
  DSRT_F16 = 3,
  DSRT_F8E4M3 = 4, /* OCP E4M3 ("fn"): no infinity, largest 448 */
  DSRT_F8E5M2 = 5,
  DSRT_F4E2M1 = 6,
  DSRT_NF4 = 7,
  DSRT_UE8M0 = 8,
  DSRT_I32 = 9
} dsrt_dtype;

/* How the scale of a tile follows from its amax. */
typedef enum dsrt_scale_rule {
  DSRT_SCALE_AMAX = 0,         /* amax / largest payload value; 1 where amax is 0 */
  DSRT_SCALE_POWER_OF_TWO = 1, /* the power of two not below amax / largest payload value */
  DSRT_SCALE_MX = 2 /* 2^(floor(log2 amax) - exponent of the largest payload value): OCP Microscaling Formats 1.0; 1 where amax is 0 */
} dsrt_scale_rule;

/* A second scale above the tiles' own (NVFP4): g = amax / (448 * largest payload value), amax of the row or of the whole matrix, 1 where
 * that amax is 0. A tile's scale is then E4M3((tile amax / largest payload value) / g) * g; a tile whose E4M3 value is 0 is 0. */
typedef enum dsrt_outer_scale {
  DSRT_OUTER_NONE = 0,
  DSRT_OUTER_ROW = 1,   /* one a row: a token */
  DSRT_OUTER_TENSOR = 2 /* one a matrix: one expert's one projection */
} dsrt_outer_scale;

typedef enum dsrt_rounding { DSRT_NEAREST_EVEN = 0, DSRT_STOCHASTIC = 1 } dsrt_rounding;

/* A quantisation format. A tile extent of 0 means the whole extent. A row of a four-bit payload is ceil(columns / 2) bytes: column 2i
 * stands in the lower half of byte i, and the upper half behind the last of an odd number of columns is 0. */
typedef struct dsrt_quant {
  int32_t payload;   /* dsrt_dtype */
  int32_t scale;     /* dsrt_dtype the scale is representable in; DSRT_NONE: not quantised, payload is the dtype */
  int32_t tile_rows; /* rows of a tile: tokens of an activation, output channels of a weight */
  int32_t tile_cols; /* columns of a tile, along K */
  int32_t rule;      /* dsrt_scale_rule */
  int32_t rounding;  /* dsrt_rounding */
  float amax_floor;  /* amax is at least this */
  int32_t outer;     /* dsrt_outer_scale */
  uint64_t seed;     /* key of stochastic rounding (Philox): the run's seed, mixed with the operand's module by the compiler */
} dsrt_quant;

/* What a weight is read for; a backend may repack one that is only multiplied with. */
typedef enum dsrt_weight_use {
  DSRT_USE_MATMUL = 1, /* the right-hand side of linear, scaled_matmul and their grouped forms */
  DSRT_USE_ROWS = 2,   /* rows are read one by one: embedding tables, kv_b_proj of latent attention */
  DSRT_USE_VECTOR = 4  /* norms and biases */
} dsrt_weight_use;

/* A resident parameter: [experts, rows, cols]; experts is 1 where there are none, rows is 1 for vectors. */
typedef struct dsrt_weight {
  const char *path; /* our name, for messages */
  int64_t experts, rows, cols;
  int32_t use;         /* dsrt_weight_use, or-ed */
  int32_t reserved;    /* 0 */
  dsrt_quant format;   /* payload and scale of what is resident */
  const void *data;    /* payload, [experts, rows, cols]; NULL once a backend keeps only its own layout */
  const float *scales; /* [experts, ceil(rows / tile_rows), ceil(cols / tile_cols)]; NULL where not quantised */
  void *prepared;      /* the backend's own layout, NULL where it has none */
} dsrt_weight;

/* The attributes of the operation `route`. */
typedef enum dsrt_scoring { DSRT_SCORING_SOFTMAX = 0, DSRT_SCORING_SIGMOID = 1 } dsrt_scoring;
typedef enum dsrt_selection {
  DSRT_SELECTION_GREEDY = 0,               /* the best of all experts */
  DSRT_SELECTION_GROUP_LIMITED_GREEDY = 1, /* V2: of the groups with the largest maximum; other experts count as 0 */
  DSRT_SELECTION_NOAUX_TC = 2              /* V3: by biased scores, of the groups with the largest sum of their two best */
} dsrt_selection;

/* One ragged batch of one call: row r holds tokens offsets[r] .. offsets[r + 1], which stand at the positions
 * starts[r], starts[r] + 1, ... of cache slot slots[r]. In a decode call every row holds one token. These are the host's;
 * token_ids and wanted_tokens reach the operations as buffers of the backend's memory. */
typedef struct dsrt_batch {
  int64_t tokens, rows, wanted;
  const int32_t *token_ids;     /* [tokens] */
  const int32_t *offsets;       /* [rows + 1] */
  const int32_t *slots;         /* [rows] */
  const int32_t *starts;        /* [rows] */
  const int32_t *wanted_tokens; /* [wanted]: the tokens whose logits are asked for, as indices into the call's tokens */
  /* The same three in the backend's memory, for kernels; a backend whose memory is the host's may be given the host's own. */
  const int32_t *device_offsets, *device_slots, *device_starts;
} dsrt_batch;

/* The latent cache: [slots, layers, length, width], width = kv_lora_rank + qk_rope_head_dim. */
typedef struct dsrt_cache {
  int64_t slots, layers, length, width;
  int32_t dtype; /* dsrt_dtype */
  int32_t reserved;
  void *data;
} dsrt_cache;

/* The runtime's side of a run: backend, threads, trace, last message. Opaque to artifacts. */
typedef struct dsrt_context dsrt_context;

/* The entry points of an artifact, `dsrt_prefill` and `dsrt_decode`. `weights` is in the order of the manifest's
 * parameter table; `arena` holds the program's arena_bytes, aligned to 64. */
typedef int32_t (*dsrt_entry)(dsrt_context *context, void *arena, const dsrt_weight *const *weights, const dsrt_batch *batch,
                              dsrt_cache *cache, int64_t tokens, int64_t rows, int64_t wanted, const int32_t *token_ids,
                              const int32_t *wanted_tokens);

#ifdef __cplusplus
}
#endif

#endif
