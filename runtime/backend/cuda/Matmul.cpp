// The products: linear, scaled_matmul, their grouped forms and the pairs of each, as calls of gemm/.
#include "runtime/backend/cuda/RoundRows.h"
#include "runtime/backend/cuda/gemm/Multiply.h"

namespace dsrt::cuda {

namespace {

Status expectWeight(const dsrt_weight *weight, int64_t experts, int64_t n, int64_t k) {
  const char *path = weight->path ? weight->path : "a weight";
  if (weight->experts != experts || weight->rows != n || weight->cols != k)
    return broken("expects '%s' of [%lld, %lld, %lld], but got [%lld, %lld, %lld]", path, (long long)experts, (long long)n, (long long)k,
                  (long long)weight->experts, (long long)weight->rows, (long long)weight->cols);
  int32_t type = weight->format.payload;
  if (weight->format.scale == DSRT_NONE ? !isActivation(type) : type != DSRT_F8E4M3 && type != DSRT_F4E2M1)
    return broken("expects '%s' of f32, bf16 or f16, or of f8E4M3FN or f4E2M1FN with scales, but got %s", path, typeName(type).c_str());
  if (weight->format.scale != DSRT_NONE && weight->scales == nullptr)
    return broken("expects scales of '%s', but got none", path);
  return {};
}

Operand operandOf(const dsrt_weight &weight) {
  Operand operand = {.type = weight.format.payload, .data = weight.data};
  if (weight.format.scale != DSRT_NONE)
    operand.scales = weight.scales, operand.tileRows = weight.format.tile_rows, operand.tileCols = weight.format.tile_cols;
  return operand;
}

/// A quantised operand. Each row has its tiles' scales in its own row, whatever the format's tile rows (Quantise.cu).
Status scaled(const void *payload, int32_t dtype, const float *scales, int64_t k, int64_t tiles, const dsrt_quant *activation, Operand &x) {
  if (dtype != activation->payload)
    return broken("expects a payload of %s, but got %s", typeName(activation->payload).c_str(), typeName(dtype).c_str());
  if (int64_t expected = tileColsOf(*activation, k); tiles != expected)
    return broken("expects %lld scale columns for K = %lld in tiles of %d, but got %lld", (long long)expected, (long long)k,
                  activation->tile_cols, (long long)tiles);
  x = {.type = dtype, .data = payload, .scales = scales, .tileRows = 1, .tileCols = activation->tile_cols};
  return {};
}

/// The grouped product's experts, as a weight [experts, n, k] whose first is expert `first` of the offsets.
Status expectBounds(int64_t first, int64_t experts, int64_t bounds) {
  if (first >= 0 && first + experts < bounds)
    return {};
  return broken("expects offsets of experts %lld to %lld, but got %lld", (long long)first, (long long)(first + experts), (long long)bounds);
}

/// A result and the weight [experts, n, k] that makes it.
struct Result {
  void *y;
  const dsrt_weight *weight;
  int64_t n;
};

/// What a product reads: `rows` rows of K, all of them, or where there are offsets those of experts first .. first + experts.
struct Rows {
  int64_t rows, k;
  const int32_t *offsets = nullptr; ///< [bounds], on the device
  int64_t bounds = 0, experts = 1, first = 0;
};

/// The product of x with one or two weights in one call.
Status multiplication(const Operand &x, const Rows &rows, std::initializer_list<Result> results, int32_t type, Multiplication &m) {
  if (rows.offsets)
    if (Status status = expectBounds(rows.first, rows.experts, rows.bounds); !status.ok())
      return status;
  m = {.yType = type, .x = x, .rows = rows.rows, .k = rows.k, .experts = rows.experts};
  m.offsets = rows.offsets ? rows.offsets + rows.first : nullptr;
  m.sideCount = 0;
  for (const Result &result : results) {
    if (Status status = expectWeight(result.weight, rows.experts, result.n, rows.k); !status.ok())
      return status;
    m.sides[m.sideCount++] = {result.y, operandOf(*result.weight), result.n};
  }
  return {};
}

/// A product of plain operands of type X, rounded as `round` says.
Status linearOf(State &state, const void *x, const Rows &rows, std::initializer_list<Result> results, int32_t type_Y, int32_t type_X,
                int64_t round) {
  for (int32_t type : {type_X, type_Y})
    if (Status status = expectActivation("an operand", type); !status.ok())
      return status;
  if (round != 0 && round != 1)
    return broken("expects to round by 0 or 1, but got %lld", (long long)round);
  // Where X is as narrow as Y, the product in X is converted in place; into F32, it is rounded there.
  bool rounds = round && type_X != DSRT_F32 && type_X != type_Y;
  int32_t product = rounds && type_Y != DSRT_F32 ? type_X : type_Y;
  Multiplication m;
  if (Status status = multiplication({.type = type_X, .data = x}, rows, results, product, m); !status.ok())
    return status;
  if (Status status = multiply(state, m); !status.ok() || !rounds)
    return status;
  for (const Result &result : results)
    if (cudaError_t error = roundRows(state, type_X, type_Y, result.y, rows.rows, result.n, m.offsets, rows.experts); error != cudaSuccess)
      return cudaStatus(error, "rounding");
  return {};
}

/// A product of a quantised operand.
Status scaledOf(State &state, const void *payload, const float *scales, int64_t tiles, const Rows &rows,
                std::initializer_list<Result> results, int32_t type_Y, int32_t type_P, const dsrt_quant *activation, int64_t promote) {
  Operand x;
  if (Status status = scaled(payload, type_P, scales, rows.k, tiles, activation, x); !status.ok())
    return status;
  Multiplication m;
  if (Status status = multiplication(x, rows, results, type_Y, m); !status.ok())
    return status;
  m.promote = promote;
  return multiply(state, m);
}

} // namespace

int32_t ops::linear(dsrt_context *context, int32_t site, void *y, const void *x, const dsrt_weight *weight, int64_t tokens, int64_t n,
                    int64_t k, int32_t type_Y, int32_t type_X, int64_t round) {
  return guarded(context, "linear", [&](State &state) { return linearOf(state, x, {tokens, k}, {{y, weight, n}}, type_Y, type_X, round); });
}

int32_t ops::linear_pair(dsrt_context *context, int32_t site, void *y1, void *y2, const void *x, const dsrt_weight *weight1,
                         const dsrt_weight *weight2, int64_t tokens, int64_t n1, int64_t n2, int64_t k, int32_t type_Y, int32_t type_X,
                         int64_t round) {
  return guarded(context, "linear_pair", [&](State &state) {
    return linearOf(state, x, {tokens, k}, {{y1, weight1, n1}, {y2, weight2, n2}}, type_Y, type_X, round);
  });
}

int32_t ops::scaled_matmul(dsrt_context *context, int32_t site, void *y, const void *payload, const float *scales,
                           const dsrt_weight *weight, int64_t tokens, int64_t n, int64_t k, int64_t tiles, int32_t type_Y, int32_t type_P,
                           const dsrt_quant *activation, int64_t promote) {
  return guarded(context, "scaled_matmul", [&](State &state) {
    return scaledOf(state, payload, scales, tiles, {tokens, k}, {{y, weight, n}}, type_Y, type_P, activation, promote);
  });
}

int32_t ops::scaled_matmul_pair(dsrt_context *context, int32_t site, void *y1, void *y2, const void *payload, const float *scales,
                                const dsrt_weight *weight1, const dsrt_weight *weight2, int64_t tokens, int64_t n1, int64_t n2, int64_t k,
                                int64_t tiles, int32_t type_Y, int32_t type_P, const dsrt_quant *activation, int64_t promote) {
  return guarded(context, "scaled_matmul_pair", [&](State &state) {
    return scaledOf(state, payload, scales, tiles, {tokens, k}, {{y1, weight1, n1}, {y2, weight2, n2}}, type_Y, type_P, activation,
                    promote);
  });
}

int32_t ops::grouped_linear(dsrt_context *context, int32_t site, void *y, const void *x, const int32_t *offsets, const dsrt_weight *weight,
                            int64_t rows, int64_t n, int64_t k, int64_t bounds, int64_t experts, int32_t type_Y, int32_t type_X,
                            int64_t first, int64_t round) {
  return guarded(context, "grouped_linear", [&](State &state) {
    return linearOf(state, x, {rows, k, offsets, bounds, experts, first}, {{y, weight, n}}, type_Y, type_X, round);
  });
}

int32_t ops::grouped_linear_pair(dsrt_context *context, int32_t site, void *y1, void *y2, const void *x, const int32_t *offsets,
                                 const dsrt_weight *weight1, const dsrt_weight *weight2, int64_t rows, int64_t n1, int64_t n2, int64_t k,
                                 int64_t bounds, int64_t experts, int32_t type_Y, int32_t type_X, int64_t first, int64_t round) {
  return guarded(context, "grouped_linear_pair", [&](State &state) {
    return linearOf(state, x, {rows, k, offsets, bounds, experts, first}, {{y1, weight1, n1}, {y2, weight2, n2}}, type_Y, type_X, round);
  });
}

int32_t ops::grouped_scaled_matmul(dsrt_context *context, int32_t site, void *y, const void *payload, const float *scales,
                                   const int32_t *offsets, const dsrt_weight *weight, int64_t rows, int64_t n, int64_t k, int64_t tiles,
                                   int64_t bounds, int64_t experts, int32_t type_Y, int32_t type_P, int64_t first,
                                   const dsrt_quant *activation, int64_t promote) {
  return guarded(context, "grouped_scaled_matmul", [&](State &state) {
    return scaledOf(state, payload, scales, tiles, {rows, k, offsets, bounds, experts, first}, {{y, weight, n}}, type_Y, type_P, activation,
                    promote);
  });
}

int32_t ops::grouped_scaled_matmul_pair(dsrt_context *context, int32_t site, void *y1, void *y2, const void *payload, const float *scales,
                                        const int32_t *offsets, const dsrt_weight *weight1, const dsrt_weight *weight2, int64_t rows,
                                        int64_t n1, int64_t n2, int64_t k, int64_t tiles, int64_t bounds, int64_t experts, int32_t type_Y,
                                        int32_t type_P, int64_t first, const dsrt_quant *activation, int64_t promote) {
  return guarded(context, "grouped_scaled_matmul_pair", [&](State &state) {
    return scaledOf(state, payload, scales, tiles, {rows, k, offsets, bounds, experts, first}, {{y1, weight1, n1}, {y2, weight2, n2}},
                    type_Y, type_P, activation, promote);
  });
}

} // namespace dsrt::cuda
