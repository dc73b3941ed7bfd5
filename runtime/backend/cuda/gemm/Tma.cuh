// The bulk tensor copy engine (TMA): tensor maps made on the host, copies of boxes into shared memory issued on the device.
//
// A map describes a row-major matrix; the engine brings a box of rows x 128 bytes, writes it with the 128-byte swizzle (the 16-byte chunk
// c of row r lies at chunk c ^ (r mod 8): what wgmma's descriptors of Wgmma.cuh read) and fills with zeros what lies outside of the matrix.
#pragma once

#include "runtime/backend/cuda/gemm/Barrier.cuh"

#include <cuda.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace dsrt::cuda {

/// The map of a matrix [rows, columns] of elements of `elementBytes` (1: FP8; 2: BF16 or FP16), for boxes [boxRows, 128 / elementBytes].
/// Expects a base and a row of multiples of 16 bytes, and at most 256 boxRows; what the driver refuses is cudaErrorInvalidValue.
inline cudaError_t makeTensorMap(CUtensorMap *map, const void *base, int64_t rows, int64_t columns, int elementBytes, int boxRows) {
  using Encode = decltype(&cuTensorMapEncodeTiled);
  static const Encode encode = [] {
    void *function = nullptr;
    cudaDriverEntryPointQueryResult found;
    // by this way the plugin needs no libcuda when it is linked
    if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &found) != cudaSuccess ||
        found != cudaDriverEntryPointSuccess)
      function = nullptr;
    return reinterpret_cast<Encode>(function);
  }();
  if (encode == nullptr)
    return cudaErrorNotSupported;
  const cuuint64_t sizes[2] = {cuuint64_t(columns), cuuint64_t(rows)};
  const cuuint64_t strides[1] = {cuuint64_t(columns * elementBytes)};
  const cuuint32_t box[2] = {cuuint32_t(128 / elementBytes), cuuint32_t(boxRows)};
  const cuuint32_t elementStrides[2] = {1, 1};
  CUresult result = encode(map, elementBytes == 1 ? CU_TENSOR_MAP_DATA_TYPE_UINT8 : CU_TENSOR_MAP_DATA_TYPE_UINT16, 2,
                           const_cast<void *>(base), sizes, strides, box, elementStrides, CU_TENSOR_MAP_INTERLEAVE_NONE,
                           CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return result == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
}

__device__ __forceinline__ void prefetchTensorMap(const CUtensorMap *map) {
  asm volatile("prefetch.tensormap [%0];" ::"l"(map) : "memory");
}

/// Queues the copy of the box whose first element is (row, column) to `destination` (1024-byte aligned); `full` counts its bytes.
__device__ __forceinline__ void loadBox(const CUtensorMap *map, void *destination, uint64_t *full, int column, int row) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::"r"(
                   sharedAddress(destination)),
               "l"(map), "r"(sharedAddress(full)), "r"(column), "r"(row)
               : "memory");
}

/// As loadBox, into the same place of all blocks of the cluster whose bits are set in `blocks`; each block's own `full` counts the bytes.
__device__ __forceinline__ void loadBoxMulticast(const CUtensorMap *map, void *destination, uint64_t *full, int column, int row,
                                                 uint16_t blocks) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster "
               "[%0], [%1, {%3, %4}], [%2], %5;" ::"r"(sharedAddress(destination)),
               "l"(map), "r"(sharedAddress(full)), "r"(column), "r"(row), "h"(blocks)
               : "memory");
}

} // namespace dsrt::cuda
