// How kernels are launched: each may begin while its predecessor ends (programmatic dependent launch), and waits for it before it
// touches what it wrote. In a CUDA graph such launches become programmatic edges.
//
// Every kernel that is launched by `launch` calls waitForPrevious() in every thread before its first access to memory that an earlier
// kernel may write or read (activations, cache, scratch; not weights), and should call allowNext() as early as its resources allow
// the next one's blocks to come in. Weights never change during a run: a kernel may load or prefetch them before it waits.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <utility>

namespace dsrt::cuda {

/// Waits until all kernels before this one have ended and their writes are visible.
__device__ __forceinline__ void waitForPrevious() { asm volatile("griddepcontrol.wait;" ::: "memory"); }

/// Lets the next kernel's blocks start, as soon as all blocks of this one have called it or ended.
__device__ __forceinline__ void allowNext() { asm volatile("griddepcontrol.launch_dependents;" ::: "memory"); }

struct LaunchShape {
  dim3 grid, block;
  size_t sharedBytes = 0;
  unsigned cluster = 1; ///< blocks of a cluster, along x
};

/// Queues a kernel; what cudaLaunchKernelEx refuses is returned, and also what cudaGetLastError gives.
template <typename... Parameters, typename... Arguments>
cudaError_t launch(cudaStream_t stream, const LaunchShape &shape, void (*kernel)(Parameters...), Arguments &&...arguments) {
  cudaLaunchConfig_t config = {};
  config.gridDim = shape.grid, config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.sharedBytes;
  config.stream = stream;
  cudaLaunchAttribute attributes[2];
  attributes[0].id = cudaLaunchAttributeProgrammaticStreamSerialization;
  attributes[0].val.programmaticStreamSerializationAllowed = 1;
  attributes[1].id = cudaLaunchAttributeClusterDimension;
  attributes[1].val.clusterDim = {shape.cluster, 1, 1};
  config.attrs = attributes;
  config.numAttrs = shape.cluster > 1 ? 2 : 1;
  if (shape.sharedBytes > 48 * 1024)
    if (cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(shape.sharedBytes));
        error != cudaSuccess)
      return error;
  return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(std::forward<Arguments>(arguments))...);
}

} // namespace dsrt::cuda
