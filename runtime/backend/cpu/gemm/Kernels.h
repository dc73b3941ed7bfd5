// What an instruction set provides to the products: a table of functions, one file for each (Kernels*.cpp, each compiled with its
// own -m flags). The driver (Gemm.cpp) cuts the work and never sees an instruction.
//
// A path is one way to multiply. Activations are converted once a call to the path's elements: F32, or pairs of BF16. A
// panel's segment is decoded to [elements][16 channels] of the same, either into a buffer (many rows) or in registers (few).
#pragma once

#include "dsrt/dsrt.h"

#include <cstddef>
#include <cstdint>

namespace dsrt::cpu {

/// Most rows for which panels are decoded in registers.
constexpr int64_t kFusedRows = 4;

/// One segment of K for a block of the result: c[row, channel] = fma(sum over the segment, rowScales[row] * channelScales[channel], c).
struct Block {
  int64_t rows = 0, panels = 0;
  int64_t length = 0;                   ///< elements of the path along K
  const void *a = nullptr;              ///< [rows, length] elements
  int64_t aStride = 0;                  ///< elements from row to row
  const std::byte *b = nullptr;         ///< panels, decoded or packed
  int64_t bStride = 0;                  ///< bytes from panel to panel
  const float *rowScales = nullptr;     ///< [rows]
  const float *channelScales = nullptr; ///< [panels * 16]
  float *c = nullptr;                   ///< [rows, panels * 16]
  int64_t cStride = 0;                  ///< floats from row to row
  bool first = true;                    ///< c is 0, whatever the memory holds
};

struct Path {
  int64_t perElement; ///< of K: 1 for F32, 2 for pairs of BF16
  int32_t direct;     ///< the payload whose packed panels are decoded already
  int64_t packedRows; ///< most rows for which decoding in registers is best: kFusedRows, or 0
  float e4m3Scale;    ///< decoded E4M3 times this is the value
  bool e4m3TakesNan;  ///< `decode` and `fused` decode the NaN payload; else decodeE4m3Slowly does
  /// x: [k] of any Lhs dtype; out: [k] of the path's scalars.
  void (*convertRow)(int32_t dtype, const void *x, int64_t k, void *out);
  /// Packed units of one panel to `elements` elements; may write up to one element more.
  void (*decode)(int32_t dtype, const void *units, int64_t elements, void *out);
  void (*block)(const Block &block); ///< on decoded panels
  /// On packed panels: of `direct` any number of rows, else at most `packedRows`.
  void (*packed)(int32_t dtype, const Block &block);
};

struct Kernels {
  const char *name;
  const Path *f32;  ///< takes every pair of types
  const Path *bf16; ///< takes E4M3 and BF16 on both sides and segments that begin at even k; or null
  /// Rounds c[0 .. n) to dtype f32, bf16 or f16, to nearest even; reads c up to the next multiple of 16.
  void (*storeRow)(int32_t dtype, const float *c, int64_t n, void *y);
  /// `count` pairs of E2M1 codes, the first in the lower half of its byte, as pairs of E4M3 codes of the same values.
  void (*expandE2m1)(const uint8_t *pairs, int64_t count, uint16_t *out);
};

extern const Kernels portableKernels;
#if defined(__x86_64__)
extern const Kernels avx2Kernels;
extern const Kernels avx512Kernels;
extern const Kernels avx512Bf16Kernels; ///< defined with avx512Kernels, whose F32 path it shares
extern const Path avx512Bf16Path;
#endif

/// E4M3 units to F32 [elements][16], with e4m3Scale 256 like the vector kernels, NaN included.
void decodeE4m3Slowly(const void *units, int64_t elements, float *out);

} // namespace dsrt::cpu
