// The panels: their layout, and the preparation of weights.
#include "runtime/backend/cpu/gemm/Panels.h"
#include "test/runtime/backend/cpu/gemm/GemmTesting.h"

using namespace dsrt;
using namespace dsrt::cpu;
using namespace dsrt::cpu::testing;

namespace {

TEST(Panels, HoldUnitsOfSixteenChannels) {
  for (int32_t type : {DSRT_F8E4M3, DSRT_BF16, DSRT_F16, DSRT_F32})
    for (int64_t k : {1, 2, 9, 37, 128})
      for (int64_t channels : {1, 7, 16}) {
        Matrix w(type, 1, channels, k, kPlain, 1);
        PanelLayout layout = panelLayout(type);
        int64_t first = layout.units(k) / 3, last = layout.units(k), bytes = layout.elementBytes;
        std::vector<std::byte> out(size_t((last - first) * 16 * layout.unitBytes()), std::byte(0xa5));
        packPanel(type, w.data.data(), channels, k, first, last, out.data());
        for (int64_t unit = first; unit < last; ++unit)
          for (int64_t channel = 0; channel < 16; ++channel)
            for (int64_t part = 0; part < layout.perUnit; ++part) {
              int64_t element = unit * layout.perUnit + part;
              std::vector<std::byte> want(static_cast<size_t>(bytes));
              if (channel < channels && element < k)
                std::copy_n(w.data.begin() + (channel * k + element) * bytes, bytes, want.begin());
              auto *got = out.data() + (((unit - first) * 16 + channel) * layout.perUnit + part) * bytes;
              EXPECT_EQ(memcmp(got, want.data(), size_t(bytes)), 0)
                  << typeName(type) << " k " << k << ", unit " << unit << ", channel " << channel;
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
