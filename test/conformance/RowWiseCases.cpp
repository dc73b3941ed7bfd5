// Cases of the operations that treat rows or elements by themselves, and of rotary embedding.
#include "test/conformance/Harness.h"

#include <cmath>
#include <limits>

using namespace dsrt;
using namespace dsrt::conformance;

namespace {

const float infinity = std::numeric_limits<float>::infinity();
const int32_t activations[] = {DSRT_F32, DSRT_BF16, DSRT_F16};

float asFloat(const Tensor &tensor, int64_t index) { return float(tensor[index]); }

} // namespace

DSRT_CASE(embedding, rowsOfTheTable) {
  for (int32_t type : activations)
    for (const dsrt_quant &format : {plainFormat(DSRT_F32), plainFormat(DSRT_BF16), plainFormat(DSRT_F16), fp8Format(128, 128),
                                     fp8Format(1, 0), fp8Format(3, 100), mxfp4Format(), nf4Format(1)})
      for (int64_t hidden : {1, 7, 600}) {
        HostWeight table = weight(format, {1, 11, hidden}, 1);
        Tensor ids = integers({5}, {10, 0, 3, 3, 7});
        void *y = run.result(type, {5, hidden});
        DSRT_CALL(embedding, y, static_cast<int32_t *>(run.upload(ids)), run.upload(table, DSRT_USE_ROWS), 5, hidden, 11, type);
        Tensor want(type, {5, hidden});
        for (int64_t t = 0; t < 5; ++t)
          for (int64_t c = 0; c < hidden; ++c)
            want.set(t * hidden + c, float(table.values[size_t(int64_t(ids[t]) * hidden + c)]));
        expectSame(run.fetch(y, type, {5, hidden}), want);
      }
}

DSRT_CASE(embedding, idsOutsideTheVocabulary) {
  HostWeight table = weight(plainFormat(DSRT_F32), {1, 11, 4}, 1);
  void *y = run.result(DSRT_F32, {2, 4});
  for (int32_t bad : {-1, 11, 2147483647}) {
    int32_t *ids = static_cast<int32_t *>(run.upload(integers({2}, {0, bad})));
    // Where the call is only queued, the message has no weight's name.
    std::string message = run.expectFailure(
        DSRT_REJECTED, run.backend->embedding(run.context, 0, y, ids, run.upload(table, DSRT_USE_ROWS), 2, 4, 11, DSRT_F32));
    EXPECT_TRUE(message.starts_with("embedding: expects token ids from 0 to 10, the vocabulary")) << message;
    EXPECT_TRUE(message.ends_with(", but got " + std::to_string(bad) + " at token 1")) << message;
  }
  DSRT_CALL(embedding, y, static_cast<int32_t *>(run.upload(integers({0}, {}))), run.upload(table, DSRT_USE_ROWS), 0, 4, 11, DSRT_F32);
}

DSRT_CASE(cast, everyPair) {
  for (int32_t from : activations)
    for (int32_t to : activations)
      for (int64_t columns : {0, 1, 3001}) {
        Tensor x = random(from, {3, columns}, 2, 3000);
        if (columns > 8) {
          float special[] = {infinity, -infinity, std::nanf(""), -0.f, 65504, 65520, 1e30f, 1e-7f};
          for (int i = 0; i < 8; ++i)
            x.set(i, special[i]);
        }
        void *y = run.result(to, {3, columns});
        DSRT_CALL(cast, y, run.upload(x), 3, columns, to, from);
        Tensor want(to, {3, columns});
        for (int64_t i = 0; i < want.size(); ++i)
          want.set(i, asFloat(x, i));
        expectSame(run.fetch(y, to, {3, columns}), want);
      }
}

DSRT_CASE(add, roundsOnce) {
  for (int32_t type : activations)
    for (int64_t columns : {1, 7, 9001}) {
      Tensor a = random(type, {5, columns}, 3), b = random(type, {5, columns}, 4, 0.01f);
      void *y = run.result(type, {5, columns});
      DSRT_CALL(add, y, run.upload(a), run.upload(b), 5, columns, type);
      Tensor want(type, {5, columns});
      for (int64_t i = 0; i < want.size(); ++i)
        want.set(i, asFloat(a, i) + asFloat(b, i));
      expectSame(run.fetch(y, type, {5, columns}), want);
      // In place, as a planned arena may have it.
      void *place = run.upload(a);
      DSRT_CALL(add, place, place, run.upload(b), 5, columns, type);
      expectSame(run.fetch(place, type, {5, columns}), want);
    }
}

DSRT_CASE(slice_columns, anyBytes) {
  for (int32_t type : {DSRT_F32, DSRT_BF16, DSRT_F16, DSRT_F8E4M3})
    for (int64_t begin : {0, 3, 6}) {
      Tensor x = random(type, {1000, 47}, 5), want(type, {1000, 41});
      void *y = run.result(type, {1000, 41});
      DSRT_CALL(slice_columns, y, run.upload(x), 1000, 41, 47, type, begin);
      for (int64_t t = 0; t < 1000; ++t)
        for (int64_t c = 0; c < 41; ++c)
          want.set(t * 41 + c, float(x.at(t, begin + c)));
      expectSame(run.fetch(y, type, {1000, 41}), want);
    }
  EXPECT_EQ(run.backend->slice_columns(run.context, 0, nullptr, nullptr, 1, 41, 47, DSRT_F32, 7), DSRT_INTERNAL);
  EXPECT_EQ(run.backend->slice_columns(run.context, 0, nullptr, nullptr, 1, 41, 47, DSRT_F32, -1), DSRT_INTERNAL);
}

DSRT_CASE(rms_norm, oddWidths) {
  for (int32_t type : activations)
    for (int64_t hidden : {1, 7, 16, 320, 513, 4099, 7168, 9216}) {
      // Small values, so that eps matters; one row of zeros.
      float eps = 1e-2f;
      Tensor x = random(type, {4, hidden}, 6, 0.2f);
      for (int64_t c = 0; c < hidden; ++c)
        x.set(2 * hidden + c, 0);
      HostWeight factors = weight(random(type, {hidden}, 7, 2));
      void *y = run.result(type, {4, hidden});
      DSRT_CALL(rms_norm, y, run.upload(x), run.upload(factors, DSRT_USE_VECTOR), 4, hidden, type, eps);
      std::vector<double> want;
      for (int64_t t = 0; t < 4; ++t) {
        double squares = 0;
        for (int64_t c = 0; c < hidden; ++c)
          squares += x.at(t, c) * x.at(t, c);
        for (int64_t c = 0; c < hidden; ++c)
          want.push_back(x.at(t, c) / std::sqrt(squares / double(hidden) + double(eps)) * factors.values[size_t(c)]);
      }
      expectClose(run.fetch(y, type, {4, hidden}), want, 4e-6);
    }
}

DSRT_CASE(rms_norm, aNaNStaysInItsRow) {
  Tensor x = random(DSRT_F32, {3, 40}, 8);
  x.set(40 + 13, std::nanf(""));
  void *y = run.result(DSRT_F32, {3, 40});
  DSRT_CALL(rms_norm, y, run.upload(x), run.upload(weight(filled(DSRT_F32, {40}, 1)), DSRT_USE_VECTOR), 3, 40, DSRT_F32, 1e-6f);
  Tensor got = run.fetch(y, DSRT_F32, {3, 40});
  for (int64_t i = 0; i < 120; ++i)
    EXPECT_EQ(std::isnan(got[i]), i / 40 == 1) << i;
  EXPECT_EQ(
      run.backend->rms_norm(run.context, 0, y, y, run.upload(weight(filled(DSRT_F32, {39}, 1)), DSRT_USE_VECTOR), 3, 40, DSRT_F32, 1e-6f),
      DSRT_INTERNAL);
}

DSRT_CASE(swiglu, ofTheWholeRange) {
  for (int32_t type : activations)
    for (int64_t columns : {5, 12001}) {
      Tensor gate = random(type, {3, columns}, 9, 6), up = random(type, {3, columns}, 10);
      float special[] = {-200, 200, 0, std::nanf(""), -88.5f};
      for (int i = 0; i < 5; ++i)
        gate.set(i, special[i]);
      void *y = run.result(type, {3, columns});
      DSRT_CALL(swiglu, y, run.upload(gate), run.upload(up), 3, columns, type);
      std::vector<double> want;
      for (int64_t i = 0; i < gate.size(); ++i)
        want.push_back(gate[i] / (1 + std::exp(-gate[i])) * up[i]);
      expectClose(run.fetch(y, type, {3, columns}), want, 1e-5);
    }
}

DSRT_CASE(rope_table, positionsOfRaggedRows) {
  HostBatch batch(run, {{3, 0, 1}, {0, 5, 2}, {4, 100000, 0}});
  std::vector<float> frequencies = {1, 0.3f, 1e-4f, 0.0123f, 0};
  void *cosine = run.result(DSRT_F32, {7, 5}), *sine = run.result(DSRT_F32, {7, 5});
  DSRT_CALL(rope_table, static_cast<float *>(cosine), static_cast<float *>(sine), &batch.batch, 7, 5, frequencies.data(), 5, 1.25f);
  std::vector<double> wantCosine, wantSine;
  for (int64_t position : {0, 1, 2, 100000, 100001, 100002, 100003})
    for (float frequency : frequencies) {
      float angle = float(position) * frequency;
      wantCosine.push_back(std::cos(double(angle)) * 1.25);
      wantSine.push_back(std::sin(double(angle)) * 1.25);
    }
  expectClose(run.fetch(cosine, DSRT_F32, {7, 5}), wantCosine, 2e-7);
  expectClose(run.fetch(sine, DSRT_F32, {7, 5}), wantSine, 2e-7);
  EXPECT_EQ(run.backend->rope_table(run.context, 0, static_cast<float *>(cosine), static_cast<float *>(sine), &batch.batch, 8, 5,
                                    frequencies.data(), 5, 1),
            DSRT_INTERNAL);
}

DSRT_CASE(rope, rotatesPairsOfEachHead) {
  for (int32_t type : activations)
    for (int64_t pairs : {0, 1, 16, 400})
      for (int64_t begin : {0, 5}) {
        int64_t heads = 3, width = begin + 2 * pairs + 3, columns = heads * width;
        Tensor x = random(type, {9, columns}, 11), cosine = random(DSRT_F32, {9, pairs}, 12), sine = random(DSRT_F32, {9, pairs}, 13);
        // The operands of the rotation are of type T; the table comes in F32.
        Tensor cosineT(type, {9, pairs}), sineT(type, {9, pairs});
        for (int64_t i = 0; i < 9 * pairs; ++i)
          cosineT.set(i, float(cosine[i])), sineT.set(i, float(sine[i]));
        std::vector<double> want;
        for (int64_t t = 0; t < 9; ++t)
          for (int64_t c = 0; c < columns; ++c) {
            int64_t inside = c % width - begin, pair = inside / 2;
            double value = x.at(t, c);
            if (inside >= 0 && inside < 2 * pairs)
              value = inside % 2 == 0 ? value * cosineT.at(t, pair) - x.at(t, c + 1) * sineT.at(t, pair)
                                      : value * cosineT.at(t, pair) + x.at(t, c - 1) * sineT.at(t, pair);
            want.push_back(value);
          }
        const float *c = static_cast<float *>(run.upload(cosine)), *s = static_cast<float *>(run.upload(sine));
        void *y = run.result(type, {9, columns}), *place = run.upload(x);
        DSRT_CALL(rope, y, run.upload(x), c, s, 9, columns, pairs, type, heads, begin);
        Tensor got = run.fetch(y, type, {9, columns});
        expectClose(got, want, 1e-6);
        DSRT_CALL(rope, place, place, c, s, 9, columns, pairs, type, heads, begin);
        expectSame(run.fetch(place, type, {9, columns}), got);
      }
  EXPECT_EQ(run.backend->rope(run.context, 0, nullptr, nullptr, nullptr, nullptr, 1, 10, 2, DSRT_F32, 3, 0), DSRT_INTERNAL);
  EXPECT_EQ(run.backend->rope(run.context, 0, nullptr, nullptr, nullptr, nullptr, 1, 10, 2, DSRT_F32, 2, 2), DSRT_INTERNAL);
}
