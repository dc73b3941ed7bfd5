// makeCheckpoint: every value follows from (seed, tensor name, index) through Philox; tensors are written in pieces.
#include "tools/ds-checkpoint/Make.h"
#include "lowering/HuggingFaceToDS/CheckpointStorage.h"
#include "runtime/numerics/Codecs.h"
#include "runtime/numerics/Philox.h"
#include "runtime/numerics/Quantize.h"
#include "runtime/support/OutputFile.h"
#include "tools/driver/CommandLine.h"

#include <cmath>
#include <filesystem>
#include <set>
#include <xxhash.h>

using namespace dsrt;

namespace dsmlir {
namespace {

/// Values of a tensor: mean + deviation * z, with z the sum of eight uniform 16-bit integers, centred and scaled to variance 1
/// (Irwin-Hall, within 4.9 deviations). Integers and one multiplication: no libm, so every machine gives the same bits.
class Normal {
public:
  Normal(uint64_t seed, const std::string &tensor, float mean, float deviation)
      : key{uint32_t(seed), uint32_t(seed >> 32)}, stream(XXH64(tensor.data(), tensor.size(), 0)), mean(mean),
        scale(deviation / deviationOfSum) {}

  float at(uint64_t index) const {
    auto bits = philox({uint32_t(index), uint32_t(index >> 32), uint32_t(stream), uint32_t(stream >> 32)}, key);
    int64_t sum = 0;
    for (uint32_t word : bits)
      sum += (word & 0xffff) + (word >> 16);
    return mean + static_cast<float>(sum - 4 * 65535) * scale;
  }

private:
  static constexpr float deviationOfSum = 53509.9f; // sqrt(8 (2^32 - 1) / 12)

  std::array<uint32_t, 2> key;
  uint64_t stream;
  float mean, scale;
};

/// One tensor of the files: values of a parameter (of one expert where they are stacked), or the scales of the tensor before.
struct Item {
  std::string name;
  FileType type = FileType::BF16;
  std::vector<int64_t> shape;
  bool scales = false;
  float mean = 0, deviation = 0;
  uint64_t bytes = 0;
};

FileType typeOf(const std::string &dtype) {
  return dtype == "f32" ? FileType::F32 : dtype == "f16" ? FileType::F16 : dtype == "fp8" ? FileType::F8E4M3 : FileType::BF16;
}

/// Matrices keep the size of what they multiply; those that add to the residual stream a quarter of it, so that a block refines
/// the stream and does not replace it, as in a trained model: otherwise BF16's rounding would grow from block to block.
float deviationOf(const ModelParameter &parameter, const ModelConfig &config) {
  if (parameter.alwaysF32)
    return 0.1f; // a correction bias is of the size of the differences between scores
  if (parameter.shape.size() == 1)
    return 0.2f;
  bool embedding = parameter.path == "token_embeddings.weight";
  if (embedding && !config.tiedEmbeddings)
    return 0.5f;
  float keeping = 1.0f / std::sqrt(float(parameter.shape.back())); // IEEE operations: the same on every machine
  bool addsToResidual = parameter.path.ends_with(".out_proj.weight") || parameter.path.ends_with(".down_proj.weight");
  return addsToResidual ? keeping / 4 : keeping;
}

std::vector<Item> listItems(const ModelConfig &config, FileType type) {
  std::vector<Item> items;
  for (const ModelParameter &parameter : modelParameters(config)) {
    bool stacked = parameter.tensor.find("{e}") != std::string::npos;
    int64_t experts = stacked ? parameter.shape[0] : 1;
    for (int64_t expert = 0; expert < experts; ++expert) {
      Item item;
      item.name = expertTensor(parameter.tensor, expert);
      item.shape.assign(parameter.shape.begin() + stacked, parameter.shape.end());
      item.type = parameter.alwaysF32 ? FileType::F32 : type == FileType::F8E4M3 && !parameter.linear ? FileType::BF16 : type;
      item.mean = item.shape.size() == 1 && !parameter.alwaysF32 ? 1.0f : 0.0f; // norms scatter about 1
      item.deviation = deviationOf(parameter, config);
      tensorBytes(item.type, item.shape, item.bytes);
      items.push_back(item);
      if (item.type != FileType::F8E4M3)
        continue;
      Item scales;
      scales.name = item.name + "_scale_inv";
      scales.type = FileType::F32;
      scales.scales = true;
      int64_t blockRows = config.quantization->blockRows, blockCols = config.quantization->blockCols;
      scales.shape = {(item.shape[0] + blockRows - 1) / blockRows, (item.shape[1] + blockCols - 1) / blockCols};
      tensorBytes(scales.type, scales.shape, scales.bytes);
      items.push_back(scales);
    }
  }
  return items;
}

/// Writes the items in order into one file after the other.
class Writer {
public:
  Writer(const MakeOptions &options, const ModelConfig &config) : options(options) {
    if (config.quantization) {
      block.payload = DSRT_F8E4M3;
      block.scale = DSRT_F32;
      block.tile_rows = config.quantization->blockRows;
      block.tile_cols = config.quantization->blockCols;
      block.rule = config.quantization->ue8m0 ? DSRT_SCALE_POWER_OF_TWO : DSRT_SCALE_AMAX;
    }
  }

  Status writeShard(const std::string &path, const Item *items, size_t count) {
    std::vector<TensorToWrite> tensors;
    for (size_t i = 0; i < count; ++i)
      tensors.push_back({items[i].name, items[i].type, items[i].shape, nullptr});
    Expected<std::string> header = safeTensorsHeader(tensors);
    if (!header)
      return header.status();
    Expected<OutputFile> file = OutputFile::create(path);
    if (!file)
      return file.status();
    Status status = file->write(header->data(), header->size());
    for (size_t i = 0; i < count && status.ok(); ++i)
      status = items[i].scales ? file->write(scales.data(), scales.size() * sizeof(float)) : writeValues(*file, items[i]);
    return status.ok() ? file->commit() : status;
  }

private:
  /// In pieces of whole rows: about 1 MiB of values, for FP8 a row of tiles.
  Status writeValues(OutputFile &file, const Item &item) {
    int64_t rows = item.shape.size() == 2 ? item.shape[0] : 1, cols = item.shape.back();
    bool quantised = item.type == FileType::F8E4M3;
    int64_t step = quantised ? std::min<int64_t>(block.tile_rows, rows) : std::max<int64_t>(1, (int64_t(1) << 18) / cols);
    Normal normal(options.seed, item.name, item.mean, item.deviation);
    if (quantised)
      scales.clear();
    for (int64_t row = 0; row < rows; row += step) {
      int64_t part = std::min(step, rows - row), elements = part * cols;
      values.resize(elements);
      for (int64_t i = 0; i < elements; ++i)
        values[i] = normal.at(uint64_t(row) * cols + i);
      if (quantised) // what a BF16 checkpoint of the same seed holds: the two are one model
        for (float &value : values)
          value = decodeBF16(encodeBF16(value));
      bytes.resize(elements * (bits(item.type) / 8));
      if (quantised) {
        size_t before = scales.size();
        scales.resize(before + tileColsOf(block, cols));
        if (Status status = quantize(block, values.data(), part, cols, bytes.data(), scales.data() + before); !status.ok())
          return status;
      } else {
        dsrt_quant plain = {};
        plain.payload = toDtype(item.type);
        if (Status status = quantize(plain, values.data(), part, cols, bytes.data(), nullptr); !status.ok())
          return status;
      }
      if (Status status = file.write(bytes.data(), bytes.size()); !status.ok())
        return status;
    }
    return {};
  }

  const MakeOptions &options;
  dsrt_quant block = {};
  std::vector<float> values, scales; ///< scales: of the quantised tensor written last, which may be in the file before
  std::vector<uint8_t> bytes;
};

/// config.json as it must read for weights of this dtype.
void adjustConfig(Json &json, const std::string &dtype) {
  const char *plain = dtype == "f32" ? "float32" : dtype == "f16" ? "float16" : "bfloat16";
  if (json.contains("dtype"))
    json["dtype"] = plain;
  if (json.contains("torch_dtype") || !json.contains("dtype"))
    json["torch_dtype"] = plain;
  if (dtype != "fp8")
    json.erase("quantization_config");
  else if (!json.contains("quantization_config") || json["quantization_config"].is_null())
    json["quantization_config"] = {
        {"activation_scheme", "dynamic"}, {"fmt", "e4m3"}, {"quant_method", "fp8"}, {"weight_block_size", {128, 128}}};
}

/// A file of an earlier checkpoint that stays would be read with the new ones, or instead of them.
Status checkFolder(const std::string &folder, const std::set<std::string> &toWrite) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::filesystem::directory_iterator entries(folder, error), end;
  if (error)
    return Status(DSRT_CANNOT_CREATE, folder + ": cannot create the folder: " + error.message());
  for (; entries != end; entries.increment(error)) {
    std::string name = entries->path().filename().string();
    bool weights = name == "model.safetensors.index.json" || (name.starts_with("model") && name.ends_with(".safetensors"));
    if (weights && !toWrite.contains(name))
      return Status(DSRT_CANNOT_CREATE, folder + ": expects a folder without other weights, but finds '" + name + "': remove it first");
  }
  return {};
}

/// The first item of each file, and the end: files of about equal bytes, each with a tensor at least.
std::vector<size_t> cutIntoShards(const std::vector<Item> &items, int64_t shards) {
  uint64_t total = 0, reached = 0;
  for (const Item &item : items)
    total += item.bytes;
  std::vector<size_t> starts = {0};
  for (size_t i = 0; i < items.size() && starts.size() < size_t(shards); ++i) {
    bool full = i > starts.back() && reached >= total / shards * starts.size();
    bool lastChance = items.size() - i == size_t(shards) - starts.size();
    if (full || lastChance)
      starts.push_back(i);
    reached += items[i].bytes;
  }
  starts.push_back(items.size());
  return starts;
}

} // namespace

Status makeCheckpoint(const MakeOptions &options) {
  std::string path = std::filesystem::is_directory(options.config) ? options.config + "/config.json" : options.config;
  Expected<Json> json = readJson(path);
  if (!json)
    return json.status();
  if (!json->is_object())
    return Status(DSRT_UNREADABLE, path + ": expects a JSON object");
  adjustConfig(*json, options.dtype);
  std::vector<std::string> warnings;
  Expected<ModelConfig> config = ModelConfig::parse(*json, path, warnings);
  if (!config)
    return config.status();
  for (const std::string &warning : warnings)
    reportWarning(warning);

  std::vector<Item> items = listItems(*config, typeOf(options.dtype));
  if (options.shards > int64_t(items.size()))
    return Status(DSRT_REJECTED, format("--shards expects at most the %zu tensors of the model, but got %lld", items.size(),
                                        static_cast<long long>(options.shards)));
  std::vector<size_t> starts = cutIntoShards(items, options.shards);
  std::vector<std::string> files;
  nlohmann::json map = nlohmann::json::object(); // sorted by name; ordered_json would search all keys at each insertion
  uint64_t total = 0;
  for (size_t shard = 0; shard + 1 < starts.size(); ++shard) {
    files.push_back(options.shards == 1 ? "model.safetensors"
                                        : format("model-%05zu-of-%05lld.safetensors", shard + 1, static_cast<long long>(options.shards)));
    for (size_t i = starts[shard]; i < starts[shard + 1]; ++i) {
      map[items[i].name] = files.back();
      total += items[i].bytes;
    }
  }
  std::set<std::string> toWrite(files.begin(), files.end());
  if (options.shards > 1)
    toWrite.insert("model.safetensors.index.json");
  if (Status status = checkFolder(options.folder, toWrite); !status.ok())
    return status;

  Writer writer(options, *config);
  std::vector<std::string> written;
  Status status;
  for (size_t shard = 0; shard < files.size() && status.ok(); ++shard) {
    std::string file = options.folder + "/" + files[shard];
    status = writer.writeShard(file, items.data() + starts[shard], starts[shard + 1] - starts[shard]);
    if (status.ok())
      written.push_back(file);
  }
  auto writeText = [&](const char *name, const std::string &text) {
    if (!status.ok())
      return;
    std::string file = options.folder + "/" + name;
    status = writeFile(file, text);
    if (status.ok())
      written.push_back(file);
  };
  if (options.shards > 1)
    writeText("model.safetensors.index.json",
              nlohmann::json{{"metadata", {{"total_size", total}}}, {"weight_map", std::move(map)}}.dump(2) + "\n");
  writeText("config.json", json->dump(2) + "\n");
  if (!status.ok())
    for (const std::string &file : written)
      std::filesystem::remove(file);
  return status;
}

} // namespace dsmlir
