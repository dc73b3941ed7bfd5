/*
 * The table that a backend fills, and what the runtime hands to it. A plugin exports `dsrt_backend_get`.
 */
#ifndef DSRT_BACKEND_H
#define DSRT_BACKEND_H

#include "dsrt/dsrt.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One number an operation, in the order of dsrt_ops.def: DSRT_OP_embedding, ... */
typedef enum dsrt_op {
#include "dsrt/dsrt_op_names.inc"
  DSRT_OP_COUNT
} dsrt_op;

/* How a backend that has several kernels for a product chooses one. The CPU's bits do not depend on it. */
typedef enum dsrt_algorithm_mode {
  DSRT_ALGORITHMS_RULE = 0,    /* by a rule: nothing is measured, no file is read or written */
  DSRT_ALGORITHMS_MEASURE = 1, /* the fastest: measured where a product is first seen outside of a graph's capture, kept in a file */
  DSRT_ALGORITHMS_REPEAT = 2   /* as in a file that a measuring run has written, which is only read; other products are refused */
} dsrt_algorithm_mode;

typedef struct dsrt_backend_options {
  int32_t threads; /* 0: what the machine has */
  int32_t device;
  int32_t algorithm_mode; /* dsrt_algorithm_mode */
  const char *algorithms; /* the file; NULL: the backend's own, in the user's cache */
} dsrt_backend_options;

typedef struct dsrt_backend {
  const char *name;     /* "cpu", "cuda" */
  const char *abi_hash; /* DSRT_ABI_HASH it was built with */

  /* Creates the backend's state (dsrt_context_state). On failure `message` (of `size` bytes) says why. */
  int32_t (*create)(const dsrt_backend_options *options, void **state, char *message, size_t size);
  void (*destroy)(void *state);

  /* Memory of the backend, aligned to 64; allocate leaves it uninitialised. copy_in and copy_out cross to and from the host. */
  int32_t (*allocate)(void *state, size_t bytes, void **memory);
  void (*release)(void *state, void *memory);
  int32_t (*copy_in)(void *state, void *destination, const void *source, size_t bytes);
  int32_t (*copy_out)(void *state, void *destination, const void *source, size_t bytes);
  int32_t (*synchronize)(void *state);

  /* Repacks a weight after its data is in place; may release `data` into its own layout: then sets data = NULL and
   * *released = 1, and the caller frees what it had allocated for it. */
  int32_t (*prepare_weight)(void *state, dsrt_weight *weight, int32_t *released);
  void (*release_weight)(void *state, dsrt_weight *weight);

  /* 1 where `op` runs on these element types (in the order in which the table names them) natively, 0 where not. */
  int32_t (*supports)(dsrt_op op, const int32_t *dtypes, int32_t count);

#include "dsrt/dsrt_backend_slots.inc"
} dsrt_backend;

/* The state that the backend's create returned, and the way to report a failure from an operation. */
void *dsrt_context_state(dsrt_context *context);
int32_t dsrt_context_fail(dsrt_context *context, int32_t code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* The symbol of a plugin. */
typedef const dsrt_backend *(*dsrt_backend_get_function)(void);

#ifdef __cplusplus
}
#endif

#endif
