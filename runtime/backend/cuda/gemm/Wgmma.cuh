// The tensor cores of Hopper (wgmma): a warpgroup of 128 threads multiplies A [64, k] by B [n, k] transposed, both K-major in shared memory
// with the 128-byte swizzle (as Tma.cuh writes them), into FP32 accumulators in registers.
//
// An instruction covers 32 bytes of K: 32 elements of FP8, 16 of BF16 or FP16. The accumulator i of thread t (warp w = t / 32 of the
// warpgroup, lane l) is the element
//   row = 16 w + l / 4 + 8 ((i / 2) mod 2), column = 8 (i / 4) + 2 (l mod 4) + i mod 2   (PTX ISA, wgmma register fragments of D).
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <cuda_runtime.h>

#include <cstdint>

namespace dsrt::cuda {

/// Accumulators written by ordinary instructions before are seen by the products that follow.
__device__ __forceinline__ void fenceWgmma() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

/// Closes a group of products.
__device__ __forceinline__ void commitWgmma() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

/// Waits until at most `pending` of the last groups are still running.
template <int pending> __device__ __forceinline__ void waitWgmma() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

/// Keeps the compiler from moving reads or writes of accumulators across this point (across a wait, or into running products).
template <int count> __device__ __forceinline__ void pinAccumulators(float (&d)[count]) {
#pragma unroll
  for (int i = 0; i < count; ++i)
    asm volatile("" : "+f"(d[i])::"memory");
}

/// The descriptor of a matrix whose rows of 128 bytes follow each other (groups of 8 rows: 1024 bytes, aligned so), swizzled by 128 bytes;
/// `address` in shared memory. The next 32 bytes of K are at descriptor + 2.
__device__ __forceinline__ uint64_t swizzledDescriptor(uint32_t address) {
  return uint64_t((address & 0x3ffff) >> 4) | uint64_t(1) << 16 | uint64_t(1024 >> 4) << 32 | uint64_t(1) << 62;
}

// Lists of registers, 8 and 32 at a time, for the operand text and for the operands.
#define DSRT_TEXT_0_7 "%0,%1,%2,%3,%4,%5,%6,%7"
#define DSRT_TEXT_8_15 "%8,%9,%10,%11,%12,%13,%14,%15"
#define DSRT_TEXT_16_31 "%16,%17,%18,%19,%20,%21,%22,%23,%24,%25,%26,%27,%28,%29,%30,%31"
#define DSRT_TEXT_32_63                                                                                                                    \
  "%32,%33,%34,%35,%36,%37,%38,%39,%40,%41,%42,%43,%44,%45,%46,%47,%48,%49,%50,%51,%52,%53,%54,%55,%56,%57,%58,%59,%60,%61,%62,%63"
#define DSRT_TEXT4 "%0,%1,%2,%3"
#define DSRT_TEXT8 DSRT_TEXT_0_7
#define DSRT_TEXT16 DSRT_TEXT8 "," DSRT_TEXT_8_15
#define DSRT_TEXT32 DSRT_TEXT16 "," DSRT_TEXT_16_31
#define DSRT_TEXT64 DSRT_TEXT32 "," DSRT_TEXT_32_63
#define DSRT_OPERANDS4(i) "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3])
#define DSRT_OPERANDS8(i) DSRT_OPERANDS4(i), DSRT_OPERANDS4(i + 4)
#define DSRT_OPERANDS16(i) DSRT_OPERANDS8(i), DSRT_OPERANDS8(i + 8)
#define DSRT_OPERANDS32(i) DSRT_OPERANDS16(i), DSRT_OPERANDS16(i + 16)
#define DSRT_OPERANDS64(i) DSRT_OPERANDS32(i), DSRT_OPERANDS32(i + 32)

/// d = a b^T, or d += a b^T where `accumulate`, with n columns and 32 bytes of K: queued, done after commitWgmma and waitWgmma.
/// Element: __nv_fp8_e4m3, __nv_bfloat16 or __half.
template <typename Element, int n> __device__ __forceinline__ void multiply(float (&d)[n / 2], uint64_t a, uint64_t b, bool accumulate);

// SHAPE: the name of shape and types; REGISTERS: n / 2; A, B, P: the numbers of the operands after them; TAIL: scales and transpositions.
#define DSRT_WGMMA(ELEMENT, N, SHAPE, REGISTERS, A, B, P, TAIL)                                                                            \
  template <> __device__ __forceinline__ void multiply<ELEMENT, N>(float (&d)[N / 2], uint64_t a, uint64_t b, bool accumulate) {           \
    asm volatile("{\n"                                                                                                                     \
                 ".reg .pred accumulate;\n"                                                                                                \
                 "setp.ne.b32 accumulate, " P ", 0;\n"                                                                                     \
                 "wgmma.mma_async.sync.aligned." SHAPE " {" DSRT_TEXT##REGISTERS "}, " A ", " B ", accumulate, " TAIL ";\n"                \
                                                                                 "}"                                                       \
                 : DSRT_OPERANDS##REGISTERS(0)                                                                                             \
                 : "l"(a), "l"(b), "r"(int32_t(accumulate)));                                                                              \
  }
#define DSRT_WGMMA_TYPES(N, REGISTERS, A, B, P)                                                                                            \
  DSRT_WGMMA(__nv_fp8_e4m3, N, "m64n" #N "k32.f32.e4m3.e4m3", REGISTERS, A, B, P, "1, 1")                                                  \
  DSRT_WGMMA(__nv_bfloat16, N, "m64n" #N "k16.f32.bf16.bf16", REGISTERS, A, B, P, "1, 1, 0, 0")                                            \
  DSRT_WGMMA(__half, N, "m64n" #N "k16.f32.f16.f16", REGISTERS, A, B, P, "1, 1, 0, 0")

DSRT_WGMMA_TYPES(8, 4, "%4", "%5", "%6")
DSRT_WGMMA_TYPES(16, 8, "%8", "%9", "%10")
DSRT_WGMMA_TYPES(32, 16, "%16", "%17", "%18")
DSRT_WGMMA_TYPES(64, 32, "%32", "%33", "%34")
DSRT_WGMMA_TYPES(128, 64, "%64", "%65", "%66")

#undef DSRT_WGMMA_TYPES
#undef DSRT_WGMMA
#undef DSRT_OPERANDS64
#undef DSRT_OPERANDS32
#undef DSRT_OPERANDS16
#undef DSRT_OPERANDS8
#undef DSRT_OPERANDS4
#undef DSRT_TEXT64
#undef DSRT_TEXT32
#undef DSRT_TEXT16
#undef DSRT_TEXT8
#undef DSRT_TEXT4
#undef DSRT_TEXT_32_63
#undef DSRT_TEXT_16_31
#undef DSRT_TEXT_8_15
#undef DSRT_TEXT_0_7

} // namespace dsrt::cuda
