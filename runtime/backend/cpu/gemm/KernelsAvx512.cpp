// Kernels for AVX-512 (F, BW, VL, DQ): F32 arithmetic in vectors of sixteen, a panel's channels in one.
#include "runtime/backend/cpu/gemm/Kernels.h"

#include <immintrin.h>

namespace dsrt::cpu {

namespace {

#include "runtime/backend/cpu/gemm/Scalar.h"
#include "runtime/backend/cpu/gemm/Tile.h"

struct Math {
  using Vector = __m512;
  using Operand = __m512;
  using Element = float;
  static constexpr int kVectors = 1;
  static __m512 zero() { return _mm512_setzero_ps(); }
  static __m512 broadcast(const float *a) { return _mm512_set1_ps(*a); }
  static __m512 multiplyAdd(__m512 a, __m512 b, __m512 c) { return _mm512_fmadd_ps(a, b, c); }
  static void promote(float *c, __m512 sum, float rowScale, const float *channelScales, bool first) {
    __m512 scale = _mm512_mul_ps(_mm512_set1_ps(rowScale), _mm512_loadu_ps(channelScales));
    _mm512_storeu_ps(c, _mm512_fmadd_ps(sum, scale, first ? zero() : _mm512_loadu_ps(c)));
  }
};

struct Decoded {
  using Math = Math;
  static constexpr int kElements = 1, kBytes = 64;
  static constexpr bool kDecodes = false, kPacked = false;
  static void load(const std::byte *b, __m512 out[1][1]) { out[0][0] = _mm512_loadu_ps(b); }
};

struct Packed : Decoded { // panels that need no decoding
  static constexpr bool kPacked = true;
};

/// As in KernelsAvx2.cpp: E4M3 times 2^-8 is F16 with the same bits further right, NaN excepted.
struct E4m3 {
  using Math = Math;
  static constexpr int kElements = 2, kBytes = 32;
  static constexpr bool kDecodes = true;
  static __m512 widen(__m256i words) {
    return _mm512_cvtph_ps(_mm256_and_si256(_mm256_srai_epi16(words, 1), _mm256_set1_epi16(static_cast<short>(0xbf80))));
  }
  static __m256i pairs(const std::byte *b) { return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(b)); }
  static void load(const std::byte *b, __m512 out[2][1]) {
    __m256i words = pairs(b);
    out[0][0] = widen(_mm256_slli_epi16(words, 8));
    out[1][0] = widen(words);
  }
  static void loadLast(const std::byte *b, __m512 out[1]) { out[0] = widen(_mm256_slli_epi16(pairs(b), 8)); }
};

struct Bf16 {
  using Math = Math;
  static constexpr int kElements = 2, kBytes = 64;
  static constexpr bool kDecodes = true;
  static __m512 low(const std::byte *b) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_loadu_si512(b), 16)); }
  static void load(const std::byte *b, __m512 out[2][1]) {
    out[0][0] = low(b);
    out[1][0] = _mm512_castsi512_ps(_mm512_and_si512(_mm512_loadu_si512(b), _mm512_set1_epi32(static_cast<int>(0xffff0000))));
  }
  static void loadLast(const std::byte *b, __m512 out[1]) { out[0] = low(b); }
};

struct F16 {
  using Math = Math;
  static constexpr int kElements = 1, kBytes = 32;
  static constexpr bool kDecodes = true;
  static void load(const std::byte *b, __m512 out[1][1]) {
    out[0][0] = _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(b)));
  }
};

void widenF16(const uint16_t *x, int64_t k, float *out) {
  for (int64_t i = 0; i < k; i += 16) {
    __mmask16 mask = k - i >= 16 ? 0xffff : static_cast<__mmask16>((1 << (k - i)) - 1);
    _mm512_mask_storeu_ps(out + i, mask, _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, x + i)));
  }
}

#include "runtime/backend/cpu/gemm/F32Path.h"

void storeRow(int32_t dtype, const float *c, int64_t n, void *y) {
  if (dtype == DSRT_F32) {
    __builtin_memcpy(y, c, static_cast<size_t>(n) * 4);
  } else if (dtype == DSRT_BF16) {
    roundBf16(c, n, static_cast<uint16_t *>(y));
  } else {
    auto *to = static_cast<uint16_t *>(y);
    for (int64_t i = 0; i < n; i += 16) {
      __mmask16 mask = n - i >= 16 ? 0xffff : static_cast<__mmask16>((1 << (n - i)) - 1);
      _mm256_mask_storeu_epi16(to + i, mask, _mm512_cvtps_ph(_mm512_loadu_ps(c + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
    }
  }
}

/// As in KernelsAvx2.cpp.
void expandE2m1(const uint8_t *pairs, int64_t count, uint16_t *out) {
  __m512i table = _mm512_broadcast_i32x4(_mm_load_si128(reinterpret_cast<const __m128i *>(e4m3OfE2m1)));
  int64_t i = 0;
  for (; i + 32 <= count; i += 32) {
    __m512i words = _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i *>(pairs + i)));
    __builtin_prefetch(pairs + i + count, 0, 2);
    __m512i codes = _mm512_and_si512(_mm512_or_si512(words, _mm512_slli_epi16(words, 4)), _mm512_set1_epi8(0xf));
    _mm512_storeu_si512(out + i, _mm512_shuffle_epi8(table, codes));
  }
  expandPairs(pairs + i, count - i, out + i);
}

const Path path = {1,
                   DSRT_F32,
                   kFusedRows,
                   256.0f,
                   false,
                   convertRow,
                   decodeUnits<E4m3, Bf16, F16>,
                   multiplyBlock<Decoded, 8, 3>,
                   packedUnits<E4m3, Bf16, F16, Packed, 8, 3>};

} // namespace

const Kernels avx512Kernels = {"avx512", &path, nullptr, storeRow, expandE2m1};
const Kernels avx512Bf16Kernels = {"avx512bf16", &path, &avx512Bf16Path, storeRow, expandE2m1};

} // namespace dsrt::cpu
