// Random operands and their F64 products.
#include "bench/gemm/Operands.h"

#include "runtime/numerics/Codecs.h"

#include <algorithm>
#include <cmath>
#include <random>

using namespace dsrt;

namespace bench {

namespace {

constexpr int64_t kTile = 128;

int64_t tiles(int64_t extent) { return (extent + kTile - 1) / kTile; }

/// Every finite E4M3 code; other dtypes: values in [-1, 1). Values repeat after a length that no power of two divides.
void fill(int32_t dtype, std::vector<std::byte> &out, uint64_t seed) {
  constexpr size_t period = 100'003;
  std::mt19937_64 random(seed);
  size_t bytes = elementBytes(dtype), count = out.size() / bytes;
  for (size_t i = 0; i < std::min(count, period); ++i) {
    if (dtype == DSRT_F8E4M3) {
      auto code = static_cast<uint8_t>(random());
      out[i] = std::byte((code & 0x7f) == 0x7f ? code ^ 1 : code);
    } else {
      float value = float(static_cast<int64_t>(random()) * 0x1p-63);
      fromF32(&value, dtype, out.data() + i * bytes, 1);
    }
  }
  for (size_t i = period; i < count; i += period)
    std::copy_n(out.begin(), std::min(period, count - i) * bytes, out.begin() + static_cast<int64_t>(i * bytes));
}

} // namespace

Operands::Operands(int32_t dtype, int64_t m, int64_t n, int64_t k)
    : dtype(dtype), m(m), n(n), k(k), x(size_t(m * k) * elementBytes(dtype)), w(size_t(n * k) * elementBytes(dtype)) {
  fill(dtype, x, 1);
  fill(dtype, w, 2);
  if (dtype != DSRT_F8E4M3)
    return;
  std::mt19937 random(3);
  std::uniform_real_distribution<float> scale(1e-3f, 2e-3f);
  xScales.resize(size_t(m * tiles(k)));
  wScales.resize(size_t(tiles(n) * tiles(k)));
  std::generate(xScales.begin(), xScales.end(), [&] { return scale(random); });
  std::generate(wScales.begin(), wScales.end(), [&] { return scale(random); });
}

bool isCorrect(const Operands &o, int32_t yDtype, const void *y, double &largest) {
  std::mt19937_64 random(4);
  size_t bytes = elementBytes(o.dtype), k = size_t(o.k);
  std::vector<float> a(k), b(k);
  largest = 0;
  for (int sample = 0; sample < 512; ++sample) {
    int64_t row = int64_t(random() % uint64_t(o.m)), channel = int64_t(random() % uint64_t(o.n));
    toF32(o.dtype, o.x.data() + size_t(row) * k * bytes, a.data(), k);
    toF32(o.dtype, o.w.data() + size_t(channel) * k * bytes, b.data(), k);
    double sum = 0, magnitude = 0;
    for (int64_t i = 0; i < o.k; ++i) {
      double product = double(a[size_t(i)]) * b[size_t(i)];
      if (!o.xScales.empty())
        product *= double(o.xScales[size_t(row * tiles(o.k) + i / kTile)]) * o.wScales[size_t(channel / kTile * tiles(o.k) + i / kTile)];
      sum += product;
      magnitude += std::abs(product);
    }
    float got;
    toF32(yDtype, static_cast<const std::byte *>(y) + size_t(row * o.n + channel) * elementBytes(yDtype), &got, 1);
    // F32 sums in any order err by 2^-24 of the partial sums a step, which random signs keep near sqrt(k) of the products.
    double bound = magnitude * 0x1p-24 * 4 * std::sqrt(double(o.k)) + (yDtype == DSRT_BF16 ? std::abs(sum) * 0x1p-8 : 0) + 1e-30;
    double error = std::abs(got - sum) / bound;
    if (!(error <= largest)) // NaN too
      largest = error;
  }
  return largest <= 1;
}

} // namespace bench
