// What --precision-recipe auto looks at: a config's quantization_config, and the dtypes in the headers of the files beside it.
#pragma once

#include "passes/precision/PrecisionModel.h"

#include <string>

namespace dsmlir {

/// Reads a folder, or a config.json alone, tolerantly: what is wrong with the model itself the importer says. Errors: those of a config
/// that is no JSON object, and of headers that cannot be read.
dsrt::Expected<Checkpoint> readCheckpoint(const std::string &path);

} // namespace dsmlir
