// The order of passes, with reasons.
#include "passes/Pipelines.h"

#include "lowering/DSRTToLLVM/DSRTToLLVM.h"
#include "passes/optimize/Optimize.h"
#include "passes/precision/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace dsmlir {

void buildLegalizationPipeline(OpPassManager &passes) {
  passes.addPass(createVerifyPrecisionPass());               // every module has a dtype and a reason; nothing below may guess
  passes.addPass(createLegalizePrecisionPass());             // casts and quantisation become operations
  passes.addPass(createCSEPass());                           // q_a_proj and kv_a_proj quantise the same input: once is enough
  passes.addPass(createVerifyPrecisionPass(/*legal=*/true)); // parameters are resident in what the products take
}

void buildPrecisionPipeline(OpPassManager &passes, const PrecisionOptions &options) {
  passes.addPass(createResolvePrecisionPass(options)); // on the global graph: rules mean the same on every mesh
  buildLegalizationPipeline(passes);
}

void buildRuntimePipeline(OpPassManager &passes, const ProgramLimits &limits) {
  passes.addPass(createDSToDSRTPass(limits));
  passes.addPass(createPlanMemoryPass());   // last: whatever changes the calls has been done
  passes.addPass(createVerifyMemoryPass()); // the planner is not believed
}

void buildLLVMPipeline(OpPassManager &passes) { passes.addPass(createDSRTToLLVMPass()); }

namespace {

/// The pipelines of ds-opt take the options of their first pass.
struct LimitOptions : public PassPipelineOptions<LimitOptions> {
  Option<int64_t> maxTokens{*this, "max-tokens", llvm::cl::desc("tokens in one call (2048)"), llvm::cl::init(0)};
  Option<int64_t> maxSequences{*this, "max-sequences", llvm::cl::desc("rows of a call (64)"), llvm::cl::init(0)};
  Option<int64_t> maxLength{*this, "max-length", llvm::cl::desc("positions of a row (4096, or the model's)"), llvm::cl::init(0)};
};

} // namespace

void registerPasses() {
  registerPass([] { return createResolvePrecisionPass(); });
  registerPass([] { return createVerifyPrecisionPass(); });
  registerPass([] { return createLegalizePrecisionPass(); });
  registerPass([] { return createDSToDSRTPass(); });
  registerPass([] { return createPlanMemoryPass(); });
  registerPass([] { return createVerifyMemoryPass(); });
  registerPass([] { return createDSRTToLLVMPass(); });
  registerCSEPass();
  // The options of this pipeline are those of its first pass, from the one option table.
  registerPassPipeline(
      "ds-precision-pipeline", "decides precision and makes it explicit",
      [](OpPassManager &passes, StringRef options, function_ref<LogicalResult(const Twine &)> errorHandler) -> LogicalResult {
        std::unique_ptr<Pass> resolve = createResolvePrecisionPass();
        if (failed(resolve->initializeOptions(options, errorHandler)))
          return failure();
        passes.addPass(std::move(resolve));
        buildLegalizationPipeline(passes);
        return success();
      },
      [](function_ref<void(const detail::PassOptions &)>) {});
  PassPipelineRegistration<LimitOptions>("ds-runtime-pipeline", "from explicit precision to calls in a planned arena",
                                         [](OpPassManager &passes, const LimitOptions &options) {
                                           buildRuntimePipeline(passes, {options.maxTokens, options.maxSequences, options.maxLength});
                                         });
  PassPipelineRegistration<>("ds-llvm-pipeline", "from calls to the LLVM dialect", buildLLVMPipeline);
}

std::vector<std::string> passNames() {
  OpPassManager passes(ModuleOp::getOperationName());
  buildPrecisionPipeline(passes, {});
  buildRuntimePipeline(passes, {});
  buildLLVMPipeline(passes);
  std::vector<std::string> names;
  for (Pass &pass : passes.getPasses())
    if (names.empty() || llvm::find(names, pass.getArgument()) == names.end())
      names.push_back(pass.getArgument().str());
  return names;
}

} // namespace dsmlir
