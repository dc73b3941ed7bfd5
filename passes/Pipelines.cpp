// The order of passes, with reasons.
#include "passes/Pipelines.h"

#include "lowering/DSRTToLLVM/DSRTToLLVM.h"
#include "lowering/DSToDSRT/DSToDSRT.h"
#include "passes/optimize/Optimize.h"
#include "passes/precision/Passes.h"

#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace dsmlir {

void buildLegalizationPipeline(OpPassManager &passes) {
  passes.addPass(createVerifyPrecisionPass());                // every module has a dtype and a reason; nothing below may guess
  passes.addPass(createLegalizePrecisionPass());              // casts and quantisation become operations
  passes.addPass(createCSEPass());                            // q_a_proj and kv_a_proj quantise the same input: once is enough
  passes.addPass(createVerifyPrecisionPass({.legal = true})); // nothing is left to a convention
}

void buildPrecisionPipeline(OpPassManager &passes, std::unique_ptr<Pass> resolve) {
  passes.addPass(std::move(resolve)); // on the global graph: rules mean the same on every mesh
  buildLegalizationPipeline(passes);
}

void buildRuntimePipeline(OpPassManager &passes, std::unique_ptr<Pass> toRuntime, std::unique_ptr<Pass> fuse,
                          std::unique_ptr<Pass> verifyTarget) {
  passes.addPass(verifyTarget ? std::move(verifyTarget) : createVerifyTargetPass()); // the first phase that a target has a say in
  passes.addPass(std::move(toRuntime));
  if (fuse)
    passes.addPass(std::move(fuse));        // on buffers that are values of their own, before they share memory
  passes.addPass(createPlanMemoryPass());   // last: whatever changes the calls has been done
  passes.addPass(createVerifyMemoryPass()); // the planner is not believed
}

void buildLLVMPipeline(OpPassManager &passes) { passes.addPass(createDSRTToLLVMPass()); }

/// A pipeline of ds-opt whose options are those of its first pass.
static void registerPipeline(StringRef name, StringRef description, std::unique_ptr<Pass> (*createFirst)(),
                             void (*build)(OpPassManager &, std::unique_ptr<Pass>)) {
  registerPassPipeline(
      name, description,
      [=](OpPassManager &passes, StringRef options, function_ref<LogicalResult(const Twine &)> errorHandler) -> LogicalResult {
        std::unique_ptr<Pass> first = createFirst();
        if (failed(first->initializeOptions(options, errorHandler)))
          return failure();
        build(passes, std::move(first));
        return success();
      },
      [](function_ref<void(const detail::PassOptions &)>) {});
}

void registerPasses() {
  registerPrecisionPasses();
  registerOptimizePasses();
  registerDSToDSRTPasses();
  registerDSRTToLLVMPasses();
  registerCSEPass();
  registerPipeline("ds-precision-pipeline", "decides precision and makes it explicit; options as of --ds-resolve-precision",
                   createResolvePrecisionPass, buildPrecisionPipeline);
  registerPipeline(
      "ds-runtime-pipeline", "from explicit precision to calls in a planned arena; options as of --ds-to-dsrt", createDSToDSRTPass,
      [](OpPassManager &passes, std::unique_ptr<Pass> toRuntime) { buildRuntimePipeline(passes, std::move(toRuntime), createFusePass()); });
  PassPipelineRegistration<>("ds-llvm-pipeline", "from calls to the LLVM dialect", buildLLVMPipeline);
}

std::vector<std::string> passNames() {
  OpPassManager passes(ModuleOp::getOperationName());
  buildPrecisionPipeline(passes, createResolvePrecisionPass());
  buildRuntimePipeline(passes, createDSToDSRTPass(), createFusePass());
  buildLLVMPipeline(passes);
  std::vector<std::string> names;
  for (Pass &pass : passes.getPasses())
    if (!llvm::is_contained(names, pass.getArgument()))
      names.push_back(pass.getArgument().str());
  return names;
}

} // namespace dsmlir
