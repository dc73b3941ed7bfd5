// What a config says about storage, and the hash of a source model.
#include "lowering/HuggingFaceToDS/ParameterStorage.h"

#include "runtime/support/Hash.h"

namespace dsmlir {

std::vector<ParameterStorage> storageFromConfig(const ModelConfig &config, const std::vector<ModelParameter> &parameters) {
  dsrt_dtype dtype = config.storedDtype == "float32" ? DSRT_F32 : config.storedDtype == "float16" ? DSRT_F16 : DSRT_BF16;
  std::vector<ParameterStorage> storage;
  for (const ModelParameter &parameter : parameters) {
    if (parameter.alwaysF32)
      storage.push_back({DSRT_F32, ""});
    else if (parameter.linear && config.quantization)
      storage.push_back({DSRT_F8E4M3, parameter.tensor + "_scale_inv"});
    else
      storage.push_back({dtype, ""});
  }
  return storage;
}

std::string sourceHash(const ModelConfig &config, const std::vector<ModelParameter> &parameters,
                       const std::vector<ParameterStorage> &storage) {
  dsrt::Hash hash;
  hash << int64_t(config.family) << config.vocabulary << config.hidden << config.intermediate << config.layers << config.heads
       << config.qLoraRank << config.kvLoraRank << config.nopeHeadDim << config.ropeHeadDim << config.valueHeadDim << config.firstDense
       << config.routedExperts << config.sharedExperts << config.expertsPerToken << config.expertIntermediate << config.groups
       << config.topGroups << int64_t(config.scoring) << int64_t(config.selection) << int64_t(config.normalizeTopK) << config.routedScaling
       << config.normEps << int64_t(config.tiedEmbeddings) << config.maxPositions;
  const RopeConfig &rope = config.rope;
  hash << int64_t(rope.yarn) << rope.theta;
  if (rope.yarn)
    hash << rope.factor << rope.betaFast << rope.betaSlow << rope.mscale << rope.mscaleAllDim << rope.originalLength;
  hash << int64_t(config.quantization.has_value());
  if (config.quantization)
    hash << config.quantization->blockRows << config.quantization->blockCols << int64_t(config.quantization->ue8m0);
  for (size_t i = 0; i < parameters.size(); ++i) {
    hash << parameters[i].path << parameters[i].tensor << int64_t(parameters[i].shape.size());
    for (int64_t extent : parameters[i].shape)
      hash << extent;
    hash << int64_t(storage[i].dtype) << storage[i].scales;
  }
  return hash.text();
}

} // namespace dsmlir
