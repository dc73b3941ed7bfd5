// The gated activation of a feed-forward network, of one pair of values.
#pragma once

#include <cuda_runtime.h>

namespace dsrt::cuda {

/// silu(gate) * up. The device makes all NaN one; here a NaN operand stays what it is, as on the CPU.
__device__ inline float gated(float gate, float up) {
  float result = gate / (1 + expf(-gate)) * up;
  if (result == result)
    return result;
  return gate != gate ? gate : up != up ? up : __uint_as_float(0xffc00000);
}

} // namespace dsrt::cuda
