// What the CUDA operations share: the backend's state, and the declarations that fill the table. Host code: no kernel here.
#pragma once

#include "dsrt/dsrt_backend.h"
#include "runtime/backend/Checks.h"
#include "runtime/backend/cuda/Faults.h"
#include "runtime/numerics/Codecs.h"
#include "runtime/numerics/Quantize.h"
#include "runtime/support/Status.h"

#include <cublasLt.h>
#include <cuda_runtime.h>

#include <memory>
#include <string>
#include <type_traits>

namespace dsrt::cuda {

class Algorithms;

/// The backend's state: dsrt_context_state of a context that runs on this backend. Every operation queues its work on `stream` and
/// returns without waiting, so that a whole call can be captured as a CUDA graph: no operation allocates, waits, or copies from
/// pageable memory.
struct State {
  int device = 0, multiprocessors = 0;
  int64_t sharedBytesPerBlock = 0; ///< with opt-in
  cudaStream_t stream = nullptr;
  cublasLtHandle_t blas = nullptr;
  /// Memory that one operation may use while its work runs (partial sums, cuBLASLt's workspace); operations on `stream` take turns.
  void *workspace = nullptr;
  size_t workspaceBytes = 0;
  std::shared_ptr<Algorithms> algorithms; ///< which kernel computes which product (gemm/Algorithms.h)
  Faults faults;
  bool capturing = false; ///< what is queued becomes a graph
  int64_t operations = 0; ///< queued outside a graph
};

inline constexpr size_t workspaceSize = size_t(64) << 20;

inline State &stateOf(dsrt_context *context) { return *static_cast<State *>(dsrt_context_state(context)); }

inline Status cudaStatus(cudaError_t error, const std::string &what) {
  if (error == cudaSuccess)
    return {};
  return {error == cudaErrorMemoryAllocation ? DSRT_OUT_OF_MEMORY : DSRT_UNAVAILABLE,
          format("%s: %s (%s)", what.c_str(), cudaGetErrorString(error), cudaGetErrorName(error))};
}

/// What the launches of a call left. A launch that was refused is the call's own failure; a kernel that failed while it ran is an earlier
/// one's, and ends everything that comes after it on this device.
inline Status launchStatus() {
  cudaError_t error = cudaGetLastError();
  switch (error) {
  case cudaErrorIllegalAddress:
  case cudaErrorMisalignedAddress:
  case cudaErrorIllegalInstruction:
  case cudaErrorInvalidAddressSpace:
  case cudaErrorInvalidPc:
  case cudaErrorHardwareStackError:
  case cudaErrorLaunchFailure:
  case cudaErrorLaunchTimeout:
  case cudaErrorAssert:
  case cudaErrorECCUncorrectable:
    return cudaStatus(error, "an operation before this one failed on the device; --check-finite waits for each and names it");
  default:
    return cudaStatus(error, "the launch failed");
  }
}

/// Runs an operation's body, which returns a Status, and reports what it says, or else what its launches left.
template <typename Body> int32_t guarded(dsrt_context *context, const char *operation, Body &&body) {
  try {
    State &state = stateOf(context);
    state.operations += !state.capturing;
    Status status = body(state);
    return report(context, operation, status.ok() ? launchStatus() : status);
  } catch (const std::bad_alloc &) {
    return dsrt_context_fail(context, DSRT_OUT_OF_MEMORY, "%s: no memory on the host", operation);
  }
}

// The operations, a function each line of dsrt_ops.def, of the type of its slot in the table.
namespace ops {
#define DSRT_OP(name, ...) [[gnu::weak]] extern std::remove_pointer_t<decltype(dsrt_backend::name)> name;
#include "dsrt/dsrt_ops.def"
#undef DSRT_OP
} // namespace ops

} // namespace dsrt::cuda
