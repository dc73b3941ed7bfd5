// The products: linear, scaled_matmul and their grouped forms, as calls of gemm/.
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

/// A product of plain operands of type X, rounded as `round` says.
Status linearOf(State &state, void *y, const void *x, const int32_t *offsets, const dsrt_weight *weight, int64_t rows, int64_t n, int64_t k,
                int64_t experts, int32_t type_Y, int32_t type_X, int64_t round) {
  if (Status status = expectWeight(weight, experts, n, k); !status.ok())
    return status;
  for (int32_t type : {type_X, type_Y})
    if (Status status = expectActivation("an operand", type); !status.ok())
      return status;
  if (round != 0 && round != 1)
    return broken("expects to round by 0 or 1, but got %lld", (long long)round);
  // Where X is as narrow as Y, the product in X is converted in place; into F32, it is rounded there.
  bool rounds = round && type_X != DSRT_F32 && type_X != type_Y;
  int32_t product = rounds && type_Y != DSRT_F32 ? type_X : type_Y;
  Multiplication m = {.yType = product,
                      .x = {.type = type_X, .data = x},
                      .rows = rows,
                      .k = k,
                      .experts = experts,
                      .offsets = offsets,
                      .sides = {{y, operandOf(*weight), n}, {}}};
  if (Status status = multiply(state, m); !status.ok() || !rounds)
    return status;
  return cudaStatus(roundRows(state, type_X, type_Y, y, rows, n, offsets, experts), "rounding");
}

} // namespace

int32_t ops::linear(dsrt_context *context, int32_t site, void *y, const void *x, const dsrt_weight *weight, int64_t tokens, int64_t n,
                    int64_t k, int32_t type_Y, int32_t type_X, int64_t round) {
  return guarded(context, "linear",
                 [&](State &state) -> Status { return linearOf(state, y, x, nullptr, weight, tokens, n, k, 1, type_Y, type_X, round); });
}

int32_t ops::scaled_matmul(dsrt_context *context, int32_t site, void *y, const void *payload, const float *scales,
                           const dsrt_weight *weight, int64_t tokens, int64_t n, int64_t k, int64_t tiles, int32_t type_Y, int32_t type_P,
                           const dsrt_quant *activation, int64_t promote) {
  return guarded(context, "scaled_matmul", [&](State &state) -> Status {
    Operand x;
    if (Status status = expectWeight(weight, 1, n, k); !status.ok())
      return status;
    if (Status status = scaled(payload, type_P, scales, k, tiles, activation, x); !status.ok())
      return status;
    return multiply(state,
                    {.yType = type_Y, .x = x, .rows = tokens, .k = k, .promote = promote, .sides = {{y, operandOf(*weight), n}, {}}});
  });
}

int32_t ops::grouped_linear(dsrt_context *context, int32_t site, void *y, const void *x, const int32_t *offsets, const dsrt_weight *weight,
                            int64_t rows, int64_t n, int64_t k, int64_t bounds, int64_t experts, int32_t type_Y, int32_t type_X,
                            int64_t first, int64_t round) {
  return guarded(context, "grouped_linear", [&](State &state) -> Status {
    if (Status status = expectBounds(first, experts, bounds); !status.ok())
      return status;
    return linearOf(state, y, x, offsets + first, weight, rows, n, k, experts, type_Y, type_X, round);
  });
}

int32_t ops::grouped_scaled_matmul(dsrt_context *context, int32_t site, void *y, const void *payload, const float *scales,
                                   const int32_t *offsets, const dsrt_weight *weight, int64_t rows, int64_t n, int64_t k, int64_t tiles,
                                   int64_t bounds, int64_t experts, int32_t type_Y, int32_t type_P, int64_t first,
                                   const dsrt_quant *activation, int64_t promote) {
  return guarded(context, "grouped_scaled_matmul", [&](State &state) -> Status {
    Operand x;
    if (Status status = expectWeight(weight, experts, n, k); !status.ok())
      return status;
    if (Status status = expectBounds(first, experts, bounds); !status.ok())
      return status;
    if (Status status = scaled(payload, type_P, scales, k, tiles, activation, x); !status.ok())
      return status;
    return multiply(state, {.yType = type_Y,
                            .x = x,
                            .rows = rows,
                            .k = k,
                            .experts = experts,
                            .offsets = offsets + first,
                            .promote = promote,
                            .sides = {{y, operandOf(*weight), n}, {}}});
  });
}

} // namespace dsrt::cuda
