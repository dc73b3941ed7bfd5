// Cases of the products: linear, scaled_matmul and their grouped forms.
#include "test/conformance/Harness.h"

#include <cmath>

using namespace dsrt;
using namespace dsrt::conformance;

namespace {

const int32_t activations[] = {DSRT_F32, DSRT_BF16, DSRT_F16};

/// A left-hand side, and what it stands for.
struct Operand {
  Tensor data, scales;
  int64_t tiles = 0;
  std::vector<double> values;
};

Operand plainOperand(int32_t type, int64_t rows, int64_t k, unsigned seed) {
  Operand x{random(type, {rows, k}, seed), {}, 0, {}};
  for (int64_t i = 0; i < rows * k; ++i)
    x.values.push_back(x.data[i]);
  return x;
}

/// Quantised; each row has its own scales, as the operation quantize leaves them.
Operand quantisedOperand(const dsrt_quant &format, int64_t rows, int64_t k, unsigned seed) {
  Quantised source = quantised(format, floatsOf(random(DSRT_F32, {rows, k}, seed)), rows, k);
  int64_t tiles = tilesAlong(k, format.tile_cols);
  Operand x{Tensor(format.payload, {rows, k}), Tensor(DSRT_F32, {rows, tiles}), tiles, valuesOf(format, source)};
  x.data.bytes = packed(format.payload, source.codes, rows, k);
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t t = 0; t < tiles; ++t)
      x.scales.set(r * tiles + t, source.scaleAt(r, t * source.tileCols));
  return x;
}

/// The products of rows [begin, end) with one expert's weight, written to y [rows, n].
void reference(const Operand &x, const HostWeight &w, int64_t expert, int64_t begin, int64_t end, std::vector<double> &y) {
  int64_t n = w.dims[1], k = w.dims[2];
  for (int64_t m = begin; m < end; ++m)
    for (int64_t i = 0; i < n; ++i) {
      double sum = 0;
      for (int64_t c = 0; c < k; ++c)
        sum += x.values[size_t(m * k + c)] * w.values[size_t((expert * n + i) * k + c)];
      y[size_t(m * n + i)] = sum;
    }
}

/// What F32 sums of k products of values around 1 may be off.
double slackOf(int64_t k) { return 4e-7 * double(k) + 1e-6; }

/// The same of products of these payloads, whose magnitudes are 2 / pi on average. An F32 result must be summed in F32.
double slackOf(const Run &run, int32_t result, int32_t x, int32_t weight, int64_t k) {
  bool narrow = result != DSRT_F32 && x == DSRT_F8E4M3 && weight == DSRT_F8E4M3;
  return slackOf(k) + (narrow ? run.partialSumError * double(k) : 0);
}

} // namespace

DSRT_CASE(linear, oddShapes) {
  struct Shape {
    int64_t m, n, k;
  };
  for (int32_t type : activations)
    for (Shape s : {Shape{1, 1, 1}, Shape{3, 17, 320}, Shape{33, 65, 129}, Shape{0, 5, 7}, Shape{1, 200, 576}})
      for (int32_t result : {int32_t(DSRT_F32), type}) {
        Operand x = plainOperand(type, s.m, s.k, 21);
        HostWeight w = weight(plainFormat(type), {1, s.n, s.k}, 22);
        std::vector<double> want(size_t(s.m * s.n));
        reference(x, w, 0, 0, s.m, want);
        Tensor first;
        for (bool prepared : {false, true}) {
          void *y = run.result(result, {s.m, s.n});
          DSRT_CALL(linear, y, run.upload(x.data), run.upload(w, DSRT_USE_MATMUL, prepared), s.m, s.n, s.k, result, type, 0);
          Tensor got = run.fetch(y, result, {s.m, s.n});
          expectClose(got, want, slackOf(s.k));
          if (!prepared)
            first = got;
          else
            expectSame(got, first);
        }
      }
  HostWeight w = weight(plainFormat(DSRT_F32), {1, 5, 7}, 22);
  EXPECT_EQ(run.backend->linear(run.context, 0, nullptr, nullptr, run.upload(w, DSRT_USE_MATMUL), 1, 7, 5, DSRT_F32, DSRT_F32, 0),
            DSRT_INTERNAL);
}

// Rounded to X, then to Y: small integers, whose sums are exact, so that every bit is known.
DSRT_CASE(linear, roundsToItsComputeType) {
  for (int32_t type : activations)
    for (int32_t result : activations) {
      int64_t m = 3, n = 700, k = 64;
      Tensor x(type, {m, k}), w(type, {n, k}), want(result, {m, n});
      for (int64_t i = 0; i < m * k; ++i)
        x.set(i, float(i * 7 % 41));
      for (int64_t i = 0; i < n * k; ++i)
        w.set(i, float(i * 5 % 37));
      bool differs = false;
      for (int64_t t = 0; t < m; ++t)
        for (int64_t i = 0; i < n; ++i) {
          double sum = 0;
          for (int64_t c = 0; c < k; ++c)
            sum += x.at(t, c) * w.at(i, c);
          Tensor rounded(type, {1});
          rounded.set(0, float(sum));
          want.set(t * n + i, float(rounded[0]));
          differs |= rounded[0] != sum;
        }
      EXPECT_EQ(differs, type != DSRT_F32) << "the sums do not tell whether they are rounded";
      void *y = run.result(result, {m, n});
      DSRT_CALL(linear, y, run.upload(x), run.upload(weight(w), DSRT_USE_MATMUL), m, n, k, result, type, 1);
      expectSame(run.fetch(y, result, {m, n}), want);
      // The same as the rows of one expert, between rows that are left as they are.
      HostWeight stacked = weight(w);
      void *grouped = run.result(result, {m + 2, n});
      Tensor all = run.fetch(grouped, result, {m + 2, n}), padded(type, {m + 2, k});
      size_t row = size_t(n) * elementBytes(result);
      memcpy(all.bytes.data() + row, want.bytes.data(), size_t(m) * row);
      memcpy(padded.bytes.data() + size_t(k) * elementBytes(type), x.bytes.data(), x.bytes.size());
      DSRT_CALL(grouped_linear, grouped, run.upload(padded), static_cast<int32_t *>(run.upload(integers({2}, {1, 4}))),
                run.upload(stacked, DSRT_USE_MATMUL), m + 2, n, k, 2, 1, result, type, 0, 1);
      expectSame(run.fetch(grouped, result, {m + 2, n}), all);
    }
}

DSRT_CASE(scaled_matmul, everyTile) {
  struct Formats {
    dsrt_quant x, w;
    int64_t promote;
  };
  dsrt_quant odd = mxfp4Format();
  odd.tile_rows = 3, odd.tile_cols = 7;
  const Formats formats[] = {{fp8Format(1, 128), fp8Format(128, 128), 128},
                             {powersOfTwo(fp8Format(1, 128)), powersOfTwo(fp8Format(128, 128)), 128},
                             {fp8Format(1, 0), fp8Format(1, 0), 0},
                             {fp8Format(0, 0), fp8Format(0, 0), 0},
                             {fp8Format(1, 0), fp8Format(0, 0), 128},
                             {fp8Format(0, 0), fp8Format(128, 128), 128},
                             {fp8Format(1, 128), fp8Format(1, 0), 64},
                             {fp8Format(1, 128), fp8Format(128, 128), 0},
                             {nvfp4Format(DSRT_OUTER_ROW), nvfp4Format(DSRT_OUTER_TENSOR), 0},
                             {mxfp4Format(), mxfp4Format(), 0},
                             {fp8Format(1, 128), nvfp4Format(DSRT_OUTER_TENSOR), 128},
                             {fp8Format(1, 0), mxfp4Format(), 0},
                             {mxfp4Format(), fp8Format(128, 128), 128},
                             {odd, odd, 0}};
  for (const Formats &f : formats)
    for (int64_t m : {0, 1, 5, 40})
      for (int64_t k : {1, 128, 321}) {
        int64_t n = 83;
        Operand x = quantisedOperand(f.x, m, k, 23);
        HostWeight w = weight(f.w, {1, n, k}, 24);
        std::vector<double> want(size_t(m * n));
        reference(x, w, 0, 0, m, want);
        for (int32_t result : activations)
          for (bool prepared : {false, true}) {
            void *y = run.result(result, {m, n});
            DSRT_CALL(scaled_matmul, y, run.upload(x.data), static_cast<float *>(run.upload(x.scales)),
                      run.upload(w, DSRT_USE_MATMUL, prepared), m, n, k, x.tiles, result, f.x.payload, &f.x, f.promote);
            expectClose(run.fetch(y, result, {m, n}), want, slackOf(run, result, f.x.payload, f.w.payload, k));
          }
      }
  dsrt_quant format = fp8Format(1, 128);
  HostWeight w = weight(fp8Format(128, 128), {1, 5, 256}, 24);
  EXPECT_EQ(run.backend->scaled_matmul(run.context, 0, nullptr, nullptr, nullptr, run.upload(w, DSRT_USE_MATMUL), 1, 5, 256, 3, DSRT_F32,
                                       DSRT_F8E4M3, &format, 128),
            DSRT_INTERNAL);
  EXPECT_EQ(run.message(), "scaled_matmul: expects 2 scale columns for K = 256 in tiles of 128, but got 3");
}

// Rows and experts enough for the kernels that a backend has for many, and extents that their tiles divide, and not.
DSRT_CASE(scaled_matmul, manyRows) {
  dsrt_quant xFormat = fp8Format(1, 128), wFormat = fp8Format(128, 128);
  for (int64_t m : {70, 130, 261})
    for (auto [n, k] : {std::pair<int64_t, int64_t>{256, 512}, {272, 400}}) {
      Operand x = quantisedOperand(xFormat, m, k, 43);
      HostWeight w = weight(wFormat, {1, n, k}, 44);
      std::vector<double> want(size_t(m * n));
      reference(x, w, 0, 0, m, want);
      void *y = run.result(DSRT_BF16, {m, n});
      DSRT_CALL(scaled_matmul, y, run.upload(x.data), static_cast<float *>(run.upload(x.scales)), run.upload(w, DSRT_USE_MATMUL), m, n, k,
                x.tiles, DSRT_BF16, DSRT_F8E4M3, &xFormat, 128);
      expectClose(run.fetch(y, DSRT_BF16, {m, n}), want, slackOf(run, DSRT_BF16, DSRT_F8E4M3, DSRT_F8E4M3, k));
    }
}

DSRT_CASE(linear, manyRows) {
  for (int32_t type : activations)
    for (int64_t m : {70, 261})
      for (int64_t n : {256, 264}) {
        int64_t k = 320;
        Operand x = plainOperand(type, m, k, 45);
        HostWeight w = weight(plainFormat(type), {1, n, k}, 46);
        std::vector<double> want(size_t(m * n));
        reference(x, w, 0, 0, m, want);
        void *y = run.result(type, {m, n});
        DSRT_CALL(linear, y, run.upload(x.data), run.upload(w, DSRT_USE_MATMUL), m, n, k, type, type, 0);
        expectClose(run.fetch(y, type, {m, n}), want, slackOf(k));
      }
}

DSRT_CASE(grouped_scaled_matmul, manyRows) {
  dsrt_quant xFormat = fp8Format(1, 128), wFormat = fp8Format(128, 128);
  // Experts 0 and 1 of 3, the second with few rows and with many.
  for (std::vector<int32_t> bounds : {std::vector<int32_t>{0, 9, 15, 16}, {1, 200, 331, 340}}) {
    int64_t rows = bounds.back(), n = 272, k = 400, experts = 2;
    Operand x = quantisedOperand(xFormat, rows, k, 47);
    HostWeight w = weight(wFormat, {experts, n, k}, 48);
    void *y = run.result(DSRT_BF16, {rows, n});
    Tensor before = run.fetch(y, DSRT_BF16, {rows, n});
    std::vector<double> want;
    for (int64_t i = 0; i < rows * n; ++i)
      want.push_back(before[i]);
    reference(x, w, 0, bounds[0], bounds[1], want);
    reference(x, w, 1, bounds[1], bounds[2], want);
    DSRT_CALL(grouped_scaled_matmul, y, run.upload(x.data), static_cast<float *>(run.upload(x.scales)),
              static_cast<int32_t *>(run.upload(integers({4}, bounds))), run.upload(w, DSRT_USE_MATMUL), rows, n, k, x.tiles, 4, experts,
              DSRT_BF16, DSRT_F8E4M3, 0, &xFormat, 128);
    expectClose(run.fetch(y, DSRT_BF16, {rows, n}), want, slackOf(run, DSRT_BF16, DSRT_F8E4M3, DSRT_F8E4M3, k));
  }
}

DSRT_CASE(grouped_linear, expertsWithoutRows) {
  // Experts 1 to 4 of 6: rows 2 .. 12 of 15; the third of them has none.
  Tensor offsets = integers({7}, {0, 2, 5, 6, 6, 12, 15});
  for (int32_t type : activations)
    for (int64_t k : {40, 320}) {
      int64_t rows = 15, n = 33, experts = 4;
      Operand x = plainOperand(type, rows, k, 25);
      HostWeight w = weight(plainFormat(type), {experts, n, k}, 26);
      for (bool prepared : {false, true}) {
        void *y = run.result(type, {rows, n});
        Tensor before = run.fetch(y, type, {rows, n});
        std::vector<double> want;
        for (int64_t i = 0; i < rows * n; ++i)
          want.push_back(before[i]);
        reference(x, w, 0, 2, 5, want);
        reference(x, w, 1, 5, 6, want);
        reference(x, w, 3, 6, 12, want);
        DSRT_CALL(grouped_linear, y, run.upload(x.data), static_cast<int32_t *>(run.upload(offsets)),
                  run.upload(w, DSRT_USE_MATMUL, prepared), rows, n, k, 7, experts, type, type, 1, 0);
        Tensor got = run.fetch(y, type, {rows, n});
        expectClose(got, want, slackOf(k));
        size_t row = size_t(n) * elementBytes(type);
        EXPECT_EQ(memcmp(got.bytes.data(), before.bytes.data(), 2 * row), 0) << "rows of experts before the first were written";
        EXPECT_EQ(memcmp(got.bytes.data() + 12 * row, before.bytes.data() + 12 * row, 3 * row), 0) << "rows after the last were written";
      }
    }
}

DSRT_CASE(grouped_scaled_matmul, expertsWithoutRows) {
  Tensor offsets = integers({5}, {0, 0, 4, 4, 11});
  for (const dsrt_quant &activation : {fp8Format(1, 128), fp8Format(1, 0), nvfp4Format(DSRT_OUTER_ROW), mxfp4Format()})
    for (const dsrt_quant &format :
         {fp8Format(128, 128), fp8Format(1, 0), fp8Format(0, 0), nvfp4Format(DSRT_OUTER_TENSOR), mxfp4Format()}) {
      int64_t rows = 11, n = 130, k = 201, experts = 4;
      Operand x = quantisedOperand(activation, rows, k, 27);
      HostWeight w = weight(format, {experts, n, k}, 28);
      // One expert's values are larger, so that a scale of the wrong expert shows.
      for (size_t i = 0, per = w.scales.size() / 4; i < per; ++i)
        w.scales[per + i] *= 8;
      for (int64_t i = 0; i < n * k; ++i)
        w.values[size_t(n * k + i)] *= 8;
      std::vector<double> want(size_t(rows * n));
      reference(x, w, 1, 0, 4, want);
      reference(x, w, 3, 4, 11, want);
      for (bool prepared : {false, true}) {
        void *y = run.result(DSRT_F32, {rows, n});
        DSRT_CALL(grouped_scaled_matmul, y, run.upload(x.data), static_cast<float *>(run.upload(x.scales)),
                  static_cast<int32_t *>(run.upload(offsets)), run.upload(w, DSRT_USE_MATMUL, prepared), rows, n, k, x.tiles, 5, experts,
                  DSRT_F32, activation.payload, 0, &activation, 128);
        expectClose(run.fetch(y, DSRT_F32, {rows, n}), want, 8 * slackOf(run, DSRT_F32, activation.payload, format.payload, k));
      }
    }
}
