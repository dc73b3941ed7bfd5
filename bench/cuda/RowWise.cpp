// ds-bench-cuda-row-wise: the CUDA operations that are no products and no attention, at the sizes of DeepSeek-V3, for 1, 64 and 4096
// tokens.
//
//   ds-bench-cuda-row-wise PLUGIN [FILE] [OPERATION]
//
// Times are microseconds a call: medians over launches of a graph of calls one behind the other, as in a decode step; operands of few
// tokens are in the second-level cache then, as they are in a model. Bytes are those that an operation must read and write once. Before it
// is timed, each result is compared with the CPU backend's: the share of elements that differ is part of the output. It must be 0 but where
// an order of summation or an exponential may give a neighbouring value; otherwise the exit code is 1. Output: JSON lines.
#include "dsrt/dsrt_backend.h"
#include "runtime/backend/cpu/Backend.h"
#include "runtime/numerics/Codecs.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <string>
#include <vector>

struct dsrt_context {
  void *state;
};
void *dsrt_context_state(dsrt_context *context) { return context->state; }
int32_t dsrt_context_fail(dsrt_context *, int32_t code, const char *pattern, ...) {
  va_list arguments;
  va_start(arguments, pattern);
  vfprintf(stderr, pattern, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  return code;
}

namespace {

using namespace dsrt;

constexpr int64_t hidden = 7168, width = 2048, topK = 8, experts = 256, heads = 128, query = 192, latent = 512, pairs = 32;

void must(int32_t code, const char *what) {
  if (code == DSRT_OK)
    return;
  fprintf(stderr, "%s failed with code %d\n", what, code);
  exit(code);
}

/// An operand: what it holds beforehand, and whether it is a result.
struct Operand {
  int32_t dtype;
  int64_t count;
  bool result;
  std::vector<uint8_t> bytes;

  size_t size() const { return size_t(count) * elementBytes(dtype); }
};

uint64_t mixed(uint64_t z) {
  z += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

Operand result(int32_t dtype, int64_t count) { return {dtype, count, true, std::vector<uint8_t>(size_t(count) * elementBytes(dtype))}; }

/// Values in [-1, 1) times `scale`: a run of random ones, again and again.
Operand values(int32_t dtype, int64_t count, uint64_t seed, float scale = 1) {
  Operand x = {dtype, count, false, std::vector<uint8_t>(size_t(count) * elementBytes(dtype))};
  constexpr int64_t run = 1000003; // prime: no two rows are alike
  int64_t first = std::min(run, count);
  for (int64_t i = 0; i < first; ++i) {
    float value = float(int64_t(mixed(seed + uint64_t(i)) >> 40) - (1 << 23)) * 0x1p-23f * scale;
    fromF32(&value, dtype, x.bytes.data() + size_t(i) * elementBytes(dtype), 1);
  }
  for (int64_t done = first; done < count; done += first)
    memcpy(x.bytes.data() + size_t(done) * elementBytes(dtype), x.bytes.data(),
           size_t(std::min(first, count - done)) * elementBytes(dtype));
  return x;
}

Operand integers(const std::vector<int32_t> &numbers) {
  Operand x = {DSRT_I32, int64_t(numbers.size()), false, std::vector<uint8_t>(numbers.size() * 4)};
  memcpy(x.bytes.data(), numbers.data(), x.bytes.size());
  return x;
}

/// What a call gets: a backend, its context, and the operands' memory.
struct Call {
  const dsrt_backend *backend;
  dsrt_context *context;
  std::vector<void *> memory;

  template <typename T> T *as(int i) const { return static_cast<T *>(memory[size_t(i)]); }
  dsrt_weight vector(int i, int32_t dtype, int64_t count) const {
    return {"w", 1, 1, count, DSRT_USE_VECTOR, 0, {dtype, DSRT_NONE, 0, 0, 0, 0, 0, 0, 0}, memory[size_t(i)], nullptr, nullptr};
  }
};

struct Case {
  std::string name;
  std::vector<Operand> operands;
  std::function<int32_t(const Call &)> call;
  bool exact = true; ///< results are those of the CPU, bit by bit
  int64_t moved = 0; ///< bytes, 0: all operands once
};

const dsrt_quant format = {DSRT_F8E4M3, DSRT_F32, 1, 128, DSRT_SCALE_AMAX, DSRT_NEAREST_EVEN, 0, 0, 0};

std::vector<Case> casesOf(int64_t tokens) {
  std::vector<Case> all;
  int64_t rows = tokens * topK, tiles = hidden / 128;
  std::vector<int32_t> chosen, order(static_cast<size_t>(rows)), offsets(experts + 1), slots, starts, firsts = {0};
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t c = 0; c < topK; ++c)
      chosen.push_back(int32_t((mixed(uint64_t(t)) + uint64_t(c) * 31) % experts));
  for (int32_t expert : chosen)
    ++offsets[size_t(expert) + 1];
  for (size_t e = 1; e < offsets.size(); ++e)
    offsets[e] += offsets[e - 1];
  std::vector<int32_t> next(offsets.begin(), offsets.end() - 1);
  for (int64_t pair = 0; pair < rows; ++pair)
    order[size_t(next[size_t(chosen[size_t(pair)])]++)] = int32_t(pair);
  // Decode: a row a token; prefill: one row.
  int64_t batchRows = tokens > 64 ? 1 : tokens;
  for (int64_t r = 0; r < batchRows; ++r)
    slots.push_back(int32_t(r)), starts.push_back(int32_t(5 * r)), firsts.push_back(int32_t((r + 1) * tokens / batchRows));

  all.push_back({"rms_norm",
                 {result(DSRT_BF16, tokens * hidden), values(DSRT_BF16, tokens * hidden, 1), values(DSRT_BF16, hidden, 2)},
                 [=](const Call &c) {
                   dsrt_weight w = c.vector(2, DSRT_BF16, hidden);
                   return c.backend->rms_norm(c.context, 0, c.as<void>(0), c.as<void>(1), &w, tokens, hidden, DSRT_BF16, 1e-6f);
                 },
                 false});
  all.push_back({"add_rms_norm_quantize",
                 {result(DSRT_BF16, tokens * hidden), result(DSRT_BF16, tokens * hidden), result(DSRT_F8E4M3, tokens * hidden),
                  result(DSRT_F32, tokens * tiles), values(DSRT_BF16, tokens * hidden, 1), values(DSRT_BF16, tokens * hidden, 3),
                  values(DSRT_BF16, hidden, 2)},
                 [=](const Call &c) {
                   dsrt_weight w = c.vector(6, DSRT_BF16, hidden);
                   return c.backend->add_rms_norm_quantize(c.context, 0, c.as<void>(0), c.as<void>(1), c.as<void>(2), c.as<float>(3),
                                                           c.as<void>(4), c.as<void>(5), &w, tokens, hidden, tiles, DSRT_BF16, DSRT_F8E4M3,
                                                           1e-6f, &format);
                 },
                 false});
  all.push_back({"quantize",
                 {result(DSRT_F8E4M3, tokens * hidden), result(DSRT_F32, tokens * tiles), values(DSRT_BF16, tokens * hidden, 4, 9)},
                 [=](const Call &c) {
                   return c.backend->quantize(c.context, 0, c.as<void>(0), c.as<float>(1), c.as<void>(2), tokens, hidden, tiles,
                                              DSRT_F8E4M3, DSRT_BF16, &format);
                 }});
  all.push_back(
      {"swiglu",
       {result(DSRT_BF16, rows * width), values(DSRT_BF16, rows * width, 5, 4), values(DSRT_BF16, rows * width, 6)},
       [=](const Call &c) { return c.backend->swiglu(c.context, 0, c.as<void>(0), c.as<void>(1), c.as<void>(2), rows, width, DSRT_BF16); },
       false});
  all.push_back({"swiglu_quantize",
                 {result(DSRT_F8E4M3, rows * width), result(DSRT_F32, rows * width / 128), values(DSRT_BF16, rows * width, 5, 4),
                  values(DSRT_BF16, rows * width, 6)},
                 [=](const Call &c) {
                   return c.backend->swiglu_quantize(c.context, 0, c.as<void>(0), c.as<float>(1), c.as<void>(2), c.as<void>(3), rows, width,
                                                     width / 128, DSRT_F8E4M3, DSRT_BF16, &format);
                 },
                 false});
  all.push_back({"rope",
                 {values(DSRT_BF16, tokens * heads * query, 7), values(DSRT_F32, tokens * pairs, 8), values(DSRT_F32, tokens * pairs, 9)},
                 [=](const Call &c) {
                   return c.backend->rope(c.context, 0, c.as<void>(0), c.as<void>(0), c.as<float>(1), c.as<float>(2), tokens, heads * query,
                                          pairs, DSRT_BF16, heads, query - 2 * pairs);
                 },
                 true,
                 tokens * heads * pairs * 8 + tokens * pairs * 8});
  all.back().operands[0].result = true;
  int64_t columns = latent + 2 * pairs, length = tokens > 64 ? tokens : 5 * tokens;
  all.push_back(
      {"latent_append",
       {result(DSRT_BF16, batchRows * length * columns), values(DSRT_BF16, tokens * columns, 10), values(DSRT_BF16, latent, 2),
        values(DSRT_F32, tokens * pairs, 8), values(DSRT_F32, tokens * pairs, 9), integers(firsts), integers(slots), integers(starts)},
       [=](const Call &c) {
         dsrt_weight w = c.vector(2, DSRT_BF16, latent);
         dsrt_cache cache = {batchRows, 1, length, columns, DSRT_BF16, 0, c.as<void>(0)};
         dsrt_batch batch = {tokens,          batchRows,     0,       nullptr,          firsts.data(),
                             slots.data(),    starts.data(), nullptr, c.as<int32_t>(5), c.as<int32_t>(6),
                             c.as<int32_t>(7)};
         return c.backend->latent_append(c.context, 0, &cache, c.as<void>(1), &w, c.as<float>(3), c.as<float>(4), &batch, tokens, columns,
                                         latent, pairs, DSRT_BF16, 0, 1e-6f);
       },
       false,
       tokens * (columns * 4 + pairs * 8)});
  all.push_back({"route_order",
                 {result(DSRT_F32, rows), result(DSRT_I32, rows), result(DSRT_I32, rows), result(DSRT_I32, experts + 1),
                  values(DSRT_F32, tokens * experts, 11, 3), values(DSRT_F32, experts, 12, 0.1f)},
                 [=](const Call &c) {
                   dsrt_weight bias = c.vector(5, DSRT_F32, experts);
                   return c.backend->route_order(c.context, 0, c.as<float>(0), c.as<int32_t>(1), c.as<int32_t>(2), c.as<int32_t>(3),
                                                 c.as<float>(4), &bias, tokens, topK, rows, experts + 1, experts, DSRT_SCORING_SIGMOID,
                                                 DSRT_SELECTION_NOAUX_TC, 8, 4, 1, 2.5f);
                 },
                 false});
  all.push_back({"expert_order", {result(DSRT_I32, rows), result(DSRT_I32, experts + 1), integers(chosen)}, [=](const Call &c) {
                   return c.backend->expert_order(c.context, 0, c.as<int32_t>(0), c.as<int32_t>(1), c.as<int32_t>(2), rows, experts + 1,
                                                  tokens, topK);
                 }});
  all.push_back({"gather_quantized",
                 {result(DSRT_F8E4M3, rows * hidden), result(DSRT_F32, rows * tiles), values(DSRT_F8E4M3, tokens * hidden, 13),
                  values(DSRT_F32, tokens * tiles, 14), integers(order)},
                 [=](const Call &c) {
                   return c.backend->gather_quantized(c.context, 0, c.as<void>(0), c.as<float>(1), c.as<void>(2), c.as<float>(3),
                                                      c.as<int32_t>(4), rows, hidden, tiles, tokens, DSRT_F8E4M3, topK);
                 }});
  all.push_back({"combine_add",
                 {result(DSRT_BF16, tokens * hidden), values(DSRT_BF16, rows * hidden, 15), values(DSRT_F32, rows, 16), integers(order),
                  values(DSRT_BF16, tokens * hidden, 17)},
                 [=](const Call &c) {
                   return c.backend->combine_add(c.context, 0, c.as<void>(0), c.as<void>(1), c.as<float>(2), c.as<int32_t>(3),
                                                 c.as<void>(4), tokens, hidden, rows, topK, DSRT_BF16);
                 }});
  return all;
}

std::string device(const dsrt_backend *backend, void *state) {
  char text[1024] = "{}";
  backend->describe(state, text, sizeof text);
  std::string all = text, key = "\"device\":\"";
  size_t begin = all.find(key);
  return begin == std::string::npos ? "" : all.substr(begin + key.size(), all.find('"', begin + key.size()) - begin - key.size());
}

/// Elements of the results that are not the CPU's.
double differing(const Case &one, const Call &cuda, void *state, const std::vector<std::vector<uint8_t>> &want) {
  int64_t different = 0, count = 0;
  for (size_t i = 0; i < one.operands.size(); ++i) {
    if (!one.operands[i].result)
      continue;
    std::vector<uint8_t> got(one.operands[i].size());
    must(cuda.backend->copy_out(state, got.data(), cuda.memory[i], got.size()), "a copy to the host");
    size_t bytes = elementBytes(one.operands[i].dtype);
    for (size_t at = 0; at < got.size(); at += bytes)
      different += memcmp(got.data() + at, want[i].data() + at, bytes) != 0;
    count += one.operands[i].count;
  }
  return count ? double(different) / double(count) : 0;
}

} // namespace

int main(int count, char **words) {
  void *plugin = count >= 2 ? dlopen(words[1], RTLD_NOW | RTLD_LOCAL) : nullptr;
  auto get = plugin ? reinterpret_cast<dsrt_backend_get_function>(dlsym(plugin, "dsrt_backend_get")) : nullptr;
  if (!get) {
    fprintf(stderr, "usage: %s PLUGIN [FILE] [OPERATION]\n%s\n", words[0], count >= 2 ? dlerror() : "");
    return DSRT_USAGE;
  }
  FILE *output = count >= 3 && strcmp(words[2], "-") != 0 ? fopen(words[2], "w") : stdout;
  const dsrt_backend *cuda = get(), *cpu = dsrt::cpu::backend();
  dsrt_backend_options options = {};
  char message[256] = "";
  dsrt_context cudaContext = {}, cpuContext = {};
  if (int32_t code = cuda->create(&options, &cudaContext.state, message, sizeof message); code != DSRT_OK) {
    fprintf(stderr, "%s\n", message);
    return code;
  }
  must(cpu->create(&options, &cpuContext.state, message, sizeof message), "the cpu backend");
  std::string name = device(cuda, cudaContext.state);
  bool right = true;
  for (int64_t tokens : {1, 64, 4096})
    for (Case &one : casesOf(tokens)) {
      if (count >= 4 && one.name != words[3])
        continue;
      void *state = cudaContext.state;
      Call device = {cuda, &cudaContext, {}}, host = {cpu, &cpuContext, {}};
      std::vector<std::vector<uint8_t>> memory;
      int64_t moved = one.moved;
      for (Operand &operand : one.operands) {
        memory.push_back(operand.bytes);
        void *part = nullptr;
        must(cuda->allocate(state, operand.size(), &part), "memory of the device");
        must(cuda->copy_in(state, part, operand.bytes.data(), operand.size()), "a copy to the device");
        device.memory.push_back(part);
        moved += one.moved ? 0 : int64_t(operand.size());
      }
      for (std::vector<uint8_t> &part : memory)
        host.memory.push_back(part.data());
      must(one.call(host), one.name.c_str());
      must(one.call(device), one.name.c_str());
      must(cuda->synchronize(state), one.name.c_str());
      double share = differing(one, device, state, memory);
      bool good = share <= (one.exact ? 0 : 1e-3);
      right &= good;

      int calls = tokens > 64 ? 10 : 100;
      void *graph = nullptr;
      must(cuda->queue->capture_begin(state), "the begin of a graph");
      for (int i = 0; i < calls; ++i)
        must(one.call(device), one.name.c_str());
      must(cuda->queue->capture_end(state, &graph), "the end of a graph");
      std::vector<double> times;
      for (int launch = 0; launch < 12; ++launch) {
        must(cuda->queue->mark(state, 0), "a mark");
        must(cuda->queue->graph_launch(state, graph), "a graph");
        must(cuda->queue->mark(state, 1), "a mark");
        must(cuda->queue->wait(state, 1), "a wait");
        double milliseconds = 0;
        must(cuda->queue->elapsed(state, 0, 1, &milliseconds), "a time");
        if (launch >= 2)
          times.push_back(milliseconds * 1e3 / calls);
      }
      std::sort(times.begin(), times.end());
      double time = times[times.size() / 2];
      cuda->queue->graph_release(state, graph);
      for (void *part : device.memory)
        cuda->release(state, part);
      fprintf(output,
              "{\"operation\":\"%s\",\"tokens\":%lld,\"us\":%.2f,\"gb_per_s\":%.0f,\"megabytes\":%.2f,\"differing\":%.2g,\"right\":%s,"
              "\"device\":\"%s\"}\n",
              one.name.c_str(), (long long)tokens, time, double(moved) / time * 1e-3, double(moved) * 1e-6, share, good ? "true" : "false",
              name.c_str());
      fflush(output);
    }
  cuda->destroy(cudaContext.state);
  cpu->destroy(cpuContext.state);
  return right ? 0 : 1;
}
