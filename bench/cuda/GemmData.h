// Random operands on the device, and the check of a product, for Gemm.cpp.
#pragma once

#include "runtime/backend/cuda/gemm/Multiply.h"

namespace bench {

/// Fills memory with finite values of a type: normally distributed times `scale`, for F32 (as scales) uniform in [0.5, 1.5) times `scale`.
void fill(int32_t dtype, void *memory, int64_t count, uint64_t seed, float scale, cudaStream_t stream);

/// The largest error among `samples` random elements of side 0 of a product, each computed in F64 on the device: what is beyond half a unit
/// in the last place of the result, over the sum of the magnitudes of its terms. Infinite where an element is not finite. Waits.
double errorOf(const dsrt::cuda::Multiplication &product, int64_t samples, uint64_t seed, cudaStream_t stream);

} // namespace bench
