// Every way of a parameter from file to memory, against the numerics called directly; and every way in which files do not fit.
#include "FakeBackend.h"
#include "Toy.h"
#include "runtime/numerics/Codecs.h"
#include "runtime/numerics/Quantize.h"
#include "runtime/weights/WeightLoader.h"
#include "runtime/weights/WeightSteps.h"

#include <cmath>
#include <cstring>

using namespace dsrt;

namespace {

dsrt_quant plain(dsrt_dtype dtype) {
  dsrt_quant format = {};
  format.payload = dtype;
  return format;
}

dsrt_quant tiles(int32_t rows, int32_t cols, dsrt_dtype scale = DSRT_F32) {
  dsrt_quant format = plain(DSRT_F8E4M3);
  format.scale = scale, format.tile_rows = rows, format.tile_cols = cols;
  format.rule = scale == DSRT_UE8M0 ? DSRT_SCALE_POWER_OF_TWO : DSRT_SCALE_AMAX;
  return format;
}

dsrt_quant nvfp4() { return {DSRT_F4E2M1, DSRT_F8E4M3, 1, 16, DSRT_SCALE_AMAX, DSRT_NEAREST_EVEN, 0, DSRT_OUTER_TENSOR, 0}; }

dsrt_quant mxfp4() { return {DSRT_F4E2M1, DSRT_UE8M0, 1, 32, DSRT_SCALE_MX, DSRT_NEAREST_EVEN, 0, DSRT_OUTER_NONE, 0}; }

dsrt_quant nf4(int32_t tileRows) {
  dsrt_quant format = tiles(tileRows, 0);
  format.payload = DSRT_NF4;
  return format;
}

dsrt_quant stochastic(dsrt_quant format) {
  format.rounding = DSRT_STOCHASTIC, format.seed = 0x9876543210;
  return format;
}

/// Every format that a weight can be in, and what a step through it leaves of it.
std::vector<dsrt_quant> allFormats() {
  return {
      tiles(128, 128), tiles(1, 0), tiles(0, 0), tiles(128, 128, DSRT_UE8M0), stochastic(tiles(128, 128)), stochastic(tiles(0, 0)), nvfp4(),
      mxfp4(),         nf4(1),      nf4(0)};
}

ManifestParameter parameter(const std::string &tensor, std::vector<int64_t> shape, dsrt_quant stored, std::vector<dsrt_quant> through = {},
                            int32_t use = DSRT_USE_MATMUL) {
  ManifestParameter result;
  result.path = "our." + tensor;
  result.tensor = tensor;
  result.shape = std::move(shape);
  result.stored = stored;
  result.through = std::move(through);
  result.use = use;
  if (stored.scale != DSRT_NONE)
    result.scales = tensor + "_scale_inv";
  return result;
}

/// Values of different magnitudes, no two rows alike.
std::vector<float> values(int64_t count, int64_t salt = 0) {
  std::vector<float> result(count);
  for (int64_t i = 0; i < count; ++i)
    result[i] = std::sin(float(i * 7 + salt * 131 + 1)) * std::exp2(float((i / 37 + salt) % 9) - 4);
  return result;
}

template <typename T> std::vector<uint8_t> bytesOf(const std::vector<T> &data) {
  const uint8_t *begin = reinterpret_cast<const uint8_t *>(data.data());
  return {begin, begin + data.size() * sizeof(T)};
}

std::vector<uint16_t> bf16(const std::vector<float> &from) {
  std::vector<uint16_t> result(from.size());
  for (size_t i = 0; i < from.size(); ++i)
    result[i] = encodeBF16(from[i]);
  return result;
}

struct Quantised {
  std::vector<uint8_t> payload;
  std::vector<float> scales;
};

Quantised quantised(const dsrt_quant &format, const std::vector<float> &x, int64_t rows, int64_t cols, int64_t expert = 0) {
  Quantised result{std::vector<uint8_t>(size_t(rows * rowBytes(format.payload, cols))),
                   std::vector<float>(tilesOf(rows, format.tile_rows) * tilesOf(cols, format.tile_cols))};
  EXPECT_TRUE(quantize(format, x.data(), rows, cols, result.payload.data(), result.scales.data(), {expert, 0}).ok());
  return result;
}

class WeightLoader : public testing::Test {
protected:
  void add(const std::string &name, FileType type, std::vector<int64_t> shape, std::vector<uint8_t> data) {
    contents.push_back(std::move(data));
    tensors.push_back({name, type, std::move(shape), nullptr});
  }
  Checkpoint open() {
    for (size_t i = 0; i < tensors.size(); ++i)
      tensors[i].data = contents[i].data();
    EXPECT_TRUE(writeSafeTensors(folder / "model.safetensors", tensors).ok());
    Expected<Checkpoint> checkpoint = Checkpoint::open(folder.path);
    EXPECT_TRUE(checkpoint) << checkpoint.status().message();
    return *checkpoint;
  }
  void load(int threads = 2, bool elsewhere = false) {
    weights.reset();
    Checkpoint checkpoint = open();
    Status fits = checkWeights(manifest, checkpoint);
    ASSERT_TRUE(fits.ok()) << fits.message();
    LoadOptions options{fake::backend(elsewhere), &state, threads, {}, nullptr};
    Expected<std::unique_ptr<ResidentWeights>> loaded = loadWeights(manifest, checkpoint, options);
    ASSERT_TRUE(loaded) << loaded.status().message();
    weights = std::move(*loaded);
    ASSERT_EQ(weights->size(), manifest.parameters.size());
  }
  Status mismatch() { return checkWeights(manifest, open()); }

  void expectPayload(size_t index, const std::vector<uint8_t> &expected) {
    const uint8_t *data = static_cast<const uint8_t *>((*weights)[index].data);
    EXPECT_EQ(std::vector<uint8_t>(data, data + expected.size()), expected);
  }
  void expectScales(size_t index, const std::vector<float> &expected) {
    const float *scales = (*weights)[index].scales;
    ASSERT_NE(scales, nullptr);
    EXPECT_EQ(std::vector<float>(scales, scales + expected.size()), expected);
  }
  void TearDown() override {
    weights.reset();
    EXPECT_EQ(state.live, 0);
    EXPECT_EQ(state.prepared, 0);
  }

  toy::Folder folder;
  fake::State state;
  Manifest manifest;
  std::vector<TensorToWrite> tensors;
  std::vector<std::vector<uint8_t>> contents;
  std::unique_ptr<ResidentWeights> weights;
};

constexpr int64_t rows = 200, cols = 150; // partial tiles of 128 on both sides

} // namespace

TEST_F(WeightLoader, StoredBytesAreUsedInPlace) {
  std::vector<uint16_t> stored = bf16(values(rows * cols));
  add("w", FileType::BF16, {rows, cols}, bytesOf(stored));
  add("norm", FileType::F32, {cols}, bytesOf(values(cols)));
  manifest.parameters = {parameter("w", {rows, cols}, plain(DSRT_BF16)), parameter("norm", {cols}, plain(DSRT_F32), {}, DSRT_USE_VECTOR)};
  load();
  EXPECT_EQ(state.live, 0); // no copy
  expectPayload(0, bytesOf(stored));
  expectPayload(1, bytesOf(values(cols)));
  EXPECT_EQ((*weights)[0].experts, 1);
  EXPECT_EQ((*weights)[0].rows, rows);
  EXPECT_EQ((*weights)[0].cols, cols);
  EXPECT_EQ((*weights)[1].rows, 1);
  EXPECT_EQ((*weights)[1].cols, cols);
  EXPECT_STREQ((*weights)[1].path, "our.norm");
  EXPECT_EQ((*weights)[0].scales, nullptr);
  load(2, true); // another memory: copied into one allocation
  EXPECT_EQ(state.live, 1);
  expectPayload(0, bytesOf(stored));
}

TEST_F(WeightLoader, Bf16ToFp8IsQuantize) {
  std::vector<uint16_t> stored = bf16(values(rows * cols));
  std::vector<float> widened(stored.size());
  for (size_t i = 0; i < stored.size(); ++i)
    widened[i] = decodeBF16(stored[i]);
  add("w", FileType::BF16, {rows, cols}, bytesOf(stored));
  std::vector<dsrt_quant> formats = {tiles(128, 128), tiles(1, 0), tiles(0, 0), tiles(128, 128, DSRT_UE8M0)};
  for (const dsrt_quant &format : formats)
    manifest.parameters.push_back(parameter("w", {rows, cols}, plain(DSRT_BF16), {format}));
  load();
  for (size_t i = 0; i < formats.size(); ++i) {
    Quantised expected = quantised(formats[i], widened, rows, cols);
    expectPayload(i, expected.payload);
    expectScales(i, expected.scales);
    EXPECT_EQ((*weights)[i].format.tile_rows, formats[i].tile_rows);
  }
}

TEST_F(WeightLoader, StoredFp8IsReusedBitForBit) {
  Quantised stored = quantised(tiles(128, 128), values(rows * cols), rows, cols);
  stored.payload[0] = 0xff; // no round trip would keep it beside these scales
  stored.scales[1] = 1.2345f;
  add("w", FileType::F8E4M3, {rows, cols}, stored.payload);
  add("w_scale_inv", FileType::F32, {2, 2}, bytesOf(stored.scales));
  manifest.parameters = {parameter("w", {rows, cols}, tiles(128, 128))};
  load();
  EXPECT_EQ(state.live, 0);
  expectPayload(0, stored.payload);
  expectScales(0, stored.scales);
}

TEST_F(WeightLoader, ScalesStoredAsPowersOfTwo) {
  std::vector<uint8_t> payload(4 * 4, 0x38), codes = {120, 127, 130, 0};
  add("w", FileType::F8E4M3, {4, 4}, payload);
  add("w_scale_inv", FileType::F8E8M0, {2, 2}, codes);
  manifest.parameters = {parameter("w", {4, 4}, tiles(2, 2, DSRT_UE8M0)),
                         parameter("w", {4, 4}, tiles(2, 2, DSRT_UE8M0), {plain(DSRT_F32)})};
  load();
  std::vector<float> scales = {0x1p-7f, 1, 8, 0x1p-127f};
  expectScales(0, scales);
  std::vector<float> expected;
  for (int row = 0; row < 4; ++row)
    for (int col = 0; col < 4; ++col)
      expected.push_back(scales[row / 2 * 2 + col / 2]);
  expectPayload(1, bytesOf(expected));
}

TEST_F(WeightLoader, Fp8ToBf16) {
  Quantised stored = quantised(tiles(128, 128), values(rows * cols), rows, cols);
  add("w", FileType::F8E4M3, {rows, cols}, stored.payload);
  add("w_scale_inv", FileType::F32, {2, 2}, bytesOf(stored.scales));
  manifest.parameters = {parameter("w", {rows, cols}, tiles(128, 128), {plain(DSRT_BF16)})};
  load();
  std::vector<float> widened(rows * cols);
  ASSERT_TRUE(dequantize(tiles(128, 128), stored.payload.data(), stored.scales.data(), rows, cols, widened.data()).ok());
  expectPayload(0, bytesOf(bf16(widened)));
}

TEST_F(WeightLoader, EachStepStartsFromWhatTheOneBeforeLeft) {
  // F32 to BF16, to E4M3 by channel, to E4M3 by blocks: three roundings.
  std::vector<float> stored = values(rows * cols);
  add("w", FileType::F32, {rows, cols}, bytesOf(stored));
  manifest.parameters = {parameter("w", {rows, cols}, plain(DSRT_F32), {plain(DSRT_BF16), tiles(1, 0), tiles(128, 128)})};
  load();
  std::vector<float> left(stored.size());
  for (size_t i = 0; i < stored.size(); ++i)
    left[i] = decodeBF16(encodeBF16(stored[i]));
  Quantised channel = quantised(tiles(1, 0), left, rows, cols);
  ASSERT_TRUE(dequantize(tiles(1, 0), channel.payload.data(), channel.scales.data(), rows, cols, left.data()).ok());
  Quantised expected = quantised(tiles(128, 128), left, rows, cols);
  expectPayload(0, expected.payload);
  expectScales(0, expected.scales);
  EXPECT_NE(expected.payload, quantised(tiles(128, 128), stored, rows, cols).payload); // the steps can be seen
}

TEST_F(WeightLoader, ExpertsAreStackedFromTheFirstOn) {
  for (int64_t e = 0; e < 5; ++e)
    add("experts." + std::to_string(e) + ".w", FileType::BF16, {6, 4}, bytesOf(bf16(values(24, e))));
  manifest.parameters = {parameter("experts.{e}.w", {3, 6, 4}, plain(DSRT_BF16)), parameter("experts.{e}.w", {1, 6, 4}, plain(DSRT_BF16)),
                         parameter("experts.{e}.w", {2, 6, 4}, plain(DSRT_BF16), {tiles(4, 4)})};
  manifest.parameters[0].firstExpert = 1;
  manifest.parameters[1].firstExpert = 4;
  manifest.parameters[2].firstExpert = 3;
  for (bool elsewhere : {false, true}) {
    load(2, elsewhere);
    std::vector<uint8_t> stacked, payload;
    std::vector<float> scales;
    for (int64_t e = 1; e < 4; ++e)
      for (uint8_t byte : bytesOf(bf16(values(24, e))))
        stacked.push_back(byte);
    expectPayload(0, stacked);
    EXPECT_EQ((*weights)[0].experts, 3);
    expectPayload(1, bytesOf(bf16(values(24, 4))));
    for (int64_t e = 3; e < 5; ++e) {
      std::vector<float> widened;
      for (uint16_t code : bf16(values(24, e)))
        widened.push_back(decodeBF16(code));
      Quantised expert = quantised(tiles(4, 4), widened, 6, 4);
      payload.insert(payload.end(), expert.payload.begin(), expert.payload.end());
      scales.insert(scales.end(), expert.scales.begin(), expert.scales.end());
    }
    expectPayload(2, payload);
    expectScales(2, scales);
  }
}

TEST_F(WeightLoader, StackedFp8KeepsEachExpertsScales) {
  std::vector<uint8_t> payload;
  std::vector<float> scales;
  for (int64_t e = 0; e < 3; ++e) {
    Quantised expert = quantised(tiles(4, 4), values(24, e), 6, 4);
    add("e." + std::to_string(e) + ".w", FileType::F8E4M3, {6, 4}, expert.payload);
    add("e." + std::to_string(e) + ".w_scale_inv", FileType::F32, {2, 1}, bytesOf(expert.scales));
    if (e > 0) {
      payload.insert(payload.end(), expert.payload.begin(), expert.payload.end());
      scales.insert(scales.end(), expert.scales.begin(), expert.scales.end());
    }
  }
  manifest.parameters = {parameter("e.{e}.w", {2, 6, 4}, tiles(4, 4)), parameter("e.{e}.w", {1, 6, 4}, tiles(4, 4))};
  manifest.parameters[0].firstExpert = 1;
  manifest.parameters[1].firstExpert = 2;
  load();
  expectPayload(0, payload);
  expectScales(0, scales);
  expectScales(1, {scales[2], scales[3]});
}

TEST_F(WeightLoader, LargeParametersInPiecesOnAnyNumberOfThreads) {
  constexpr int64_t tall = 1500, wide = 1111; // two pieces of rows, edges of tiles on both sides
  std::vector<float> stored = values(tall * wide);
  add("w", FileType::F32, {tall, wide}, bytesOf(stored));
  manifest.parameters = {parameter("w", {tall, wide}, plain(DSRT_F32), {tiles(128, 128)})};
  ASSERT_LT(pieceRows(manifest.parameters[0]), tall);
  ASSERT_EQ(pieceRows(manifest.parameters[0]) % 128, 0);
  Quantised expected = quantised(tiles(128, 128), stored, tall, wide);
  for (int threads : {1, 2, 3}) {
    load(threads);
    expectPayload(0, expected.payload);
    expectScales(0, expected.scales);
  }
}

TEST_F(WeightLoader, PiecesKeepToTheTilesOfEveryStep) {
  EXPECT_EQ(pieceRows(parameter("w", {100000, 100}, tiles(96, 1), {tiles(64, 1)})) % 192, 0);
  EXPECT_EQ(pieceRows(parameter("w", {100000, 100}, plain(DSRT_F32), {tiles(0, 1)})), 100000);
  EXPECT_EQ(pieceRows(parameter("w", {100, int64_t(1) << 30}, plain(DSRT_F32), {tiles(1, 0)})), 1);
  EXPECT_EQ(pieceRows(parameter("w", {5, 5}, plain(DSRT_F32), {tiles(128, 128)})), 5);
}

TEST_F(WeightLoader, TiedTensorsShareACopyWhereTheirFormatsAgree) {
  add("w", FileType::BF16, {4, 4}, bytesOf(bf16(values(16))));
  manifest.parameters = {parameter("w", {4, 4}, plain(DSRT_BF16), {plain(DSRT_F32)}, DSRT_USE_ROWS),
                         parameter("w", {4, 4}, plain(DSRT_BF16), {plain(DSRT_F32)}, DSRT_USE_MATMUL),
                         parameter("w", {4, 4}, plain(DSRT_BF16))};
  load();
  EXPECT_EQ(&(*weights)[0], &(*weights)[1]);
  EXPECT_NE(&(*weights)[0], &(*weights)[2]);
  EXPECT_EQ((*weights)[0].use, DSRT_USE_ROWS | DSRT_USE_MATMUL);
  EXPECT_EQ(state.prepared, 2);
  EXPECT_EQ(state.live, 1);
  EXPECT_EQ(measureWeights(manifest, 1)->resident, 16u * 4 + 16 * 2);
}

TEST_F(WeightLoader, WhatTheBackendKeepsItselfIsFreed) {
  state.takesWeights = true;
  add("w", FileType::F32, {4, 4}, bytesOf(values(16)));
  manifest.parameters = {parameter("w", {4, 4}, plain(DSRT_F32)), parameter("w", {4, 4}, plain(DSRT_F32), {plain(DSRT_F32)})};
  load();
  EXPECT_EQ(state.live, 0);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ((*weights)[i].data, nullptr);
    EXPECT_EQ(memcmp((*weights)[i].prepared, values(16).data(), 64), 0);
  }
}

TEST_F(WeightLoader, ElementsThatTheFileDoesNotAlign) {
  // One byte in front: the F32 tensors after it begin at odd addresses.
  add("byte", FileType::U8, {1}, {7});
  add("w", FileType::F32, {3, 3}, bytesOf(values(9)));
  add("q", FileType::F8E4M3, {2, 2}, {0x38, 0x38, 0x38, 0x38});
  add("q_scale_inv", FileType::F32, {1, 1}, bytesOf(std::vector<float>{0.5f}));
  manifest.parameters = {parameter("w", {3, 3}, plain(DSRT_F32)), parameter("w", {3, 3}, plain(DSRT_F32), {plain(DSRT_BF16)}),
                         parameter("q", {2, 2}, tiles(128, 128)), parameter("q", {2, 2}, tiles(128, 128), {plain(DSRT_F32)})};
  load();
  expectPayload(0, bytesOf(values(9)));
  expectPayload(1, bytesOf(bf16(values(9))));
  expectScales(2, {0.5f});
  expectPayload(3, bytesOf(std::vector<float>(4, 0.5f)));
}

TEST_F(WeightLoader, ProgressIsInBytesAndEndsAtAll) {
  add("a", FileType::F32, {4, 4}, bytesOf(values(16)));
  add("b", FileType::F32, {8}, bytesOf(values(8)));
  manifest.parameters = {parameter("a", {4, 4}, plain(DSRT_F32)), parameter("b", {8}, plain(DSRT_F32))};
  std::vector<std::pair<uint64_t, uint64_t>> seen;
  LoadOptions options{fake::backend(), &state, 1, [&](uint64_t done, uint64_t total) { seen.push_back({done, total}); }, nullptr};
  Expected<std::unique_ptr<ResidentWeights>> loaded = loadWeights(manifest, open(), options);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(seen, (std::vector<std::pair<uint64_t, uint64_t>>{{64, 96}, {96, 96}}));
}

TEST_F(WeightLoader, LoadingCanBeEnded) {
  add("a", FileType::F32, {4, 4}, bytesOf(values(16)));
  manifest.parameters = {parameter("a", {4, 4}, plain(DSRT_F32), {plain(DSRT_BF16)})};
  std::atomic<bool> cancelled = true;
  LoadOptions options{fake::backend(), &state, 1, {}, &cancelled};
  EXPECT_EQ(loadWeights(manifest, open(), options).status().code(), DSRT_REJECTED);
}

TEST_F(WeightLoader, AFormatThatIsNotImplementedIsNamed) {
  add("a", FileType::F32, {4, 4}, bytesOf(values(16)));
  manifest.parameters = {parameter("a", {4, 4}, plain(DSRT_F32), {stochastic(nf4(1))})};
  LoadOptions options{fake::backend(), &state, 1, {}, nullptr};
  Status status = loadWeights(manifest, open(), options).status();
  EXPECT_EQ(status.code(), DSRT_REJECTED);
  EXPECT_EQ(status.message().find("our.a: "), 0u) << status.message();
}

TEST_F(WeightLoader, EveryFormatIsQuantizeOfTheWholeMatrix) {
  // Odd columns: rows of four bits are padded. Tall: formats without a scale of the whole are cut into pieces.
  constexpr int64_t tall = 2100, wide = 601;
  std::vector<float> stored = values(tall * wide);
  add("w", FileType::F32, {tall, wide}, bytesOf(stored));
  for (const dsrt_quant &format : allFormats()) {
    manifest.parameters.push_back(parameter("w", {tall, wide}, plain(DSRT_F32), {format}));
    bool whole = format.tile_rows == 0 || format.outer == DSRT_OUTER_TENSOR;
    EXPECT_EQ(pieceRows(manifest.parameters.back()) == tall, whole);
  }
  for (int threads : {1, 2, 3, 7}) {
    load(threads);
    for (size_t i = 0; i < manifest.parameters.size(); ++i) {
      SCOPED_TRACE(testing::Message() << typeName((*weights)[i].format.payload) << ", format " << i << ", " << threads << " threads");
      Quantised expected = quantised(allFormats()[i], stored, tall, wide);
      expectPayload(i, expected.payload);
      expectScales(i, expected.scales);
    }
  }
  uint64_t bytes = 0;
  for (const dsrt_quant &format : allFormats())
    bytes += uint64_t(tall * rowBytes(format.payload, wide) + 4 * tilesOf(tall, format.tile_rows) * tilesOf(wide, format.tile_cols));
  EXPECT_EQ(measureWeights(manifest, 1)->resident, bytes);
}

TEST_F(WeightLoader, StepsThroughEveryFormat) {
  // F16 storage, through a low-bit format, to BF16, and to FP4: what the step leaves of the value is what is rounded.
  std::vector<uint16_t> stored;
  std::vector<float> widened;
  for (float value : values(rows * cols)) {
    stored.push_back(encodeF16(value));
    widened.push_back(decodeF16(stored.back()));
  }
  add("w", FileType::F16, {rows, cols}, bytesOf(stored));
  std::vector<Quantised> last;
  std::vector<std::vector<uint16_t>> high;
  for (const dsrt_quant &format : allFormats()) {
    manifest.parameters.push_back(parameter("w", {rows, cols}, plain(DSRT_F16), {format, plain(DSRT_BF16)}));
    manifest.parameters.push_back(parameter("w", {rows, cols}, plain(DSRT_F16), {format, nvfp4()}));
    Quantised first = quantised(format, widened, rows, cols);
    std::vector<float> left(widened.size());
    ASSERT_TRUE(dequantize(format, first.payload.data(), first.scales.data(), rows, cols, left.data()).ok());
    EXPECT_NE(left, widened);
    high.push_back(bf16(left));
    last.push_back(quantised(nvfp4(), left, rows, cols));
  }
  load();
  for (size_t i = 0; i < high.size(); ++i) {
    expectPayload(2 * i, bytesOf(high[i]));
    expectPayload(2 * i + 1, last[i].payload);
    expectScales(2 * i + 1, last[i].scales);
  }
}

TEST_F(WeightLoader, AnExpertsScalesAndRandomBitsAreItsOwn) {
  for (int64_t e = 0; e < 5; ++e)
    add("e." + std::to_string(e) + ".w", FileType::F32, {33, 31}, bytesOf(values(33 * 31, e)));
  // The same experts in one stack, and in a stack that begins at the second.
  for (const dsrt_quant &format : allFormats())
    for (int64_t first : {0, 1}) {
      manifest.parameters.push_back(parameter("e.{e}.w", {4, 33, 31}, plain(DSRT_F32), {format}));
      manifest.parameters.back().firstExpert = first;
    }
  for (int threads : {1, 3}) {
    load(threads);
    for (size_t i = 0; i < manifest.parameters.size(); ++i) {
      std::vector<uint8_t> payload;
      std::vector<float> scales;
      for (int64_t e = 0; e < 4; ++e) {
        int64_t expert = manifest.parameters[i].firstExpert + e;
        Quantised one = quantised(allFormats()[i / 2], values(33 * 31, expert), 33, 31, expert);
        payload.insert(payload.end(), one.payload.begin(), one.payload.end());
        scales.insert(scales.end(), one.scales.begin(), one.scales.end());
      }
      expectPayload(i, payload);
      expectScales(i, scales);
    }
  }
}

TEST_F(WeightLoader, RandomWeightsInEveryFormat) {
  for (const dsrt_quant &format : allFormats()) {
    manifest.parameters.push_back(parameter("w" + std::to_string(manifest.parameters.size()), {2, 65, 301}, plain(DSRT_BF16), {format}));
    manifest.parameters.back().path = "our.w"; // the same values for all
  }
  manifest.parameters.push_back(parameter("w", {2, 65, 301}, plain(DSRT_F32)));
  manifest.parameters.back().path = "our.w";
  for (int threads : {1, 3}) {
    LoadOptions options{fake::backend(), &state, threads, {}, nullptr};
    Expected<std::unique_ptr<ResidentWeights>> random = randomWeights(manifest, options);
    ASSERT_TRUE(random) << random.status().message();
    weights = std::move(*random);
    const float *x = static_cast<const float *>((*weights)[allFormats().size()].data);
    for (size_t i = 0; i < allFormats().size(); ++i) {
      Quantised first = quantised(allFormats()[i], {x, x + 65 * 301}, 65, 301),
                second = quantised(allFormats()[i], {x + 65 * 301, x + 2 * 65 * 301}, 65, 301, 1);
      first.payload.insert(first.payload.end(), second.payload.begin(), second.payload.end());
      first.scales.insert(first.scales.end(), second.scales.begin(), second.scales.end());
      expectPayload(i, first.payload);
      expectScales(i, first.scales);
    }
    weights.reset();
  }
}

TEST_F(WeightLoader, RandomWeightsAreTheSameForAnyNumberOfThreads) {
  manifest.parameters = {parameter("w", {1500, 1111}, plain(DSRT_BF16)), parameter("n", {64}, plain(DSRT_F32), {}, DSRT_USE_VECTOR)};
  std::vector<uint8_t> first;
  for (int threads : {1, 3}) {
    LoadOptions options{fake::backend(), &state, threads, {}, nullptr};
    Expected<std::unique_ptr<ResidentWeights>> random = randomWeights(manifest, options);
    ASSERT_TRUE(random) << random.status().message();
    const uint8_t *data = static_cast<const uint8_t *>((**random)[0].data);
    std::vector<uint8_t> bytes(data, data + 1500 * 1111 * 2);
    EXPECT_TRUE(first.empty() || first == bytes);
    first = bytes;
    EXPECT_EQ(static_cast<const float *>((**random)[1].data)[63], 1);
    double square = 0;
    for (int64_t i = 0; i < 1500 * 1111; ++i) {
      uint16_t code;
      memcpy(&code, data + 2 * i, 2);
      square += double(decodeBF16(code)) * decodeBF16(code);
    }
    EXPECT_NEAR(square / 1500, 1, 0.02); // a variance of 1 / cols
  }
}

TEST_F(WeightLoader, WhatDoesNotFitIsNamed) {
  add("model.norm.weight", FileType::F32, {4}, bytesOf(values(4)));
  add("model.w", FileType::F8E4M3, {4, 4}, std::vector<uint8_t>(16));
  add("model.w_scale_inv", FileType::F32, {2, 1}, bytesOf(values(2)));
  struct Case {
    ManifestParameter parameter;
    const char *message;
  };
  std::vector<Case> cases = {
      {parameter("model.nrom.weight", {4}, plain(DSRT_F32)),
       "expects f32 [4] in tensor 'model.nrom.weight', but the checkpoint has no such tensor; did you mean 'model.norm.weight'"},
      {parameter("model.norm.weight", {5}, plain(DSRT_F32)), "our.model.norm.weight expects f32 [5], but tensor 'model.norm.weight' of "},
      {parameter("model.norm.weight", {2, 2}, plain(DSRT_F32)), " is F32 [4]"},
      {parameter("model.norm.weight", {4}, plain(DSRT_BF16)), "expects bf16 [4]"},
      {parameter("model.w", {4, 4}, plain(DSRT_BF16)), "is F8_E4M3 [4, 4]"},
      {parameter("model.w", {4, 4}, tiles(4, 4)), "(scales) expects f32 [1, 1]"},
      {parameter("model.w", {4, 4}, tiles(4, 2)), "(scales) expects f32 [1, 2]"},
      {parameter("e.{e}.w", {2, 4, 4}, plain(DSRT_F32)), "'e.0.w'"},
  };
  for (const Case &each : cases) {
    manifest.parameters = {each.parameter};
    Status status = mismatch();
    EXPECT_EQ(status.code(), DSRT_MISMATCH) << each.message;
    EXPECT_NE(status.message().find(each.message), std::string::npos) << status.message();
  }
  manifest.parameters = {parameter("model.w", {4, 4}, tiles(2, 4))};
  EXPECT_TRUE(mismatch().ok());
  manifest.parameters[0].scales = "model.w.scale";
  EXPECT_EQ(mismatch().code(), DSRT_MISMATCH); // a missing scale
}

TEST_F(WeightLoader, AFileThatBecameShorter) {
  add("a", FileType::F32, {64, 64}, bytesOf(values(64 * 64)));
  manifest.parameters = {parameter("a", {64, 64}, plain(DSRT_F32), {plain(DSRT_BF16)})};
  Checkpoint checkpoint = open();
  std::filesystem::resize_file(folder / "model.safetensors", 200);
  LoadOptions options{fake::backend(), &state, 1, {}, nullptr};
  EXPECT_EQ(loadWeights(manifest, checkpoint, options).status().code(), DSRT_IO);
}

TEST_F(WeightLoader, MemoryIsMeasuredByFormat) {
  manifest.parameters = {parameter("a", {256, 256}, plain(DSRT_BF16), {tiles(128, 128)}), parameter("b", {100}, plain(DSRT_F32))};
  Expected<WeightsMemory> memory = measureWeights(manifest, 2);
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->resident, 256u * 256 + 4 * 4 + 400);
  EXPECT_EQ(memory->read, 256u * 256 * 2 + 400);
  EXPECT_EQ(memory->workspace, 256u * 256 * (2 + 8)); // one piece, whatever the number of threads
  // A scale of the whole matrix: an expert is a piece, and there are three for two threads. Four-bit rows are whole bytes.
  manifest.parameters = {parameter("e.{e}", {3, 2000, 1001}, plain(DSRT_BF16), {nvfp4()})};
  memory = measureWeights(manifest, 2);
  EXPECT_EQ(memory->resident, 3u * 2000 * (501 + 4 * 63));
  EXPECT_EQ(memory->workspace, 2u * 2000 * 1001 * (2 + 8));
}
