// Barriers in shared memory (mbarrier): what joins producer and consumer warps, and the copy engine, inside a block or a cluster.
//
// A barrier completes a phase once all expected arrivals have come and all announced bytes have been written; phases alternate in parity.
// A waiter passes once the phase of the given parity has completed; the phase before the first counts as completed with parity 1.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace dsrt::cuda {

__device__ __forceinline__ uint32_t sharedAddress(const void *pointer) { return uint32_t(__cvta_generic_to_shared(pointer)); }

/// One thread initialises; fenceBarriers() and then a barrier of the block (or cluster) make it visible to the others.
__device__ __forceinline__ void initBarrier(uint64_t *barrier, uint32_t arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(sharedAddress(barrier)), "r"(arrivals) : "memory");
}

/// Makes initialised barriers visible to the copy engine and to the blocks of the cluster.
__device__ __forceinline__ void fenceBarriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

__device__ __forceinline__ void arrive(uint64_t *barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(sharedAddress(barrier)) : "memory");
}

/// Arrives at the barrier that lies at the same offset in the shared memory of block `rank` of the cluster. For stages that the tensor
/// cores have read: it orders no ordinary writes for the other block (a release at the cluster's scope costs a fence of the whole device).
__device__ __forceinline__ void arriveAt(uint64_t *barrier, uint32_t rank) {
  asm volatile("{\n"
               ".reg .b32 remote;\n"
               "mapa.shared::cluster.u32 remote, %0, %1;\n"
               "mbarrier.arrive.shared::cluster.b64 _, [remote];\n"
               "}" ::"r"(sharedAddress(barrier)),
               "r"(rank)
               : "memory");
}

/// Arrives, and announces the bytes that the copy engine will write before the phase completes.
__device__ __forceinline__ void arriveExpecting(uint64_t *barrier, uint32_t bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(sharedAddress(barrier)), "r"(bytes) : "memory");
}

__device__ __forceinline__ bool tryWait(uint64_t *barrier, uint32_t parity) {
  uint32_t done;
  asm volatile("{\n"
               ".reg .pred complete;\n"
               "mbarrier.try_wait.parity.acquire.cta.shared::cta.b64 complete, [%1], %2;\n"
               "selp.u32 %0, 1, 0, complete;\n"
               "}"
               : "=r"(done)
               : "r"(sharedAddress(barrier)), "r"(parity)
               : "memory");
  return done != 0;
}

__device__ __forceinline__ void wait(uint64_t *barrier, uint32_t parity) {
  while (!tryWait(barrier, parity)) {
  }
}

/// As arriveAt(), behind this thread's ordinary reads and writes, for a block that waits by waitCluster().
__device__ __forceinline__ void releaseAt(uint64_t *barrier, uint32_t rank) {
  asm volatile("{\n"
               ".reg .b32 remote;\n"
               "mapa.shared::cluster.u32 remote, %0, %1;\n"
               "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];\n"
               "}" ::"r"(sharedAddress(barrier)),
               "r"(rank)
               : "memory");
}

/// As wait(), and what the blocks of the cluster that arrived by releaseAt() have done before is done.
__device__ __forceinline__ void waitCluster(uint64_t *barrier, uint32_t parity) {
  asm volatile("{\n"
               ".reg .pred complete;\n"
               "again_%=:\n"
               "mbarrier.try_wait.parity.acquire.cluster.shared::cta.b64 complete, [%0], %1;\n"
               "@!complete bra again_%=;\n"
               "}" ::"r"(sharedAddress(barrier)),
               "r"(parity)
               : "memory");
}

/// A barrier of all threads of the cluster, with release and acquire.
__device__ __forceinline__ void syncCluster() {
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" ::: "memory");
}

__device__ __forceinline__ uint32_t clusterRank() {
  uint32_t rank;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  return rank;
}

/// A place in a ring of `count` stages, and the parity of its current turn.
template <int count> struct Stage {
  int index = 0;
  uint32_t parity = 0;
  __device__ __forceinline__ void advance() {
    if (++index == count)
      index = 0, parity ^= 1;
  }
};

} // namespace dsrt::cuda
