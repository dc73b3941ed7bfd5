// How a checkpoint stores a model: config and files compared, tensor by tensor, from headers alone. For the importer, which
// needs the stored format of each parameter, and for `ds-checkpoint info`, which says what does not fit.
#pragma once

#include "lowering/HuggingFaceToDS/ParameterStorage.h"
#include "runtime/weights/SafeTensors.h"

#include <string>
#include <vector>

namespace dsmlir {

struct CheckpointStorage {
  std::vector<ParameterStorage> parameters; ///< in the order of modelParameters(config); meaningful where `errors` is empty
  /// What is wrong, at most `maximumErrors` of them, and how many there are. DSRT_UNREADABLE: a tensor or scale is missing or has
  /// another shape or type than the config says; DSRT_REJECTED: well-formed, and not implemented.
  std::vector<dsrt::Status> errors;
  size_t errorCount = 0;
  std::vector<std::string> leftovers; ///< tensors that are not part of the model: a warning each
  /// What was recognised and left out by name: multi-token-prediction layers, rotary buffers, the head of a tied model.
  std::vector<std::string> notes;

  static constexpr size_t maximumErrors = 20;

  /// \param what  the checkpoint's path, for messages
  static CheckpointStorage examine(const ModelConfig &config, const dsrt::Checkpoint &checkpoint, const std::string &what);

  /// OK, or the first error, with the number of further ones.
  dsrt::Status status() const;
};

/// Whether a folder holds weights that Checkpoint::open() reads.
bool hasWeights(const std::string &folder);

/// The checkpoint's name of one expert's tensor: "{e}" replaced. Names without it are given back as they are.
std::string expertTensor(const std::string &name, int64_t expert);

} // namespace dsmlir
