// The plain definition of quantisation. Nothing here is fast, and nothing is shared with the runtime's numerics.
#include "test/conformance/Reference.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace dsrt::conformance {

namespace {

const double nan = std::numeric_limits<double>::quiet_NaN();

/// Fields of a small float: sign, exponent, mantissa.
struct Fields {
  int exponent, mantissa, bias;
};

Fields fieldsOf(int32_t payload) {
  return payload == DSRT_F8E4M3 ? Fields{4, 3, 7} : payload == DSRT_F8E5M2 ? Fields{5, 2, 15} : Fields{2, 1, 1};
}

/// QLoRA (arXiv 2305.14314), appendix E.
const double nf4[16] = {-1.0,
                        -0.6961928009986877,
                        -0.5250730514526367,
                        -0.39491748809814453,
                        -0.28444138169288635,
                        -0.18477343022823334,
                        -0.09105003625154495,
                        0.0,
                        0.07958029955625534,
                        0.16093020141124725,
                        0.24611230194568634,
                        0.33791524171829224,
                        0.44070982933044434,
                        0.5626170039176941,
                        0.7229568362236023,
                        1.0};

/// The finite magnitudes of a small float by rising code.
std::vector<double> magnitudesOf(int32_t payload) {
  std::vector<double> values;
  Fields f = fieldsOf(payload);
  for (uint32_t code = 0; code < uint32_t(1) << (f.exponent + f.mantissa); ++code)
    if (double value = valueOf(payload, code); std::isfinite(value))
      values.push_back(value);
  return values;
}

const std::vector<double> &magnitudes(int32_t payload) {
  static const std::vector<double> e4m3 = magnitudesOf(DSRT_F8E4M3), e5m2 = magnitudesOf(DSRT_F8E5M2), e2m1 = magnitudesOf(DSRT_F4E2M1);
  return payload == DSRT_F8E4M3 ? e4m3 : payload == DSRT_F8E5M2 ? e5m2 : e2m1;
}

/// The code of a sign and a magnitude's code.
uint32_t withSign(int32_t payload, float value, uint32_t code) {
  return std::signbit(value) ? code | (payload == DSRT_F4E2M1 ? 8u : 128u) : code;
}

/// NaN and what saturates; false for values between the codes.
bool isSpecial(int32_t payload, float value, uint32_t &code) {
  const std::vector<double> &values = magnitudes(payload);
  bool four = payload == DSRT_F4E2M1;
  if (!std::isnan(value) && std::fabs(double(value)) < values.back())
    return false;
  bool isNan = std::isnan(value) && !four;
  code = withSign(payload, value, isNan ? (payload == DSRT_F8E4M3 ? 0x7f : 0x7e) : uint32_t(values.size()) - 1);
  return true;
}

float largestOf(int32_t payload) { return payload == DSRT_NF4 ? 1 : float(magnitudes(payload).back()); }

/// The exponent of the power of two that is not above x.
int floorLog2(double x) { return int(std::floor(std::log2(x))); }

float scaleByRule(const dsrt_quant &format, float amax) {
  float quotient = amax / largestOf(format.payload);
  if (amax == 0 || (format.rule == DSRT_SCALE_AMAX && quotient == 0))
    return 1;
  if (format.rule == DSRT_SCALE_AMAX)
    return quotient;
  int exponent = -127;
  if (format.rule == DSRT_SCALE_MX)
    exponent = floorLog2(double(amax)) - floorLog2(double(largestOf(format.payload)));
  else
    while (std::ldexp(1.0, exponent) < double(quotient))
      ++exponent;
  return float(std::ldexp(1.0, std::max(exponent, -127)));
}

} // namespace

double valueOf(int32_t payload, uint32_t code) {
  if (payload == DSRT_NF4)
    return nf4[code];
  Fields f = fieldsOf(payload);
  uint32_t magnitude = code & ((1u << (f.exponent + f.mantissa)) - 1);
  int exponent = int(magnitude >> f.mantissa), top = (1 << f.exponent) - 1;
  double fraction = double(magnitude & ((1u << f.mantissa) - 1)) / double(1 << f.mantissa);
  double value = exponent == 0 ? std::ldexp(fraction, 1 - f.bias) : std::ldexp(1 + fraction, exponent - f.bias);
  if (payload == DSRT_F8E5M2 && exponent == top)
    value = fraction == 0 ? std::numeric_limits<double>::infinity() : nan;
  if (payload == DSRT_F8E4M3 && magnitude == 0x7f)
    value = nan;
  return magnitude == code ? value : -value;
}

uint32_t nearestCode(int32_t payload, float value) {
  if (payload == DSRT_NF4) {
    if (std::isnan(value))
      return std::signbit(value) ? 0 : 15;
    uint32_t best = 0;
    for (uint32_t code = 1; code < 16; ++code)
      if (std::fabs(double(value) - nf4[code]) < std::fabs(double(value) - nf4[best]))
        best = code;
    return std::isinf(value) && value > 0 ? 15 : best;
  }
  uint32_t code;
  if (isSpecial(payload, value, code))
    return code;
  const std::vector<double> &values = magnitudes(payload);
  double magnitude = std::fabs(double(value));
  size_t above = size_t(std::lower_bound(values.begin(), values.end(), magnitude) - values.begin());
  if (values[above] == magnitude)
    return withSign(payload, value, uint32_t(above));
  double up = values[above] - magnitude, down = magnitude - values[above - 1];
  bool upper = up < down || (up == down && above % 2 == 0);
  return withSign(payload, value, uint32_t(upper ? above : above - 1));
}

uint32_t codeByChance(int32_t payload, float value, double u) {
  uint32_t code;
  if (isSpecial(payload, value, code))
    return code;
  const std::vector<double> &values = magnitudes(payload);
  double magnitude = std::fabs(double(value));
  size_t above = size_t(std::upper_bound(values.begin(), values.end(), magnitude) - values.begin());
  double distance = (magnitude - values[above - 1]) / (values[above] - values[above - 1]);
  return withSign(payload, value, uint32_t(u < distance ? above : above - 1));
}

/// Philox4x32-10 (Salmon et al., SC 2011), figure 2 and table 2, in 64-bit arithmetic.
double chance(uint64_t seed, int64_t expert, int64_t row, int64_t column) {
  std::array<uint64_t, 4> c = {uint64_t(column) / 4, uint64_t(row) & 0xffffffff, uint64_t(row) >> 32, uint64_t(expert)};
  uint64_t k0 = seed & 0xffffffff, k1 = seed >> 32;
  for (int round = 0; round < 10; ++round) {
    uint64_t a = c[0] * 0xD2511F53u, b = c[2] * 0xCD9E8D57u;
    c = {(b >> 32) ^ c[1] ^ k0, b & 0xffffffff, (a >> 32) ^ c[3] ^ k1, a & 0xffffffff};
    k0 = (k0 + 0x9E3779B9u) & 0xffffffff, k1 = (k1 + 0xBB67AE85u) & 0xffffffff;
  }
  return double(c[size_t(column % 4)] >> 8) / 16777216.0;
}

Quantised quantised(const dsrt_quant &format, const std::vector<float> &x, int64_t rows, int64_t cols, int64_t expert, int64_t firstRow) {
  Quantised result;
  result.rows = rows, result.cols = cols;
  result.tileRows = format.tile_rows ? format.tile_rows : std::max<int64_t>(rows, 1);
  result.tileCols = format.tile_cols ? format.tile_cols : std::max<int64_t>(cols, 1);
  result.across = (cols + result.tileCols - 1) / result.tileCols;
  auto amaxOf = [&](int64_t top, int64_t bottom, int64_t left, int64_t right) {
    float amax = format.amax_floor;
    for (int64_t r = top; r < std::min(rows, bottom); ++r)
      for (int64_t c = left; c < std::min(cols, right); ++c)
        if (std::isfinite(x[size_t(r * cols + c)]))
          amax = std::max(amax, std::fabs(x[size_t(r * cols + c)]));
    return amax;
  };
  float whole = format.outer == DSRT_OUTER_TENSOR ? amaxOf(0, rows, 0, cols) : 0;
  for (int64_t top = 0; top < rows; top += result.tileRows)
    for (int64_t left = 0; left < cols; left += result.tileCols) {
      float amax = amaxOf(top, top + result.tileRows, left, left + result.tileCols);
      if (format.outer == DSRT_OUTER_NONE) {
        result.scales.push_back(scaleByRule(format, amax));
        continue;
      }
      float outer = (format.outer == DSRT_OUTER_ROW ? amaxOf(top, top + 1, 0, cols) : whole) / (448 * largestOf(format.payload));
      outer = outer == 0 ? 1 : outer;
      float ratio = amax / largestOf(format.payload);
      result.scales.push_back(float(valueOf(DSRT_F8E4M3, nearestCode(DSRT_F8E4M3, ratio / outer))) * outer);
    }
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; ++c) {
      float scale = result.scaleAt(r, c), value = x[size_t(r * cols + c)] / scale;
      uint32_t code = format.payload == DSRT_NF4 ? 7 : 0;
      if (scale != 0 && format.rounding == DSRT_STOCHASTIC)
        code = codeByChance(format.payload, value, chance(format.seed, expert, firstRow + r, c));
      else if (scale != 0)
        code = nearestCode(format.payload, value);
      result.codes.push_back(uint8_t(code));
    }
  return result;
}

std::vector<uint8_t> packed(int32_t payload, const std::vector<uint8_t> &codes, int64_t rows, int64_t cols) {
  if (payload != DSRT_F4E2M1 && payload != DSRT_NF4)
    return codes;
  std::vector<uint8_t> bytes;
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < cols; c += 2)
      bytes.push_back(uint8_t(codes[size_t(r * cols + c)] | (c + 1 < cols ? codes[size_t(r * cols + c + 1)] << 4 : 0)));
  return bytes;
}

std::vector<double> valuesOf(const dsrt_quant &format, const Quantised &q) {
  std::vector<double> values;
  for (int64_t r = 0; r < q.rows; ++r)
    for (int64_t c = 0; c < q.cols; ++c)
      values.push_back(valueOf(format.payload, q.codes[size_t(r * q.cols + c)]) * double(q.scaleAt(r, c)));
  return values;
}

} // namespace dsrt::conformance
