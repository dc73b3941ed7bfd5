// The tensor core's warp-wide product (mma.sync) of BF16 operands, and the loads of its operands from shared memory (ldmatrix).
//
// Lane l holds, with g = l / 4 and q = l % 4, of A [16, 16]: rows g and g + 8, columns 2q, 2q + 1 and 8 more, in the order (g, 2q),
// (g + 8, 2q), (g, 2q + 8), (g + 8, 2q + 8); of B [16, 8]: rows 2q, 2q + 1 and 8 more of column g; of C [16, 8]: (g, 2q), (g, 2q + 1),
// (g + 8, 2q), (g + 8, 2q + 1).
#pragma once

#include "runtime/backend/cuda/gemm/Barrier.cuh"

#include <cuda_bf16.h>

namespace dsrt::cuda {

/// sums += A B, in F32.
__device__ __forceinline__ void mma(float (&sums)[4], uint32_t a0, uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0, uint32_t b1) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

/// Four 8x8 matrices of 16-bit elements: lane l gives the address (in shared memory) of row l % 8 of matrix l / 8, and gets of each
/// matrix the elements (l / 4, 2 (l % 4)) and the one after it.
__device__ __forceinline__ void loadMatrices(uint32_t (&parts)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(parts[0]), "=r"(parts[1]), "=r"(parts[2]), "=r"(parts[3])
               : "r"(address)
               : "memory");
}

/// The same of the transposed matrices: elements (2 (l % 4), l / 4) and the one below it.
__device__ __forceinline__ void loadTransposed(uint32_t (&parts)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(parts[0]), "=r"(parts[1]), "=r"(parts[2]), "=r"(parts[3])
               : "r"(address)
               : "memory");
}

__device__ __forceinline__ uint32_t packed(__nv_bfloat162 pair) { return *reinterpret_cast<uint32_t *>(&pair); }

/// A pair of F32 as two pairs of BF16 whose sum is the value to 16 bits or more: what keeps products of rounded operands as good as
/// F32 arithmetic, at the price of a second product. An infinity has no lower part.
__device__ __forceinline__ void splitPair(float x, float y, uint32_t &high, uint32_t &low) {
  __nv_bfloat162 upper = __floats2bfloat162_rn(x, y);
  float left = isinf(x) ? 0.f : x - __low2float(upper), right = isinf(y) ? 0.f : y - __high2float(upper);
  high = packed(upper), low = packed(__floats2bfloat162_rn(left, right));
}

} // namespace dsrt::cuda
