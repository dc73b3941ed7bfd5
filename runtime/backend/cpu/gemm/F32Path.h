// Dispatch on the dtype for the F32 paths. Like Tile.h, included inside each file's anonymous namespace, so that it belongs to one set
// of -m flags: after the file's widenBf16, widenE4m3 and widenF16 (x, k, out), and, for decodeUnits and packedUnits, its sources E4m3,
// Bf16, F16 and Packed.

void convertRow(int32_t dtype, const void *x, int64_t k, void *out) {
  auto *to = static_cast<float *>(out);
  switch (dtype) {
  case DSRT_F32:
    __builtin_memcpy(to, x, static_cast<size_t>(k) * 4);
    break;
  case DSRT_BF16:
    widenBf16(static_cast<const uint16_t *>(x), k, to);
    break;
  case DSRT_F8E4M3:
    widenE4m3(static_cast<const uint8_t *>(x), k, to);
    break;
  case DSRT_F16:
    widenF16(static_cast<const uint16_t *>(x), k, to);
    break;
  }
}

template <typename E4m3, typename Bf16, typename F16> void decodeUnits(int32_t dtype, const void *units, int64_t elements, void *out) {
  switch (dtype) {
  case DSRT_F8E4M3:
    return decodePanel<E4m3>(units, elements, out);
  case DSRT_BF16:
    return decodePanel<Bf16>(units, elements, out);
  case DSRT_F16:
    return decodePanel<F16>(units, elements, out);
  }
}

/// Rows, Panels: the register tile of panels that need no decoding.
template <typename E4m3, typename Bf16, typename F16, typename Packed, int Rows, int Panels>
void packedUnits(int32_t dtype, const Block &block) {
  switch (dtype) {
  case DSRT_F8E4M3:
    return multiplyFused<E4m3, 8>(block);
  case DSRT_BF16:
    return multiplyFused<Bf16, 8>(block);
  case DSRT_F16:
    return multiplyFused<F16, 8>(block);
  case DSRT_F32:
    return multiplyPacked<Packed, Rows, Panels, 8>(block);
  }
}
