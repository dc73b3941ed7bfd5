// The conformance suite's tensors, runs and registration. The context is the suite's own: a backend is tested by its table alone.
#include "test/conformance/Harness.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <random>
#include <set>

struct dsrt_context {
  void *state;
  std::string message;
};

void *dsrt_context_state(dsrt_context *context) { return context->state; }

int32_t dsrt_context_fail(dsrt_context *context, int32_t code, const char *pattern, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, pattern);
  vsnprintf(text, sizeof text, pattern, arguments);
  va_end(arguments);
  context->message = text;
  return code;
}

namespace dsrt::conformance {

Tensor::Tensor(int32_t dtype, std::vector<int64_t> dims) : dtype(dtype), dims(std::move(dims)) {
  int64_t columns = this->dims.empty() ? 1 : this->dims.back();
  bytes.resize(size_t(columns == 0 ? 0 : size() / columns * rowBytes(dtype, columns)));
}

int64_t Tensor::size() const {
  int64_t count = 1;
  for (int64_t dim : dims)
    count *= dim;
  return count;
}

double Tensor::operator[](int64_t index) const {
  if (isFourBit(dtype)) {
    int64_t column = index % dims.back();
    uint8_t both = bytes[size_t(index / dims.back() * rowBytes(dtype, dims.back()) + column / 2)];
    return valueOf(dtype, column % 2 == 0 ? both & 0xf : both >> 4);
  }
  const uint8_t *element = bytes.data() + size_t(index) * elementBytes(dtype);
  if (dtype == DSRT_I32) {
    int32_t value;
    memcpy(&value, element, sizeof value);
    return value;
  }
  float value;
  toF32(dtype, element, &value, 1);
  return value;
}

void Tensor::set(int64_t index, float value) { fromF32(&value, dtype, bytes.data() + size_t(index) * elementBytes(dtype), 1); }

Tensor random(int32_t dtype, std::vector<int64_t> dims, unsigned seed, float scale) {
  Tensor tensor(dtype, std::move(dims));
  std::mt19937 engine(seed);
  for (int64_t i = 0; i < tensor.size(); ++i) {
    // The sum of four uniform values: much like a normal distribution, and the same with every library.
    double sum = 0;
    for (int part = 0; part < 4; ++part)
      sum += double(engine()) / 4294967296.0 - 0.5;
    tensor.set(i, float(sum * 1.732) * scale);
  }
  return tensor;
}

Tensor filled(int32_t dtype, std::vector<int64_t> dims, float value) {
  Tensor tensor(dtype, std::move(dims));
  for (int64_t i = 0; i < tensor.size(); ++i)
    tensor.set(i, value);
  return tensor;
}

Tensor integers(std::vector<int64_t> dims, const std::vector<int32_t> &values) {
  Tensor tensor(DSRT_I32, std::move(dims));
  EXPECT_EQ(tensor.bytes.size(), values.size() * sizeof(int32_t));
  if (!values.empty())
    memcpy(tensor.bytes.data(), values.data(), tensor.bytes.size());
  return tensor;
}

dsrt_quant plainFormat(int32_t dtype) { return {dtype, DSRT_NONE, 0, 0, 0, 0, 0, 0, 0}; }

dsrt_quant fp8Format(int32_t tileRows, int32_t tileCols) {
  return {DSRT_F8E4M3, DSRT_F32, tileRows, tileCols, DSRT_SCALE_AMAX, DSRT_NEAREST_EVEN, 0, 0, 0};
}

dsrt_quant nvfp4Format(int32_t outer) { return {DSRT_F4E2M1, DSRT_F8E4M3, 1, 16, DSRT_SCALE_AMAX, DSRT_NEAREST_EVEN, 0, outer, 0}; }

dsrt_quant mxfp4Format() { return {DSRT_F4E2M1, DSRT_UE8M0, 1, 32, DSRT_SCALE_MX, DSRT_NEAREST_EVEN, 0, DSRT_OUTER_NONE, 0}; }

dsrt_quant nf4Format(int32_t tileRows) {
  return {DSRT_NF4, DSRT_F32, tileRows, 0, DSRT_SCALE_AMAX, DSRT_NEAREST_EVEN, 0, DSRT_OUTER_NONE, 0};
}

dsrt_quant stochastic(dsrt_quant format, uint64_t seed) {
  format.rounding = DSRT_STOCHASTIC, format.seed = seed;
  return format;
}

dsrt_quant powersOfTwo(dsrt_quant format) {
  format.scale = DSRT_UE8M0, format.rule = DSRT_SCALE_POWER_OF_TWO;
  return format;
}

int64_t tilesAlong(int64_t extent, int32_t tile) { return tile == 0 ? extent > 0 : (extent + tile - 1) / tile; }

std::vector<float> floatsOf(const Tensor &tensor) {
  std::vector<float> values;
  for (int64_t i = 0; i < tensor.size(); ++i)
    values.push_back(float(tensor[i]));
  return values;
}

HostWeight weight(const dsrt_quant &format, std::vector<int64_t> dims, unsigned seed, float scale) {
  Tensor source = random(DSRT_F32, dims, seed, scale);
  HostWeight result{dims, format, Tensor(format.payload, dims), {}, {}};
  if (format.scale == DSRT_NONE) {
    for (int64_t i = 0; i < source.size(); ++i) {
      result.payload.set(i, float(source[i]));
      result.values.push_back(result.payload[i]);
    }
    return result;
  }
  int64_t experts = dims[0], rows = dims[1], cols = dims[2];
  result.payload.bytes.clear();
  for (int64_t e = 0; e < experts; ++e) {
    std::vector<float> x(source.floats() + e * rows * cols, source.floats() + (e + 1) * rows * cols);
    Quantised one = quantised(format, x, rows, cols, e);
    std::vector<uint8_t> bytes = packed(format.payload, one.codes, rows, cols);
    std::vector<double> values = valuesOf(format, one);
    result.payload.bytes.insert(result.payload.bytes.end(), bytes.begin(), bytes.end());
    result.scales.insert(result.scales.end(), one.scales.begin(), one.scales.end());
    result.values.insert(result.values.end(), values.begin(), values.end());
  }
  return result;
}

HostWeight weight(const Tensor &values) {
  HostWeight result{{1, values.dims.size() == 1 ? 1 : values.dims[0], values.dims.back()}, plainFormat(values.dtype), values, {}, {}};
  for (int64_t i = 0; i < values.size(); ++i)
    result.values.push_back(values[i]);
  return result;
}

HostBatch::HostBatch(Run &run, const std::vector<Row> &rows) {
  for (const Row &row : rows) {
    offsets.push_back(offsets.back() + row.tokens);
    starts.push_back(row.start);
    slots.push_back(row.slot);
  }
  batch.tokens = offsets.back();
  batch.rows = int64_t(rows.size());
  batch.offsets = offsets.data(), batch.starts = starts.data(), batch.slots = slots.data();
  auto upload = [&](const std::vector<int32_t> &values) {
    return static_cast<const int32_t *>(run.upload(integers({int64_t(values.size())}, values)));
  };
  batch.device_offsets = upload(offsets), batch.device_starts = upload(starts), batch.device_slots = upload(slots);
}

Run::Run(const dsrt_backend *backend, int threads) : backend(backend), context(nullptr) {
  dsrt_backend_options options = {};
  options.threads = threads;
  char text[256] = "";
  int32_t code = backend->create(&options, &state, text, sizeof text);
  EXPECT_EQ(code, DSRT_OK) << text;
  context = new dsrt_context{state, ""};
}

Run::~Run() {
  for (const auto &weight : weights)
    backend->release_weight(state, weight.get());
  for (void *part : memory)
    backend->release(state, part);
  backend->destroy(state);
  delete context;
}

const std::string &Run::message() const { return context->message; }

std::string Run::expectFailure(int32_t code, int32_t returned) {
  bool queued = returned == DSRT_OK && backend->queue != nullptr;
  if (queued)
    returned = backend->synchronize(state);
  EXPECT_EQ(returned, code);
  return queued && backend->message ? backend->message(state) : message();
}

void *Run::allocate(size_t bytes) {
  void *part = nullptr;
  EXPECT_EQ(backend->allocate(state, bytes, &part), DSRT_OK);
  memory.push_back(part);
  return part;
}

void *Run::upload(const Tensor &tensor) {
  void *part = allocate(tensor.bytes.size());
  EXPECT_EQ(backend->copy_in(state, part, tensor.bytes.data(), tensor.bytes.size()), DSRT_OK);
  return part;
}

void *Run::result(int32_t dtype, std::vector<int64_t> dims) {
  Tensor pattern(dtype, std::move(dims));
  std::fill(pattern.bytes.begin(), pattern.bytes.end(), 0x5a);
  return upload(pattern);
}

Tensor Run::fetch(const void *part, int32_t dtype, std::vector<int64_t> dims) {
  Tensor tensor(dtype, std::move(dims));
  EXPECT_EQ(backend->synchronize(state), DSRT_OK);
  EXPECT_EQ(backend->copy_out(state, tensor.bytes.data(), part, tensor.bytes.size()), DSRT_OK);
  log.insert(log.end(), tensor.bytes.begin(), tensor.bytes.end());
  return tensor;
}

dsrt_weight *Run::upload(const HostWeight &source, int32_t use, bool prepare) {
  auto made = std::make_unique<dsrt_weight>();
  *made = {"blocks.0.weight", source.dims[0],         source.dims[1], source.dims[2], use, 0,
           source.format,     upload(source.payload), nullptr,        nullptr};
  if (source.format.scale != DSRT_NONE) {
    Tensor scales(DSRT_F32, {int64_t(source.scales.size())});
    memcpy(scales.bytes.data(), source.scales.data(), scales.bytes.size());
    made->scales = static_cast<const float *>(upload(scales));
  }
  if (prepare) {
    int32_t released = 0;
    EXPECT_EQ(backend->prepare_weight(state, made.get(), &released), DSRT_OK);
    EXPECT_EQ(released != 0, made->data == nullptr);
  }
  weights.push_back(std::move(made));
  return weights.back().get();
}

dsrt_cache *Run::uploadCache(const Tensor &cache) {
  caches.push_back(
      std::make_unique<dsrt_cache>(dsrt_cache{cache.dims[0], cache.dims[1], cache.dims[2], cache.dims[3], cache.dtype, 0, upload(cache)}));
  return caches.back().get();
}

void expectClose(const Tensor &got, const std::vector<double> &want, double slack) {
  ASSERT_EQ(got.size(), int64_t(want.size()));
  double half = got.dtype == DSRT_BF16 ? 0x1p-8 : got.dtype == DSRT_F16 ? 0x1p-11 : 0x1p-24;
  for (int64_t i = 0; i < got.size(); ++i) {
    double value = got[i], expected = want[size_t(i)];
    if (std::isnan(expected) || std::isinf(expected)) {
      ASSERT_TRUE(std::isnan(expected) ? std::isnan(value) : value == expected) << "element " << i << " is " << value;
      continue;
    }
    double allowed = half * std::fabs(expected) + slack;
    // Not `>`: a NaN must fail.
    ASSERT_TRUE(std::fabs(value - expected) <= allowed)
        << "element " << i << " is " << value << ", expected " << expected << " within " << allowed;
  }
}

void expectSame(const Tensor &got, const Tensor &want) {
  ASSERT_EQ(got.dtype, want.dtype);
  ASSERT_EQ(got.dims, want.dims);
  size_t width = std::max<size_t>(1, elementBytes(got.dtype));
  for (size_t i = 0; i < got.bytes.size(); i += width)
    if (memcmp(got.bytes.data() + i, want.bytes.data() + i, width) != 0) {
      if (isFourBit(got.dtype))
        FAIL() << "byte " << i << " is " << int(got.bytes[i]) << ", expected " << int(want.bytes[i]);
      FAIL() << "element " << i / width << " is " << got[int64_t(i / width)] << ", expected " << want[int64_t(i / width)];
    }
}

std::vector<Case> &cases() {
  static std::vector<Case> all;
  return all;
}

namespace {

class CaseTest : public testing::Test {
public:
  CaseTest(const dsrt_backend *backend, Body body, double partialSumError)
      : backend(backend), body(body), partialSumError(partialSumError) {}

  void TestBody() override {
    std::vector<uint8_t> first;
    for (int threads : {1, 2, 3, 7}) {
      SCOPED_TRACE(testing::Message() << threads << " threads");
      conformance::Run run(backend, threads);
      run.partialSumError = partialSumError;
      body(run);
      if (HasFailure())
        return;
      if (threads == 1)
        first = run.log;
      else
        EXPECT_TRUE(run.log == first) << "the results' bytes depend on the number of threads";
    }
  }

private:
  const dsrt_backend *backend;
  Body body;
  double partialSumError;
};

class CoverageTest : public testing::Test {
  void TestBody() override {
    std::set<std::string> covered;
    for (const Case &one : cases())
      covered.insert(one.operation);
#define DSRT_OP(name, ...) EXPECT_TRUE(covered.erase(#name)) << "operation '" #name "' has no conformance case";
#include "dsrt/dsrt_ops.def"
#undef DSRT_OP
    for (const std::string &operation : covered)
      ADD_FAILURE() << "there is no operation '" << operation << "'";
  }
};

class TableTest : public testing::Test {
public:
  explicit TableTest(const dsrt_backend *backend) : backend(backend) {}

  void TestBody() override {
#define DSRT_OP(name, ...) EXPECT_NE(backend->name, nullptr) << #name;
#include "dsrt/dsrt_ops.def"
#undef DSRT_OP
    int32_t plain[] = {DSRT_BF16, DSRT_BF16}, scaled[] = {DSRT_BF16, DSRT_F8E4M3, DSRT_F8E4M3}, four[] = {DSRT_F4E2M1, DSRT_F4E2M1};
    EXPECT_EQ(backend->supports(DSRT_OP_linear, plain, 2), 1);
    EXPECT_EQ(backend->supports(DSRT_OP_linear, scaled, 2), 0);
    EXPECT_EQ(backend->supports(DSRT_OP_linear, four, 2), 0);
    EXPECT_EQ(backend->supports(DSRT_OP_scaled_matmul, scaled, 3), 1);
    EXPECT_EQ(backend->supports(DSRT_OP_scaled_matmul, plain, 2), 0);
    int32_t fourBit[] = {DSRT_BF16, DSRT_F4E2M1, DSRT_F4E2M1}, levels[] = {DSRT_BF16, DSRT_F4E2M1, DSRT_NF4};
    EXPECT_EQ(backend->supports(DSRT_OP_scaled_matmul, fourBit, 3), 1);
    EXPECT_EQ(backend->supports(DSRT_OP_scaled_matmul, levels, 3), 0) << "NF4 is a step of a weight's conversion";
    EXPECT_EQ(backend->supports(DSRT_OP_gather_rows, four, 1), 1);
    EXPECT_EQ(backend->supports(DSRT_OP_add, plain, 2), 0) << "one element type alone";
    EXPECT_EQ(backend->supports(DSRT_OP_COUNT, plain, 1), 0);
    void *state = nullptr;
    char message[256] = "";
    dsrt_backend_options options = {};
    options.threads = -1;
    EXPECT_EQ(backend->create(&options, &state, message, sizeof message), DSRT_USAGE);
    EXPECT_STREQ(message, "expects 0 to 4096 threads, but got -1");
  }

private:
  const dsrt_backend *backend;
};

} // namespace

void registerCases(const dsrt_backend *backend, double partialSumError) {
  std::string suite = std::string("Conformance_") + backend->name;
  auto add = [&](const std::string &name, auto make) {
    testing::RegisterTest(suite.c_str(), name.c_str(), nullptr, nullptr, __FILE__, __LINE__,
                          [make]() -> testing::Test * { return make(); });
  };
  add("EveryOperationHasACase", []() { return new CoverageTest(); });
  add("Table", [backend]() { return new TableTest(backend); });
  for (const Case &one : cases())
    add(std::string(one.operation) + "." + one.name,
        [backend, body = one.body, partialSumError]() { return new CaseTest(backend, body, partialSumError); });
}

} // namespace dsrt::conformance
