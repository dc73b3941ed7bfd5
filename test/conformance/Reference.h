// Quantisation as PRECISION.md and Quantize.h define it, written for the conformance suite apart from the runtime: codes are searched in
// tables of their values, amax and scales are looked for element by element.
#pragma once

#include "dsrt/dsrt.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dsrt::conformance {

/// What a code of a payload type stands for; NaN for the codes that are.
double valueOf(int32_t payload, uint32_t code);

/// The code nearest to a value: of two the even one, of NF4 the lower level; saturating.
uint32_t nearestCode(int32_t payload, float value);

/// The code of a value that is rounded by u in [0, 1): the neighbour above (in magnitude) where u is below the distance to the one below.
uint32_t codeByChance(int32_t payload, float value, double u);

/// u of element (row, column) of an operand (Stochastic.h).
double chance(uint64_t seed, int64_t expert, int64_t row, int64_t column);

struct Quantised {
  std::vector<uint8_t> codes; ///< [rows, cols], one a byte
  std::vector<float> scales;  ///< [ceil(rows / tile_rows), ceil(cols / tile_cols)]
  int64_t rows, cols, tileRows, tileCols, across;

  float scaleAt(int64_t row, int64_t col) const { return scales[std::size_t(row / tileRows * across + col / tileCols)]; }
};

/// Quantises x, [rows, cols] row major, whose first row is row `firstRow` of an operand of this expert.
Quantised quantised(const dsrt_quant &format, const std::vector<float> &x, int64_t rows, int64_t cols, int64_t expert = 0,
                    int64_t firstRow = 0);

/// The bytes of codes: two four-bit codes share one, the first in its lower half, and rows begin with a byte of their own.
std::vector<uint8_t> packed(int32_t payload, const std::vector<uint8_t> &codes, int64_t rows, int64_t cols);

/// The values that payload and scales stand for.
std::vector<double> valuesOf(const dsrt_quant &format, const Quantised &quantised);

} // namespace dsrt::conformance
