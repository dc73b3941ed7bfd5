// Cases of quantize and grouped_quantize: every format and tile, bit by bit.
#include "test/conformance/Harness.h"

#include <cmath>
#include <limits>

using namespace dsrt;
using namespace dsrt::conformance;

namespace {

const float infinity = std::numeric_limits<float>::infinity();
const int32_t activations[] = {DSRT_F32, DSRT_BF16, DSRT_F16};

std::vector<dsrt_quant> allFormats() {
  dsrt_quant floor = fp8Format(1, 128), wide = fp8Format(1, 128), mxfp8 = mxfp4Format(), odd = mxfp4Format(),
             flooredFour = nvfp4Format(DSRT_OUTER_ROW);
  floor.amax_floor = 1, flooredFour.amax_floor = 3;
  wide.payload = mxfp8.payload = DSRT_F8E5M2;
  odd.tile_rows = 3, odd.tile_cols = 7, odd.scale = DSRT_F32, odd.rule = DSRT_SCALE_AMAX;
  return {fp8Format(1, 128),
          fp8Format(128, 128),
          fp8Format(1, 0),
          fp8Format(0, 0),
          fp8Format(3, 50),
          fp8Format(0, 128),
          powersOfTwo(fp8Format(1, 128)),
          powersOfTwo(fp8Format(128, 128)),
          powersOfTwo(fp8Format(0, 0)),
          floor,
          wide,
          stochastic(fp8Format(1, 128), 0),
          stochastic(powersOfTwo(fp8Format(0, 0)), 0x123456789abcdef0),
          stochastic(wide, 7),
          mxfp8,
          mxfp4Format(),
          odd,
          nvfp4Format(DSRT_OUTER_ROW),
          nvfp4Format(DSRT_OUTER_TENSOR),
          flooredFour,
          nf4Format(1),
          nf4Format(0)};
}

/// Values of many magnitudes, with the special ones, rows and tiles of zeros, and values so small that their FP4 tile's scale is 0.
Tensor operand(int32_t type, int64_t rows, int64_t columns, unsigned seed) {
  Tensor x = random(type, {rows, columns}, seed, 20);
  if (rows * columns < 1000)
    return x;
  float special[] = {infinity, -infinity, std::nanf(""), -std::nanf(""), -0.f};
  for (int64_t i = 0; i < 5; ++i)
    x.set(columns + 20 + i, special[i]);
  for (int64_t c = 0; c < columns; ++c) {
    x.set(5 * columns + c, 0);
    x.set(7 * columns + c, c < 16 ? 20.f : 1e-4f);
  }
  for (int64_t c = 0; c < 32; ++c)
    x.set(2 * columns + c, c % 2 ? 0.f : -0.f);
  return x;
}

/// Payload and scales as the operations leave them: a row of scales for each row of x, expert by expert.
struct Result {
  Tensor payload, scales;

  Result(const dsrt_quant &format, const Tensor &x, const std::vector<int32_t> &offsets)
      : payload(format.payload, x.dims), scales(DSRT_F32, {x.dims[0], tilesAlong(x.dims[1], format.tile_cols)}) {
    int64_t columns = x.dims[1], tiles = scales.dims[1];
    std::vector<float> all = floatsOf(x);
    payload.bytes.clear();
    for (size_t e = 0; e + 1 < offsets.size(); ++e) {
      int64_t begin = offsets[e], rows = offsets[e + 1] - begin;
      Quantised part = quantised(format, {all.begin() + begin * columns, all.begin() + (begin + rows) * columns}, rows, columns, 0, begin);
      std::vector<uint8_t> bytes = packed(format.payload, part.codes, rows, columns);
      payload.bytes.insert(payload.bytes.end(), bytes.begin(), bytes.end());
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t t = 0; t < tiles; ++t)
          scales.set((begin + r) * tiles + t, part.scaleAt(r, t * part.tileCols));
    }
  }
};

} // namespace

DSRT_CASE(quantize, everyFormatAndTile) {
  for (const dsrt_quant &format : allFormats())
    for (int64_t tokens : {0, 1, 70})
      for (int64_t columns : {1, 33, 701}) {
        // The type of x matters to its conversion alone.
        int32_t type = activations[(tokens + columns) % 3];
        SCOPED_TRACE(testing::Message() << typeName(format.payload) << " " << format.tile_rows << "x" << format.tile_cols << " of "
                                        << tokens << "x" << columns << " " << typeName(type));
        Tensor x = operand(type, tokens, columns, 14);
        Result want(format, x, {0, int32_t(tokens)});
        void *payload = run.result(format.payload, x.dims), *scales = run.result(DSRT_F32, want.scales.dims);
        DSRT_CALL(quantize, payload, static_cast<float *>(scales), run.upload(x), tokens, columns, want.scales.dims[1], format.payload,
                  type, &format);
        expectSame(run.fetch(scales, DSRT_F32, want.scales.dims), want.scales);
        expectSame(run.fetch(payload, format.payload, x.dims), want.payload);
      }
}

DSRT_CASE(quantize, everyActivationType) {
  for (int32_t type : activations)
    for (const dsrt_quant &format :
         {fp8Format(1, 128), powersOfTwo(fp8Format(1, 128)), nvfp4Format(DSRT_OUTER_ROW), stochastic(fp8Format(1, 0), 3)}) {
      for (int64_t columns : {1300, 1304, 1536}) { // no whole groups of eight, a part of a tile, whole tiles
        Tensor x = operand(type, 9, columns, 15);
        Result want(format, x, {0, 9});
        void *payload = run.result(format.payload, x.dims), *scales = run.result(DSRT_F32, want.scales.dims);
        DSRT_CALL(quantize, payload, static_cast<float *>(scales), run.upload(x), 9, columns, want.scales.dims[1], format.payload, type,
                  &format);
        expectSame(run.fetch(scales, DSRT_F32, want.scales.dims), want.scales);
        expectSame(run.fetch(payload, format.payload, x.dims), want.payload);
      }
    }
}

// A tile of several rows ends with its expert, whoever comes next; experts without rows among them.
DSRT_CASE(grouped_quantize, eachExpertAlone) {
  const std::vector<int32_t> offsets = {0, 0, 4, 5, 5, 69, 69};
  for (const dsrt_quant &format : allFormats())
    for (int64_t columns : {1, 33, 257}) {
      SCOPED_TRACE(testing::Message() << typeName(format.payload) << " " << format.tile_rows << "x" << format.tile_cols);
      Tensor x = operand(DSRT_BF16, 69, columns, 16);
      Result want(format, x, offsets);
      void *payload = run.result(format.payload, x.dims), *scales = run.result(DSRT_F32, want.scales.dims);
      DSRT_CALL(grouped_quantize, payload, static_cast<float *>(scales), run.upload(x),
                static_cast<int32_t *>(run.upload(integers({7}, offsets))), 69, columns, want.scales.dims[1], 7, format.payload, DSRT_BF16,
                &format);
      expectSame(run.fetch(scales, DSRT_F32, want.scales.dims), want.scales);
      expectSame(run.fetch(payload, format.payload, x.dims), want.payload);
    }
}

DSRT_CASE(grouped_quantize, refusesWhatDoesNotFit) {
  dsrt_quant format = fp8Format(0, 0);
  void *x = run.upload(random(DSRT_F32, {4, 8}, 17)), *payload = run.result(DSRT_F8E4M3, {4, 8}), *scales = run.result(DSRT_F32, {4, 1});
  for (const std::vector<int32_t> &bad : {std::vector<int32_t>{0, 3}, {1, 4}, {0, 3, 2, 4}}) {
    std::string message = run.expectFailure(
        DSRT_INTERNAL, run.backend->grouped_quantize(run.context, 0, payload, static_cast<float *>(scales), x,
                                                     static_cast<int32_t *>(run.upload(integers({int64_t(bad.size())}, bad))), 4, 8, 1,
                                                     int64_t(bad.size()), DSRT_F8E4M3, DSRT_F32, &format));
    EXPECT_TRUE(message.starts_with("grouped_quantize: expects offsets that rise from 0 to 4 rows")) << message;
  }
}

DSRT_CASE(quantize, refusesFormatsThatItDoesNotHave) {
  dsrt_quant format = nvfp4Format(DSRT_OUTER_NONE);
  EXPECT_EQ(run.backend->quantize(run.context, 0, nullptr, nullptr, nullptr, 1, 16, 1, DSRT_F4E2M1, DSRT_F32, &format), DSRT_REJECTED);
  EXPECT_NE(run.message().find("quantize: expects F32 scales"), std::string::npos) << run.message();
  format = fp8Format(1, 128);
  EXPECT_EQ(run.backend->quantize(run.context, 0, nullptr, nullptr, nullptr, 1, 256, 3, DSRT_F8E4M3, DSRT_F32, &format), DSRT_INTERNAL);
  EXPECT_EQ(run.message(), "quantize: expects 2 scale columns for 256 columns in tiles of 128, but got 3");
}
