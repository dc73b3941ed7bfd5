// readCheckpoint: config.json as it is, and the headers' dtypes of the linear weights.
#include "tools/ds-compile/ReadCheckpoint.h"

#include "lowering/HuggingFaceToDS/CheckpointStorage.h"

#include <algorithm>
#include <filesystem>

using dsrt::Json;

namespace dsmlir {
namespace {

std::string wordOf(const Json &object, const char *key) {
  auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// torch's name of a dtype as the flags have it; another one as it is.
std::string flagOf(const std::string &torch) {
  if (torch == "bfloat16")
    return "bf16";
  if (torch == "float16")
    return "fp16";
  return torch == "float32" ? "fp32" : torch;
}

void readQuantization(const Json &config, Checkpoint &checkpoint) {
  auto found = config.find("quantization_config");
  if (found == config.end() || !found->is_object())
    return;
  checkpoint.quantMethod = wordOf(*found, "quant_method");
  if (checkpoint.quantMethod.empty())
    checkpoint.quantMethod = "(none)";
  checkpoint.format = wordOf(*found, "fmt");
  if (checkpoint.format.empty() && checkpoint.quantMethod == "fp8") // as the importer takes it
    checkpoint.format = "e4m3";
  checkpoint.ue8m0 = wordOf(*found, "scale_fmt") == "ue8m0";
  auto block = found->find("weight_block_size");
  auto isExtent = [](const Json &extent) { return extent.is_number_integer() && extent > 0; };
  if (block != found->end() && block->is_array() && block->size() == 2 && std::all_of(block->begin(), block->end(), isExtent)) {
    checkpoint.blockRows = (*block)[0].get<int64_t>();
    checkpoint.blockCols = (*block)[1].get<int64_t>();
  }
}

/// Counts dtypes in the order of the model.
void readHeaders(const ModelConfig &config, const ::dsrt::Checkpoint &files, Checkpoint &checkpoint) {
  auto count = [&](const std::string &tensor) {
    const ::dsrt::TensorInfo *info = files.find(tensor);
    if (!info)
      return;
    std::string dtype = ::dsrt::name(info->type);
    auto known =
        std::find_if(checkpoint.linearDtypes.begin(), checkpoint.linearDtypes.end(), [&](auto &held) { return held.first == dtype; });
    if (known == checkpoint.linearDtypes.end())
      checkpoint.linearDtypes.emplace_back(dtype, 1);
    else
      ++known->second;
  };
  for (const ModelParameter &parameter : modelParameters(config)) {
    if (!parameter.linear)
      continue;
    bool stacked = parameter.tensor.find("{e}") != std::string::npos;
    for (int64_t expert = 0; expert < (stacked ? parameter.shape[0] : 1); ++expert)
      count(expertTensor(parameter.tensor, expert));
  }
}

} // namespace

::dsrt::Expected<Checkpoint> readCheckpoint(const std::string &path) {
  std::error_code ignored;
  bool folder = std::filesystem::is_directory(path, ignored);
  std::string configPath = folder ? (std::filesystem::path(path) / "config.json").string() : path;
  ::dsrt::Expected<Json> json = ::dsrt::readJson(configPath);
  if (!json)
    return json.status();
  if (!json->is_object())
    return ::dsrt::Status(DSRT_UNREADABLE, configPath + ": expects an object, but got " + json->type_name());
  Checkpoint checkpoint;
  std::string dtype = wordOf(*json, "dtype");
  checkpoint.storedDtype = flagOf(dtype.empty() ? wordOf(*json, "torch_dtype") : dtype);
  readQuantization(*json, checkpoint);
  std::vector<std::string> warnings;
  ::dsrt::Expected<ModelConfig> config = ModelConfig::parse(*json, configPath, warnings);
  if (!config || !folder || !hasWeights(path))
    return checkpoint;
  ::dsrt::Expected<::dsrt::Checkpoint> files = ::dsrt::Checkpoint::open(path);
  if (!files)
    return files.status();
  readHeaders(*config, *files, checkpoint);
  return checkpoint;
}

} // namespace dsmlir
