// The contract of Gemm.h on bits: the order of summation, and what must not change them (threads, preparation, other rows).
#include "test/runtime/backend/cpu/gemm/GemmTesting.h"

using namespace dsrt;
using namespace dsrt::cpu;
using namespace dsrt::cpu::testing;

namespace {

class Contract : public EveryIsa {};
ON_EVERY_ISA(Contract);

struct Case {
  int32_t xType, wType;
  Tile xTile, wTile;
  int64_t promote;
};
const Case cases[] = {
    {DSRT_F8E4M3, DSRT_F8E4M3, {1, 128}, {128, 128}, 128},
    {DSRT_F8E4M3, DSRT_F8E4M3, {1, 0}, {1, 0}, 64},
    {DSRT_F8E4M3, DSRT_F8E4M3, {1, 0}, {0, 0}, 0},
    {DSRT_F8E4M3, DSRT_F8E4M3, {1, 32}, {1, 32}, 0},
    {DSRT_F4E2M1, DSRT_F4E2M1, {1, 16}, {1, 16}, 0},
    {DSRT_F8E4M3, DSRT_F4E2M1, {1, 128}, {1, 16}, 128},
    {DSRT_F4E2M1, DSRT_F4E2M1, {1, 9}, {3, 11}, 40},
    {DSRT_BF16, DSRT_F4E2M1, kPlain, {1, 32}, 0},
    {DSRT_F8E4M3, DSRT_F8E4M3, {1, 9}, {2, 11}, 40},
    {DSRT_F32, DSRT_F32, kPlain, kPlain, 0},
    {DSRT_F32, DSRT_F8E4M3, kPlain, {128, 128}, 128},
    {DSRT_F16, DSRT_F16, kPlain, kPlain, 0},
    {DSRT_BF16, DSRT_F32, kPlain, kPlain, 0},
    {DSRT_BF16, DSRT_BF16, kPlain, kPlain, 0},
    {DSRT_BF16, DSRT_F8E4M3, kPlain, {128, 128}, 128},
};

/// Gemm.h word by word, for the sets that compute in F32.
std::vector<std::byte> summed(const Matrix &x, const Matrix &w, int64_t m, int64_t promote, bool fused) {
  std::vector<int64_t> at = cuts(x, w, promote);
  std::vector<std::byte> y(size_t(m * w.rows) * 4);
  auto multiplyAdd = [&](float a, float b, float c) { return fused ? std::fma(a, b, c) : c + a * b; };
  for (int64_t row = 0; row < m; ++row)
    for (int64_t n = 0; n < w.rows; ++n) {
      float total = 0;
      for (size_t s = 0; s + 1 < at.size(); ++s) {
        float sum = 0;
        for (int64_t k = at[s]; k < at[s + 1]; ++k)
          sum = multiplyAdd(x.payload(row * x.cols + k), w.payload(n * w.cols + k), sum);
        total = multiplyAdd(sum, x.scale(0, row, at[s]) * w.scale(0, n, at[s]), total);
      }
      memcpy(y.data() + (row * w.rows + n) * 4, &total, 4);
    }
  return y;
}

TEST_P(Contract, OrderOfSummation) {
  for (const Case &c : cases) {
    auto pairs = [](int32_t type) { return type == DSRT_BF16 || type == DSRT_F8E4M3 || type == DSRT_F4E2M1; };
    if (GetParam() == "avx512bf16" && pairs(c.xType) && pairs(c.wType))
      continue; // the instruction's own order within a pair
    for (int64_t m : {1, 2, 3, 4, 9}) {
      Matrix x(c.xType, 1, m, 700, c.xTile, 1), w(c.wType, 1, 83, 700, c.wTile, 2);
      EXPECT_EQ(product(2, DSRT_F32, x.lhs(c.promote), w.weight(), m), summed(x, w, m, c.promote, GetParam() != "portable"))
          << typeName(c.xType) << " by " << typeName(c.wType) << ", m = " << m;
    }
  }
}

TEST_P(Contract, SameBitsForThreadsPreparationAndNeighbours) {
  for (const Case &c : cases)
    for (int64_t n : {40, 700}) {
      int64_t m = 530, k = 301;
      Matrix x(c.xType, 1, m, k, c.xTile, 3), w(c.wType, 1, n, k, c.wTile, 4);
      Prepared prepared(w, 3);
      std::vector<std::byte> all = product(1, DSRT_F32, x.lhs(c.promote), w.weight(), m);
      for (int threads : {1, 2, 3})
        for (const dsrt_weight &weight : {w.weight(), prepared.weight})
          EXPECT_EQ(product(threads, DSRT_F32, x.lhs(c.promote), weight, m), all) << threads << " threads";
      for (int64_t rows = 1; rows <= 30; rows += rows < 9 ? 1 : 7)
        for (int64_t begin : {int64_t(0), m - rows}) {
          Lhs part = x.lhs(c.promote);
          part.data = x.data.data() + begin * rowBytes(c.xType, k);
          if (part.scales)
            part.scales += begin * part.scale_ld;
          std::vector<std::byte> want(all.begin() + begin * n * 4, all.begin() + (begin + rows) * n * 4);
          EXPECT_EQ(product(2, DSRT_F32, part, prepared.weight, rows), want) << rows << " rows from " << begin;
        }
    }
}

} // namespace
