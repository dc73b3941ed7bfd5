// CheckpointStorage::examine.
#include "lowering/HuggingFaceToDS/CheckpointStorage.h"
#include "runtime/support/Nearest.h"

#include <filesystem>
#include <map>
#include <set>

using namespace dsrt;

namespace dsmlir {
namespace {

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

bool isPlain(FileType type) { return type == FileType::BF16 || type == FileType::F16 || type == FileType::F32; }

/// The index of "model.layers.61.anything", -1 for other names.
int64_t layerOf(const std::string &tensor) {
  constexpr std::string_view prefix = "model.layers.";
  if (!tensor.starts_with(prefix))
    return -1;
  size_t end = tensor.find('.', prefix.size());
  std::string index = tensor.substr(prefix.size(), end == std::string::npos ? end : end - prefix.size());
  if (end == std::string::npos || index.empty() || index.size() > 9 || index.find_first_not_of("0123456789") != std::string::npos)
    return -1;
  return std::stoll(index);
}

class Examination {
public:
  Examination(const ModelConfig &config, const Checkpoint &checkpoint, const std::string &what)
      : config(config), checkpoint(checkpoint), what(what) {}

  CheckpointStorage result;

  void run() {
    for (const ModelParameter &parameter : modelParameters(config))
      result.parameters.push_back(storage(parameter));
    accountForOthers();
  }

private:
  void fail(dsrt_code code, const std::string &tensor, const std::string &why) {
    if (result.errorCount++ < CheckpointStorage::maximumErrors)
      result.errors.emplace_back(code, what + ": tensor '" + tensor + "' " + why);
  }

  /// The tensor, marked as used; null after the error was noted.
  const TensorInfo *require(const std::string &tensor, const std::vector<int64_t> &shape, const std::string &hint) {
    const TensorInfo *info = checkpoint.find(tensor);
    used.insert(tensor);
    if (!info) {
      // The search over all names is worth it for the first messages only.
      fail(DSRT_UNREADABLE, tensor, "is missing" + hint + (result.errorCount < 3 ? didYouMean(checkpoint.nearest(tensor, 2)) : ""));
      return nullptr;
    }
    if (info->shape != shape) {
      fail(DSRT_UNREADABLE, tensor, "expects shape " + shapeText(shape) + " by the config, but got " + shapeText(info->shape));
      return nullptr;
    }
    return info;
  }

  /// Checks one tensor (one expert's where they are stacked) and gives how it is stored.
  bool examineTensor(const ModelParameter &parameter, const std::string &tensor, const std::vector<int64_t> &shape,
                     ParameterStorage &stored) {
    std::string hint = tensor == "lm_head.weight" ? " (a model without it has tie_word_embeddings true in its config)" : std::string();
    const TensorInfo *info = require(tensor, shape, hint);
    if (!info)
      return false;
    stored = {toDtype(info->type), ""};
    if (info->type != FileType::F8E4M3) {
      if (!isPlain(info->type)) {
        fail(DSRT_REJECTED, tensor, std::string("expects BF16, F16, F32 or F8_E4M3, but got ") + name(info->type));
        return false;
      }
      if (parameter.linear && config.quantization) {
        fail(DSRT_UNREADABLE, tensor, std::string("expects F8_E4M3, as quantization_config says, but got ") + name(info->type));
        return false;
      }
      return true;
    }
    if (!parameter.linear) {
      fail(DSRT_REJECTED, tensor, "expects BF16, F16 or F32, being no linear's weight, but got F8_E4M3");
      return false;
    }
    if (!config.quantization) {
      fail(DSRT_UNREADABLE, tensor, "is F8_E4M3, but the config has no quantization_config that says how it is scaled");
      return false;
    }
    auto tiles = [](int64_t extent, int64_t block) { return (extent + block - 1) / block; };
    stored.scales = parameter.tensor + "_scale_inv";
    const std::vector<int64_t> scaleShape = {tiles(shape[0], config.quantization->blockRows),
                                             tiles(shape[1], config.quantization->blockCols)};
    const TensorInfo *scales = require(tensor + "_scale_inv", scaleShape, ": the scales of '" + tensor + "', which is F8_E4M3");
    if (scales && scales->type != FileType::F32) {
      fail(DSRT_REJECTED, tensor + "_scale_inv", std::string("expects scales in F32, but got ") + name(scales->type));
      return false;
    }
    return scales != nullptr;
  }

  ParameterStorage storage(const ModelParameter &parameter) {
    ParameterStorage stored;
    if (parameter.tensor.find("{e}") == std::string::npos) {
      examineTensor(parameter, parameter.tensor, parameter.shape, stored);
      return stored;
    }
    std::vector<int64_t> shape(parameter.shape.begin() + 1, parameter.shape.end());
    bool first = true;
    for (int64_t expert = 0; expert < parameter.shape[0]; ++expert) {
      ParameterStorage one;
      std::string tensor = expertTensor(parameter.tensor, expert);
      if (!examineTensor(parameter, tensor, shape, one))
        continue;
      if (first)
        stored = one;
      else if (one.dtype != stored.dtype)
        fail(DSRT_REJECTED, tensor,
             "expects the dtype that the experts before it have, but got " + std::string(name(checkpoint.find(tensor)->type)));
      first = false;
    }
    return stored;
  }

  /// Every tensor that no parameter names is recognised, or left over.
  void accountForOthers() {
    std::map<int64_t, size_t> nextTokenTensors;
    size_t buffers = 0;
    // A published checkpoint may hold its prediction layer and not count it.
    int64_t nextTokenEnd = config.layers + std::max<int64_t>(config.nextTokenLayers, 1);
    for (const auto &[tensor, info] : checkpoint.tensors()) {
      if (used.contains(tensor))
        continue;
      int64_t layer = layerOf(tensor);
      if (layer >= config.layers && layer < nextTokenEnd)
        ++nextTokenTensors[layer];
      else if (tensor.ends_with(".rotary_emb.inv_freq"))
        ++buffers;
      else if (tensor == "lm_head.weight" && config.tiedEmbeddings)
        result.notes.push_back("'lm_head.weight' is left out: tie_word_embeddings takes the embedding for it");
      else
        result.leftovers.push_back("tensor '" + tensor + "' is not part of the model");
    }
    for (auto &[layer, count] : nextTokenTensors)
      result.notes.push_back(format("layer %lld, %zu tensors, is left out: multi-token prediction", static_cast<long long>(layer), count));
    if (buffers > 0)
      result.notes.push_back(format("%zu rotary buffers (inv_freq) are left out: they follow from the config", buffers));
  }

  const ModelConfig &config;
  const Checkpoint &checkpoint;
  const std::string &what;
  std::set<std::string> used;
};

} // namespace

std::string expertTensor(const std::string &name, int64_t expert) {
  size_t at = name.find("{e}");
  return at == std::string::npos ? name : name.substr(0, at) + std::to_string(expert) + name.substr(at + 3);
}

CheckpointStorage CheckpointStorage::examine(const ModelConfig &config, const Checkpoint &checkpoint, const std::string &what) {
  Examination examination(config, checkpoint, what);
  examination.run();
  return std::move(examination.result);
}

bool hasWeights(const std::string &folder) {
  std::error_code ignored;
  for (const char *name : {"model.safetensors.index.json", "model.safetensors"})
    if (std::filesystem::exists(std::filesystem::path(folder) / name, ignored))
      return true;
  return false;
}

Status CheckpointStorage::status() const {
  if (errors.empty())
    return {};
  std::string more = errorCount > 1 ? format(" (and %zu more that do not fit; 'ds-checkpoint info' lists them)", errorCount - 1) : "";
  return Status(errors[0].code(), errors[0].message() + more);
}

} // namespace dsmlir
