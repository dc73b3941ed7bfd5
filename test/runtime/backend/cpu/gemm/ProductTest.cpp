// Products against F64 and against the portable kernels: types, shapes, tiles, groups.
#include "test/runtime/backend/cpu/gemm/GemmTesting.h"

using namespace dsrt;
using namespace dsrt::cpu;
using namespace dsrt::cpu::testing;

namespace {

class Product : public EveryIsa {};
ON_EVERY_ISA(Product);

const int32_t operandTypes[] = {DSRT_F32, DSRT_BF16, DSRT_F16, DSRT_F8E4M3};
const int32_t resultTypes[] = {DSRT_F32, DSRT_BF16, DSRT_F16};

TEST_P(Product, EveryPairOfTypes) {
  for (int32_t xType : operandTypes)
    for (int32_t wType : operandTypes)
      for (int64_t m : {1, 3, 5, 21}) {
        SCOPED_TRACE(typeName(xType) + " by " + typeName(wType) + ", m = " + std::to_string(m));
        Matrix x(xType, 1, m, 301, kPlain, 1), w(wType, 1, 69, 301, kPlain, 2);
        for (int64_t i = 0; xType == DSRT_F8E4M3 && i < m * 301; ++i)
          x.set(i, x.payload(i) / 32); // within F16
        Prepared prepared(w);
        for (int32_t yType : resultTypes)
          expectClose(x, w, 0, m, yType, product(2, yType, x.lhs(), prepared.weight, m));
      }
}

TEST_P(Product, OddShapes) {
  struct Shape {
    int64_t m, n, k;
  };
  for (Shape s : {Shape{1, 1, 1}, Shape{2, 15, 2}, Shape{4, 17, 3}, Shape{7, 16, 127}, Shape{9, 33, 129}, Shape{13, 200, 257},
                  Shape{50, 31, 511}, Shape{513, 20, 130}})
    for (int32_t type : operandTypes) {
      SCOPED_TRACE(typeName(type) + " " + std::to_string(s.m) + " " + std::to_string(s.n) + " " + std::to_string(s.k));
      Tile xTile = type == DSRT_F8E4M3 ? Tile{1, 128} : kPlain, wTile = type == DSRT_F8E4M3 ? Tile{128, 128} : kPlain;
      Matrix x(type, 1, s.m, s.k, xTile, 3), w(type, 1, s.n, s.k, wTile, 4);
      expectClose(x, w, 0, s.m, DSRT_F32, product(2, DSRT_F32, x.lhs(), w.weight(), s.m));
    }
}

TEST_P(Product, EveryTile) {
  const Tile xTiles[] = {kPlain, {1, 128}, {1, 0}, {0, 0}, {2, 32}, {1, 16}, {1, 7}};
  const Tile wTiles[] = {kPlain, {128, 128}, {1, 128}, {1, 0}, {0, 0}, {1, 32}, {1, 16}, {3, 5}};
  int64_t n = 150, k = 300;
  for (Tile xTile : xTiles)
    for (Tile wTile : wTiles)
      for (int64_t promote : {0, 128, 50, 33})
        for (int64_t m : {2, 6}) {
          SCOPED_TRACE(format("x %dx%d, w %dx%d, promote %d, m %d", xTile.rows, xTile.cols, wTile.rows, wTile.cols, int(promote), int(m)));
          Matrix x(DSRT_F8E4M3, 1, m, k, xTile, 5), w(DSRT_F8E4M3, 1, n, k, wTile, 6);
          Prepared prepared(w);
          std::vector<std::byte> y = product(2, DSRT_F32, x.lhs(promote), prepared.weight, m);
          expectClose(x, w, 0, m, DSRT_F32, y, promote);
          EXPECT_EQ(product(1, DSRT_F32, x.lhs(promote), w.weight(), m), y) << "unprepared";
        }
}

TEST_P(Product, WithinRoundingOfPortable) {
  Matrix x(DSRT_F8E4M3, 1, 9, 1000, {1, 128}, 7), w(DSRT_F8E4M3, 1, 100, 1000, {128, 128}, 8);
  std::vector<float> got = floats(DSRT_F32, product(1, DSRT_F32, x.lhs(), w.weight(), 9));
  ASSERT_TRUE(selectIsa("portable").ok());
  std::vector<float> portable = floats(DSRT_F32, product(1, DSRT_F32, x.lhs(), w.weight(), 9));
  double difference = 0, norm = 0;
  for (size_t i = 0; i < got.size(); ++i)
    difference += std::pow(double(got[i]) - portable[i], 2), norm += std::pow(double(portable[i]), 2);
  EXPECT_LE(std::sqrt(difference / norm), 4e-7);
}

TEST_P(Product, StridedRowsLeaveTheGapsAlone) {
  int64_t m = 11, n = 37, k = 130, gap = 5;
  Matrix x(DSRT_BF16, 1, m, k + gap, kPlain, 9), w(DSRT_BF16, 1, n, k, kPlain, 10), tight(DSRT_BF16, 1, m, k, kPlain, 9);
  for (int64_t i = 0; i < m * k; ++i)
    tight.set(i, x.payload(i / k * (k + gap) + i % k));
  std::vector<float> y(size_t(m * (n + gap)), 777.0f);
  ASSERT_TRUE(multiply(2, DSRT_F32, y.data(), n + gap, x.lhs(), w.weight(), 0, m).ok());
  std::vector<float> want = floats(DSRT_F32, product(1, DSRT_F32, tight.lhs(), w.weight(), m));
  for (int64_t i = 0; i < m * (n + gap); ++i)
    EXPECT_EQ(y[size_t(i)], i % (n + gap) < n ? want[size_t(i / (n + gap) * n + i % (n + gap))] : 777.0f) << i;
}

TEST_P(Product, EmptyExtents) {
  Matrix none(DSRT_F32, 1, 3, 0, kPlain, 11), w0(DSRT_F32, 1, 5, 0, kPlain, 12);
  std::vector<std::byte> zeros(3 * 5 * 4, std::byte(0));
  EXPECT_EQ(product(2, DSRT_F32, none.lhs(), w0.weight(), 3), zeros);
  Prepared prepared(w0);
  EXPECT_EQ(product(2, DSRT_F32, none.lhs(), prepared.weight, 3), zeros);
  Matrix x(DSRT_F32, 1, 3, 7, kPlain, 11), w(DSRT_F32, 1, 5, 7, kPlain, 12), noRows(DSRT_F32, 1, 0, 7, kPlain, 12);
  EXPECT_TRUE(multiply(2, DSRT_F32, nullptr, 5, x.lhs(), w.weight(), 0, 0).ok());
  EXPECT_TRUE(multiply(2, DSRT_F32, nullptr, 0, x.lhs(), noRows.weight(), 0, 3).ok());
}

TEST_P(Product, GroupsAreTheProductsOfTheirExperts) {
  int64_t experts = 5, rows = 60, n = 70, k = 260, first = 1;
  const int32_t offsets[] = {0, 3, 4, 4, 20, 25, 58}; // experts of 1, 0, 16, 5 and 33 rows, between rows of others
  for (Tile tile : {kPlain, Tile{1, 128}, Tile{0, 0}}) {
    Matrix x(DSRT_F8E4M3, 1, rows, k, tile, 13), w(DSRT_F8E4M3, experts, n, k, tile.rows < 0 ? kPlain : Tile{128, 128}, 14);
    Prepared prepared(w);
    for (const dsrt_weight &weight : {w.weight(), prepared.weight}) {
      std::vector<float> y(size_t(rows * n), 777.0f), want = y;
      ASSERT_TRUE(multiplyGrouped(3, DSRT_F32, y.data(), n, x.lhs(), weight, offsets, 7, first, rows).ok());
      for (int64_t e = 0; e < experts; ++e)
        for (int64_t row = offsets[first + e]; row < offsets[first + e + 1]; ++row) {
          Matrix one(DSRT_F8E4M3, 1, 1, k, tile, 0);
          std::copy_n(x.data.begin() + row * k, k, one.data.begin());
          for (int64_t t = 0; t < int64_t(one.scales.size()); ++t)
            one.scales[size_t(t)] = x.scale(0, row, t * 128);
          std::vector<float> alone = floats(DSRT_F32, product(1, DSRT_F32, one.lhs(), w.weight(), 1, e));
          std::copy(alone.begin(), alone.end(), want.begin() + row * n);
        }
      EXPECT_EQ(y, want);
    }
  }
}

TEST(Rejection, OfTypesExtentsAndOffsets) {
  Matrix x(DSRT_F32, 1, 4, 8, kPlain, 1), w(DSRT_F32, 2, 5, 8, kPlain, 2);
  std::vector<float> y(4 * 5);
  auto code = [&](int32_t yType, int64_t ldy, const Lhs &lhs, const dsrt_weight &weight, int64_t expert, int64_t m) {
    return multiply(1, yType, y.data(), ldy, lhs, weight, expert, m).code();
  };
  EXPECT_EQ(code(DSRT_F32, 5, x.lhs(), w.weight(), 1, 4), DSRT_OK);
  EXPECT_EQ(code(DSRT_F8E4M3, 5, x.lhs(), w.weight(), 0, 4), DSRT_REJECTED);
  EXPECT_EQ(code(DSRT_F32, 4, x.lhs(), w.weight(), 0, 4), DSRT_REJECTED);
  EXPECT_EQ(code(DSRT_F32, 5, x.lhs(), w.weight(), 2, 4), DSRT_REJECTED);
  EXPECT_EQ(code(DSRT_F32, 5, x.lhs(), w.weight(), -1, 4), DSRT_REJECTED);
  EXPECT_EQ(code(DSRT_F32, 5, x.lhs(), w.weight(), 0, -1), DSRT_REJECTED);
  EXPECT_EQ(code(DSRT_F32, 5, x.lhs(-1), w.weight(), 0, 4), DSRT_REJECTED);
  Lhs narrow = x.lhs(), odd = x.lhs(), absent = x.lhs();
  narrow.ld = 7, odd.dtype = DSRT_F8E5M2, absent.data = nullptr;
  EXPECT_EQ(code(DSRT_F32, 5, narrow, w.weight(), 0, 4), DSRT_REJECTED);
  EXPECT_EQ(code(DSRT_F32, 5, odd, w.weight(), 0, 4), DSRT_REJECTED);
  EXPECT_EQ(code(DSRT_F32, 5, absent, w.weight(), 0, 4), DSRT_REJECTED);
  dsrt_weight lost = w.weight();
  lost.data = nullptr;
  EXPECT_EQ(code(DSRT_F32, 5, x.lhs(), lost, 0, 4), DSRT_REJECTED);

  auto grouped = [&](std::vector<int32_t> offsets, int64_t first) {
    return multiplyGrouped(1, DSRT_F32, y.data(), 5, x.lhs(), w.weight(), offsets.data(), int64_t(offsets.size()), first, 4).code();
  };
  EXPECT_EQ(grouped({0, 2, 4}, 0), DSRT_OK);
  EXPECT_EQ(grouped({9, 0, 2, 4}, 1), DSRT_OK);
  EXPECT_EQ(grouped({0, 2}, 0), DSRT_REJECTED);
  EXPECT_EQ(grouped({0, 2, 4}, 1), DSRT_REJECTED);
  EXPECT_EQ(grouped({0, 2, 4}, -1), DSRT_REJECTED);
  EXPECT_EQ(grouped({0, 2, 5}, 0), DSRT_REJECTED);
  EXPECT_EQ(grouped({0, 3, 2}, 0), DSRT_REJECTED);
  EXPECT_EQ(grouped({-1, 3, 4}, 0), DSRT_REJECTED);
}

} // namespace
