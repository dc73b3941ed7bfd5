// The products: linear, scaled_matmul and their grouped forms, as calls of gemm/.
#include "runtime/backend/cpu/Operations.h"

#include "runtime/backend/cpu/gemm/Gemm.h"

namespace dsrt::cpu {

namespace {

Status expectWeight(const dsrt_weight *weight, int64_t experts, int64_t n, int64_t k) {
  if (weight->experts == experts && weight->rows == n && weight->cols == k)
    return {};
  return broken("expects '%s' of [%lld, %lld, %lld], but got [%lld, %lld, %lld]", weight->path ? weight->path : "a weight",
                (long long)experts, (long long)n, (long long)k, (long long)weight->experts, (long long)weight->rows,
                (long long)weight->cols);
}

Lhs plain(const void *x, int32_t dtype, int64_t k) { return {.dtype = dtype, .data = x, .ld = k}; }

/// A quantised operand. Each row has its tiles' scales in its own row, whatever the format's tile rows (Quantise.cpp).
Status scaled(const void *payload, int32_t dtype, const float *scales, int64_t k, int64_t tiles, const dsrt_quant *activation,
              int64_t promote, Lhs &x) {
  if (dtype != activation->payload)
    return broken("expects a payload of %s, but got %s", typeName(activation->payload).c_str(), typeName(dtype).c_str());
  int64_t expected = activation->tile_cols == 0 ? (k > 0) : (k + activation->tile_cols - 1) / activation->tile_cols;
  if (tiles != expected)
    return broken("expects %lld scale columns for K = %lld in tiles of %d, but got %lld", (long long)expected, (long long)k,
                  activation->tile_cols, (long long)tiles);
  x = {.dtype = dtype,
       .data = payload,
       .ld = k,
       .scales = scales,
       .scale_ld = tiles,
       .tileCols = activation->tile_cols,
       .tileRows = 1,
       .promote = promote};
  return {};
}

/// How a product of operands of X becomes Y where it is rounded to X first: with the sums in F32, or, where X is as narrow as Y, with
/// the product in X and then a conversion in place.
int32_t productType(int64_t round, int32_t x, int32_t y) { return round && x != DSRT_F32 && y != DSRT_F32 ? x : y; }

/// The rest of the rounding, on rows [begin, end) of n columns.
Status roundRows(dsrt_context *context, int64_t round, int32_t x, int32_t yType, void *y, int64_t begin, int64_t end, int64_t n) {
  if (!round || x == DSRT_F32 || x == yType)
    return {};
  if (round != 1 || !isActivation(x) || !isActivation(yType))
    return broken("expects to round f32, bf16 or f16 by 0 or 1, but got %s, %s and %lld", typeName(x).c_str(), typeName(yType).c_str(),
                  (long long)round);
  parallelFor(threadsFor(context, (end - begin) * n), end - begin, [&](int64_t row) {
    for (int64_t column = 0; column < n; column += chunk) {
      uint16_t codes[chunk];
      float values[chunk];
      size_t count = size_t(std::min(chunk, n - column));
      void *part = at(y, (begin + row) * n + column, yType);
      if (yType == DSRT_F32) {
        fromF32(static_cast<float *>(part), x, codes, count);
        toF32(x, codes, static_cast<float *>(part), count);
      } else {
        toF32(x, part, values, count);
        fromF32(values, yType, part, count);
      }
    }
  });
  return {};
}

/// A plain product: see the line of `linear`.
Status multiplyPlain(dsrt_context *context, void *y, const void *x, const dsrt_weight *weight, int64_t tokens, int64_t n, int64_t k,
                     int32_t yType, int32_t xType, int64_t round) {
  if (Status status = expectWeight(weight, 1, n, k); !status.ok())
    return status;
  if (Status status = multiply(threadsOf(context), productType(round, xType, yType), y, n, plain(x, xType, k), *weight, 0, tokens);
      !status.ok())
    return status;
  return roundRows(context, round, xType, yType, y, 0, tokens, n);
}

/// The operands that all grouped products have: which rows are whose.
struct Grouping {
  const int32_t *offsets;
  int64_t bounds, first, experts, rows;
};

Status multiplyPlain(dsrt_context *context, void *y, const void *x, const Grouping &groups, const dsrt_weight *weight, int64_t n, int64_t k,
                     int32_t yType, int32_t xType, int64_t round) {
  if (Status status = expectWeight(weight, groups.experts, n, k); !status.ok())
    return status;
  if (Status status = multiplyGrouped(threadsOf(context), productType(round, xType, yType), y, n, plain(x, xType, k), *weight,
                                      groups.offsets, groups.bounds, groups.first, groups.rows);
      !status.ok())
    return status;
  return roundRows(context, round, xType, yType, y, groups.offsets[groups.first], groups.offsets[groups.first + groups.experts], n);
}

Status multiplyScaled(dsrt_context *context, void *y, const Lhs &x, const dsrt_weight *weight, int64_t tokens, int64_t n, int64_t k,
                      int32_t yType) {
  if (Status status = expectWeight(weight, 1, n, k); !status.ok())
    return status;
  return multiply(threadsOf(context), yType, y, n, x, *weight, 0, tokens);
}

Status multiplyScaled(dsrt_context *context, void *y, const Lhs &x, const Grouping &groups, const dsrt_weight *weight, int64_t n, int64_t k,
                      int32_t yType) {
  if (Status status = expectWeight(weight, groups.experts, n, k); !status.ok())
    return status;
  return multiplyGrouped(threadsOf(context), yType, y, n, x, *weight, groups.offsets, groups.bounds, groups.first, groups.rows);
}

} // namespace

int32_t ops::linear(dsrt_context *context, int32_t site, void *y, const void *x, const dsrt_weight *weight, int64_t tokens, int64_t n,
                    int64_t k, int32_t type_Y, int32_t type_X, int64_t round) {
  return guarded(context, "linear", [&]() { return multiplyPlain(context, y, x, weight, tokens, n, k, type_Y, type_X, round); });
}

int32_t ops::linear_pair(dsrt_context *context, int32_t site, void *y1, void *y2, const void *x, const dsrt_weight *weight1,
                         const dsrt_weight *weight2, int64_t tokens, int64_t n1, int64_t n2, int64_t k, int32_t type_Y, int32_t type_X,
                         int64_t round) {
  return guarded(context, "linear_pair", [&]() -> Status {
    if (Status status = multiplyPlain(context, y1, x, weight1, tokens, n1, k, type_Y, type_X, round); !status.ok())
      return status;
    return multiplyPlain(context, y2, x, weight2, tokens, n2, k, type_Y, type_X, round);
  });
}

int32_t ops::scaled_matmul(dsrt_context *context, int32_t site, void *y, const void *payload, const float *scales,
                           const dsrt_weight *weight, int64_t tokens, int64_t n, int64_t k, int64_t tiles, int32_t type_Y, int32_t type_P,
                           const dsrt_quant *activation, int64_t promote) {
  return guarded(context, "scaled_matmul", [&]() -> Status {
    Lhs x;
    if (Status status = scaled(payload, type_P, scales, k, tiles, activation, promote, x); !status.ok())
      return status;
    return multiplyScaled(context, y, x, weight, tokens, n, k, type_Y);
  });
}

int32_t ops::scaled_matmul_pair(dsrt_context *context, int32_t site, void *y1, void *y2, const void *payload, const float *scales,
                                const dsrt_weight *weight1, const dsrt_weight *weight2, int64_t tokens, int64_t n1, int64_t n2, int64_t k,
                                int64_t tiles, int32_t type_Y, int32_t type_P, const dsrt_quant *activation, int64_t promote) {
  return guarded(context, "scaled_matmul_pair", [&]() -> Status {
    Lhs x;
    if (Status status = scaled(payload, type_P, scales, k, tiles, activation, promote, x); !status.ok())
      return status;
    if (Status status = multiplyScaled(context, y1, x, weight1, tokens, n1, k, type_Y); !status.ok())
      return status;
    return multiplyScaled(context, y2, x, weight2, tokens, n2, k, type_Y);
  });
}

int32_t ops::grouped_linear(dsrt_context *context, int32_t site, void *y, const void *x, const int32_t *offsets, const dsrt_weight *weight,
                            int64_t rows, int64_t n, int64_t k, int64_t bounds, int64_t experts, int32_t type_Y, int32_t type_X,
                            int64_t first, int64_t round) {
  return guarded(context, "grouped_linear", [&]() {
    return multiplyPlain(context, y, x, {offsets, bounds, first, experts, rows}, weight, n, k, type_Y, type_X, round);
  });
}

int32_t ops::grouped_linear_pair(dsrt_context *context, int32_t site, void *y1, void *y2, const void *x, const int32_t *offsets,
                                 const dsrt_weight *weight1, const dsrt_weight *weight2, int64_t rows, int64_t n1, int64_t n2, int64_t k,
                                 int64_t bounds, int64_t experts, int32_t type_Y, int32_t type_X, int64_t first, int64_t round) {
  return guarded(context, "grouped_linear_pair", [&]() -> Status {
    Grouping groups = {offsets, bounds, first, experts, rows};
    if (Status status = multiplyPlain(context, y1, x, groups, weight1, n1, k, type_Y, type_X, round); !status.ok())
      return status;
    return multiplyPlain(context, y2, x, groups, weight2, n2, k, type_Y, type_X, round);
  });
}

int32_t ops::grouped_scaled_matmul(dsrt_context *context, int32_t site, void *y, const void *payload, const float *scales,
                                   const int32_t *offsets, const dsrt_weight *weight, int64_t rows, int64_t n, int64_t k, int64_t tiles,
                                   int64_t bounds, int64_t experts, int32_t type_Y, int32_t type_P, int64_t first,
                                   const dsrt_quant *activation, int64_t promote) {
  return guarded(context, "grouped_scaled_matmul", [&]() -> Status {
    Lhs x;
    if (Status status = scaled(payload, type_P, scales, k, tiles, activation, promote, x); !status.ok())
      return status;
    return multiplyScaled(context, y, x, {offsets, bounds, first, experts, rows}, weight, n, k, type_Y);
  });
}

int32_t ops::grouped_scaled_matmul_pair(dsrt_context *context, int32_t site, void *y1, void *y2, const void *payload, const float *scales,
                                        const int32_t *offsets, const dsrt_weight *weight1, const dsrt_weight *weight2, int64_t rows,
                                        int64_t n1, int64_t n2, int64_t k, int64_t tiles, int64_t bounds, int64_t experts, int32_t type_Y,
                                        int32_t type_P, int64_t first, const dsrt_quant *activation, int64_t promote) {
  return guarded(context, "grouped_scaled_matmul_pair", [&]() -> Status {
    Lhs x;
    if (Status status = scaled(payload, type_P, scales, k, tiles, activation, promote, x); !status.ok())
      return status;
    Grouping groups = {offsets, bounds, first, experts, rows};
    if (Status status = multiplyScaled(context, y1, x, groups, weight1, n1, k, type_Y); !status.ok())
      return status;
    return multiplyScaled(context, y2, x, groups, weight2, n2, k, type_Y);
  });
}

} // namespace dsrt::cpu
