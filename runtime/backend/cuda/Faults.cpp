// The host's side of faults: their memory and their messages.
#include "runtime/backend/cuda/Faults.h"

#include <iterator>

namespace dsrt::cuda {

namespace {

const char *const names[] = {
#define DSRT_OP(name, ...) #name,
#include "dsrt/dsrt_ops.def"
#undef DSRT_OP
};

} // namespace

cudaError_t Faults::create() {
  cudaError_t error = cudaHostAlloc(&record, sizeof *record, cudaHostAllocMapped);
  if (error == cudaSuccess)
    error = cudaMalloc(&claimed, sizeof *claimed);
  if (error == cudaSuccess)
    error = cudaMemset(claimed, 0, sizeof *claimed);
  if (error == cudaSuccess)
    *record = {};
  return error;
}

void Faults::destroy() {
  cudaFreeHost(record);
  cudaFree(claimed);
}

Status Faults::take() {
  FaultRecord fault = *record;
  if (fault.kind == FaultKind::none)
    return {};
  *record = {};
  cudaMemset(claimed, 0, sizeof *claimed);
  const char *name = fault.op >= 0 && size_t(fault.op) < std::size(names) ? names[fault.op] : "an operation";
  auto value = (long long)fault.value, index = (long long)fault.index, bound = (long long)fault.bound;
  switch (fault.kind) {
  case FaultKind::tokenId:
    return {DSRT_REJECTED,
            format("%s: expects token ids from 0 to %lld, the vocabulary, but got %lld at token %lld", name, bound - 1, value, index)};
  case FaultKind::expert:
    return {DSRT_INTERNAL, format("%s: expects experts from 0 to %lld, but got %lld at token %lld", name, bound - 1, value, index)};
  case FaultKind::rowIndex:
    return {DSRT_INTERNAL, format("%s: expects rows of %lld, but got index %lld at row %lld", name, bound, value, index)};
  case FaultKind::missingPair:
    return {DSRT_INTERNAL, format("%s: expects each of %lld pairs once, but got no row of pair %lld", name, bound, index)};
  case FaultKind::offsets:
    return {DSRT_INTERNAL, format("%s: expects offsets that rise from 0 to %lld rows, but got %lld at %lld", name, bound, value, index)};
  case FaultKind::position:
    return {DSRT_INTERNAL, format("%s: expects one of %lld cache positions, but got %lld at token %lld", name, bound, value, index)};
  case FaultKind::slot:
    return {DSRT_INTERNAL, format("%s: expects one of %lld cache slots, but got %lld at token %lld", name, bound, value, index)};
  case FaultKind::none:
    break;
  }
  return {DSRT_INTERNAL, format("%s: a fault of unknown kind %d", name, int(fault.kind))};
}

} // namespace dsrt::cuda
