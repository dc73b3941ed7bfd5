// Kernels for AVX2 with FMA and F16C: F32 arithmetic in vectors of eight.
#include "runtime/backend/cpu/gemm/Kernels.h"

#include <immintrin.h>

namespace dsrt::cpu {

namespace {

#include "runtime/backend/cpu/gemm/Scalar.h"
#include "runtime/backend/cpu/gemm/Tile.h"

struct Math {
  using Vector = __m256;
  using Operand = __m256;
  using Element = float;
  static constexpr int kVectors = 2;
  static __m256 zero() { return _mm256_setzero_ps(); }
  static __m256 broadcast(const float *a) { return _mm256_broadcast_ss(a); }
  static __m256 multiplyAdd(__m256 a, __m256 b, __m256 c) { return _mm256_fmadd_ps(a, b, c); }
  static void promote(float *c, __m256 sum, float rowScale, const float *channelScales, bool first) {
    __m256 scale = _mm256_mul_ps(_mm256_set1_ps(rowScale), _mm256_loadu_ps(channelScales));
    _mm256_storeu_ps(c, _mm256_fmadd_ps(sum, scale, first ? zero() : _mm256_loadu_ps(c)));
  }
};

__m256i loadBytes(const std::byte *b) { return _mm256_loadu_si256(reinterpret_cast<const __m256i *>(b)); }
void widenHalves(__m256i halves, __m256 out[2]) {
  out[0] = _mm256_cvtph_ps(_mm256_castsi256_si128(halves));
  out[1] = _mm256_cvtph_ps(_mm256_extracti128_si256(halves, 1));
}

struct Decoded {
  using Math = Math;
  static constexpr int kElements = 1, kBytes = 64;
  static constexpr bool kDecodes = false, kPacked = false;
  static void load(const std::byte *b, __m256 out[1][2]) {
    auto *from = reinterpret_cast<const float *>(b);
    out[0][0] = _mm256_loadu_ps(from);
    out[0][1] = _mm256_loadu_ps(from + 8);
  }
};

struct Packed : Decoded { // panels that need no decoding
  static constexpr bool kPacked = true;
};

/// E4M3 times 2^-8 is F16 with the same bits further right: S.eeee.mmm at the top of a word, shifted right by one
/// arithmetically, has exponent 0eeee once the doubled sign is cleared. Subnormals included; NaN becomes 480 * 2^-8.
struct E4m3 {
  using Math = Math;
  static constexpr int kElements = 2, kBytes = 32;
  static constexpr bool kDecodes = true;
  static __m256i halves(__m256i words) {
    return _mm256_and_si256(_mm256_srai_epi16(words, 1), _mm256_set1_epi16(static_cast<short>(0xbf80)));
  }
  static void load(const std::byte *b, __m256 out[2][2]) {
    __m256i pairs = loadBytes(b); // a word holds elements 2i (low byte) and 2i + 1 of one channel
    widenHalves(halves(_mm256_slli_epi16(pairs, 8)), out[0]);
    widenHalves(halves(pairs), out[1]);
  }
  static void loadLast(const std::byte *b, __m256 out[2]) { widenHalves(halves(_mm256_slli_epi16(loadBytes(b), 8)), out); }
};

struct Bf16 {
  using Math = Math;
  static constexpr int kElements = 2, kBytes = 64;
  static constexpr bool kDecodes = true;
  static __m256 low(__m256i pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)); }
  static __m256 high(__m256i pairs) {
    return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xffff0000))));
  }
  static void load(const std::byte *b, __m256 out[2][2]) {
    __m256i first = loadBytes(b), second = loadBytes(b + 32);
    out[0][0] = low(first), out[0][1] = low(second);
    out[1][0] = high(first), out[1][1] = high(second);
  }
  static void loadLast(const std::byte *b, __m256 out[2]) { out[0] = low(loadBytes(b)), out[1] = low(loadBytes(b + 32)); }
};

struct F16 {
  using Math = Math;
  static constexpr int kElements = 1, kBytes = 32;
  static constexpr bool kDecodes = true;
  static void load(const std::byte *b, __m256 out[1][2]) { widenHalves(loadBytes(b), out[0]); }
};

void widenF16(const uint16_t *x, int64_t k, float *out) {
  int64_t i = 0;
  for (; i + 8 <= k; i += 8)
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i *>(x + i))));
  for (; i < k; ++i)
    out[i] = _cvtsh_ss(x[i]);
}

#include "runtime/backend/cpu/gemm/F32Path.h"

void storeRow(int32_t dtype, const float *c, int64_t n, void *y) {
  if (dtype == DSRT_F32) {
    __builtin_memcpy(y, c, static_cast<size_t>(n) * 4);
  } else if (dtype == DSRT_BF16) {
    roundBf16(c, n, static_cast<uint16_t *>(y));
  } else {
    auto *to = static_cast<uint16_t *>(y);
    for (int64_t i = 0; i < n; ++i)
      to[i] = static_cast<uint16_t>(_cvtss_sh(c[i], _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
}

/// The two codes of a byte move to the two bytes of a word, where each is looked up; the pairs that come next, which lie behind, are
/// prefetched.
void expandE2m1(const uint8_t *pairs, int64_t count, uint16_t *out) {
  __m256i table = _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i *>(e4m3OfE2m1)));
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) {
    __m256i words = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i *>(pairs + i)));
    __builtin_prefetch(pairs + i + count, 0, 2);
    __m256i codes = _mm256_and_si256(_mm256_or_si256(words, _mm256_slli_epi16(words, 4)), _mm256_set1_epi8(0xf));
    _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + i), _mm256_shuffle_epi8(table, codes));
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
                   multiplyBlock<Decoded, 6, 1>,
                   packedUnits<E4m3, Bf16, F16, Packed, 6, 1>};

} // namespace

const Kernels avx2Kernels = {"avx2", &path, nullptr, storeRow, expandE2m1};

} // namespace dsrt::cpu
