// importModel: from a path to a verified module.
#include "lowering/HuggingFaceToDS/HuggingFaceToDS.h"

#include "lowering/HuggingFaceToDS/CheckpointStorage.h"
#include "runtime/support/Json.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

#include <filesystem>

using namespace dsrt;

namespace dsmlir {
namespace {

/// How the weights in the model's folder are stored, by their headers, which must fit the config.
Status storageFromWeights(const std::string &folder, ImportedModel &model) {
  Expected<Checkpoint> checkpoint = Checkpoint::open(folder);
  if (!checkpoint)
    return checkpoint.status();
  CheckpointStorage examined = CheckpointStorage::examine(model.config, *checkpoint, folder);
  if (Status status = examined.status(); !status.ok())
    return status;
  model.storage = std::move(examined.parameters);
  model.warnings.insert(model.warnings.end(), examined.leftovers.begin(), examined.leftovers.end());
  model.notes = std::move(examined.notes);
  return {};
}

} // namespace

Expected<ImportedModel> importModel(mlir::MLIRContext &context, const std::string &path) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  bool folder = fs::is_directory(path, ignored);
  std::string configPath = folder ? (fs::path(path) / "config.json").string() : path;

  ImportedModel model;
  Expected<Json> json = readJson(configPath);
  if (!json)
    return json.status();
  Expected<ModelConfig> config = ModelConfig::parse(*json, configPath, model.warnings);
  if (!config)
    return config.status();
  model.config = *config;
  model.parameters = modelParameters(model.config);
  if (!folder || !hasWeights(path))
    model.storage = storageFromConfig(model.config, model.parameters);
  else if (Status status = storageFromWeights(path, model); !status.ok())
    return status;
  model.hash = sourceHash(model.config, model.parameters, model.storage);
  model.module = importHuggingFace(context, model.config, model.parameters, model.storage);

  // A config that passed its checks makes a valid module: anything else is a defect here, and says so.
  std::string message;
  mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    if (message.empty())
      message = diagnostic.str();
    return mlir::success();
  });
  if (mlir::failed(mlir::verify(*model.module)))
    return Status(DSRT_INTERNAL, configPath + ": the imported model does not verify: " + message);
  return model;
}

} // namespace dsmlir
