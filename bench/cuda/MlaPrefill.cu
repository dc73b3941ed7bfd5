// Times mla_prefill of the CUDA backend, whole and its attention kernel alone, in BF16 with the heads of DeepSeek-V2-Lite (16) and V3
// (128): 4096 tokens in one row, in four rows of 1024, and 512 tokens behind 3584 cached ones. Each result is compared with plain loops in
// F32 over keys and values rounded as the operation rounds them. Argument 1: the plugin. Prints a line of JSON for each case; peers on the
// same extents: bench/peers/torch_attention.py.
#include "dsrt/dsrt_scratch.h"
#include "runtime/backend/cuda/attention/Prefill.h"

#include <cuda_bf16.h>

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <string>
#include <vector>

struct dsrt_context {
  void *state;
};
extern "C" void *dsrt_context_state(dsrt_context *context) { return context->state; }
extern "C" int32_t dsrt_context_fail(dsrt_context *, int32_t code, const char *pattern, ...) {
  va_list arguments;
  va_start(arguments, pattern);
  vfprintf(stderr, pattern, arguments);
  va_end(arguments);
  fprintf(stderr, "\n");
  return code;
}

using namespace dsrt;
using namespace dsrt::cuda;

namespace {

constexpr int64_t nope = 128, rope = 64, value = 128, latent = 512, width = latent + rope;

void check(cudaError_t error, const char *what) {
  if (error == cudaSuccess)
    return;
  fprintf(stderr, "%s: %s\n", what, cudaGetErrorString(error));
  exit(1);
}

template <typename T> T *allocate(int64_t count) {
  void *memory;
  check(cudaMalloc(&memory, size_t(count) * sizeof(T)), "memory");
  return static_cast<T *>(memory);
}

/// Roughly normal values.
__global__ void fill(__nv_bfloat16 *x, int64_t count, uint32_t seed, float scale) {
  for (int64_t i = blockIdx.x * int64_t(blockDim.x) + threadIdx.x; i < count; i += int64_t(gridDim.x) * blockDim.x) {
    uint32_t h = uint32_t(i) * 0x9E3779B9u ^ seed;
    float sum = 0;
    for (int part = 0; part < 4; ++part) {
      h ^= h >> 16, h *= 0x7feb352du, h ^= h >> 15, h *= 0x846ca68bu, h ^= h >> 16;
      sum += float(h) * 0x1p-32f - 0.5f;
    }
    x[i] = __float2bfloat16_rn(sum * 1.732f * scale);
  }
}

/// expanded[p, c] of one head: grid (positions of a slot).
__global__ void expandPlain(float *expanded, const __nv_bfloat16 *cache, const __nv_bfloat16 *weight) {
  for (int c = threadIdx.x; c < nope + value; c += blockDim.x) {
    float sum = 0;
    for (int k = 0; k < latent; ++k)
      sum += __bfloat162float(cache[blockIdx.x * width + k]) * __bfloat162float(weight[c * latent + k]);
    expanded[blockIdx.x * (nope + value) + c] = __bfloat162float(__float2bfloat16_rn(sum));
  }
}

/// A block a query of one head at position `start` + block, of a slot whose keys and values are expanded.
__global__ void attendPlain(float *y, const __nv_bfloat16 *q, int64_t stride, const float *expanded, const __nv_bfloat16 *cache, int start,
                            float scale) {
  extern __shared__ float scores[];
  __shared__ float query[nope + rope], reduced[128];
  const int positions = start + blockIdx.x + 1;
  for (int i = threadIdx.x; i < nope + rope; i += blockDim.x)
    query[i] = __bfloat162float(q[blockIdx.x * stride + i]);
  __syncthreads();
  float largest = -INFINITY;
  for (int p = threadIdx.x; p < positions; p += blockDim.x) {
    float sum = 0;
    for (int c = 0; c < nope; ++c)
      sum += query[c] * expanded[p * (nope + value) + c];
    for (int c = 0; c < rope; ++c)
      sum += query[nope + c] * __bfloat162float(cache[p * width + latent + c]);
    scores[p] = sum * scale;
    largest = fmaxf(largest, scores[p]);
  }
  reduced[threadIdx.x] = largest;
  __syncthreads();
  for (int i = 0; i < 128; ++i)
    largest = fmaxf(largest, reduced[i]);
  __syncthreads();
  float total = 0;
  for (int p = threadIdx.x; p < positions; p += blockDim.x)
    total += scores[p] = expf(scores[p] - largest);
  reduced[threadIdx.x] = total;
  __syncthreads();
  total = 0;
  for (int i = 0; i < 128; ++i)
    total += reduced[i];
  float result = 0;
  for (int p = 0; p < positions; ++p)
    result += scores[p] * expanded[p * (nope + value) + nope + threadIdx.x];
  y[blockIdx.x * value + threadIdx.x] = result / total;
}

struct Case {
  const char *model;
  int64_t heads;
  const char *name;
  int32_t rows, tokens, start; ///< tokens of each row, behind `start` cached ones
};

template <typename Queue> double medianMicroseconds(cudaStream_t stream, Queue &&queue) {
  constexpr int runs = 25;
  std::vector<float> times;
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "event"), check(cudaEventCreate(&end), "event");
  for (int run = 0; run < runs + 3; ++run) {
    check(cudaEventRecord(begin, stream), "event");
    queue();
    check(cudaEventRecord(end, stream), "event");
    check(cudaEventSynchronize(end), "run");
    float milliseconds;
    check(cudaEventElapsedTime(&milliseconds, begin, end), "event");
    if (run >= 3)
      times.push_back(milliseconds * 1000);
  }
  std::sort(times.begin(), times.end());
  return times[runs / 2];
}

int run(const dsrt_backend *backend, dsrt_context *context, const Case &c, const char *device) {
  State &state = stateOf(context);
  const int64_t tokens = int64_t(c.rows) * c.tokens, length = c.start + c.tokens, heads = c.heads;
  const int64_t query = nope + rope, expanded = nope + value;
  auto *q = allocate<__nv_bfloat16>(tokens * heads * query), *y = allocate<__nv_bfloat16>(tokens * heads * value);
  auto *cacheData = allocate<__nv_bfloat16>(c.rows * length * width), *weightData = allocate<__nv_bfloat16>(heads * expanded * latent);
  const int64_t bytes = dsrt_mla_prefill_scratch(tokens, heads, nope, value, latent);
  auto *scratch = allocate<uint8_t>(bytes);
  fill<<<1024, 256, 0, state.stream>>>(q, tokens * heads * query, 1, 1.f);
  fill<<<1024, 256, 0, state.stream>>>(cacheData, c.rows * length * width, 2, 1.f);
  fill<<<1024, 256, 0, state.stream>>>(weightData, heads * expanded * latent, 3, 0.05f);
  check(cudaMemsetAsync(y, 0xff, size_t(tokens * heads * value) * 2, state.stream), "memset");

  std::vector<int32_t> offsets = {0}, starts, slots;
  for (int32_t row = 0; row < c.rows; ++row)
    offsets.push_back(offsets.back() + c.tokens), starts.push_back(c.start), slots.push_back(c.rows - 1 - row);
  dsrt_batch batch = {};
  batch.tokens = tokens, batch.rows = c.rows;
  batch.offsets = offsets.data(), batch.starts = starts.data(), batch.slots = slots.data();
  dsrt_cache cache = {c.rows, 1, length, width, DSRT_BF16, 0, cacheData};
  dsrt_weight weight = {"kv_b",     1,       heads * expanded, latent, DSRT_USE_ROWS, 0, {DSRT_BF16, DSRT_NONE, 0, 0, 0, 0, 0, 0, 0},
                        weightData, nullptr, nullptr};
  const float scale = 1 / std::sqrt(float(query));
  auto whole = [&] {
    if (backend->mla_prefill(context, 0, y, q, &weight, &cache, &batch, scratch, tokens, heads * value, heads * query, heads * expanded,
                             latent, bytes, DSRT_BF16, 0, heads, nope, rope, value, scale, nullptr) != DSRT_OK)
      exit(1);
  };
  whole();
  check(cudaStreamSynchronize(state.stream), "mla_prefill");

  // The first and the last head of each row against plain loops.
  std::vector<__nv_bfloat16> got(size_t(tokens * heads * value));
  check(cudaMemcpy(got.data(), y, got.size() * 2, cudaMemcpyDeviceToHost), "copy");
  auto *plain = allocate<float>(length * expanded), *plainY = allocate<float>(c.tokens * value);
  check(cudaFuncSetAttribute(attendPlain, cudaFuncAttributeMaxDynamicSharedMemorySize, 64 << 10), "shared memory");
  double error = 0, norm = 0, worst = 0;
  for (int32_t row = 0; row < c.rows; ++row)
    for (int64_t head : {int64_t(0), heads - 1}) {
      const __nv_bfloat16 *slot = cacheData + slots[size_t(row)] * length * width;
      expandPlain<<<unsigned(length), 256, 0, state.stream>>>(plain, slot, weightData + head * expanded * latent);
      attendPlain<<<unsigned(c.tokens), 128, size_t(length) * 4, state.stream>>>(
          plainY, q + (int64_t(offsets[size_t(row)]) * heads + head) * query, heads * query, plain, slot, c.start, scale);
      std::vector<float> want(size_t(c.tokens * value));
      check(cudaStreamSynchronize(state.stream), "reference");
      check(cudaMemcpy(want.data(), plainY, want.size() * 4, cudaMemcpyDeviceToHost), "copy");
      for (int64_t i = 0; i < int64_t(want.size()); ++i) {
        const int64_t token = offsets[size_t(row)] + i / value;
        const double x = __bfloat162float(got[size_t((token * heads + head) * value + i % value)]), w = want[size_t(i)];
        const double d = std::fabs(x - w);
        error += d * d, norm += w * w, worst = d <= worst ? worst : d; // a NaN stays
      }
    }
  const double relative = std::sqrt(error / norm);

  // The kernel alone, on what the operation left in the scratch: the context in one chunk.
  PrefillSegments segments = {};
  PrefillTiles tiles = {};
  for (int32_t row = 0; row < c.rows; ++row)
    segments.items[segments.count++] = {offsets[size_t(row)], c.start, c.tokens, slots[size_t(row)], 0, int32_t(length),
                                        int32_t(row * length)};
  for (int64_t tile = (length - 1) / prefillTile; tile >= c.start / prefillTile; --tile)
    for (int32_t row = 0; row < c.rows; ++row)
      tiles.items[tiles.count++] = {uint16_t(row), uint16_t(tile)};
  // The operation gets counters that are 0 from the kernel before.
  constexpr int launches = 64;
  auto *counters = allocate<int32_t>(launches);
  check(cudaMemset(counters, 0, launches * 4), "memset");
  PrefillAttention attention = {
      {heads, nope, rope, value, latent}, DSRT_BF16, y, q, scratch, nullptr, tokens, c.rows * length, 0, &cache, scale, counters};
  const double kernelTime = medianMicroseconds(state.stream, [&] {
    check(runFlashAttention(state, attention, segments, tiles), "launch");
    ++attention.counter;
  });
  const double wholeTime = medianMicroseconds(state.stream, whole);
  double pairs = 0;
  for (int64_t token = 0; token < c.tokens; ++token)
    pairs += double(c.rows * (c.start + token + 1));
  const double flops = 2 * pairs * double(heads * (query + value));
  const bool good = relative < 5e-3;
  printf("{\"model\": \"%s\", \"case\": \"%s\", \"heads\": %lld, \"relative_error\": %.3g, \"worst\": %.3g, \"attention_us\": %.1f, "
         "\"attention_tflops\": %.0f, \"mla_prefill_us\": %.1f, \"device\": \"%s\"%s}\n",
         c.model, c.name, (long long)heads, relative, worst, kernelTime, flops / kernelTime * 1e-6, wholeTime, device,
         good ? "" : ", \"FAILED\": true");
  fflush(stdout);
  for (void *memory :
       {static_cast<void *>(q), static_cast<void *>(y), static_cast<void *>(cacheData), static_cast<void *>(weightData),
        static_cast<void *>(scratch), static_cast<void *>(plain), static_cast<void *>(plainY), static_cast<void *>(counters)})
    check(cudaFree(memory), "free");
  return good ? 0 : 1;
}

} // namespace

int main(int count, char **words) {
  void *plugin = count == 2 ? dlopen(words[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
  auto get = plugin ? reinterpret_cast<dsrt_backend_get_function>(dlsym(plugin, "dsrt_backend_get")) : nullptr;
  if (!get) {
    fprintf(stderr, "usage: %s PLUGIN (%s)\n", words[0], plugin ? "no backend in it" : count == 2 ? dlerror() : "none given");
    return DSRT_USAGE;
  }
  dsrt_context context = {};
  char message[256] = "";
  dsrt_backend_options options = {};
  if (int32_t code = get()->create(&options, &context.state, message, sizeof message); code != DSRT_OK) {
    fprintf(stderr, "%s\n", message);
    return code;
  }
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, 0), "device");
  int failures = 0;
  for (const auto &[model, heads] : {std::pair<const char *, int64_t>{"V2-Lite", 16}, {"V3", 128}})
    for (const Case &c : {Case{model, heads, "1 x 4096", 1, 4096, 0}, Case{model, heads, "4 x 1024", 4, 1024, 0},
                          Case{model, heads, "512 behind 3584", 1, 512, 3584}})
      failures += run(get(), &context, c, properties.name);
  get()->destroy(context.state);
  return failures ? 1 : 0;
}
