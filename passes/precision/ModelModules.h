// The modules of a model's graph, as precision resolution takes them.
#pragma once

#include "dialects/ds/DS.h"
#include "passes/precision/PrecisionModel.h"

#include <vector>

namespace dsmlir {

/// An operation and its modules: one, or those of the experts that it stands for, in their order.
struct ModuleOperation {
  mlir::ds::ModulePrecisionInterface operation;
  std::vector<uint32_t> modules; ///< indices into ModelModules::modules
};

struct ModelModules {
  std::vector<Module> modules; ///< each once, in the order of the graph; all projections of an expert stand together
  std::vector<ModuleOperation> operations;

  /// Fails, with an error, where an operation's path does not fit its experts, or where the entry points hold different modules.
  static mlir::FailureOr<ModelModules> collect(mlir::ds::ModelOp model);
};

/// "blocks.1.ffn.experts.[0-7].gate_proj" for experts [first, first + count) of it: a range, or one number.
std::string expertPath(llvm::StringRef rangePath, int64_t first, int64_t count);

/// "model.mlir:41:12" of an operation that was parsed; empty where it was imported.
std::string fileLocation(mlir::Location location);

} // namespace dsmlir
