// How a model's parameters are stored, and the hash of all that the compiler knows of a source model: plain C++, no MLIR.
#pragma once

#include "lowering/HuggingFaceToDS/ModelConfig.h"

#include <string>
#include <vector>

namespace dsmlir {

/// How the checkpoint stores one parameter.
struct ParameterStorage {
  dsrt_dtype dtype = DSRT_BF16; ///< DSRT_F32, DSRT_BF16, DSRT_F16 or DSRT_F8E4M3
  std::string scales;           ///< the tensor of the scales, `{e}` standing for the expert; empty where dtype is no payload
};

/// What a config.json alone says about storage: torch_dtype, and quantization_config for the linear weights.
std::vector<ParameterStorage> storageFromConfig(const ModelConfig &config, const std::vector<ModelParameter> &parameters);

/// XXH3 (64 bits, as 16 hexadecimal digits) of the config and of each parameter's path, tensors, shape and dtype. Fields without
/// effect do not count: two configs that mean the same model have one hash.
std::string sourceHash(const ModelConfig &config, const std::vector<ModelParameter> &parameters,
                       const std::vector<ParameterStorage> &storage);

} // namespace dsmlir
