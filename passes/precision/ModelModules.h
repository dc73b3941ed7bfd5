// The modules of a model's graph, as precision resolution takes them.
#pragma once

#include "dialects/ds/DS.h"
#include "passes/precision/ParameterSteps.h"
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

/// Runs [begin, end) of an operation's modules that are decided alike, reasons included: one operation each once the resolution is applied.
std::vector<std::pair<size_t, size_t>> runsDecidedAlike(const ModuleOperation &operation, const Resolution &resolution);

/// What the checkpoint holds of a parameter.
ParameterFormat storedFormatOf(mlir::ds::ParamOp param);

/// A warning (DS1140) for each pair of low-bit formats between which parameters go without being asked to.
std::vector<Finding> requantisations(const ModelModules &model, const Resolution &resolution);

/// "blocks.1.ffn.experts.[0-7].gate_proj" for experts [first, first + count) of it: a range, or one number.
std::string expertPath(llvm::StringRef rangePath, int64_t first, int64_t count);

/// "model.mlir:41:12" of an operation that was parsed; empty where it was imported.
std::string fileLocation(mlir::Location location);

} // namespace dsmlir
