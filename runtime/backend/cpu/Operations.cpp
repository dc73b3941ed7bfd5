// The accesses that Operations.h declares.
#include "runtime/backend/cpu/Operations.h"

#include "runtime/numerics/Quantize.h"

namespace dsrt::cpu {

void roundTo(float *x, int64_t count, std::initializer_list<int32_t> dtypes) {
  uint16_t codes[chunk];
  for (int32_t dtype : dtypes)
    for (int64_t begin = 0; dtype != DSRT_F32 && begin < count; begin += chunk) {
      size_t length = size_t(std::min(chunk, count - begin));
      fromF32(x + begin, dtype, codes, length);
      toF32(dtype, codes, x + begin, length);
    }
}

const float *weightRow(const dsrt_weight &weight, int64_t row, float *buffer) {
  if (weight.format.payload == DSRT_F32)
    return static_cast<const float *>(weight.data) + row * weight.cols;
  dequantizeRow(weight.format, weight.data, weight.scales, weight.cols, row, 0, weight.cols, buffer);
  return buffer;
}

} // namespace dsrt::cpu
