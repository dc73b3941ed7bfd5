// What fused operations share with plain ones: bodies of operations that check their operands on the host and queue their work. Extents and
// types are those of the plain operation's line in dsrt_ops.def; errors have no operation's name yet. Host code.
#pragma once

#include "runtime/backend/cuda/Operations.h"

namespace dsrt::cuda {

/// Rows that are copied whole: y[r] = x[index[r] / divisor], or x[r] where there is no index. Strides and rowBytes in bytes.
struct RowCopy {
  void *y;
  const void *x;
  const int32_t *index;
  int64_t rows, rowBytes, yStride, xStride, divisor, bound; ///< bound: rows of x
};

/// Copies of rows in one launch; an index outside x is a fault of `kind` and copies nothing.
Status copyRows(State &state, const RowCopy *copies, int count, FaultReport fault, FaultKind kind);

Status addElements(State &state, void *y, const void *a, const void *b, int64_t elements, int32_t type);
Status gateElements(State &state, void *y, const void *gate, const void *up, int64_t elements, int32_t type);

/// rms_norm of rows that begin every `xRow` elements of x, of their sums with b where it is given, with payload and scales of the results
/// where `format` is given. y, sum and b are dense.
struct Norm {
  void *y, *sum;
  const void *x, *b;
  int64_t xRow;
  const dsrt_weight *weight;
  int64_t tokens, hidden;
  int32_t type;
  float eps;
  uint8_t *payload;
  float *scales;
  int64_t tiles;
  const dsrt_quant *format;
};
Status normalizeRows(State &state, const Norm &norm);

/// A matrix to quantise; with offsets each group of rows by itself. Row `first` of the operand, which stochastic rounding counts by, is
/// row 0 here.
struct Matrix {
  void *payload;
  float *scales;
  const void *x;
  int64_t first, rows, columns, tiles;
  int32_t type;
  const int32_t *offsets; ///< [bounds], of the device, or null
  int64_t bounds;
  FaultReport fault;
};
Status quantizeMatrix(State &state, const Matrix &matrix, const dsrt_quant &format);

} // namespace dsrt::cuda
