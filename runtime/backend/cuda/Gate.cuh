// The gated activation of a feed-forward network, of one pair of values.
#pragma once

#include <cuda_runtime.h>

namespace dsrt::cuda {

/// silu(gate) * up.
__device__ inline float gated(float gate, float up) { return gate / (1 + expf(-gate)) * up; }

} // namespace dsrt::cuda
