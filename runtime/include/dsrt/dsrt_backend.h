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

/* Bytes of a backend's memory. */
typedef struct dsrt_memory {
  uint64_t free, total; /* now */
  uint64_t used;        /* what `free` has lost since create began: this run's, and that of others who share the device */
} dsrt_memory;

/* What a backend has done since it was created. */
typedef struct dsrt_counters {
  int64_t operations; /* queued outside graphs: each launches a kernel at least */
  int64_t graphs;     /* launches of a graph */
  int64_t waits;      /* of the host for the device */
  int64_t copies_in, copies_out;
} dsrt_counters;

/* What a backend offers whose calls queue work and return before it is done. */
typedef struct dsrt_backend_queue {
  /* Memory of the host that copy_out_later reaches. The copy is done when a mark behind it was waited for. */
  int32_t (*allocate_host)(void *state, size_t bytes, void **memory);
  void (*release_host)(void *state, void *memory);
  int32_t (*copy_out_later)(void *state, void *destination, const void *source, size_t bytes);

  /* Marks stand in the queue and have numbers from 0; setting one again moves it. `wait` returns when the work before a mark is done;
   * `elapsed` gives the time on the device between two marks that were reached. */
  int32_t (*mark)(void *state, int32_t number);
  int32_t (*wait)(void *state, int32_t number);
  int32_t (*elapsed)(void *state, int32_t from, int32_t to, double *milliseconds);

  /* What is queued between begin and end is not run, but becomes a graph; each launch of it queues the same work on the same memory. */
  int32_t (*capture_begin)(void *state);
  int32_t (*capture_end)(void *state, void **graph);
  int32_t (*graph_launch)(void *state, void *graph);
  void (*graph_release)(void *state, void *graph);

  void (*count)(void *state, dsrt_counters *counters);
} dsrt_backend_queue;

typedef struct dsrt_backend {
  const char *name;     /* "cpu", "cuda" */
  const char *abi_hash; /* DSRT_ABI_HASH it was built with */

  /* Creates the backend's state (dsrt_context_state). On failure `message` (of `size` bytes) says why. */
  int32_t (*create)(const dsrt_backend_options *options, void **state, char *message, size_t size);
  void (*destroy)(void *state);

  /* NULL: each call is done when it returns. */
  const dsrt_backend_queue *queue;
  /* What the last failure of a slot other than an operation was; NULL: codes say all. */
  const char *(*message)(void *state);
  /* A JSON object of strings and numbers: device, driver, versions; NULL: nothing to say. */
  int32_t (*describe)(void *state, char *text, size_t size);
  /* NULL: the memory is the host's. */
  int32_t (*memory)(void *state, dsrt_memory *memory);

  /* Memory of the backend, aligned to 64; allocate leaves it uninitialised. copy_in and copy_out cross to and from the host, in the order
   * of the calls; the source of copy_in may change as soon as it returns, copy_out is done when it returns. */
  int32_t (*allocate)(void *state, size_t bytes, void **memory);
  void (*release)(void *state, void *memory);
  int32_t (*copy_in)(void *state, void *destination, const void *source, size_t bytes);
  int32_t (*copy_out)(void *state, void *destination, const void *source, size_t bytes);
  int32_t (*synchronize)(void *state);

  /* Repacks a weight after its data is in place; may release `data` into its own layout: then sets data = NULL and
   * *released = 1, and the caller frees what it had allocated for it. */
  int32_t (*prepare_weight)(void *state, dsrt_weight *weight, int32_t *released);
  void (*release_weight)(void *state, dsrt_weight *weight);

  /* Fills payload and scales of a weight that was allocated: values in [-1, 1) times sqrt(3 / cols), 1 for vectors. NULL: the caller
   * makes such values on the host. */
  int32_t (*fill_random)(void *state, const dsrt_weight *weight, uint64_t seed);

  /* ids[r] = the lowest index of the largest of logits[r] (F32 [rows, vocabulary]), -1 where one of them is not finite. Where next_ids
   * is given, the inputs of the decode call that follows: next_ids[r] = ids[r] (0 where that is -1), starts[r] = min(starts[r] + 1,
   * length - 1). All of it is the backend's memory. */
  int32_t (*greedy)(void *state, const float *logits, int64_t rows, int64_t vocabulary, int32_t *ids, int32_t *next_ids, int32_t *starts,
                    int32_t length);

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
