// The steps of a parameter's conversion. Each starts from the F32 value that the step before left: what NF4 storage lost is lost
// to the FP8 that is computed with.
#include "runtime/weights/WeightSteps.h"

#include "runtime/numerics/Codecs.h"
#include "runtime/numerics/Quantize.h"
#include "runtime/weights/WeightLoader.h"

#include <algorithm>
#include <numeric>

using namespace dsrt;

std::string dsrt::copyKey(const ManifestParameter &parameter) {
  std::string key = parameter.tensor + " " + std::to_string(parameter.firstExpert) + " " + toJson(parameter.stored).dump();
  for (int64_t extent : parameter.shape)
    key += " " + std::to_string(extent);
  for (const dsrt_quant &format : parameter.through)
    key += " " + toJson(format).dump();
  return key;
}

int64_t dsrt::pieceRows(const ManifestParameter &parameter) {
  WeightExtents extents = extentsOf(parameter);
  int64_t height = 1;
  auto include = [&](const dsrt_quant &format) {
    if (format.scale == DSRT_NONE)
      return;
    bool whole = format.tile_rows == 0 || format.outer == DSRT_OUTER_TENSOR;
    int64_t tile = whole ? extents.rows : std::min<int64_t>(format.tile_rows, extents.rows);
    // A height that no longer fits the rows is the whole matrix.
    height = std::min(std::lcm(height, std::max<int64_t>(tile, 1)), std::max<int64_t>(extents.rows, 1));
    if (tile == extents.rows)
      height = std::max<int64_t>(extents.rows, 1);
  };
  include(parameter.stored);
  for (const dsrt_quant &format : parameter.through)
    include(format);
  constexpr int64_t elements = int64_t(1) << 20;
  int64_t wanted = std::max<int64_t>(1, elements / std::max<int64_t>(extents.cols, 1));
  int64_t rows = (wanted + height - 1) / height * height;
  return std::min(rows, std::max<int64_t>(extents.rows, 1));
}

Status dsrt::runSteps(const std::vector<dsrt_quant> &formats, std::vector<float> &values, int64_t expert, int64_t begin, int64_t rows,
                      int64_t cols, void *payload, float *scales) {
  std::vector<uint8_t> codes;
  std::vector<float> codeScales;
  for (size_t step = 0; step + 1 < formats.size(); ++step) {
    uint64_t payloadBytes = 0, scaleBytes = 0;
    formatBytes(formats[step], 1, rows, cols, payloadBytes, scaleBytes);
    codes.resize(payloadBytes);
    codeScales.resize(scaleBytes / sizeof(float));
    if (Status status = quantize(formats[step], values.data(), rows, cols, codes.data(), codeScales.data(), {expert, begin}); !status.ok())
      return status;
    if (Status status = dequantize(formats[step], codes.data(), codeScales.data(), rows, cols, values.data()); !status.ok())
      return status;
  }
  return quantize(formats.back(), values.data(), rows, cols, payload, scales, {expert, begin});
}
