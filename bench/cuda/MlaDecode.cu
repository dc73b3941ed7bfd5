// The time of mla_decode on the CUDA backend: `ds-bench-cuda-mla-decode PLUGIN [FILTER]`, a line of JSON each shape.
//
// Each shape is checked first, on fresh random data, against double-precision loops on the device at sampled tokens and heads, and again
// after the captured graph is replayed with other positions. Then a graph of one call a layer is timed, each with its own cache, weight
// and queries: together they are larger than the L2. The bound is the bytes of cache rows, kv_b, queries and results over the rate of a
// large copy on the same device in the same run.
#include "dsrt/dsrt_backend.h"
#include "dsrt/dsrt_scratch.h"
#include "runtime/backend/cuda/Operations.h"

#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <string>
#include <vector>

using namespace dsrt;

struct dsrt_context {
  void *state;
};

extern "C" __attribute__((visibility("default"))) void *dsrt_context_state(dsrt_context *context) { return context->state; }
extern "C" __attribute__((visibility("default"))) int32_t dsrt_context_fail(dsrt_context *, int32_t code, const char *pattern, ...) {
  va_list arguments;
  va_start(arguments, pattern);
  vfprintf(stderr, pattern, arguments);
  va_end(arguments);
  fprintf(stderr, "\n");
  return code;
}

namespace {

void check(cudaError_t error, const char *what) {
  if (error != cudaSuccess) {
    fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
    exit(1);
  }
}
#define CHECK(call) check(call, #call)

__device__ float uniform(uint64_t key) { // [-1, 1), by the finaliser of SplitMix64
  key += 0x9e3779b97f4a7c15ull;
  key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9ull;
  key = (key ^ (key >> 27)) * 0x94d049bb133111ebull;
  return float((key ^ (key >> 31)) >> 40) / 8388608.f - 1;
}

__global__ void fillBF16(__nv_bfloat16 *x, size_t count, uint64_t seed, float scale) {
  for (size_t i = blockIdx.x * size_t(blockDim.x) + threadIdx.x; i < count; i += size_t(gridDim.x) * blockDim.x)
    x[i] = __float2bfloat16_rn(uniform(seed * 0x100000000ull + i) * scale);
}
__global__ void fillE4M3(__nv_fp8_e4m3 *x, size_t count, uint64_t seed) {
  for (size_t i = blockIdx.x * size_t(blockDim.x) + threadIdx.x; i < count; i += size_t(gridDim.x) * blockDim.x)
    x[i] = __nv_fp8_e4m3(uniform(seed * 0x100000000ull + i) * 448);
}
__global__ void fillScales(float *x, size_t count, uint64_t seed, float scale) {
  for (size_t i = blockIdx.x * size_t(blockDim.x) + threadIdx.x; i < count; i += size_t(gridDim.x) * blockDim.x)
    x[i] = (1.5f + uniform(seed * 0x100000000ull + i)) * scale;
}

struct Shape {
  const char *model;
  int heads;
  bool fp8;
  static constexpr int nope = 128, rope = 64, value = 128, latent = 512, width = latent + rope;
  int rows() const { return heads * (nope + value); }
};

struct Sample {
  int token, head;
};

/// A block a sample: attention in double. scores: [samples, positions].
__global__ void reference(Shape shape, const __nv_bfloat16 *q, const void *weight, const float *scales, const __nv_bfloat16 *cache,
                          int layers, int layer, int positions, const int32_t *slots, const int32_t *starts, float softmaxScale,
                          const Sample *samples, double *scores, double *results) {
  __shared__ double absorbed[Shape::latent], attended[Shape::latent], reduced[256];
  Sample sample = samples[blockIdx.x];
  const __nv_bfloat16 *query = q + (size_t(sample.token) * shape.heads + sample.head) * (Shape::nope + Shape::rope);
  auto weightAt = [&](int row, int column) {
    size_t index = size_t(row) * Shape::latent + column;
    if (!shape.fp8)
      return double(__bfloat162float(static_cast<const __nv_bfloat16 *>(weight)[index]));
    return double(float(static_cast<const __nv_fp8_e4m3 *>(weight)[index]) * scales[row / 128 * (Shape::latent / 128) + column / 128]);
  };
  int firstRow = sample.head * (Shape::nope + Shape::value), length = starts[sample.token] + 1;
  for (int c = threadIdx.x; c < Shape::latent; c += blockDim.x) {
    double sum = 0;
    for (int n = 0; n < Shape::nope; ++n)
      sum += double(__bfloat162float(query[n])) * weightAt(firstRow + n, c);
    absorbed[c] = sum;
  }
  __syncthreads();
  const __nv_bfloat16 *rows = cache + (size_t(slots[sample.token]) * layers + layer) * positions * Shape::width;
  double *mine = scores + size_t(blockIdx.x) * positions, largest = -1e300, total = 0;
  for (int p = threadIdx.x; p < length; p += blockDim.x) {
    double sum = 0;
    for (int c = 0; c < Shape::latent; ++c)
      sum += absorbed[c] * double(__bfloat162float(rows[size_t(p) * Shape::width + c]));
    for (int c = 0; c < Shape::rope; ++c)
      sum +=
          double(__bfloat162float(query[Shape::nope + c])) * double(__bfloat162float(rows[size_t(p) * Shape::width + Shape::latent + c]));
    mine[p] = sum * double(softmaxScale);
    largest = fmax(largest, mine[p]);
  }
  reduced[threadIdx.x] = largest;
  __syncthreads();
  for (int i = 0; i < 256; ++i)
    largest = fmax(largest, reduced[i]);
  __syncthreads();
  for (int p = threadIdx.x; p < length; p += blockDim.x)
    total += mine[p] = exp(mine[p] - largest);
  reduced[threadIdx.x] = total;
  __syncthreads();
  total = 0;
  for (int i = 0; i < 256; ++i)
    total += reduced[i];
  for (int c = threadIdx.x; c < Shape::latent; c += blockDim.x) {
    double sum = 0;
    for (int p = 0; p < length; ++p)
      sum += mine[p] * double(__bfloat162float(rows[size_t(p) * Shape::width + c]));
    attended[c] = sum / total;
  }
  __syncthreads();
  for (int v = threadIdx.x; v < Shape::value; v += blockDim.x) {
    double sum = 0;
    for (int c = 0; c < Shape::latent; ++c)
      sum += attended[c] * weightAt(firstRow + Shape::nope + v, c);
    results[size_t(blockIdx.x) * Shape::value + v] = sum;
  }
}

template <typename Value> Value *allocate(size_t count) {
  void *memory = nullptr;
  CHECK(cudaMalloc(&memory, std::max<size_t>(count * sizeof(Value), 16)));
  return static_cast<Value *>(memory);
}

/// Bytes per second of a copy of 1 GiB, read and written.
double copyRate(cudaStream_t stream) {
  size_t bytes = size_t(1) << 30;
  char *from = allocate<char>(bytes), *to = allocate<char>(bytes);
  cudaEvent_t begin, end;
  CHECK(cudaEventCreate(&begin));
  CHECK(cudaEventCreate(&end));
  std::vector<float> times;
  for (int i = 0; i < 8; ++i) {
    CHECK(cudaEventRecord(begin, stream));
    CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream));
    CHECK(cudaEventRecord(end, stream));
    CHECK(cudaEventSynchronize(end));
    float milliseconds;
    CHECK(cudaEventElapsedTime(&milliseconds, begin, end));
    times.push_back(milliseconds);
  }
  std::sort(times.begin(), times.end());
  cudaFree(from), cudaFree(to);
  return 2.0 * double(bytes) / (times[times.size() / 2] * 1e-3);
}

struct Bench {
  const dsrt_backend *backend;
  dsrt_context context;
  cudaStream_t stream;
  double rate;
  std::string device;
  bool ok = true;

  void run(const Shape &shape, int batch, int context);
};

void Bench::run(const Shape &shape, int batch, int length) {
  size_t cacheBytes = size_t(batch) * length * Shape::width * 2, weightBytes = size_t(shape.rows()) * Shape::latent * (shape.fp8 ? 1 : 2);
  size_t queryCount = size_t(batch) * shape.heads * (Shape::nope + Shape::rope), resultCount = size_t(batch) * shape.heads * Shape::value;
  int layers = int(std::clamp<size_t>((size_t(6) << 30) / (cacheBytes + weightBytes), 2, 24));
  // Slots are in reversed order, and the cache has room for more positions than are attended to.
  int positions = length + 64;
  std::vector<int32_t> slots, starts, offsets = {0};
  for (int i = 0; i < batch; ++i)
    slots.push_back(batch - 1 - i), starts.push_back(length - 1), offsets.push_back(i + 1);
  std::vector<int32_t> ragged;
  for (int i = 0; i < batch; ++i)
    ragged.push_back((length - 1) * (i + 1) / batch / (1 + i % 3));

  auto upload = [&](const std::vector<int32_t> &values) {
    int32_t *memory = allocate<int32_t>(values.size());
    CHECK(cudaMemcpy(memory, values.data(), values.size() * 4, cudaMemcpyHostToDevice));
    return memory;
  };
  int32_t *deviceSlots = upload(slots), *deviceStarts = upload(starts), *deviceOffsets = upload(offsets);
  dsrt_batch rows = {batch,   batch,         0,           nullptr,     offsets.data(), slots.data(), starts.data(),
                     nullptr, deviceOffsets, deviceSlots, deviceStarts};

  size_t cacheCount = size_t(batch) * layers * positions * Shape::width;
  __nv_bfloat16 *cacheData = allocate<__nv_bfloat16>(cacheCount), *queries = allocate<__nv_bfloat16>(queryCount * layers);
  __nv_bfloat16 *results = allocate<__nv_bfloat16>(resultCount * layers);
  char *weights = allocate<char>(weightBytes * layers);
  size_t scaleCount = size_t(shape.rows()) / 128 * (Shape::latent / 128);
  float *scales = allocate<float>(scaleCount * layers);
  fillBF16<<<1024, 256, 0, stream>>>(cacheData, cacheCount, 1, 1.7f);
  fillBF16<<<1024, 256, 0, stream>>>(queries, queryCount * layers, 2, 1.7f);
  if (shape.fp8)
    fillE4M3<<<1024, 256, 0, stream>>>(reinterpret_cast<__nv_fp8_e4m3 *>(weights), weightBytes * layers, 3);
  else
    fillBF16<<<1024, 256, 0, stream>>>(reinterpret_cast<__nv_bfloat16 *>(weights), weightBytes * layers / 2, 3, 0.05f);
  fillScales<<<64, 256, 0, stream>>>(scales, scaleCount * layers, 4, 0.05f / 448 / 1.5f);
  CHECK(cudaMemsetAsync(results, 0xff, resultCount * layers * 2, stream));
  dsrt_cache cache = {batch, layers, positions, Shape::width, DSRT_BF16, 0, cacheData};
  int64_t scratchBytes = dsrt_mla_decode_scratch(batch, shape.heads, Shape::latent);
  char *scratch = allocate<char>(size_t(scratchBytes));
  float softmaxScale = 0.0722f;
  dsrt_quant format = {};
  format.payload = shape.fp8 ? DSRT_F8E4M3 : DSRT_BF16;
  if (shape.fp8)
    format.scale = DSRT_F32, format.tile_rows = format.tile_cols = 128;

  auto call = [&](int layer) {
    dsrt_weight weight = {"kv_b",
                          1,
                          shape.rows(),
                          Shape::latent,
                          DSRT_USE_ROWS,
                          0,
                          format,
                          weights + weightBytes * layer,
                          shape.fp8 ? scales + scaleCount * layer : nullptr,
                          nullptr};
    if (backend->mla_decode(&context, 0, results + resultCount * layer, queries + queryCount * layer, &weight, &cache, &rows, scratch,
                            batch, shape.heads * Shape::value, shape.heads * (Shape::nope + Shape::rope), shape.rows(), Shape::latent,
                            scratchBytes, DSRT_BF16, layer, shape.heads, Shape::nope, Shape::rope, Shape::value, softmaxScale) != DSRT_OK)
      exit(1);
  };

  std::vector<Sample> samples;
  for (int i = 0; i < 12; ++i)
    samples.push_back({i * 7 % batch, i * 11 % shape.heads});
  Sample *deviceSamples = allocate<Sample>(samples.size());
  CHECK(cudaMemcpy(deviceSamples, samples.data(), samples.size() * sizeof(Sample), cudaMemcpyHostToDevice));
  double *scores = allocate<double>(samples.size() * positions), *wanted = allocate<double>(samples.size() * Shape::value);
  // The error's norm over the reference's, and the part of the elements that are not the reference rounded to BF16.
  auto compare = [&](int layer, double &error, double &misrounded) {
    reference<<<unsigned(samples.size()), 256, 0, stream>>>(shape, queries + queryCount * layer, weights + weightBytes * layer,
                                                            scales + scaleCount * layer, cacheData, layers, layer, positions, deviceSlots,
                                                            deviceStarts, softmaxScale, deviceSamples, scores, wanted);
    CHECK(cudaStreamSynchronize(stream));
    std::vector<double> want(samples.size() * Shape::value);
    std::vector<__nv_bfloat16> got(resultCount);
    CHECK(cudaMemcpy(want.data(), wanted, want.size() * 8, cudaMemcpyDeviceToHost));
    CHECK(cudaMemcpy(got.data(), results + resultCount * layer, resultCount * 2, cudaMemcpyDeviceToHost));
    double difference = 0, norm = 0;
    int wrong = 0;
    for (size_t s = 0; s < samples.size(); ++s)
      for (int v = 0; v < Shape::value; ++v) {
        float one = __bfloat162float(got[(size_t(samples[s].token) * shape.heads + samples[s].head) * Shape::value + v]);
        double exact = want[s * Shape::value + v];
        difference += (one - exact) * (one - exact), norm += exact * exact;
        wrong += one != __bfloat162float(__float2bfloat16_rn(float(exact)));
      }
    error = std::sqrt(difference / norm), misrounded = wrong / double(want.size());
    ok &= error < 3e-3 && misrounded < 0.05;
  };

  cudaGraph_t graph;
  cudaGraphExec_t executable;
  call(layers - 1); // loads the kernels
  CHECK(cudaStreamSynchronize(stream));
  CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  for (int layer = 0; layer < layers; ++layer)
    call(layer);
  CHECK(cudaStreamEndCapture(stream, &graph));
  CHECK(cudaGraphInstantiate(&executable, graph, 0));
  double error[2], misrounded[2];
  CHECK(cudaGraphLaunch(executable, stream));
  compare(1, error[0], misrounded[0]);
  CHECK(cudaMemcpy(deviceStarts, ragged.data(), ragged.size() * 4, cudaMemcpyHostToDevice));
  CHECK(cudaGraphLaunch(executable, stream));
  compare(0, error[1], misrounded[1]);
  CHECK(cudaMemcpy(deviceStarts, starts.data(), starts.size() * 4, cudaMemcpyHostToDevice));

  cudaEvent_t begin, end;
  CHECK(cudaEventCreate(&begin));
  CHECK(cudaEventCreate(&end));
  std::vector<double> times;
  for (int i = 0; i < 13; ++i) {
    CHECK(cudaEventRecord(begin, stream));
    CHECK(cudaGraphLaunch(executable, stream));
    CHECK(cudaEventRecord(end, stream));
    CHECK(cudaEventSynchronize(end));
    float milliseconds;
    CHECK(cudaEventElapsedTime(&milliseconds, begin, end));
    if (i >= 3)
      times.push_back(double(milliseconds) * 1e3 / layers);
  }
  std::sort(times.begin(), times.end());
  double median = times[times.size() / 2], bytes = double(cacheBytes + weightBytes + queryCount * 2 + resultCount * 2);
  double bound = bytes / rate * 1e6, flops = 4.0 * batch * shape.heads * double(length) * (Shape::latent + Shape::rope / 2);
  printf("{\"model\": \"%s\", \"kv_b\": \"%s\", \"batch\": %d, \"context\": %d, \"us\": %.2f, \"fastest_us\": %.2f, \"bound_us\": %.2f, "
         "\"of_bound\": %.3f, \"TFLOPS\": %.0f, \"error\": %.1e, \"misrounded\": %.4f, \"replayed_error\": %.1e, \"replayed_misrounded\": "
         "%.4f, "
         "\"layers\": %d, \"device\": \"%s\"}\n",
         shape.model, shape.fp8 ? "e4m3" : "bf16", batch, length, median, times[0], bound, bound / median, flops / median * 1e-6, error[0],
         misrounded[0], error[1], misrounded[1], layers, device.c_str());
  fflush(stdout);
  cudaGraphExecDestroy(executable), cudaGraphDestroy(graph);
  cudaEventDestroy(begin), cudaEventDestroy(end);
  for (void *memory : std::initializer_list<void *>{deviceSlots, deviceStarts, deviceOffsets, cacheData, queries, results, weights, scales,
                                                    scratch, deviceSamples, scores, wanted})
    cudaFree(memory);
}

} // namespace

int main(int count, char **words) {
  if (count < 2) {
    fprintf(stderr, "usage: %s PLUGIN [MODEL:BATCH:CONTEXT ...]\n", words[0]);
    return DSRT_USAGE;
  }
  void *plugin = dlopen(words[1], RTLD_NOW | RTLD_LOCAL);
  auto get = plugin ? reinterpret_cast<dsrt_backend_get_function>(dlsym(plugin, "dsrt_backend_get")) : nullptr;
  if (!get) {
    fprintf(stderr, "the cuda backend is not available: %s\n", dlerror());
    return DSRT_UNAVAILABLE;
  }
  Bench bench = {get()};
  char message[256] = "";
  dsrt_backend_options options = {};
  if (int32_t code = bench.backend->create(&options, &bench.context.state, message, sizeof message); code != DSRT_OK) {
    fprintf(stderr, "the cuda backend is not available: %s\n", message);
    return code;
  }
  bench.stream = static_cast<cuda::State *>(bench.context.state)->stream;
  cudaDeviceProp properties;
  CHECK(cudaGetDeviceProperties(&properties, 0));
  bench.device = properties.name;
  bench.rate = copyRate(bench.stream);
  printf("{\"copy_GBps\": %.0f, \"device\": \"%s\"}\n", bench.rate * 1e-9, properties.name);
  const Shape shapes[] = {{"V2-Lite", 16, false}, {"V2-Lite-FP8", 16, true}, {"V3", 128, true}};
  for (const Shape &shape : shapes)
    for (int batch : {1, 16, 64})
      for (int context : {1024, 4096, 32768, 131072}) {
        if (context == 131072 && batch > 1)
          continue;
        std::string name = std::string(shape.model) + ":" + std::to_string(batch) + ":" + std::to_string(context);
        bool wanted = count == 2;
        for (int i = 2; i < count; ++i)
          wanted |= name == words[i];
        if (wanted)
          bench.run(shape, batch, context);
      }
  printf("%s\n", bench.ok ? "results agree" : "RESULTS DIFFER");
  bench.backend->destroy(bench.context.state);
  return bench.ok ? 0 : 1;
}
