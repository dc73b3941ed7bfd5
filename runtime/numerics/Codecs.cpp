// Batches of the codecs in Codecs.h: plain loops over branch-free conversions, which become vector code.
#include "runtime/numerics/Codecs.h"

#include "runtime/numerics/Versions.h"

#include <algorithm>
#include <cstring>

namespace dsrt {

uint8_t encodeUE8M0(float value) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000)
    return 0xff;
  if (bits >> 31)
    return 0;
  // Below 2^-126 the steps are 2^-127 and 2^-126, with the tie at 0x00600000; above, half of a step is the mantissa's first bit.
  uint32_t code = bits < 0x00800000 ? uint32_t(bits >= 0x00600000) : (bits >> 23) + ((bits >> 22) & 1);
  return uint8_t(std::min<uint32_t>(code, 0xfe));
}

namespace {

DSRT_VERSIONS void decodeBatchBF16(const uint16_t *x, float *y, size_t count) {
  for (size_t i = 0; i < count; ++i)
    y[i] = decodeBF16(x[i]);
}
DSRT_VERSIONS void decodeBatchF16(const uint16_t *x, float *y, size_t count) {
  for (size_t i = 0; i < count; ++i)
    y[i] = decodeF16(x[i]);
}
DSRT_VERSIONS void decodeBatchE4M3(const uint8_t *x, float *y, size_t count) {
  for (size_t i = 0; i < count; ++i)
    y[i] = decodeE4M3(x[i]);
}
DSRT_VERSIONS void decodeBatchE5M2(const uint8_t *x, float *y, size_t count) {
  for (size_t i = 0; i < count; ++i)
    y[i] = decodeE5M2(x[i]);
}
DSRT_VERSIONS void decodeBatchUE8M0(const uint8_t *x, float *y, size_t count) {
  for (size_t i = 0; i < count; ++i)
    y[i] = decodeUE8M0(x[i]);
}
/// Both halves of each byte, from an even column on.
template <float Decode(uint8_t)> __attribute__((always_inline)) inline void decodeHalves(const uint8_t *x, float *y, int64_t count) {
  for (int64_t i = 0; i < count / 2; ++i) {
    y[2 * i] = Decode(x[i] & 0xf);
    y[2 * i + 1] = Decode(x[i] >> 4);
  }
  if (count % 2 != 0)
    y[count - 1] = Decode(x[count / 2] & 0xf);
}
DSRT_VERSIONS void decodeBatchE2M1(const uint8_t *x, float *y, int64_t count) { decodeHalves<decodeE2M1>(x, y, count); }
DSRT_VERSIONS void decodeBatchNF4(const uint8_t *x, float *y, int64_t count) { decodeHalves<decodeNF4>(x, y, count); }
DSRT_VERSIONS void pairHalves(const uint8_t *codes, uint8_t *bytes, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    bytes[i] = uint8_t(codes[2 * i] | codes[2 * i + 1] << 4);
}
DSRT_VERSIONS void encodeBatchBF16(const float *x, uint16_t *y, size_t count) {
  for (size_t i = 0; i < count; ++i)
    y[i] = encodeBF16(x[i]);
}
DSRT_VERSIONS void encodeBatchF16(const float *x, uint16_t *y, size_t count) {
  for (size_t i = 0; i < count; ++i)
    y[i] = encodeF16(x[i]);
}
DSRT_VERSIONS void encodeBatchE4M3(const float *x, uint8_t *y, size_t count) {
  for (size_t i = 0; i < count; ++i)
    y[i] = encodeE4M3(x[i]);
}
DSRT_VERSIONS void encodeBatchE5M2(const float *x, uint8_t *y, size_t count) {
  for (size_t i = 0; i < count; ++i)
    y[i] = encodeE5M2(x[i]);
}
DSRT_VERSIONS void encodeBatchUE8M0(const float *x, uint8_t *y, size_t count) {
  for (size_t i = 0; i < count; ++i)
    y[i] = encodeUE8M0(x[i]);
}

} // namespace

void decodeColumns(int32_t dtype, const void *row, int64_t begin, int64_t count, float *values) {
  auto *bytes = static_cast<const uint8_t *>(row);
  if (!isFourBit(dtype))
    return toF32(dtype, bytes + begin * int64_t(elementBytes(dtype)), values, size_t(count));
  bool nf4 = dtype == DSRT_NF4;
  if (begin % 2 != 0 && count > 0) {
    uint8_t code = bytes[begin / 2] >> 4;
    *values++ = nf4 ? decodeNF4(code) : decodeE2M1(code);
    ++begin, --count;
  }
  if (nf4)
    decodeBatchNF4(bytes + begin / 2, values, count);
  else
    decodeBatchE2M1(bytes + begin / 2, values, count);
}

void packFourBit(const uint8_t *codes, int64_t begin, int64_t count, void *row) {
  auto *bytes = static_cast<uint8_t *>(row);
  if (begin % 2 != 0 && count > 0) {
    bytes[begin / 2] = uint8_t((bytes[begin / 2] & 0xf) | *codes++ << 4);
    ++begin, --count;
  }
  pairHalves(codes, bytes + begin / 2, count / 2);
  if (count % 2 != 0)
    bytes[(begin + count) / 2] = codes[count - 1];
}

std::string typeName(int32_t dtype) {
  const char *names[] = {"none", "f32", "bf16", "f16", "f8E4M3FN", "f8E5M2", "f4E2M1FN", "nf4", "ue8m0", "i32"};
  return dtype >= 0 && dtype < int32_t(std::size(names)) ? names[dtype] : format("type %d", dtype);
}

bool isConvertible(int32_t dtype) { return elementBytes(dtype) != 0 && dtype != DSRT_I32; }

void toF32(int32_t from, const void *source, float *destination, size_t count) {
  switch (from) {
  case DSRT_F32:
    if (source != destination && count != 0)
      memmove(destination, source, count * sizeof(float));
    return;
  case DSRT_BF16:
    return decodeBatchBF16(static_cast<const uint16_t *>(source), destination, count);
  case DSRT_F16:
    return decodeBatchF16(static_cast<const uint16_t *>(source), destination, count);
  case DSRT_F8E4M3:
    return decodeBatchE4M3(static_cast<const uint8_t *>(source), destination, count);
  case DSRT_F8E5M2:
    return decodeBatchE5M2(static_cast<const uint8_t *>(source), destination, count);
  case DSRT_UE8M0:
    return decodeBatchUE8M0(static_cast<const uint8_t *>(source), destination, count);
  }
}

void fromF32(const float *source, int32_t to, void *destination, size_t count) {
  switch (to) {
  case DSRT_F32:
    if (source != destination && count != 0)
      memmove(destination, source, count * sizeof(float));
    return;
  case DSRT_BF16:
    return encodeBatchBF16(source, static_cast<uint16_t *>(destination), count);
  case DSRT_F16:
    return encodeBatchF16(source, static_cast<uint16_t *>(destination), count);
  case DSRT_F8E4M3:
    return encodeBatchE4M3(source, static_cast<uint8_t *>(destination), count);
  case DSRT_F8E5M2:
    return encodeBatchE5M2(source, static_cast<uint8_t *>(destination), count);
  case DSRT_UE8M0:
    return encodeBatchUE8M0(source, static_cast<uint8_t *>(destination), count);
  }
}

Status convert(dsrt_dtype from, const void *source, dsrt_dtype to, void *destination, size_t count) {
  for (dsrt_dtype type : {from, to})
    if (!isConvertible(type))
      return {DSRT_REJECTED,
              format("expects one of f32, bf16, f16, f8E4M3FN, f8E5M2 and ue8m0 to convert, but got %s", typeName(type).c_str())};
  if (count == 0)
    return {};
  if (from == to) {
    memmove(destination, source, count * elementBytes(from));
  } else if (from == DSRT_F32) {
    fromF32(static_cast<const float *>(source), to, destination, count);
  } else if (to == DSRT_F32) {
    toF32(from, source, static_cast<float *>(destination), count);
  } else {
    constexpr size_t block = 1024;
    float values[block];
    for (size_t begin = 0; begin < count; begin += block) {
      size_t length = std::min(block, count - begin);
      toF32(from, static_cast<const char *>(source) + begin * elementBytes(from), values, length);
      fromF32(values, to, static_cast<char *>(destination) + begin * elementBytes(to), length);
    }
  }
  return {};
}

} // namespace dsrt
