// How the plain kernels read operands of any type: eight elements of a row as F32, times their scale.
#pragma once

#include "runtime/backend/cuda/gemm/Multiply.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

namespace dsrt::cuda {

/// A divisor, of numbers below 2^31: most tiles are powers of two.
struct Extent {
  uint32_t value;
  int32_t shift; ///< -1: not a power of two

  __device__ __forceinline__ uint32_t divides(uint32_t number) const { return shift >= 0 ? number >> shift : number / value; }
};

/// An operand as a kernel sees it: extents resolved.
struct Matrix {
  const uint8_t *data;
  const float *scales; ///< null: no scales
  int64_t rowBytes, matrixBytes, matrixScales, scaleColumns;
  int64_t k;
  int32_t type;
  Extent tileRows, tileCols;
  bool vector;   ///< eight elements at a multiple of eight can be loaded at once
  bool oneScale; ///< eight elements at a multiple of eight share a scale
};

/// Of matrices of `rows` rows.
inline Matrix matrixOf(const Operand &operand, int64_t rows, int64_t k) {
  Matrix m = {};
  m.data = static_cast<const uint8_t *>(operand.data), m.scales = operand.scales;
  m.k = k, m.type = operand.type;
  auto extentOf = [](int64_t tile, int64_t all) -> Extent {
    if (tile == 0 || tile >= all)
      return {uint32_t(std::max<int64_t>(all, 1)), 31};
    return {uint32_t(tile), (tile & (tile - 1)) == 0 ? __builtin_ctzll(uint64_t(tile)) : -1};
  };
  m.tileRows = extentOf(operand.tileRows, rows), m.tileCols = extentOf(operand.tileCols, k);
  m.rowBytes = rowBytes(operand.type, k), m.matrixBytes = rows * m.rowBytes;
  m.scaleColumns = (k + m.tileCols.value - 1) / m.tileCols.value;
  m.matrixScales = (rows + m.tileRows.value - 1) / m.tileRows.value * m.scaleColumns;
  uint64_t alignment = operand.type == DSRT_F4E2M1 ? 4 : operand.type == DSRT_F8E4M3 ? 8 : 16;
  m.vector = (reinterpret_cast<uint64_t>(m.data) | uint64_t(m.rowBytes)) % alignment == 0;
  m.oneScale = m.tileCols.value >= k || m.tileCols.value % 8 == 0;
  return m;
}

/// One side of a product, for a kernel.
struct Arguments {
  Matrix x, weight;
  void *y;
  int32_t yType;
  int64_t rows, n, experts;
  const int32_t *offsets;
};

inline Arguments argumentsOf(const Multiplication &product, int side) {
  const auto &s = product.sides[side];
  return {.x = matrixOf(product.x, product.rows, product.k),
          .weight = matrixOf(s.weight, s.n, product.k),
          .y = s.y,
          .yType = product.yType,
          .rows = product.rows,
          .n = s.n,
          .experts = product.experts,
          .offsets = product.offsets};
}

__device__ __forceinline__ float2 pairOfE4m3(uint32_t codes) {
  return __half22float2(__half2(__nv_cvt_fp8x2_to_halfraw2(__nv_fp8x2_storage_t(codes & 0xffff), __NV_E4M3)));
}

/// E2M1 is the upper end of FP16's exponent and mantissa, 2^14 too small.
__device__ __forceinline__ float ofE2m1(uint32_t code) {
  return __half2float(__ushort_as_half(uint16_t((code & 8) << 12 | (code & 7) << 9))) * 0x1p14f;
}

__device__ __forceinline__ float elementOf(int32_t type, const uint8_t *row, int64_t column) {
  switch (type) {
  case DSRT_F32:
    return reinterpret_cast<const float *>(row)[column];
  case DSRT_BF16:
    return __bfloat162float(reinterpret_cast<const __nv_bfloat16 *>(row)[column]);
  case DSRT_F16:
    return __half2float(reinterpret_cast<const __half *>(row)[column]);
  case DSRT_F8E4M3:
    return pairOfE4m3(row[column]).x;
  default:
    return ofE2m1(column % 2 == 0 ? row[column / 2] : row[column / 2] >> 4);
  }
}

/// Eight payloads from a column that is a multiple of eight.
__device__ __forceinline__ void loadVector(int32_t type, const uint8_t *row, int64_t column, float (&out)[8]) {
  if (type == DSRT_F32) {
    const float4 *from = reinterpret_cast<const float4 *>(row + column * 4);
    float4 a = from[0], b = from[1];
    out[0] = a.x, out[1] = a.y, out[2] = a.z, out[3] = a.w;
    out[4] = b.x, out[5] = b.y, out[6] = b.z, out[7] = b.w;
  } else if (type == DSRT_F8E4M3) {
    uint2 codes = *reinterpret_cast<const uint2 *>(row + column);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      float2 pair = pairOfE4m3((i < 2 ? codes.x : codes.y) >> i % 2 * 16);
      out[2 * i] = pair.x, out[2 * i + 1] = pair.y;
    }
  } else if (type == DSRT_F4E2M1) {
    uint32_t codes = *reinterpret_cast<const uint32_t *>(row + column / 2);
#pragma unroll
    for (int i = 0; i < 8; ++i)
      out[i] = ofE2m1(codes >> 4 * i);
  } else {
    uint4 words = *reinterpret_cast<const uint4 *>(row + column * 2);
    uint32_t word[4] = {words.x, words.y, words.z, words.w};
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (type == DSRT_BF16) {
        out[2 * i] = __uint_as_float(word[i] << 16), out[2 * i + 1] = __uint_as_float(word[i] & 0xffff0000);
      } else {
        out[2 * i] = __half2float(__ushort_as_half(uint16_t(word[i])));
        out[2 * i + 1] = __half2float(__ushort_as_half(uint16_t(word[i] >> 16)));
      }
  }
}

/// Columns [column, column + 8) of a row of a matrix times their scales, 0 past K; `column` is a multiple of eight. Type is the
/// matrix', where a kernel is made for it, or DSRT_NONE.
template <int32_t Type = DSRT_NONE>
__device__ __forceinline__ void loadEight(const Matrix &m, int64_t matrix, int64_t row, int64_t column, float (&out)[8]) {
  const int32_t type = Type == DSRT_NONE ? m.type : Type;
  const uint8_t *from = m.data + matrix * m.matrixBytes + row * m.rowBytes;
  if (column >= m.k) {
#pragma unroll
    for (int i = 0; i < 8; ++i)
      out[i] = 0;
    return;
  }
  if (m.vector && column + 8 <= m.k) {
    loadVector(type, from, column, out);
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i)
      out[i] = column + i < m.k ? elementOf(type, from, column + i) : 0;
  }
  if (m.scales == nullptr)
    return;
  const float *scales = m.scales + matrix * m.matrixScales + m.tileRows.divides(uint32_t(row)) * m.scaleColumns;
  if (m.oneScale) {
    float scale = scales[m.tileCols.divides(uint32_t(column))];
#pragma unroll
    for (int i = 0; i < 8; ++i)
      out[i] *= scale;
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i)
      if (column + i < m.k)
        out[i] *= scales[m.tileCols.divides(uint32_t(column + i))];
  }
}

/// y[index] = value, rounded to its type.
__device__ __forceinline__ void storeRounded(void *y, int32_t type, int64_t index, float value) {
  if (type == DSRT_F32)
    static_cast<float *>(y)[index] = value;
  else if (type == DSRT_BF16)
    static_cast<__nv_bfloat16 *>(y)[index] = __float2bfloat16_rn(value);
  else
    static_cast<__half *>(y)[index] = __float2half_rn(value);
}

} // namespace dsrt::cuda
