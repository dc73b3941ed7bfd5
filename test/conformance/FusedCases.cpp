// Cases of the fused operations: the bits of the plain operations that each names, one after the other, which have cases of their own
// against double precision and Reference.h; of quantisation also against Reference.h itself.
#include "test/conformance/Harness.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace dsrt;
using namespace dsrt::conformance;

namespace {

const int32_t activations[] = {DSRT_F32, DSRT_BF16, DSRT_F16};

/// Formats whose rows are independent.
std::vector<dsrt_quant> rowFormats() {
  dsrt_quant floor = fp8Format(1, 128), wide = fp8Format(1, 128);
  floor.amax_floor = 1, wide.payload = DSRT_F8E5M2;
  return {fp8Format(1, 128),
          fp8Format(1, 0),
          fp8Format(1, 50),
          powersOfTwo(fp8Format(1, 128)),
          stochastic(fp8Format(1, 128), 11),
          floor,
          wide,
          mxfp4Format(),
          nvfp4Format(DSRT_OUTER_ROW),
          nf4Format(1)};
}

/// Payload and scales of a tensor by Reference.h, a row of scales for each row.
void expectQuantised(Run &run, const dsrt_quant &format, const Tensor &y, const void *payload, const void *scales) {
  int64_t rows = y.dims[0], columns = y.dims[1], tiles = tilesAlong(columns, format.tile_cols);
  Quantised want = quantised(format, floatsOf(y), rows, columns);
  Tensor wantPayload(format.payload, {rows, columns}), wantScales(DSRT_F32, {rows, tiles});
  wantPayload.bytes = packed(format.payload, want.codes, rows, columns);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t t = 0; t < tiles; ++t)
      wantScales.set(r * tiles + t, want.scaleAt(r, t * want.tileCols));
  expectSame(run.fetch(scales, DSRT_F32, {rows, tiles}), wantScales);
  expectSame(run.fetch(payload, format.payload, {rows, columns}), wantPayload);
}

/// Whether a product's bits are those of any other launch of it (dsrt_ops.def, pairs).
bool productsAreEqual(const Run &run) { return strcmp(run.backend->name, "cpu") == 0; }

/// Checks the result of one of a pair against that of the plain product.
void expectProduct(const Run &run, const Tensor &got, const Tensor &plain, double slack) {
  if (productsAreEqual(run))
    return expectSame(got, plain);
  std::vector<double> want;
  for (int64_t i = 0; i < plain.size(); ++i)
    want.push_back(plain[i]);
  // Both are rounded: a sum that lies between two values of the type may be either.
  expectClose(got, want, slack + (got.dtype == DSRT_BF16 ? 0.5 : got.dtype == DSRT_F16 ? 0.07 : 0));
}

/// The offsets of 15 rows of 6 experts; the operations below have weights of experts 1 to 4.
const std::vector<int32_t> expertOffsets = {0, 2, 5, 6, 6, 12, 15};

} // namespace

DSRT_CASE(add_rms_norm, likeItsParts) {
  for (int32_t type : activations)
    for (int64_t hidden : {1, 7, 320, 513, 4099, 7168})
      for (int64_t tokens : {0, 1, 5}) {
        std::vector<int64_t> dims = {tokens, hidden};
        void *a = run.upload(random(type, dims, 61)), *b = run.upload(random(type, dims, 62, 0.1f));
        dsrt_weight *w = run.upload(weight(random(type, {hidden}, 63, 2)), DSRT_USE_VECTOR);
        void *sum = run.result(type, dims), *y = run.result(type, dims), *fusedSum = run.result(type, dims),
             *fused = run.result(type, dims);
        DSRT_CALL(add, sum, a, b, tokens, hidden, type);
        DSRT_CALL(rms_norm, y, sum, w, tokens, hidden, type, 1e-5f);
        DSRT_CALL(add_rms_norm, fusedSum, fused, a, b, w, tokens, hidden, type, 1e-5f);
        expectSame(run.fetch(fusedSum, type, dims), run.fetch(sum, type, dims));
        expectSame(run.fetch(fused, type, dims), run.fetch(y, type, dims));
      }
}

DSRT_CASE(rms_norm_quantize, likeItsParts) {
  for (int32_t type : activations)
    for (const dsrt_quant &format : rowFormats())
      for (int64_t hidden : {33, 512, 1536}) {
        int64_t tokens = 3, tiles = tilesAlong(hidden, format.tile_cols);
        std::vector<int64_t> dims = {tokens, hidden};
        void *x = run.upload(random(type, dims, 64));
        dsrt_weight *w = run.upload(weight(random(type, {hidden}, 65, 2)), DSRT_USE_VECTOR);
        void *plain = run.result(type, dims), *y = run.result(type, dims), *payload = run.result(format.payload, dims);
        float *scales = static_cast<float *>(run.result(DSRT_F32, {tokens, tiles}));
        DSRT_CALL(rms_norm, plain, x, w, tokens, hidden, type, 1e-6f);
        DSRT_CALL(rms_norm_quantize, y, payload, scales, x, w, tokens, hidden, tiles, type, format.payload, 1e-6f, &format);
        Tensor got = run.fetch(y, type, dims);
        expectSame(got, run.fetch(plain, type, dims));
        expectQuantised(run, format, got, payload, scales);
      }
}

DSRT_CASE(rms_norm_quantize, refusesTilesOfSeveralRows) {
  for (dsrt_quant format : {fp8Format(128, 128), fp8Format(0, 0), nvfp4Format(DSRT_OUTER_TENSOR)}) {
    int64_t tiles = tilesAlong(128, format.tile_cols);
    EXPECT_EQ(run.backend->rms_norm_quantize(run.context, 0, nullptr, nullptr, nullptr, nullptr, nullptr, 2, 128, tiles, DSRT_F32,
                                             format.payload, 1e-6f, &format),
              DSRT_INTERNAL);
    EXPECT_EQ(run.message(), "rms_norm_quantize: expects a format whose rows are independent, but got tiles of " +
                                 std::to_string(format.tile_rows) + " rows");
  }
}

DSRT_CASE(add_rms_norm_quantize, likeItsParts) {
  for (int32_t type : activations)
    for (const dsrt_quant &format : rowFormats())
      for (int64_t hidden : {1, 200, 2048, 7168}) {
        int64_t tokens = 2, tiles = tilesAlong(hidden, format.tile_cols);
        std::vector<int64_t> dims = {tokens, hidden};
        void *a = run.upload(random(type, dims, 66)), *b = run.upload(random(type, dims, 67, 0.1f));
        dsrt_weight *w = run.upload(weight(random(type, {hidden}, 68, 2)), DSRT_USE_VECTOR);
        void *plainSum = run.result(type, dims), *plain = run.result(type, dims), *sum = run.result(type, dims),
             *y = run.result(type, dims), *payload = run.result(format.payload, dims);
        float *scales = static_cast<float *>(run.result(DSRT_F32, {tokens, tiles}));
        DSRT_CALL(add, plainSum, a, b, tokens, hidden, type);
        DSRT_CALL(rms_norm, plain, plainSum, w, tokens, hidden, type, 1e-6f);
        DSRT_CALL(add_rms_norm_quantize, sum, y, payload, scales, a, b, w, tokens, hidden, tiles, type, format.payload, 1e-6f, &format);
        expectSame(run.fetch(sum, type, dims), run.fetch(plainSum, type, dims));
        Tensor got = run.fetch(y, type, dims);
        expectSame(got, run.fetch(plain, type, dims));
        expectQuantised(run, format, got, payload, scales);
      }
}

DSRT_CASE(swiglu_quantize, likeItsParts) {
  for (int32_t type : activations)
    for (const dsrt_quant &format : rowFormats())
      for (int64_t columns : {5, 1408, 2001}) {
        int64_t rows = 7, tiles = tilesAlong(columns, format.tile_cols);
        std::vector<int64_t> dims = {rows, columns};
        Tensor gates = random(type, dims, 69, 6);
        float special[] = {-200, 200, 0, std::nanf(""), -88.5f};
        for (int i = 0; i < 5; ++i)
          gates.set(i, special[i]);
        void *gate = run.upload(gates), *up = run.upload(random(type, dims, 70)), *y = run.result(type, dims),
             *payload = run.result(format.payload, dims);
        float *scales = static_cast<float *>(run.result(DSRT_F32, {rows, tiles}));
        DSRT_CALL(swiglu, y, gate, up, rows, columns, type);
        DSRT_CALL(swiglu_quantize, payload, scales, gate, up, rows, columns, tiles, format.payload, type, &format);
        expectQuantised(run, format, run.fetch(y, type, dims), payload, scales);
      }
}

// More rows than an implementation may hold at a time: stochastic rounding goes on counting.
DSRT_CASE(swiglu_quantize, manyRows) {
  dsrt_quant format = stochastic(fp8Format(1, 128), 5);
  std::vector<int64_t> dims = {700, 512};
  void *gate = run.upload(random(DSRT_F32, dims, 71)), *up = run.upload(random(DSRT_F32, dims, 72)), *y = run.result(DSRT_F32, dims),
       *payload = run.result(format.payload, dims);
  float *scales = static_cast<float *>(run.result(DSRT_F32, {700, 4}));
  DSRT_CALL(swiglu, y, gate, up, 700, 512, DSRT_F32);
  DSRT_CALL(swiglu_quantize, payload, scales, gate, up, 700, 512, 4, format.payload, DSRT_F32, &format);
  expectQuantised(run, format, run.fetch(y, DSRT_F32, dims), payload, scales);
  DSRT_CALL(swiglu_quantize, payload, scales, gate, up, 0, 512, 4, format.payload, DSRT_F32, &format);
}

DSRT_CASE(latent_append, likeItsParts) {
  struct Shape {
    int64_t latent, pairs, rest; // columns of the key behind its pairs are copied
  };
  for (int32_t type : activations)
    for (int32_t cacheType : activations)
      for (Shape s : {Shape{512, 32, 0}, Shape{37, 3, 0}, Shape{64, 0, 5}, Shape{1, 8, 3}}) {
        HostBatch batch(run, {{3, 0, 1}, {0, 5, 2}, {4, 7, 0}});
        int64_t tokens = 7, key = 2 * s.pairs + s.rest, columns = s.latent + key;
        void *x = run.upload(random(type, {tokens, columns}, 73));
        dsrt_weight *w = run.upload(weight(random(type, {s.latent}, 74, 2)), DSRT_USE_VECTOR);
        const float *cosine = static_cast<float *>(run.upload(random(DSRT_F32, {tokens, s.pairs}, 75))),
                    *sine = static_cast<float *>(run.upload(random(DSRT_F32, {tokens, s.pairs}, 76)));
        Tensor before = random(cacheType, {4, 2, 12, columns}, 77);
        dsrt_cache *plain = run.uploadCache(before), *fused = run.uploadCache(before);
        void *latent = run.result(type, {tokens, s.latent}), *normed = run.result(type, {tokens, s.latent}),
             *keys = run.result(type, {tokens, key}), *rotated = run.result(type, {tokens, key});
        DSRT_CALL(slice_columns, latent, x, tokens, s.latent, columns, type, 0);
        DSRT_CALL(rms_norm, normed, latent, w, tokens, s.latent, type, 1e-6f);
        DSRT_CALL(slice_columns, keys, x, tokens, key, columns, type, s.latent);
        DSRT_CALL(rope, rotated, keys, cosine, sine, tokens, key, s.pairs, type, 1, 0);
        DSRT_CALL(cache_append, plain, normed, rotated, &batch.batch, tokens, s.latent, key, type, 1);
        DSRT_CALL(latent_append, fused, x, w, cosine, sine, &batch.batch, tokens, columns, s.latent, s.pairs, type, 1, 1e-6f);
        expectSame(run.fetch(fused->data, cacheType, before.dims), run.fetch(plain->data, cacheType, before.dims));
        EXPECT_EQ(run.backend->latent_append(run.context, 0, fused, x, w, cosine, sine, &batch.batch, tokens, columns, s.latent, s.pairs,
                                             type, 2, 1e-6f),
                  DSRT_INTERNAL)
            << "a layer that the cache does not have";
      }
}

DSRT_CASE(rope_latent_append, likeItsParts) {
  struct Shape {
    int64_t heads, nope, latent, pairs, rest;
  };
  for (int32_t type : activations)
    for (int32_t cacheType : {type, int32_t(DSRT_F32)})
      for (Shape s : {Shape{16, 128, 512, 32, 0}, Shape{3, 5, 37, 3, 0}, Shape{2, 8, 64, 0, 8}, Shape{1, 0, 8, 8, 0}})
        for (bool decode : {false, true}) {
          HostBatch batch(run, decode ? std::vector<HostBatch::Row>{{1, 3, 2}, {1, 11, 0}, {1, 0, 1}}
                                      : std::vector<HostBatch::Row>{{3, 0, 1}, {0, 5, 2}, {4, 7, 0}});
          int64_t tokens = batch.batch.tokens, columns = s.latent + 2 * s.pairs + s.rest, qColumns = s.heads * (s.nope + 2 * s.pairs);
          void *q = run.upload(random(type, {tokens, qColumns}, 97)), *x = run.upload(random(type, {tokens, columns}, 98));
          dsrt_weight *w = run.upload(weight(random(type, {s.latent}, 74, 2)), DSRT_USE_VECTOR);
          const float *cosine = static_cast<float *>(run.upload(random(DSRT_F32, {tokens, s.pairs}, 75))),
                      *sine = static_cast<float *>(run.upload(random(DSRT_F32, {tokens, s.pairs}, 76)));
          Tensor before = random(cacheType, {4, 2, 12, columns}, 77);
          dsrt_cache *plain = run.uploadCache(before), *fused = run.uploadCache(before);
          void *rotated = run.result(type, {tokens, qColumns}), *y = run.result(type, {tokens, qColumns});
          DSRT_CALL(rope, rotated, q, cosine, sine, tokens, qColumns, s.pairs, type, s.heads, s.nope);
          DSRT_CALL(latent_append, plain, x, w, cosine, sine, &batch.batch, tokens, columns, s.latent, s.pairs, type, 1, 1e-6f);
          DSRT_CALL(rope_latent_append, y, fused, q, x, w, cosine, sine, &batch.batch, tokens, qColumns, columns, s.latent, s.pairs, type,
                    s.heads, s.nope, 1, 1e-6f);
          expectSame(run.fetch(y, type, {tokens, qColumns}), run.fetch(rotated, type, {tokens, qColumns}));
          expectSame(run.fetch(fused->data, cacheType, before.dims), run.fetch(plain->data, cacheType, before.dims));
        }
}

DSRT_CASE(route_order, likeItsParts) {
  struct Routing {
    int64_t experts, topK, scoring, selection, groups, topGroups, normalize;
    bool bias;
  };
  for (Routing r : {Routing{256, 8, DSRT_SCORING_SIGMOID, DSRT_SELECTION_NOAUX_TC, 8, 4, 1, true},
                    Routing{64, 6, DSRT_SCORING_SOFTMAX, DSRT_SELECTION_GREEDY, 1, 1, 0, false},
                    Routing{24, 5, DSRT_SCORING_SOFTMAX, DSRT_SELECTION_GROUP_LIMITED_GREEDY, 4, 2, 0, false},
                    Routing{3, 3, DSRT_SCORING_SIGMOID, DSRT_SELECTION_NOAUX_TC, 1, 1, 1, true}})
    for (int64_t tokens : {0, 1, 37, 300}) {
      int64_t pairs = tokens * r.topK, bounds = r.experts + 1;
      const float *logits = static_cast<float *>(run.upload(random(DSRT_F32, {tokens, r.experts}, 78, 2)));
      dsrt_weight *bias = r.bias ? run.upload(weight(random(DSRT_F32, {r.experts}, 79, 0.3f)), DSRT_USE_VECTOR) : nullptr;
      struct Results {
        float *weights;
        int32_t *experts, *order, *offsets;
      } plain, fused;
      for (Results *results : {&plain, &fused})
        *results = {static_cast<float *>(run.result(DSRT_F32, {tokens, r.topK})),
                    static_cast<int32_t *>(run.result(DSRT_I32, {tokens, r.topK})), static_cast<int32_t *>(run.result(DSRT_I32, {pairs})),
                    static_cast<int32_t *>(run.result(DSRT_I32, {bounds}))};
      DSRT_CALL(route, plain.weights, plain.experts, logits, bias, tokens, r.topK, r.experts, r.scoring, r.selection, r.groups, r.topGroups,
                r.normalize, 2.5f);
      DSRT_CALL(expert_order, plain.order, plain.offsets, plain.experts, pairs, bounds, tokens, r.topK);
      DSRT_CALL(route_order, fused.weights, fused.experts, fused.order, fused.offsets, logits, bias, tokens, r.topK, pairs, bounds,
                r.experts, r.scoring, r.selection, r.groups, r.topGroups, r.normalize, 2.5f);
      expectSame(run.fetch(fused.weights, DSRT_F32, {tokens, r.topK}), run.fetch(plain.weights, DSRT_F32, {tokens, r.topK}));
      expectSame(run.fetch(fused.experts, DSRT_I32, {tokens, r.topK}), run.fetch(plain.experts, DSRT_I32, {tokens, r.topK}));
      expectSame(run.fetch(fused.order, DSRT_I32, {pairs}), run.fetch(plain.order, DSRT_I32, {pairs}));
      expectSame(run.fetch(fused.offsets, DSRT_I32, {bounds}), run.fetch(plain.offsets, DSRT_I32, {bounds}));
    }
}

DSRT_CASE(gather_quantized, likeItsParts) {
  int32_t *index = static_cast<int32_t *>(run.upload(integers({6}, {11, 0, 4, 5, 3, 9})));
  for (int32_t type : {DSRT_F8E4M3, DSRT_F8E5M2, DSRT_F4E2M1})
    for (int64_t columns : {1, 33, 7168}) {
      int64_t tiles = (columns + 127) / 128;
      Tensor x(type, {4, columns});
      for (size_t i = 0; i < x.bytes.size(); ++i)
        x.bytes[i] = uint8_t(i * 37 + 5);
      void *payload = run.upload(x), *plain = run.result(type, {6, columns}), *fused = run.result(type, {6, columns});
      float *scales = static_cast<float *>(run.upload(random(DSRT_F32, {4, tiles}, 80))),
            *plainScales = static_cast<float *>(run.result(DSRT_F32, {6, tiles})),
            *fusedScales = static_cast<float *>(run.result(DSRT_F32, {6, tiles}));
      for (int64_t divisor : {3, 4}) {
        DSRT_CALL(gather_rows, plain, payload, index, 6, columns, 4, type, divisor);
        DSRT_CALL(gather_rows, plainScales, scales, index, 6, tiles, 4, DSRT_F32, divisor);
        DSRT_CALL(gather_quantized, fused, fusedScales, payload, scales, index, 6, columns, tiles, 4, type, divisor);
        expectSame(run.fetch(fused, type, {6, columns}), run.fetch(plain, type, {6, columns}));
        expectSame(run.fetch(fusedScales, DSRT_F32, {6, tiles}), run.fetch(plainScales, DSRT_F32, {6, tiles}));
      }
    }
}

DSRT_CASE(combine_add, likeItsParts) {
  for (int32_t type : activations)
    for (int64_t hidden : {1, 700, 7168})
      for (int64_t tokens : {0, 1, 90}) {
        int64_t topK = 3, rows = tokens * topK;
        std::vector<int32_t> pairs;
        for (int64_t i = 0; i < rows; ++i)
          pairs.push_back(int32_t(i * 77 % rows)); // 77 has no factor in common with 3 and 270
        void *x = run.upload(random(type, {rows, hidden}, 81)), *b = run.upload(random(type, {tokens, hidden}, 82));
        float *weights = static_cast<float *>(run.upload(random(DSRT_F32, {tokens, topK}, 83)));
        int32_t *order = static_cast<int32_t *>(run.upload(integers({rows}, pairs)));
        std::vector<int64_t> dims = {tokens, hidden};
        void *combined = run.result(type, dims), *plain = run.result(type, dims), *fused = run.result(type, dims);
        DSRT_CALL(combine, combined, x, weights, order, tokens, hidden, rows, topK, type);
        DSRT_CALL(add, plain, combined, b, tokens, hidden, type);
        DSRT_CALL(combine_add, fused, x, weights, order, b, tokens, hidden, rows, topK, type);
        expectSame(run.fetch(fused, type, dims), run.fetch(plain, type, dims));
      }
}

DSRT_CASE(linear_pair, likeItsParts) {
  for (int32_t type : activations)
    for (int64_t k : {1, 320, 2048})
      for (int64_t tokens : {0, 3, 70})
        for (int32_t result : {type, int32_t(DSRT_F32)}) {
          int64_t n1 = 130, n2 = 33;
          void *x = run.upload(random(type, {tokens, k}, 84)), *plain1 = run.result(result, {tokens, n1}),
               *plain2 = run.result(result, {tokens, n2}), *y1 = run.result(result, {tokens, n1}), *y2 = run.result(result, {tokens, n2});
          dsrt_weight *w1 = run.upload(weight(plainFormat(type), {1, n1, k}, 85), DSRT_USE_MATMUL),
                      *w2 = run.upload(weight(plainFormat(type), {1, n2, k}, 86), DSRT_USE_MATMUL);
          DSRT_CALL(linear, plain1, x, w1, tokens, n1, k, result, type, 1);
          DSRT_CALL(linear, plain2, x, w2, tokens, n2, k, result, type, 1);
          DSRT_CALL(linear_pair, y1, y2, x, w1, w2, tokens, n1, n2, k, result, type, 1);
          double slack = result == DSRT_F32 && type != DSRT_F32 ? 1 : 4e-7 * double(k) + 1e-6; // rounded to `type` before
          expectProduct(run, run.fetch(y1, result, {tokens, n1}), run.fetch(plain1, result, {tokens, n1}), slack);
          expectProduct(run, run.fetch(y2, result, {tokens, n2}), run.fetch(plain2, result, {tokens, n2}), slack);
        }
}

DSRT_CASE(scaled_matmul_pair, likeItsParts) {
  for (const dsrt_quant &activation : {fp8Format(1, 128), nvfp4Format(DSRT_OUTER_ROW)})
    for (const dsrt_quant &format : {fp8Format(128, 128), fp8Format(1, 0), mxfp4Format()})
      for (int32_t result : activations)
        for (int64_t k : {96, 1536}) {
          int64_t tokens = 5, n1 = 256, n2 = 70, tiles = tilesAlong(k, activation.tile_cols);
          Quantised source = quantised(activation, floatsOf(random(DSRT_F32, {tokens, k}, 87)), tokens, k);
          Tensor x(activation.payload, {tokens, k}), rowScales(DSRT_F32, {tokens, tiles});
          x.bytes = packed(activation.payload, source.codes, tokens, k);
          for (int64_t r = 0; r < tokens; ++r)
            for (int64_t t = 0; t < tiles; ++t)
              rowScales.set(r * tiles + t, source.scaleAt(r, t * source.tileCols));
          void *payload = run.upload(x), *plain1 = run.result(result, {tokens, n1}), *plain2 = run.result(result, {tokens, n2}),
               *y1 = run.result(result, {tokens, n1}), *y2 = run.result(result, {tokens, n2});
          float *scales = static_cast<float *>(run.upload(rowScales));
          dsrt_weight *w1 = run.upload(weight(format, {1, n1, k}, 88), DSRT_USE_MATMUL),
                      *w2 = run.upload(weight(format, {1, n2, k}, 89), DSRT_USE_MATMUL);
          DSRT_CALL(scaled_matmul, plain1, payload, scales, w1, tokens, n1, k, tiles, result, activation.payload, &activation, 128);
          DSRT_CALL(scaled_matmul, plain2, payload, scales, w2, tokens, n2, k, tiles, result, activation.payload, &activation, 128);
          DSRT_CALL(scaled_matmul_pair, y1, y2, payload, scales, w1, w2, tokens, n1, n2, k, tiles, result, activation.payload, &activation,
                    128);
          double slack = 8 * (4e-7 * double(k) + 1e-6);
          expectProduct(run, run.fetch(y1, result, {tokens, n1}), run.fetch(plain1, result, {tokens, n1}), slack);
          expectProduct(run, run.fetch(y2, result, {tokens, n2}), run.fetch(plain2, result, {tokens, n2}), slack);
        }
}

DSRT_CASE(grouped_linear_pair, likeItsParts) {
  int32_t *offsets = static_cast<int32_t *>(run.upload(integers({7}, expertOffsets)));
  for (int32_t type : activations)
    for (int64_t k : {40, 1024}) {
      int64_t rows = 15, n1 = 130, n2 = 33, experts = 4;
      void *x = run.upload(random(type, {rows, k}, 90)), *plain1 = run.result(type, {rows, n1}), *plain2 = run.result(type, {rows, n2}),
           *y1 = run.result(type, {rows, n1}), *y2 = run.result(type, {rows, n2});
      dsrt_weight *w1 = run.upload(weight(plainFormat(type), {experts, n1, k}, 91), DSRT_USE_MATMUL),
                  *w2 = run.upload(weight(plainFormat(type), {experts, n2, k}, 92), DSRT_USE_MATMUL);
      DSRT_CALL(grouped_linear, plain1, x, offsets, w1, rows, n1, k, 7, experts, type, type, 1, 1);
      DSRT_CALL(grouped_linear, plain2, x, offsets, w2, rows, n2, k, 7, experts, type, type, 1, 1);
      DSRT_CALL(grouped_linear_pair, y1, y2, x, offsets, w1, w2, rows, n1, n2, k, 7, experts, type, type, 1, 1);
      expectProduct(run, run.fetch(y1, type, {rows, n1}), run.fetch(plain1, type, {rows, n1}), 4e-7 * double(k) + 1e-6);
      expectProduct(run, run.fetch(y2, type, {rows, n2}), run.fetch(plain2, type, {rows, n2}), 4e-7 * double(k) + 1e-6);
    }
}

DSRT_CASE(grouped_scaled_matmul_pair, likeItsParts) {
  int32_t *offsets = static_cast<int32_t *>(run.upload(integers({7}, expertOffsets)));
  for (const dsrt_quant &activation : {fp8Format(1, 128), mxfp4Format()})
    for (const dsrt_quant &format : {fp8Format(128, 128), nvfp4Format(DSRT_OUTER_TENSOR)}) {
      int64_t rows = 15, n1 = 256, n2 = 70, k = 384, experts = 4, tiles = tilesAlong(k, activation.tile_cols);
      Quantised source = quantised(activation, floatsOf(random(DSRT_F32, {rows, k}, 93)), rows, k);
      Tensor x(activation.payload, {rows, k});
      x.bytes = packed(activation.payload, source.codes, rows, k);
      Tensor rowScales(DSRT_F32, {rows, tiles});
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t t = 0; t < tiles; ++t)
          rowScales.set(r * tiles + t, source.scaleAt(r, t * source.tileCols));
      void *payload = run.upload(x), *plain1 = run.result(DSRT_BF16, {rows, n1}), *plain2 = run.result(DSRT_BF16, {rows, n2}),
           *y1 = run.result(DSRT_BF16, {rows, n1}), *y2 = run.result(DSRT_BF16, {rows, n2});
      float *scales = static_cast<float *>(run.upload(rowScales));
      dsrt_weight *w1 = run.upload(weight(format, {experts, n1, k}, 94), DSRT_USE_MATMUL),
                  *w2 = run.upload(weight(format, {experts, n2, k}, 95), DSRT_USE_MATMUL);
      auto plain = [&](void *y, dsrt_weight *w, int64_t n) {
        DSRT_CALL(grouped_scaled_matmul, y, payload, scales, offsets, w, rows, n, k, tiles, 7, experts, DSRT_BF16, activation.payload, 1,
                  &activation, 128);
      };
      plain(plain1, w1, n1);
      plain(plain2, w2, n2);
      DSRT_CALL(grouped_scaled_matmul_pair, y1, y2, payload, scales, offsets, w1, w2, rows, n1, n2, k, tiles, 7, experts, DSRT_BF16,
                activation.payload, 1, &activation, 128);
      expectProduct(run, run.fetch(y1, DSRT_BF16, {rows, n1}), run.fetch(plain1, DSRT_BF16, {rows, n1}), 1e-3);
      expectProduct(run, run.fetch(y2, DSRT_BF16, {rows, n2}), run.fetch(plain2, DSRT_BF16, {rows, n2}), 1e-3);
    }
}
