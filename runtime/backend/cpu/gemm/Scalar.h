// Element conversions as plain loops, which every Kernels*.cpp includes inside its anonymous namespace (as Tile.h, and for the same
// reason): what the compiler vectorises well is not written with intrinsics.

// The values of the 256 E4M3 codes as F32 bits: S.1111.111 is NaN, S.0000.mmm is mmm * 2^-9.
struct E4m3Values {
  uint32_t bits[256];
  constexpr E4m3Values() : bits() {
    for (uint32_t code = 0; code < 256; ++code) {
      uint32_t sign = (code & 0x80) << 24, exponent = (code >> 3) & 15, mantissa = code & 7;
      if ((code & 0x7f) == 0x7f) {
        bits[code] = sign | 0x7fc00000;
      } else if (exponent == 0 && mantissa != 0) {
        uint32_t top = mantissa >= 4 ? 2 : mantissa >= 2 ? 1 : 0; // its leading bit
        bits[code] = sign | (127 - 9 + top) << 23 | ((mantissa << (3 - top)) & 7) << 20;
      } else {
        bits[code] = sign | (exponent ? (exponent + 120) << 23 | mantissa << 20 : 0);
      }
    }
  }
};
constexpr E4m3Values e4m3Values;

inline void widenE4m3(const uint8_t *x, int64_t k, float *out) {
  for (int64_t i = 0; i < k; ++i)
    __builtin_memcpy(out + i, &e4m3Values.bits[x[i]], 4);
}

inline void widenBf16(const uint16_t *x, int64_t k, float *out) {
  for (int64_t i = 0; i < k; ++i) {
    uint32_t bits = static_cast<uint32_t>(x[i]) << 16;
    __builtin_memcpy(out + i, &bits, 4);
  }
}

/// To nearest even; NaN stays NaN, quiet.
inline void roundBf16(const float *c, int64_t n, uint16_t *y) {
  for (int64_t i = 0; i < n; ++i) {
    uint32_t bits;
    __builtin_memcpy(&bits, c + i, 4);
    uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    uint32_t quiet = (bits >> 16) | 0x40;
    y[i] = static_cast<uint16_t>((bits & 0x7fffffff) > 0x7f800000 ? quiet : rounded);
  }
}

/// E4M3 codes of the values of the 16 E2M1 codes: 0, 0.5, 1, 1.5, 2, 3, 4, 6, and their negatives.
alignas(16) constexpr uint8_t e4m3OfE2m1[16] = {0x00, 0x30, 0x38, 0x3c, 0x40, 0x44, 0x48, 0x4c,
                                                0x80, 0xb0, 0xb8, 0xbc, 0xc0, 0xc4, 0xc8, 0xcc};

/// See Kernels.h.
inline void expandPairs(const uint8_t *pairs, int64_t count, uint16_t *out) {
  for (int64_t i = 0; i < count; ++i)
    out[i] = static_cast<uint16_t>(e4m3OfE2m1[pairs[i] & 0xf] | e4m3OfE2m1[pairs[i] >> 4] << 8);
}
