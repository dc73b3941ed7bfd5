// The compiler's table of a target against the backend itself: it says of each payload and rounding what `supports` and `checkFormat` say.
#include "test/conformance/TargetTable.h"

#include "passes/precision/Legality.h"
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

/// A target and its backend.
class TargetTableTest : public testing::Test {
public:
  TargetTableTest(const char *target, const dsrt_backend *backend, void (TargetTableTest::*body)())
      : target(*findTarget(target)), backend(backend), body(body) {}
  void TestBody() override { (this->*body)(); }

  bool tableRuns(KernelFamily family, Operand activation, Operand weight) {
    PlannedOperation operation;
    operation.family = family;
    operation.activation = std::move(activation);
    operation.weight = std::move(weight);
    operation.n = operation.k = 96;
    return judge(target, operation, PrecisionOptions()).verdict != Verdict::Unsupported;
  }

  bool backendRuns(dsrt_op op, std::initializer_list<int32_t> types) {
    return backend->supports(op, types.begin(), int32_t(types.size())) != 0;
  }

  void scaledProducts() {
    for (auto [lhs, lhsName] : payloads)
      for (auto [rhs, rhsName] : payloads)
        for (auto [op, family] : {std::pair(DSRT_OP_scaled_matmul, KernelFamily::Product),
                                  std::pair(DSRT_OP_grouped_scaled_matmul, KernelFamily::GroupedProduct)})
          EXPECT_EQ(tableRuns(family, quantised(lhsName), quantised(rhsName)), backendRuns(op, {DSRT_BF16, lhs, rhs}))
              << lhsName << " by " << rhsName;
  }

  void plainProducts() {
    for (auto [type, typeName] : plain)
      for (auto [op, family] :
           {std::pair(DSRT_OP_linear, KernelFamily::Product), std::pair(DSRT_OP_grouped_linear, KernelFamily::GroupedProduct)})
        EXPECT_EQ(tableRuns(family, {typeName, {}}, {typeName, {}}), backendRuns(op, {DSRT_F32, type})) << typeName;
  }

  void attention() {
    for (auto [type, typeName] : plain) {
      EXPECT_EQ(tableRuns(KernelFamily::Prefill, {typeName, {}}, {}), backendRuns(DSRT_OP_mla_prefill, {type, DSRT_BF16})) << typeName;
      EXPECT_EQ(tableRuns(KernelFamily::Decode, {typeName, {}}, {typeName, {}}), backendRuns(DSRT_OP_mla_decode, {type, type})) << typeName;
    }
    for (auto [type, typeName] : payloads)
      EXPECT_EQ(tableRuns(KernelFamily::Decode, {"bf16", {}}, quantised(typeName)), backendRuns(DSRT_OP_mla_decode, {DSRT_BF16, type}))
          << typeName;
  }

  void quantisation() {
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
        EXPECT_EQ(tableRuns(KernelFamily::Quantise, quantised(payloadName, roundingName), {}),
                  dsrt::checkFormat(format).ok() && backendRuns(DSRT_OP_quantize, {payload, DSRT_BF16}))
            << payloadName << " " << roundingName;
      }
  }

  /// A fused call runs on what its parts run on: the compiler asks the table of the parts alone.
  void fusedCalls() {
    for (auto [type, typeName] : plain) {
      EXPECT_TRUE(backendRuns(DSRT_OP_add_rms_norm, {type}) && backendRuns(DSRT_OP_latent_append, {type}) &&
                  backendRuns(DSRT_OP_rope_latent_append, {type}) && backendRuns(DSRT_OP_combine_add, {type}) &&
                  backendRuns(DSRT_OP_linear_pair, {type, type}) && backendRuns(DSRT_OP_grouped_linear_pair, {type, type}))
          << typeName;
      for (auto [payload, payloadName] : payloads) {
        bool parts = backendRuns(DSRT_OP_quantize, {payload, type});
        EXPECT_EQ(backendRuns(DSRT_OP_rms_norm_quantize, {type, payload}), parts) << payloadName;
        EXPECT_EQ(backendRuns(DSRT_OP_add_rms_norm_quantize, {type, payload}), parts) << payloadName;
        EXPECT_EQ(backendRuns(DSRT_OP_swiglu_quantize, {payload, type}), parts) << payloadName;
        EXPECT_EQ(backendRuns(DSRT_OP_gather_quantized, {payload}), backendRuns(DSRT_OP_gather_rows, {payload})) << payloadName;
        for (auto [op, pair] : {std::pair(DSRT_OP_scaled_matmul, DSRT_OP_scaled_matmul_pair),
                                std::pair(DSRT_OP_grouped_scaled_matmul, DSRT_OP_grouped_scaled_matmul_pair)})
          EXPECT_EQ(backendRuns(pair, {type, payload, payload}), backendRuns(op, {type, payload, payload})) << payloadName;
      }
    }
  }

private:
  const Target &target;
  const dsrt_backend *backend;
  void (TargetTableTest::*body)();
};

} // namespace

void dsrt::conformance::registerTargetTable(const char *target, const dsrt_backend *backend) {
  std::string suite = std::string("TargetTable_") + backend->name;
  for (auto [name, body] :
       {std::pair("ScaledProducts", &TargetTableTest::scaledProducts), std::pair("PlainProducts", &TargetTableTest::plainProducts),
        std::pair("Attention", &TargetTableTest::attention), std::pair("QuantisationOfActivations", &TargetTableTest::quantisation),
        std::pair("FusedCalls", &TargetTableTest::fusedCalls)})
    testing::RegisterTest(suite.c_str(), name, nullptr, nullptr, __FILE__, __LINE__,
                          [=]() -> testing::Test * { return new TargetTableTest(target, backend, body); });
}
