// The panels: their layout, and the preparation of weights.
#include "runtime/backend/cpu/gemm/Panels.h"
#include "runtime/backend/cpu/gemm/Selection.h"
#include "test/runtime/backend/cpu/gemm/GemmTesting.h"

using namespace dsrt;
using namespace dsrt::cpu;
using namespace dsrt::cpu::testing;

namespace {

TEST(Panels, HoldUnitsOfSixteenChannels) {
  for (int32_t type : {DSRT_F4E2M1, DSRT_F8E4M3, DSRT_BF16, DSRT_F16, DSRT_F32})
    for (int64_t k : {1, 2, 9, 37, 128})
      for (int64_t channels : {1, 7, 16}) {
        Matrix w(type, 1, channels, k, kPlain, 1);
        PanelLayout layout = panelLayout(type);
        int64_t first = layout.units(k) / 3, last = layout.units(k), bytes = layout.unitBytes, row = layout.rowBytes(k);
        ASSERT_EQ(row, rowBytes(type, k));
        std::vector<std::byte> out(size_t((last - first) * 16 * bytes), std::byte(0xa5));
        packPanel(type, w.data.data(), channels, k, first, last, out.data());
        for (int64_t unit = first; unit < last; ++unit)
          for (int64_t channel = 0; channel < 16; ++channel) {
            std::vector<std::byte> want(static_cast<size_t>(bytes)); // zeros past n, and past the bytes of a row
            if (channel < channels)
              std::copy_n(w.data.begin() + channel * row + unit * bytes, std::min(bytes, row - unit * bytes), want.begin());
            auto *got = out.data() + ((unit - first) * 16 + channel) * bytes;
            EXPECT_EQ(memcmp(got, want.data(), size_t(bytes)), 0)
                << typeName(type) << " k " << k << ", unit " << unit << ", channel " << channel;
          }
      }
}

class Expansion : public EveryIsa {};
ON_EVERY_ISA(Expansion);

TEST_P(Expansion, E2m1BecomesE4m3OfTheSameValues) {
  const Kernels &kernels = **selectedKernels();
  std::vector<uint8_t> pairs(256 + 64);
  for (size_t i = 0; i < pairs.size(); ++i)
    pairs[i] = uint8_t(i);
  for (int64_t count : {0, 1, 15, 17, 47, 256 + 64}) {
    std::vector<uint16_t> codes(size_t(count) + 1, 0xa5a5);
    kernels.expandE2m1(pairs.data(), count, codes.data());
    EXPECT_EQ(codes.back(), 0xa5a5);
    for (size_t i = 0; i < size_t(count); ++i)
      for (int half : {0, 1}) {
        float want = decodeE2M1(uint8_t(pairs[i] >> (4 * half)));
        ASSERT_EQ(uint8_t(codes[i] >> (8 * half)), encodeE4M3(want)) << i;
        ASSERT_EQ(decodeE4M3(encodeE4M3(want)), want) << i;
      }
  }
}

TEST(Preparation, KeepsThePanelsAlone) {
  Matrix w(DSRT_F8E4M3, 3, 40, 130, {128, 128}, 1);
  dsrt_weight weight = w.weight();
  bool released = false;
  ASSERT_TRUE(prepareWeight(2, weight, released).ok());
  EXPECT_TRUE(released);
  EXPECT_EQ(weight.data, nullptr);
  ASSERT_NE(weight.prepared, nullptr);
  releaseWeight(weight);
  EXPECT_EQ(weight.prepared, nullptr);
  releaseWeight(weight); // nothing is left to free
}

TEST(Preparation, LeavesWeightsThatOthersRead) {
  Matrix w(DSRT_BF16, 1, 40, 130, kPlain, 1);
  dsrt_weight weight = w.weight();
  for (int32_t use = 0; use < 16; ++use) {
    if (use == DSRT_USE_MATMUL)
      continue;
    weight.use = use;
    bool released = true;
    ASSERT_TRUE(prepareWeight(1, weight, released).ok());
    EXPECT_FALSE(released);
    EXPECT_EQ(weight.data, w.data.data());
    EXPECT_EQ(weight.prepared, nullptr);
  }
}

TEST(Preparation, RejectsPayloadsThatNoProductTakes) {
  Matrix w(DSRT_F8E5M2, 1, 4, 8, kPlain, 1);
  dsrt_weight weight = w.weight();
  bool released = true;
  Status status = prepareWeight(1, weight, released);
  EXPECT_EQ(status.code(), DSRT_REJECTED);
  EXPECT_FALSE(released);
  EXPECT_EQ(weight.data, w.data.data());
}

TEST(Payload, NanIsFoundAnywhere) {
  std::vector<uint8_t> codes(10000, 0x7e);
  EXPECT_FALSE(hasNanPayload(codes.data(), 10000));
  for (size_t at : {size_t(0), size_t(4095), size_t(4096), size_t(9999)})
    for (uint8_t code : {uint8_t(0x7f), uint8_t(0xff)}) {
      codes[at] = code;
      EXPECT_TRUE(hasNanPayload(codes.data(), 10000)) << at;
      codes[at] = 0x7e;
    }
}

} // namespace
