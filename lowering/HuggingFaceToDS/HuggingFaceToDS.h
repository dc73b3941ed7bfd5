// From a Hugging Face model to the ds dialect: config.json and what the checkpoint's headers say become one ds.model. Weights are
// never read.
#pragma once

#include "lowering/HuggingFaceToDS/ParameterStorage.h"
#include "runtime/support/Status.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <string>
#include <vector>

namespace dsmlir {

/// Builds `ds.model @deepseek` with a ds.param for each of `parameters` (and one more for a tied head) and the entry points `prefill`
/// and `decode`; activations are BF16 until precision is resolved. Loads the dialect. The module verifies.
///
/// \param parameters  modelParameters(config)
/// \param storage     one for each of them
mlir::OwningOpRef<mlir::ModuleOp> importHuggingFace(mlir::MLIRContext &context, const ModelConfig &config,
                                                    const std::vector<ModelParameter> &parameters,
                                                    const std::vector<ParameterStorage> &storage);

struct ImportedModel {
  ModelConfig config;
  std::vector<ModelParameter> parameters;
  std::vector<ParameterStorage> storage;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string hash; ///< sourceHash(config, parameters, storage)
  std::vector<std::string> warnings; ///< unknown fields, and tensors that are not part of the model
  std::vector<std::string> notes;    ///< what was recognised and left out by name
};

/// Imports a folder (with weights, whose headers then say how they are stored, or without) or a config.json, which is taken alone
/// whatever stands beside it. Errors carry the exit code: DSRT_UNREADABLE for files that are missing or malformed, config and weights
/// that disagree among them; DSRT_REJECTED for values that are not implemented.
dsrt::Expected<ImportedModel> importModel(mlir::MLIRContext &context, const std::string &path);

} // namespace dsmlir
