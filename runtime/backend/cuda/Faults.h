// What kernels report of values on the device that no artifact makes: a token id outside the vocabulary, an order that is none. The
// CPU backend rejects them at the call; here the call has returned before a kernel reads them, so the first that is found waits in
// pinned memory until the host waits for the device (synchronize), and reads as the CPU's message does.
//
// A kernel that finds one must go on without touching memory outside its operands: results are then unspecified, the device is not.
#pragma once

#include "dsrt/dsrt_backend.h"
#include "runtime/support/Status.h"

#include <cuda_runtime.h>

namespace dsrt::cuda {

enum class FaultKind : int32_t {
  none,
  tokenId,     ///< bound: vocabulary; value at token `index`
  expert,      ///< bound: experts; value at token `index`
  rowIndex,    ///< bound: rows that there are; value at row `index`
  missingPair, ///< bound: pairs; `index` has no row
  offsets,     ///< bound: rows; value at `index`
  position,    ///< bound: positions of the cache; value of token `index`
  slot,        ///< bound: slots of the cache; value of token `index`
};

/// In pinned memory of the host that the device reaches.
struct FaultRecord {
  FaultKind kind;
  int32_t op; ///< dsrt_op
  int64_t value, index, bound;
};

/// What a kernel gets.
struct FaultReport {
  int32_t *claimed;    ///< of the device: 1 once a fault was found
  FaultRecord *record; ///< written by the one that claimed it
  int32_t op;

#ifdef __CUDACC__
  __device__ void raise(FaultKind kind, int64_t value, int64_t index, int64_t bound) const {
    if (atomicExch(claimed, 1) != 0)
      return;
    record->op = op, record->value = value, record->index = index, record->bound = bound;
    __threadfence_system(); // the host takes a record whose kind it sees
    record->kind = kind;
  }
#endif
};

/// The state's side.
class Faults {
public:
  cudaError_t create();
  void destroy();
  FaultReport of(dsrt_op op) const { return {claimed, record, op}; }
  /// What was found since the last call, under the operation's name; the stream's work is done.
  Status take();

private:
  int32_t *claimed = nullptr;
  FaultRecord *record = nullptr;
};

} // namespace dsrt::cuda
