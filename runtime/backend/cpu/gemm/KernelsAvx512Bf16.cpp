// The path of AVX512-BF16 with VBMI: the BF16 dot product, two k at a time, for every pair of E4M3 and BF16. Other types go the
// F32 path of AVX-512.
#include "runtime/backend/cpu/gemm/Kernels.h"

#include <immintrin.h>

namespace dsrt::cpu {

namespace {

#include "runtime/backend/cpu/gemm/Scalar.h"
#include "runtime/backend/cpu/gemm/Tile.h"

struct Math {
  using Vector = __m512;
  using Operand = __m512i; // a pair of BF16 for each channel
  using Element = int32_t;
  static constexpr int kVectors = 1;
  static __m512 zero() { return _mm512_setzero_ps(); }
  static __m512i broadcast(const int32_t *a) { return _mm512_set1_epi32(*a); }
  static __m512 multiplyAdd(__m512i a, __m512i b, __m512 c) { return _mm512_dpbf16_ps(c, (__m512bh)a, (__m512bh)b); }
  static void promote(float *c, __m512 sum, float rowScale, const float *channelScales, bool first) {
    __m512 scale = _mm512_mul_ps(_mm512_set1_ps(rowScale), _mm512_loadu_ps(channelScales));
    _mm512_storeu_ps(c, _mm512_fmadd_ps(sum, scale, first ? zero() : _mm512_loadu_ps(c)));
  }
};

struct Decoded { // BF16 panels as packed, too
  using Math = Math;
  static constexpr int kElements = 1, kBytes = 64;
  static constexpr bool kDecodes = false, kPacked = false;
  static void load(const std::byte *b, __m512i out[1][1]) { out[0][0] = _mm512_loadu_si512(b); }
};

struct Packed : Decoded { // panels that need no decoding
  static constexpr bool kPacked = true;
};

/// The two bytes of an E4M3 code's BF16 without its sign, for the 128 codes: exact for every code, NaN included.
struct Bf16Bytes {
  alignas(64) uint8_t low[128], high[128];
  constexpr Bf16Bytes() : low(), high() {
    for (int code = 0; code < 128; ++code) {
      low[code] = static_cast<uint8_t>(e4m3Values.bits[code] >> 16);
      high[code] = static_cast<uint8_t>(e4m3Values.bits[code] >> 24);
    }
  }
};
constexpr Bf16Bytes bf16Bytes;

/// 64 codes at a time, looked up byte by byte. Quadwords are ordered first so that interleaving within lanes of 128 bits keeps the
/// first two pairs' elements apart: out[0] is the codes of the first 32 bytes, out[1] of the last.
inline void widenCodes(__m512i codes, __m512i out[2]) {
  __m512i ordered = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), codes);
  __m512i low = _mm512_permutex2var_epi8(_mm512_load_si512(bf16Bytes.low), ordered, _mm512_load_si512(bf16Bytes.low + 64));
  __m512i high = _mm512_permutex2var_epi8(_mm512_load_si512(bf16Bytes.high), ordered, _mm512_load_si512(bf16Bytes.high + 64));
  high = _mm512_ternarylogic_epi64(high, ordered, _mm512_set1_epi8(static_cast<char>(0x80)), 0xf8); // high | (ordered & sign)
  out[0] = _mm512_unpacklo_epi8(low, high);
  out[1] = _mm512_unpackhi_epi8(low, high);
}

struct E4m3 {
  using Math = Math;
  static constexpr int kElements = 2, kBytes = 64;
  static constexpr bool kDecodes = true;
  static void load(const std::byte *b, __m512i out[2][1]) { widenCodes(_mm512_loadu_si512(b), &out[0][0]); }
  static void loadLast(const std::byte *b, __m512i out[1]) {
    __m512i both[2];
    widenCodes(_mm512_zextsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(b))), both);
    out[0] = both[0];
  }
};

void convertRow(int32_t dtype, const void *x, int64_t k, void *out) {
  auto *to = static_cast<uint16_t *>(out);
  if (dtype == DSRT_BF16) {
    __builtin_memcpy(to, x, static_cast<size_t>(k) * 2);
    return;
  }
  auto *codes = static_cast<const uint8_t *>(x);
  for (int64_t i = 0; i < k; i += 64) {
    __mmask64 mask = k - i >= 64 ? ~__mmask64(0) : (__mmask64(1) << (k - i)) - 1;
    __m512i both[2];
    widenCodes(_mm512_maskz_loadu_epi8(mask, codes + i), both);
    _mm512_mask_storeu_epi16(to + i, static_cast<__mmask32>(mask), both[0]);
    _mm512_mask_storeu_epi16(to + i + 32, static_cast<__mmask32>(mask >> 32), both[1]);
  }
}

void decode(int32_t, const void *units, int64_t elements, void *out) { decodePanel<E4m3>(units, elements, out); }
void packed(int32_t dtype, const Block &block) {
  if (dtype == DSRT_F8E4M3)
    return multiplyFused<E4m3, 8>(block);
  multiplyPacked<Packed, 8, 3, 8>(block);
}

} // namespace

const Path avx512Bf16Path = {2, DSRT_BF16, kFusedRows, 1.0f, true, convertRow, decode, multiplyBlock<Decoded, 8, 3>, packed};

} // namespace dsrt::cpu
