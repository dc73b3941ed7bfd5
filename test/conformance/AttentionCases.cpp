// Cases of latent attention: the append to the cache, the expanded and the absorbed form, and that they agree.
#include "dsrt/dsrt_scratch.h"
#include "test/conformance/Harness.h"

#include <cmath>

using namespace dsrt;
using namespace dsrt::conformance;

namespace {

/// One attention and its memory: layer 1 of 2 of a cache whose slots are all filled.
struct Attention {
  int64_t heads = 3, nope = 21, rope = 6, value = 19, latent = 37;
  int64_t slots = 4, length = 600;
  int32_t type = DSRT_F32, cacheType = DSRT_F32;
  float softmaxScale = 0.3f;
  float spread = 1;
  dsrt_quant weightFormat = plainFormat(DSRT_F32);
  dsrt_quant activation = plainFormat(DSRT_NONE); ///< where the weight is quantised

  int64_t query() const { return nope + rope; }
  int64_t width() const { return latent + rope; }
  bool quantised() const { return weightFormat.scale != DSRT_NONE; }

  Tensor cache() const { return random(cacheType, {slots, 2, length, width()}, 51, spread); }
  Tensor queries(int64_t tokens) const { return random(type, {tokens, heads * query()}, 52, spread); }
  HostWeight kv_b() const { return weight(weightFormat, {1, heads * (nope + value), latent}, 53, 0.3f); }
};

double cacheAt(const Attention &a, const Tensor &cache, int64_t slot, int64_t position, int64_t column) {
  return cache[((slot * 2 + 1) * a.length + position) * a.width() + column];
}

double rounded(double x, int32_t type) {
  Tensor one(type, {1});
  one.set(0, float(x));
  return one[0];
}

/// The expanded keys and values of a slot's positions: [positions, heads * (nope + value)]. `latents` are what the product takes.
std::vector<double> expand(const Attention &a, const HostWeight &w, const std::vector<double> &latents, bool absorbed) {
  int64_t columns = a.heads * (a.nope + a.value), positions = int64_t(latents.size()) / a.latent;
  std::vector<double> expanded;
  for (int64_t p = 0; p < positions; ++p)
    for (int64_t c = 0; c < columns; ++c) {
      double sum = 0;
      for (int64_t k = 0; k < a.latent; ++k)
        sum += latents[size_t(p * a.latent + k)] * w.values[size_t(c * a.latent + k)];
      if (!absorbed)
        sum = rounded(a.quantised() ? sum : rounded(sum, a.weightFormat.payload), a.type);
      expanded.push_back(sum);
    }
  return expanded;
}

/// Softmax attention in double: what either form must give.
std::vector<double> reference(const Attention &a, const Tensor &queries, const Tensor &cache, const HostWeight &w, const HostBatch &batch,
                              bool absorbed) {
  std::vector<double> result(size_t(batch.batch.tokens * a.heads * a.value));
  // A tile over the whole operand has one scale for the contexts of all rows.
  float whole = 0;
  if (a.quantised() && !absorbed && a.activation.tile_rows == 0)
    for (int64_t row = 0; row < batch.batch.rows; ++row)
      for (int64_t p = 0; p < batch.starts[size_t(row)] + batch.offsets[size_t(row) + 1] - batch.offsets[size_t(row)]; ++p)
        for (int64_t c = 0; c < a.latent; ++c)
          whole = std::max(whole, float(std::fabs(cacheAt(a, cache, batch.slots[size_t(row)], p, c))));
  for (int64_t row = 0; row < batch.batch.rows; ++row) {
    int64_t first = batch.offsets[size_t(row)], tokens = batch.offsets[size_t(row) + 1] - first, start = batch.starts[size_t(row)];
    int64_t slot = batch.slots[size_t(row)];
    std::vector<double> latents;
    for (int64_t p = 0; p < start + tokens; ++p) {
      std::vector<float> line;
      for (int64_t c = 0; c < a.latent; ++c)
        line.push_back(float(cacheAt(a, cache, slot, p, c)));
      if (!absorbed && !a.quantised())
        for (float &x : line)
          x = float(rounded(x, a.weightFormat.payload));
      if (!absorbed && a.quantised()) {
        dsrt_quant format = a.activation;
        format.tile_rows = 1;
        format.amax_floor = whole; // one tile of each line then: its amax is the whole operand's
        std::vector<double> values = valuesOf(format, quantised(format, line, 1, a.latent, 0, p));
        line.assign(values.begin(), values.end());
      }
      latents.insert(latents.end(), line.begin(), line.end());
    }
    std::vector<double> expanded = expand(a, w, latents, absorbed);
    int64_t columns = a.heads * (a.nope + a.value);
    for (int64_t token = 0; token < tokens; ++token)
      for (int64_t head = 0; head < a.heads; ++head) {
        std::vector<double> scores;
        double sum = 0, largest = -1e300;
        for (int64_t p = 0; p <= start + token; ++p) {
          double score = 0;
          for (int64_t c = 0; c < a.nope; ++c)
            score += queries.at(first + token, head * a.query() + c) * expanded[size_t(p * columns + head * (a.nope + a.value) + c)];
          for (int64_t c = 0; c < a.rope; ++c)
            score += queries.at(first + token, head * a.query() + a.nope + c) * cacheAt(a, cache, slot, p, a.latent + c);
          scores.push_back(score * double(a.softmaxScale));
          largest = std::max(largest, scores.back());
        }
        for (double &score : scores)
          sum += score = std::exp(score - largest);
        for (int64_t c = 0; c < a.value; ++c) {
          double out = 0;
          for (size_t p = 0; p < scores.size(); ++p)
            out += scores[p] / sum * expanded[p * size_t(columns) + size_t(head * (a.nope + a.value) + a.nope + c)];
          result[size_t(((first + token) * a.heads + head) * a.value + c)] = out;
        }
      }
  }
  return result;
}

int32_t call(Run &run, const Attention &a, bool decode, void *y, const void *q, dsrt_weight *w, dsrt_cache *cache, const HostBatch &batch,
             int64_t missing = 0) {
  int64_t tokens = batch.batch.tokens, kv = a.heads * (a.nope + a.value);
  int64_t bytes =
      (decode ? dsrt_mla_decode_scratch(tokens, a.heads, a.latent) : dsrt_mla_prefill_scratch(tokens, a.heads, a.nope, a.value, a.latent)) -
      missing;
  void *scratch = run.result(DSRT_F8E4M3, {bytes});
  if (decode)
    return run.backend->mla_decode(run.context, 0, y, q, w, cache, &batch.batch, scratch, tokens, a.heads * a.value, a.heads * a.query(),
                                   kv, a.latent, bytes, a.type, 1, a.heads, a.nope, a.rope, a.value, a.softmaxScale);
  return run.backend->mla_prefill(run.context, 0, y, q, w, cache, &batch.batch, scratch, tokens, a.heads * a.value, a.heads * a.query(), kv,
                                  a.latent, bytes, a.type, 1, a.heads, a.nope, a.rope, a.value, a.softmaxScale,
                                  a.quantised() ? &a.activation : nullptr);
}

Tensor attention(Run &run, const Attention &a, bool decode, const Tensor &queries, const Tensor &cache, const HostBatch &batch) {
  std::vector<int64_t> dims = {batch.batch.tokens, a.heads * a.value};
  void *y = run.result(a.type, dims);
  EXPECT_EQ(call(run, a, decode, y, run.upload(queries), run.upload(a.kv_b(), DSRT_USE_ROWS, true), run.uploadCache(cache), batch), DSRT_OK)
      << run.message();
  return run.fetch(y, a.type, dims);
}

void expectAttention(Run &run, const Attention &a, bool decode, const std::vector<HostBatch::Row> &rows, double slack) {
  HostBatch batch(run, rows);
  Tensor queries = a.queries(batch.batch.tokens), cache = a.cache();
  expectClose(attention(run, a, decode, queries, cache, batch), reference(a, queries, cache, a.kv_b(), batch, decode), slack);
}

/// Rows [begin, end) of a matrix.
Tensor rowsOf(const Tensor &x, int64_t begin, int64_t end) {
  Tensor part(x.dtype, {end - begin, x.dims[1]});
  memcpy(part.bytes.data(), x.bytes.data() + size_t(begin * x.dims[1]) * elementBytes(x.dtype), part.bytes.size());
  return part;
}

} // namespace

DSRT_CASE(cache_append, itsSlotPositionAndLayer) {
  for (int32_t type : {DSRT_F32, DSRT_BF16, DSRT_F16})
    for (int32_t cacheType : {DSRT_F32, DSRT_BF16, DSRT_F16}) {
      HostBatch batch(run, {{2, 3, 2}, {0, 0, 1}, {3, 0, 0}});
      Tensor cache = random(cacheType, {3, 2, 5, 605}, 41), latent = random(type, {5, 600}, 42), key = random(type, {5, 5}, 43);
      dsrt_cache *memory = run.uploadCache(cache);
      DSRT_CALL(cache_append, memory, run.upload(latent), run.upload(key), &batch.batch, 5, 600, 5, type, 1);
      int64_t slots[] = {2, 2, 0, 0, 0}, positions[] = {3, 4, 0, 1, 2};
      for (int64_t t = 0; t < 5; ++t)
        for (int64_t c = 0; c < 605; ++c)
          cache.set(((slots[t] * 2 + 1) * 5 + positions[t]) * 605 + c, float(c < 600 ? latent.at(t, c) : key.at(t, c - 600)));
      expectSame(run.fetch(memory->data, cacheType, cache.dims), cache);
    }
}

DSRT_CASE(cache_append, refusesWhatDoesNotFit) {
  dsrt_cache *cache = run.uploadCache(filled(DSRT_F32, {2, 1, 5, 4}, 0));
  void *x = run.upload(filled(DSRT_F32, {3, 3}, 1));
  for (HostBatch::Row row : {HostBatch::Row{3, 3, 0}, HostBatch::Row{3, 0, 2}, HostBatch::Row{3, 0, -1}, HostBatch::Row{3, -1, 0}}) {
    HostBatch batch(run, {row});
    EXPECT_EQ(run.backend->cache_append(run.context, 0, cache, x, x, &batch.batch, 3, 3, 1, DSRT_F32, 0), DSRT_INTERNAL) << row.start;
  }
  HostBatch batch(run, {{3, 2, 1}});
  EXPECT_EQ(run.backend->cache_append(run.context, 0, cache, x, x, &batch.batch, 3, 3, 1, DSRT_F32, 1), DSRT_INTERNAL) << "layer";
  EXPECT_EQ(run.backend->cache_append(run.context, 0, cache, x, x, &batch.batch, 3, 3, 2, DSRT_F32, 0), DSRT_INTERNAL) << "width";
  EXPECT_EQ(run.backend->cache_append(run.context, 0, cache, x, x, &batch.batch, 2, 3, 1, DSRT_F32, 0), DSRT_INTERNAL) << "tokens";
  DSRT_CALL(cache_append, cache, x, x, &batch.batch, 3, 3, 1, DSRT_F32, 0);
}

DSRT_CASE(mla_prefill, raggedRowsInPermutedSlots) {
  expectAttention(run, {}, false, {{3, 0, 2}, {0, 7, 1}, {70, 250, 0}, {1, 511, 3}, {9, 0, 1}}, 5e-6);
}

DSRT_CASE(mla_prefill, oneTokenAndNone) {
  expectAttention(run, {}, false, {{1, 0, 3}}, 2e-6);
  expectAttention(run, {}, false, {}, 0);
}

DSRT_CASE(mla_prefill, narrowTypes) {
  for (int32_t type : {DSRT_BF16, DSRT_F16}) {
    Attention a;
    a.type = a.cacheType = type;
    a.weightFormat = plainFormat(type);
    // A product's F32 and double sums may round to neighbours: half a unit of a few values among many.
    double slack = type == DSRT_BF16 ? 4e-3 : 5e-4;
    expectAttention(run, a, false, {{20, 5, 1}, {4, 0, 0}}, slack);
    a.type = DSRT_F32; // the product is in kv_b's dtype even so
    expectAttention(run, a, false, {{20, 5, 1}, {4, 0, 0}}, slack);
  }
}

DSRT_CASE(mla_prefill, quantisedExpansion) {
  for (const dsrt_quant &activation : {fp8Format(1, 128), fp8Format(1, 0), fp8Format(0, 0), stochastic(fp8Format(1, 128), 5),
                                       stochastic(fp8Format(0, 0), 6), nvfp4Format(DSRT_OUTER_ROW), mxfp4Format()})
    for (const dsrt_quant &format :
         {fp8Format(128, 128), fp8Format(1, 0), fp8Format(0, 0), nvfp4Format(DSRT_OUTER_TENSOR), mxfp4Format()}) {
      Attention a;
      a.latent = 131;
      a.weightFormat = format;
      a.activation = activation;
      expectAttention(run, a, false, {{20, 5, 1}, {4, 0, 0}}, 1e-5);
    }
}

/// The extents of DeepSeek's heads, for which backends have kernels of their own.
Attention wideHeads(int32_t type, int64_t latent) {
  Attention a;
  a.heads = 2, a.nope = 128, a.rope = 64, a.value = 128, a.latent = latent;
  a.type = a.cacheType = type;
  a.weightFormat = plainFormat(type);
  a.softmaxScale = 0.07f;
  a.spread = 0.5f;
  return a;
}

DSRT_CASE(mla_prefill, wideHeads) {
  for (int32_t type : {DSRT_BF16, DSRT_F16, DSRT_F32})
    expectAttention(run, wideHeads(type, 128), false, {{150, 140, 2}, {3, 0, 0}, {0, 5, 3}, {129, 0, 1}},
                    type == DSRT_BF16  ? 4e-3
                    : type == DSRT_F16 ? 5e-4
                                       : 5e-6);
  // The product is in kv_b's type, the cache in its own.
  Attention mixed = wideHeads(DSRT_BF16, 128);
  mixed.weightFormat = plainFormat(DSRT_F16);
  expectAttention(run, mixed, false, {{20, 140, 2}}, 4e-3);
  mixed.cacheType = DSRT_F32;
  expectAttention(run, mixed, false, {{20, 140, 2}}, 4e-3);
}

DSRT_CASE(mla_prefill, wideHeadsQuantised) {
  for (const dsrt_quant &activation : {fp8Format(1, 128), fp8Format(0, 0)}) {
    Attention a = wideHeads(DSRT_BF16, 192);
    a.weightFormat = fp8Format(128, 128);
    a.activation = activation;
    expectAttention(run, a, false, {{70, 100, 2}, {3, 0, 0}}, 4e-3);
  }
}

DSRT_CASE(mla_prefill, longContexts) {
  // Longer than what a backend expands at a time; the latent is narrow for the reference's sake.
  for (int32_t type : {DSRT_BF16, DSRT_F32}) {
    Attention a = wideHeads(type, 8);
    a.heads = 1, a.slots = 2, a.length = 4400, a.spread = 1;
    expectAttention(run, a, false, {{5, 4300, 1}, {2, 100, 0}}, type == DSRT_BF16 ? 4e-3 : 5e-6);
  }
}

DSRT_CASE(mla_prefill, continuedEqualsWhole) {
  for (const Attention &shape : {Attention(), wideHeads(DSRT_BF16, 64)})
    for (int32_t type : {DSRT_F32, DSRT_BF16}) {
      Attention a = shape;
      a.type = a.cacheType = type;
      a.weightFormat = plainFormat(type);
      Tensor queries = a.queries(300), cache = a.cache();
      Tensor whole = attention(run, a, false, queries, cache, HostBatch(run, {{300, 0, 2}}));
      for (int64_t cut : {1, 77, 256, 299}) {
        HostBatch before(run, {{int32_t(cut), 0, 2}}), after(run, {{int32_t(300 - cut), int32_t(cut), 2}});
        expectSame(attention(run, a, false, rowsOf(queries, 0, cut), cache, before), rowsOf(whole, 0, cut));
        expectSame(attention(run, a, false, rowsOf(queries, cut, 300), cache, after), rowsOf(whole, cut, 300));
      }
    }
}

DSRT_CASE(mla_prefill, largeScoresAndNaN) {
  Attention a;
  a.spread = 30;
  HostBatch batch(run, {{12, 0, 1}});
  Tensor queries = a.queries(12), cache = a.cache();
  expectClose(attention(run, a, false, queries, cache, batch), reference(a, queries, cache, a.kv_b(), batch, false), 3e-2);
  // A NaN in one head's query stays there.
  queries.set(4 * a.heads * a.query() + a.query() + 2, std::nanf(""));
  Tensor got = attention(run, a, false, queries, cache, batch);
  for (int64_t i = 0; i < got.size(); ++i)
    ASSERT_EQ(std::isnan(got[i]), i / a.value == 4 * a.heads + 1) << i;
}

DSRT_CASE(mla_prefill, refusesWhatDoesNotFit) {
  Attention a;
  HostBatch batch(run, {{2, 0, 1}}), outside(run, {{2, 599, 1}});
  void *y = run.result(DSRT_F32, {2, a.heads * a.value}), *q = run.upload(a.queries(2));
  dsrt_weight *w = run.upload(a.kv_b(), DSRT_USE_ROWS);
  dsrt_cache *cache = run.uploadCache(a.cache());
  EXPECT_EQ(call(run, a, false, y, q, w, cache, batch, 64), DSRT_INTERNAL);
  EXPECT_NE(run.message().find("bytes of scratch"), std::string::npos) << run.message();
  EXPECT_EQ(call(run, a, false, y, q, w, cache, outside), DSRT_INTERNAL);
  EXPECT_EQ(call(run, a, true, y, q, w, cache, batch), DSRT_INTERNAL) << "two tokens in a row of a decode call";
  Attention wide = a;
  wide.rope = 1200;
  EXPECT_EQ(call(run, wide, false, y, q, w, cache, batch), DSRT_REJECTED);
  Attention quantised = a;
  quantised.weightFormat = fp8Format(128, 128);
  quantised.activation = fp8Format(1, 128);
  EXPECT_EQ(call(run, quantised, false, y, q, w, cache, batch), DSRT_INTERNAL) << "a format of activations, but a plain weight";
}

DSRT_CASE(mla_decode, raggedContextsInPermutedSlots) {
  expectAttention(run, {}, true, {{1, 0, 2}, {1, 16, 0}, {1, 511, 3}, {1, 15, 1}}, 5e-6);
  expectAttention(run, {}, true, {}, 0);
  Attention many;
  many.heads = 9;
  many.slots = 19;
  many.length = 40;
  std::vector<HostBatch::Row> rows;
  for (int32_t row = 0; row < 19; ++row)
    rows.push_back({1, row * 2, 18 - row});
  expectAttention(run, many, true, rows, 5e-6);
}

DSRT_CASE(mla_decode, weightsInEveryFormat) {
  for (int32_t type : {DSRT_F32, DSRT_BF16, DSRT_F16})
    for (const dsrt_quant &format :
         {plainFormat(DSRT_BF16), plainFormat(DSRT_F16), fp8Format(128, 128), fp8Format(1, 0), fp8Format(0, 0),
          powersOfTwo(fp8Format(128, 128)), nvfp4Format(DSRT_OUTER_TENSOR), mxfp4Format(), nf4Format(1), nf4Format(0)}) {
      Attention a;
      a.type = a.cacheType = type;
      a.latent = 131;
      a.weightFormat = format;
      expectAttention(run, a, true, {{1, 40, 1}, {1, 3, 0}}, 1e-5);
    }
}

// The extents that backends have faster kernels for: those of DeepSeek-V2 and V3 in the latent, and smaller ones. Heads and contexts end
// inside of blocks and tiles.
DSRT_CASE(mla_decode, roundExtents) {
  for (const dsrt_quant &format : {plainFormat(DSRT_BF16), fp8Format(128, 128), mxfp4Format()}) {
    Attention a;
    a.type = a.cacheType = DSRT_BF16;
    a.weightFormat = format;
    a.softmaxScale = 0.05f;
    a.heads = 18, a.nope = 32, a.rope = 64, a.value = 32, a.latent = 512;
    expectAttention(run, a, true, {{1, 70, 2}, {1, 31, 0}, {1, 32, 3}, {1, 0, 1}}, 5e-5);
    a.heads = 5, a.nope = 64, a.rope = 16, a.value = 96, a.latent = 128;
    a.slots = 19, a.length = 400;
    std::vector<HostBatch::Row> rows;
    for (int32_t row = 0; row < 19; ++row)
      rows.push_back({1, row * (row < 17 ? 3 : 20), 18 - row});
    expectAttention(run, a, true, rows, 5e-5);
  }
}

// Many heads of several tokens: more than fit one block of a kernel that is bound by its products.
DSRT_CASE(mla_decode, manyHeads) {
  Attention a;
  a.type = a.cacheType = DSRT_BF16;
  a.weightFormat = fp8Format(128, 128);
  a.softmaxScale = 0.05f;
  a.heads = 66, a.nope = 8, a.rope = 64, a.value = 8, a.latent = 512;
  a.slots = 8, a.length = 100;
  expectAttention(run, a, true, {{1, 0, 7}, {1, 5, 0}, {1, 31, 2}, {1, 32, 1}, {1, 40, 6}, {1, 63, 4}, {1, 70, 5}, {1, 2, 3}}, 5e-5);
}

DSRT_CASE(mla_decode, equalsPrefill) {
  Attention a;
  Tensor queries = a.queries(300), cache = a.cache();
  Tensor whole = attention(run, a, false, queries, cache, HostBatch(run, {{300, 0, 2}}));
  for (int32_t position : {0, 1, 15, 16, 255, 256, 299}) {
    Tensor one = attention(run, a, true, rowsOf(queries, position, position + 1), cache, HostBatch(run, {{1, position, 2}}));
    double difference = 0, norm = 0;
    for (int64_t i = 0; i < one.size(); ++i) {
      double want = whole.at(position, i);
      difference += (one[i] - want) * (one[i] - want), norm += want * want;
    }
    EXPECT_LE(std::sqrt(difference / norm), 1e-5) << position;
  }
}

/// The smallest extents, and the round ones of the faster kernels.
std::vector<Attention> extents() {
  Attention round;
  round.type = round.cacheType = DSRT_BF16;
  round.weightFormat = plainFormat(DSRT_BF16);
  round.heads = 3, round.nope = 32, round.rope = 16, round.value = 32, round.latent = 64;
  return {{}, round};
}

DSRT_CASE(mla_decode, largeScoresAndNaN) {
  for (Attention a : extents()) {
    a.spread = 30;
    HostBatch batch(run, {{1, 100, 1}, {1, 3, 0}});
    Tensor queries = a.queries(2), cache = a.cache();
    expectClose(attention(run, a, true, queries, cache, batch), reference(a, queries, cache, a.kv_b(), batch, true), 3e-2);
    queries.set(a.query() + a.nope + 2, std::nanf(""));
    Tensor got = attention(run, a, true, queries, cache, batch);
    for (int64_t i = 0; i < got.size(); ++i)
      ASSERT_EQ(std::isnan(got[i]), i / a.value == 1) << i;
  }
}

// What a slot holds behind a row's position, and what other slots hold, is not attended to.
DSRT_CASE(mla_decode, readsNothingElse) {
  for (const Attention &a : extents()) {
    HostBatch batch(run, {{1, 100, 1}, {1, 3, 0}});
    Tensor queries = a.queries(2), cache = a.cache(), poisoned = cache;
    for (int64_t slot = 0; slot < a.slots; ++slot)
      for (int64_t layer = 0; layer < 2; ++layer)
        for (int64_t position = 0; position < a.length; ++position)
          if (layer == 0 || slot > 1 || position > (slot == 1 ? 100 : 3))
            for (int64_t c = 0; c < a.width(); ++c)
              poisoned.set(((slot * 2 + layer) * a.length + position) * a.width() + c, std::nanf(""));
    expectSame(attention(run, a, true, queries, poisoned, batch), attention(run, a, true, queries, cache, batch));
  }
}
