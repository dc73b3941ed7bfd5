// The slots of the CUDA backend's table that are no operations: memory, uploads, the queue with its marks and graphs, greedy tokens, random
// weights. Without a device the program says why and exits with 69.
#include "runtime/launcher/Backends.h"
#include "runtime/launcher/Manifest.h"
#include "runtime/numerics/Codecs.h"
#include "runtime/numerics/Quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

using namespace dsrt;

namespace {

const dsrt_backend *backend = nullptr;
std::unique_ptr<Device> device;
void *state() { return device->context.state; }
std::string message() { return backend->message(state()); }

/// Memory of the device that goes away.
template <typename Element> class Array {
public:
  explicit Array(size_t count) : count(count) {
    void *memory = nullptr;
    EXPECT_EQ(backend->allocate(state(), count * sizeof(Element), &memory), DSRT_OK) << message();
    data = static_cast<Element *>(memory);
  }
  explicit Array(const std::vector<Element> &values) : Array(values.size()) { write(values); }
  ~Array() { backend->release(state(), data); }
  Array(const Array &) = delete;

  void write(const std::vector<Element> &values) {
    EXPECT_EQ(backend->copy_in(state(), data, values.data(), values.size() * sizeof(Element)), DSRT_OK) << message();
  }
  std::vector<Element> read() const {
    std::vector<Element> values(count);
    EXPECT_EQ(backend->copy_out(state(), values.data(), data, count * sizeof(Element)), DSRT_OK) << message();
    return values;
  }

  size_t count;
  Element *data;
};

std::vector<float> normal(size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> distribution;
  std::vector<float> values(count);
  for (float &value : values)
    value = distribution(random);
  return values;
}

} // namespace

TEST(CudaBackend, UploadsOfAnySize) {
  // Less than a pinned piece (8 MiB), several of them, and sizes that they do not divide.
  for (size_t count : {1u, 5u, 1000003u, 12000001u}) {
    std::vector<uint32_t> values(count);
    for (size_t i = 0; i < count; ++i)
      values[i] = uint32_t(i * 2654435761u);
    std::vector<uint32_t> source = values;
    Array<uint32_t> array(source);
    source.assign(count, 0); // it was read when the call returned
    EXPECT_TRUE(array.read() == values) << count;
  }
}

TEST(CudaBackend, CountsItsMemory) {
  dsrt_memory before = {}, during = {};
  ASSERT_EQ(backend->memory(state(), &before), DSRT_OK);
  {
    Array<uint8_t> array(size_t(256) << 20);
    ASSERT_EQ(backend->memory(state(), &during), DSRT_OK);
  }
  EXPECT_GE(during.used, before.used + (uint64_t(256) << 20));
  EXPECT_LT(during.free, before.free);
  void *memory = nullptr;
  EXPECT_EQ(backend->allocate(state(), size_t(1) << 50, &memory), DSRT_OUT_OF_MEMORY);
  EXPECT_NE(message().find("out of memory"), std::string::npos) << message();
  EXPECT_EQ(backend->synchronize(state()), DSRT_OK); // the refusal has left nothing behind
}

TEST(CudaBackend, GreedyTokensAreTheCpus) {
  Expected<const dsrt_backend *> cpu = findBackend("cpu");
  Expected<std::unique_ptr<Device>> host = Device::open(*cpu, {1, 0, DSRT_ALGORITHMS_RULE, nullptr});
  ASSERT_TRUE(host);
  for (auto [rows, vocabulary] : {std::pair<int64_t, int64_t>(1, 1), {3, 7}, {2, 4096}, {64, 102400}, {5, 129280}}) {
    std::vector<float> logits = normal(rows * vocabulary, unsigned(vocabulary));
    for (float &logit : logits)
      logit = std::round(logit * 4) / 4; // many ties
    if (rows > 2) {
      logits[vocabulary + 3] = INFINITY;
      logits[2 * vocabulary + vocabulary - 1] = NAN;
    }
    std::vector<int32_t> starts(rows), ids(rows), nextIds(rows), wantStarts(rows), wantIds(rows), wantNext(rows);
    for (int64_t row = 0; row < rows; ++row)
      starts[row] = wantStarts[row] = int32_t(row * 3);
    Array<float> logitsThere(logits);
    Array<int32_t> idsThere(ids), nextThere(nextIds), startsThere(starts);
    ASSERT_EQ(backend->greedy(state(), logitsThere.data, rows, vocabulary, idsThere.data, nextThere.data, startsThere.data, 8), DSRT_OK)
        << message();
    (*cpu)->greedy((*host)->context.state, logits.data(), rows, vocabulary, wantIds.data(), wantNext.data(), wantStarts.data(), 8);
    EXPECT_EQ(idsThere.read(), wantIds) << rows << " " << vocabulary;
    EXPECT_EQ(nextThere.read(), wantNext);
    EXPECT_EQ(startsThere.read(), wantStarts);
    ASSERT_EQ(backend->greedy(state(), logitsThere.data, rows, vocabulary, nextThere.data, nullptr, nullptr, 0), DSRT_OK);
    EXPECT_EQ(nextThere.read(), wantIds);
  }
}

TEST(CudaBackend, GraphsRunWhatWasQueued) {
  const dsrt_backend_queue &queue = *backend->queue;
  std::vector<float> logits = {1, 3, 2, 0};
  Array<float> there(logits);
  Array<int32_t> ids(1), next(1), starts(std::vector<int32_t>{10});
  auto step = [&] { return backend->greedy(state(), there.data, 1, 4, ids.data, next.data, starts.data, 100); };
  ASSERT_EQ(step(), DSRT_OK);
  void *graph = nullptr;
  ASSERT_EQ(queue.capture_begin(state()), DSRT_OK) << message();
  ASSERT_EQ(step(), DSRT_OK) << message();
  ASSERT_EQ(queue.capture_end(state(), &graph), DSRT_OK) << message();
  EXPECT_EQ(starts.read()[0], 11); // capturing ran nothing

  dsrt_counters before = {}, after = {};
  queue.count(state(), &before);
  void *pinned = nullptr;
  ASSERT_EQ(queue.allocate_host(state(), 3 * sizeof(int32_t), &pinned), DSRT_OK);
  ASSERT_EQ(queue.mark(state(), 0), DSRT_OK);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(queue.graph_launch(state(), graph), DSRT_OK) << message();
    ASSERT_EQ(queue.copy_out_later(state(), static_cast<int32_t *>(pinned) + i, starts.data, sizeof(int32_t)), DSRT_OK) << message();
  }
  ASSERT_EQ(queue.mark(state(), 7), DSRT_OK);
  queue.count(state(), &after);
  EXPECT_EQ(after.operations, before.operations);
  EXPECT_EQ(after.graphs, before.graphs + 3);
  EXPECT_EQ(after.waits, before.waits);
  EXPECT_EQ(after.copies_out, before.copies_out + 3);
  ASSERT_EQ(queue.wait(state(), 7), DSRT_OK) << message();
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(static_cast<int32_t *>(pinned)[i], 12 + i);
  double milliseconds = -1;
  ASSERT_EQ(queue.elapsed(state(), 0, 7, &milliseconds), DSRT_OK) << message();
  EXPECT_GT(milliseconds, 0);
  EXPECT_LT(milliseconds, 1000);
  printf("three graphs and copies: %.1f us\n", milliseconds * 1e3);
  queue.release_host(state(), pinned);
  queue.graph_release(state(), graph);
}

TEST(CudaBackend, RandomWeights) {
  auto format = [](dsrt_dtype payload, dsrt_dtype scale, int32_t tileRows, int32_t tileColumns) {
    dsrt_quant made = {};
    made.payload = payload, made.scale = scale, made.tile_rows = tileRows, made.tile_cols = tileColumns;
    made.rule = scale == DSRT_UE8M0 ? DSRT_SCALE_POWER_OF_TWO : DSRT_SCALE_AMAX;
    return made;
  };
  dsrt_quant formats[] = {format(DSRT_F32, DSRT_NONE, 0, 0),         format(DSRT_BF16, DSRT_NONE, 0, 0),
                          format(DSRT_F16, DSRT_NONE, 0, 0),         format(DSRT_F8E4M3, DSRT_F32, 128, 128),
                          format(DSRT_F8E4M3, DSRT_UE8M0, 128, 128), format(DSRT_F4E2M1, DSRT_F32, 1, 32),
                          format(DSRT_NF4, DSRT_F32, 1, 64)};
  for (const dsrt_quant &format : formats)
    for (auto [experts, rows, columns] : {std::array<int64_t, 3>{1, 256, 384}, {3, 130, 200}}) {
      uint64_t payloadBytes = 0, scaleBytes = 0;
      ASSERT_TRUE(formatBytes(format, experts, rows, columns, payloadBytes, scaleBytes));
      Array<uint8_t> payload(payloadBytes);
      Array<float> scales(std::vector<float>(scaleBytes / sizeof(float), NAN));
      dsrt_weight weight = {};
      weight.experts = experts, weight.rows = rows, weight.cols = columns, weight.use = DSRT_USE_MATMUL, weight.format = format;
      weight.data = payload.data, weight.scales = scaleBytes ? scales.data : nullptr;
      ASSERT_EQ(backend->fill_random(state(), &weight, 7), DSRT_OK) << message();
      std::vector<uint8_t> bytes = payload.read();
      std::vector<float> scaleValues = scales.read(), values(rows * columns);
      double squares = 0;
      for (int64_t e = 0; e < experts; ++e) {
        const uint8_t *part = bytes.data() + e * int64_t(payloadBytes) / experts;
        Status status = format.scale == DSRT_NONE
                            ? convert(dsrt_dtype(format.payload), part, DSRT_F32, values.data(), values.size())
                            : dequantize(format, part, scaleValues.data() + e * scaleValues.size() / experts, rows, columns, values.data());
        ASSERT_TRUE(status.ok()) << status.message();
        for (float value : values)
          squares += double(value) * value;
      }
      // A variance of 1 / columns, or near it where the values of a code are not equally spaced.
      double variance = squares / double(experts * rows * columns) * double(columns);
      EXPECT_GT(variance, 0.2) << typeName(format.payload);
      EXPECT_LT(variance, 2.5) << typeName(format.payload);
    }
}

int main(int count, char **words) {
  testing::InitGoogleTest(&count, words);
  Expected<const dsrt_backend *> found = findBackend("cuda");
  Expected<std::unique_ptr<Device>> opened = found ? Device::open(*found, {}) : Expected<std::unique_ptr<Device>>(found.status());
  if (!opened) {
    fprintf(stderr, "%s\n", opened.status().message().c_str());
    return DSRT_UNAVAILABLE;
  }
  backend = *found;
  device = std::move(*opened);
  char text[1024] = "";
  if (backend->describe(state(), text, sizeof text) == DSRT_OK)
    printf("%s\n", text);
  int code = RUN_ALL_TESTS();
  device.reset();
  return code;
}
