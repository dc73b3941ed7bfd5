// Operands with their values, products by the library, and what the results should be: the F64 sum with a bound for the F32
// sums of Gemm.h.
#pragma once

#include "runtime/backend/cpu/gemm/Gemm.h"
#include "runtime/numerics/Codecs.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <random>

namespace dsrt::cpu::testing {

inline int64_t tiles(int64_t total, int64_t extent) { return extent == 0 ? 1 : (total + extent - 1) / extent; }
inline int64_t tileOf(int64_t index, int64_t extent) { return extent == 0 ? 0 : index / extent; }

struct Tile {
  int32_t rows, cols; ///< 0: all; -1: not scaled
};
constexpr Tile kPlain = {-1, -1};

/// A row-major matrix (or a stack of them) with tile scales.
struct Matrix {
  int32_t dtype;
  int64_t experts, rows, cols;
  Tile tile;
  std::vector<std::byte> data;
  std::vector<float> scales;

  Matrix(int32_t dtype, int64_t experts, int64_t rows, int64_t cols, Tile tile, unsigned seed)
      : dtype(dtype), experts(experts), rows(rows), cols(cols), tile(tile), data(size_t(experts * rows * rowBytes(dtype, cols))) {
    data.reserve(1); // so that an empty one has an address, too
    std::mt19937 random(seed);
    std::normal_distribution<float> value(0, dtype == DSRT_F8E4M3 ? 32.0f : dtype == DSRT_F4E2M1 ? 2.0f : 1.0f);
    for (int64_t i = 0; i < experts * rows * cols; ++i)
      set(i, value(random));
    std::uniform_real_distribution<float> scale(0.001f, 0.03f);
    if (tile.rows >= 0)
      for (int64_t i = 0; i < experts * tiles(rows, tile.rows) * tiles(cols, tile.cols); ++i)
        scales.push_back(scale(random));
  }
  /// Where the row of element i begins.
  size_t rowOf(int64_t i) const { return size_t(i / cols * rowBytes(dtype, cols)); }
  void set(int64_t i, float value) {
    if (dtype == DSRT_F4E2M1) {
      auto &byte = reinterpret_cast<uint8_t &>(data[rowOf(i) + size_t(i % cols / 2)]);
      byte = uint8_t(i % cols % 2 ? (byte & 0xf) | encodeE2M1(value) << 4 : (byte & 0xf0) | encodeE2M1(value));
      return;
    }
    fromF32(&value, dtype, data.data() + size_t(i) * elementBytes(dtype), 1);
  }
  float payload(int64_t i) const {
    float value;
    decodeColumns(dtype, data.data() + rowOf(i), i % cols, 1, &value);
    return value;
  }
  float scale(int64_t expert, int64_t row, int64_t col) const {
    if (scales.empty())
      return 1;
    int64_t columns = tiles(cols, tile.cols);
    return scales[size_t((expert * tiles(rows, tile.rows) + tileOf(row, tile.rows)) * columns + tileOf(col, tile.cols))];
  }

  Lhs lhs(int64_t promote = 128) const {
    Lhs x;
    x.dtype = dtype, x.data = data.data(), x.ld = cols, x.promote = promote;
    if (!scales.empty())
      x.scales = scales.data(), x.scale_ld = tiles(cols, tile.cols), x.tileCols = tile.cols, x.tileRows = tile.rows;
    return x;
  }
  dsrt_weight weight() const {
    dsrt_weight w{};
    w.path = "w", w.experts = experts, w.rows = rows, w.cols = cols, w.use = DSRT_USE_MATMUL;
    w.format.payload = dtype;
    if (!scales.empty())
      w.format.tile_rows = tile.rows, w.format.tile_cols = tile.cols, w.scales = scales.data();
    w.data = data.data();
    return w;
  }
};

/// A weight, prepared for as long as this lives.
struct Prepared {
  dsrt_weight weight;
  explicit Prepared(const Matrix &matrix, int threads = 1) : weight(matrix.weight()) {
    bool released = false;
    Status status = prepareWeight(threads, weight, released);
    EXPECT_TRUE(status.ok() && released) << status.message();
  }
  Prepared(const Prepared &) = delete;
  ~Prepared() { releaseWeight(weight); }
};

/// y [m, n] as bytes, of m rows from `x`.
inline std::vector<std::byte> product(int threads, int32_t yDtype, const Lhs &x, const dsrt_weight &w, int64_t m, int64_t expert = 0) {
  std::vector<std::byte> y(size_t(m * w.rows) * elementBytes(yDtype), std::byte(0xa5));
  Status status = multiply(threads, yDtype, y.data(), w.rows, x, w, expert, m);
  EXPECT_TRUE(status.ok()) << status.message();
  return y;
}

inline std::vector<float> floats(int32_t dtype, const std::vector<std::byte> &bytes) {
  std::vector<float> values(bytes.size() / elementBytes(dtype));
  toF32(dtype, bytes.data(), values.data(), values.size());
  return values;
}

/// The begins of the segments of Gemm.h, and K.
inline std::vector<int64_t> cuts(const Matrix &x, const Matrix &w, int64_t promote) {
  bool scaled = !x.scales.empty() || !w.scales.empty();
  std::vector<int64_t> at;
  for (int64_t k = 0; k < w.cols; ++k) {
    auto begins = [&](int64_t extent) { return extent > 0 && k % extent == 0; };
    int64_t xTile = x.scales.empty() ? 0 : x.tile.cols, wTile = w.scales.empty() ? 0 : w.tile.cols;
    bool fixed = !scaled || (promote == 0 && xTile == 0 && wTile == 0);
    if (k == 0 || begins(xTile) || begins(wTile) || begins(fixed ? 256 : promote))
      at.push_back(k);
  }
  at.push_back(w.cols);
  return at;
}

/// Every element of y against the F64 sum: n additions and products in F32 err by n * 2^-24 of the sum of magnitudes at most.
inline void expectClose(const Matrix &x, const Matrix &w, int64_t expert, int64_t m, int32_t yDtype, const std::vector<std::byte> &bytes,
                        int64_t promote = 128) {
  std::vector<float> y = floats(yDtype, bytes);
  ASSERT_EQ(y.size(), size_t(m * w.rows));
  std::vector<int64_t> at = cuts(x, w, promote);
  int64_t steps = int64_t(at.size()) + 4;
  for (size_t s = 0; s + 1 < at.size(); ++s)
    steps = std::max(steps, at[s + 1] - at[s] + int64_t(at.size()) + 4);
  for (int64_t row = 0; row < m; ++row)
    for (int64_t n = 0; n < w.rows; ++n) {
      double sum = 0, magnitude = 0;
      for (int64_t k = 0; k < w.cols; ++k) {
        double value = double(x.payload(row * x.cols + k)) * x.scale(0, row, k) * w.payload((expert * w.rows + n) * w.cols + k) *
                       w.scale(expert, n, k);
        sum += value, magnitude += std::abs(value);
      }
      double bound = magnitude * double(steps) * 0x1p-24;
      if (yDtype != DSRT_F32) // half a unit in the last of 8 or 11 bits
        bound += (std::abs(sum) + bound) * (yDtype == DSRT_BF16 ? 0x1p-8 : 0x1p-11) + 0x1p-25;
      ASSERT_NEAR(y[size_t(row * w.rows + n)], sum, bound) << "row " << row << ", channel " << n;
    }
}

/// Runs each test on each instruction set of the machine.
class EveryIsa : public ::testing::TestWithParam<std::string> {
protected:
  void SetUp() override { ASSERT_TRUE(selectIsa(GetParam()).ok()); }
  void TearDown() override { ASSERT_TRUE(selectIsa("").ok()); }
};

} // namespace dsrt::cpu::testing

#define ON_EVERY_ISA(suite)                                                                                                                \
  INSTANTIATE_TEST_SUITE_P(Isa, suite, ::testing::ValuesIn(dsrt::cpu::availableIsas()), [](const auto &info) { return info.param; })
