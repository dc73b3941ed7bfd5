// The compiler's table of the cpu target against the backend itself: it says of each payload and rounding what `supports` and
// `checkFormat` say.
#include "passes/precision/Legality.h"
#include "runtime/backend/cpu/Backend.h"
#include "runtime/numerics/Quantize.h"

#include <gtest/gtest.h>

using namespace dsmlir;

namespace {

constexpr std::pair<dsrt_dtype, const char *> payloads[] = {
    {DSRT_F8E4M3, "f8E4M3FN"}, {DSRT_F8E5M2, "f8E5M2"}, {DSRT_F4E2M1, "f4E2M1FN"}, {DSRT_NF4, "nf4"}};
constexpr std::pair<dsrt_dtype, const char *> plain[] = {{DSRT_F32, "f32"}, {DSRT_BF16, "bf16"}, {DSRT_F16, "f16"}};

Operand quantised(const char *payload, const char *rounding = "nearest") {
  QuantFormat format;
  format.payload = payload;
  format.tileRows = 1;
  format.tileCols = 32;
  format.scale = "f32";
  format.rule = "amax";
  format.rounding = rounding;
  return {payload, format};
}

bool tableRuns(KernelFamily family, Operand activation, Operand weight) {
  PlannedOperation operation;
  operation.family = family;
  operation.activation = std::move(activation);
  operation.weight = std::move(weight);
  operation.n = operation.k = 96;
  return judge(*findTarget("cpu"), operation, PrecisionOptions()).verdict != Verdict::Unsupported;
}

bool backendRuns(dsrt_op op, std::initializer_list<int32_t> types) {
  return dsrt::cpu::backend()->supports(op, types.begin(), int32_t(types.size())) != 0;
}

} // namespace

TEST(CpuTargetTable, ScaledProducts) {
  for (auto [lhs, lhsName] : payloads)
    for (auto [rhs, rhsName] : payloads)
      for (auto [op, family] : {std::pair(DSRT_OP_scaled_matmul, KernelFamily::Product),
                                std::pair(DSRT_OP_grouped_scaled_matmul, KernelFamily::GroupedProduct)})
        EXPECT_EQ(tableRuns(family, quantised(lhsName), quantised(rhsName)), backendRuns(op, {DSRT_BF16, lhs, rhs}))
            << lhsName << " by " << rhsName;
}

TEST(CpuTargetTable, PlainProducts) {
  for (auto [type, typeName] : plain)
    EXPECT_EQ(tableRuns(KernelFamily::Product, {typeName, {}}, {typeName, {}}), backendRuns(DSRT_OP_linear, {DSRT_F32, type})) << typeName;
}

TEST(CpuTargetTable, WeightsOfDecode) {
  for (auto [type, typeName] : payloads)
    EXPECT_EQ(tableRuns(KernelFamily::Decode, {"bf16", {}}, quantised(typeName)), backendRuns(DSRT_OP_mla_decode, {DSRT_BF16, type}))
        << typeName;
}

TEST(CpuTargetTable, QuantisationOfActivations) {
  for (auto [payload, payloadName] : payloads)
    for (auto [rounding, roundingName] : {std::pair(DSRT_NEAREST_EVEN, "nearest"), std::pair(DSRT_STOCHASTIC, "stochastic")}) {
      if (payload == DSRT_NF4) // a format of storage
        continue;
      dsrt_quant format = {};
      format.payload = payload;
      format.tile_rows = 1;
      format.tile_cols = 32;
      format.scale = DSRT_F32;
      format.rounding = rounding;
      EXPECT_EQ(tableRuns(KernelFamily::Quantise, quantised(payloadName, roundingName), {}), dsrt::checkFormat(format).ok())
          << payloadName << " " << roundingName;
    }
}
