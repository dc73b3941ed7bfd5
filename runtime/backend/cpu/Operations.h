// What the CPU operations share: the backend's state, element access, and the declarations that fill the table.
#pragma once

#include "dsrt/dsrt_backend.h"
#include "runtime/backend/Checks.h"
#include "runtime/backend/cpu/Parallel.h"
#include "runtime/numerics/Codecs.h"
#include "runtime/support/Status.h"

#include <algorithm>
#include <new>

namespace dsrt::cpu {

/// The backend's state: dsrt_context_state of a context that runs on this backend.
struct State {
  int threads;
};

inline int threadsOf(dsrt_context *context) { return static_cast<State *>(dsrt_context_state(context))->threads; }

/// Threads for a loop over `elements` elements of little work each: below this many, starting a team costs more than it saves.
inline int threadsFor(dsrt_context *context, int64_t elements) { return elements < 32768 ? 1 : threadsOf(context); }

inline const void *at(const void *base, int64_t index, int32_t dtype) {
  return static_cast<const char *>(base) + index * int64_t(elementBytes(dtype));
}
inline void *at(void *base, int64_t index, int32_t dtype) { return static_cast<char *>(base) + index * int64_t(elementBytes(dtype)); }

/// `count` elements from `index` on as F32: in place where they are F32, else in `buffer`.
inline const float *loadF32(const void *base, int64_t index, int32_t dtype, float *buffer, int64_t count) {
  if (dtype == DSRT_F32)
    return static_cast<const float *>(base) + index;
  toF32(dtype, at(base, index, dtype), buffer, size_t(count));
  return buffer;
}

/// Elements that a loop converts at a time, on the stack.
inline constexpr int64_t chunk = 512;

/// Rounds `count` values to the dtypes in turn, in place: what operations in them would have given.
void roundTo(float *x, int64_t count, std::initializer_list<int32_t> dtypes);

/// Runs an operation's body, which returns a Status, and reports what it says; memory that could not be had among it.
template <typename Body> int32_t guarded(dsrt_context *context, const char *operation, Body &&body) {
  try {
    return report(context, operation, body());
  } catch (const std::bad_alloc &) {
    return dsrt_context_fail(context, DSRT_OUT_OF_MEMORY, "%s: no memory for its workspace", operation);
  }
}

/// Row `row` of a weight as F32, dequantised where it is quantised: in place where it is F32, else in `buffer` (weight.cols).
const float *weightRow(const dsrt_weight &weight, int64_t row, float *buffer);

// The operations, a function each line of dsrt_ops.def, of the type of its slot in the table.
namespace ops {
#define DSRT_OP(name, ...) std::remove_pointer_t<decltype(dsrt_backend::name)> name;
#include "dsrt/dsrt_ops.def"
#undef DSRT_OP
} // namespace ops

} // namespace dsrt::cpu
