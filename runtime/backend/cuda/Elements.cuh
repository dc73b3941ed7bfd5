// Element access of kernels: elements and groups of eight of them as F32 and back, by the codecs of runtime/numerics/Codecs.h. Comes in:
// base addresses, indices, dtypes; goes out: F32 values. Also the host's choice of a kernel by dtype, and sums over a block.
#pragma once

#include "runtime/backend/Checks.h"
#include "runtime/numerics/Codecs.h"

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

namespace dsrt::cuda {

/// Elements of F32, BF16 and F16.
template <int32_t DType> struct Element;
template <> struct Element<DSRT_F32> {
  using Storage = float;
  static __device__ float decode(float code) { return code; }
  static __device__ float encode(float value) { return value; }
};
template <> struct Element<DSRT_BF16> {
  using Storage = uint16_t;
  static __device__ float decode(uint16_t code) { return decodeBF16(code); }
  /// The instruction rounds as encodeBF16 does but makes all NaN one.
  static __device__ uint16_t encode(float value) {
    uint16_t code;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(code) : "f"(value));
    return value != value ? encodeNanBF16(value) : code;
  }
};
template <> struct Element<DSRT_F16> {
  using Storage = uint16_t;
  static __device__ float decode(uint16_t code) { return decodeF16(code); }
  static __device__ uint16_t encode(float value) { return encodeF16(value); }
};

template <int32_t DType> __device__ float load(const void *base, int64_t index) {
  return Element<DType>::decode(static_cast<const typename Element<DType>::Storage *>(base)[index]);
}
template <int32_t DType> __device__ void store(void *base, int64_t index, float value) {
  static_cast<typename Element<DType>::Storage *>(base)[index] = Element<DType>::encode(value);
}
template <int32_t DType> __device__ float rounded(float value) { return Element<DType>::decode(Element<DType>::encode(value)); }

/// Columns that a thread of the vector kernels takes: 16 bytes of the 16-bit types, two accesses of F32.
constexpr int vectorColumns = 8;

/// Eight elements as they lie in memory: what a thread keeps of a load that is in flight.
template <int32_t DType> struct alignas(16) Vector {
  typename Element<DType>::Storage codes[vectorColumns];

  Vector() = default;
  /// \param values  [vectorColumns], rounded
  __device__ explicit Vector(const float (&values)[vectorColumns]) {
    if constexpr (DType == DSRT_BF16) { // two an instruction; see Element::encode
#pragma unroll
      for (int i = 0; i < vectorColumns; i += 2) {
        uint32_t pair;
        asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(values[i + 1]), "f"(values[i]));
        if (values[i] != values[i] || values[i + 1] != values[i + 1])
          pair = encodeBF16(values[i]) | uint32_t(encodeBF16(values[i + 1])) << 16;
        reinterpret_cast<uint32_t *>(codes)[i / 2] = pair;
      }
    } else {
#pragma unroll
      for (int i = 0; i < vectorColumns; ++i)
        codes[i] = Element<DType>::encode(values[i]);
    }
  }

  __device__ float operator[](int i) const { return Element<DType>::decode(codes[i]); }
};

/// Vector number `index`, of a 16-byte aligned base.
template <int32_t DType> __device__ Vector<DType> loadVector(const void *base, int64_t index) {
  Vector<DType> result;
  constexpr int parts = sizeof(result) / 16;
#pragma unroll
  for (int part = 0; part < parts; ++part)
    reinterpret_cast<uint4 *>(&result)[part] = static_cast<const uint4 *>(base)[index * parts + part];
  return result;
}
template <int32_t DType> __device__ void storeVector(void *base, int64_t index, const Vector<DType> &vector) {
  constexpr int parts = sizeof(vector) / 16;
#pragma unroll
  for (int part = 0; part < parts; ++part)
    static_cast<uint4 *>(base)[index * parts + part] = reinterpret_cast<const uint4 *>(&vector)[part];
}

/// One element of any type that weights have, at a column of a row (rowBytes).
__device__ inline float decodeAt(int32_t dtype, const void *row, int64_t column) {
  const uint8_t *bytes = static_cast<const uint8_t *>(row);
  switch (dtype) {
  case DSRT_F32:
    return load<DSRT_F32>(row, column);
  case DSRT_BF16:
    return load<DSRT_BF16>(row, column);
  case DSRT_F16:
    return load<DSRT_F16>(row, column);
  case DSRT_F8E4M3:
    return decodeE4M3(bytes[column]);
  case DSRT_F8E5M2:
    return decodeE5M2(bytes[column]);
  case DSRT_F4E2M1:
    return decodeE2M1(uint8_t(bytes[column / 2] >> (column % 2 * 4)));
  case DSRT_NF4:
    return decodeNF4(uint8_t(bytes[column / 2] >> (column % 2 * 4)));
  default:
    return 0;
  }
}

/// Writes one element of a type that activations have.
__device__ inline void encodeAt(int32_t dtype, void *base, int64_t index, float value) {
  if (dtype == DSRT_F32)
    store<DSRT_F32>(base, index, value);
  else if (dtype == DSRT_BF16)
    store<DSRT_BF16>(base, index, value);
  else
    store<DSRT_F16>(base, index, value);
}

/// A weight that rows are read of, for kernels: what dequantizeRow reads.
struct WeightRows {
  const void *data;
  const float *scales; ///< null for plain dtypes
  int64_t cols, rowBytes, tiles;
  int32_t dtype, tileRows;
  int64_t tileCols;

  explicit WeightRows(const dsrt_weight &weight)
      : data(weight.data), scales(weight.format.scale == DSRT_NONE ? nullptr : weight.scales), cols(weight.cols),
        rowBytes(dsrt::rowBytes(weight.format.payload, weight.cols)), tiles(0), dtype(weight.format.payload),
        tileRows(weight.format.tile_rows), tileCols(weight.format.tile_cols == 0 ? (cols > 0 ? cols : 1) : weight.format.tile_cols) {
    tiles = (cols + tileCols - 1) / tileCols;
  }

  __device__ float at(int64_t row, int64_t column) const {
    float value = decodeAt(dtype, static_cast<const uint8_t *>(data) + row * rowBytes, column);
    return scales ? value * scales[(tileRows == 0 ? 0 : row / tileRows) * tiles + column / tileCols] : value;
  }
};

/// The sum over a block of what each thread has, in every thread: over the lanes of each warp, then over the warps; the order depends on
/// the block's size alone. \param scratch  32 floats of shared memory
__device__ inline float blockSum(float value, float *scratch) {
  for (int distance = 16; distance > 0; distance /= 2)
    value += __shfl_xor_sync(~0u, value, distance);
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32, warps = blockDim.x / 32;
  if (lane == 0)
    scratch[warp] = value;
  __syncthreads();
  value = lane < warps ? scratch[lane] : 0;
  for (int distance = 16; distance > 0; distance /= 2)
    value += __shfl_xor_sync(~0u, value, distance);
  return value;
}

/// item / size of non-negative numbers: in 32 bits where they allow it, which takes a third of the time.
__device__ inline int64_t quotient(int64_t item, int64_t size) {
  return (uint64_t(item | size) >> 32) == 0 ? int64_t(uint32_t(item) / uint32_t(size)) : item / size;
}

inline bool isAligned(const void *address, size_t bytes = 16) { return reinterpret_cast<uintptr_t>(address) % bytes == 0; }

inline unsigned blocksFor(int64_t items, int64_t perBlock) { return unsigned((items + perBlock - 1) / perBlock); }

/// Calls fn(std::integral_constant<int32_t, dtype>) for F32, BF16 or F16; types were checked (expectActivation).
template <typename Fn> Status withActivation(int32_t dtype, Fn &&fn) {
  switch (dtype) {
  case DSRT_F32:
    return fn(std::integral_constant<int32_t, DSRT_F32>());
  case DSRT_BF16:
    return fn(std::integral_constant<int32_t, DSRT_BF16>());
  default:
    return fn(std::integral_constant<int32_t, DSRT_F16>());
  }
}

} // namespace dsrt::cuda
