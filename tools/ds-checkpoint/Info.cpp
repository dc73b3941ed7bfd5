// printInfo.
#include "tools/ds-checkpoint/Info.h"
#include "lowering/HuggingFaceToDS/CheckpointStorage.h"
#include "tools/driver/CommandLine.h"

#include <cmath>
#include <cstring>

using namespace dsrt;

namespace dsmlir {
namespace {

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

/// Scales are positive and finite, and powers of two where the config says ue8m0. Nothing where they are; else which is not.
std::string checkScales(const Checkpoint &checkpoint, const TensorInfo &info, bool ue8m0) {
  const uint8_t *bytes = checkpoint.bytes(info);
  for (uint64_t i = 0; i < checkpoint.byteSize(info) / sizeof(float); ++i) {
    float scale;
    memcpy(&scale, bytes + i * sizeof(float), sizeof scale); // the format does not align tensors
    int exponent = 0;
    if (!std::isfinite(scale) || scale <= 0)
      return format("expects positive finite scales, but scale %llu is %g", static_cast<unsigned long long>(i), scale);
    if (ue8m0 && std::frexp(scale, &exponent) != 0.5f)
      return format("expects powers of two, as scale_fmt ue8m0 says, but scale %llu is %.9g", static_cast<unsigned long long>(i), scale);
  }
  return "";
}

} // namespace

Status printInfo(const std::string &folder, FILE *out) {
  Expected<Json> json = readJson(folder + "/config.json");
  if (!json)
    return json.status();
  std::vector<std::string> warnings;
  Expected<ModelConfig> config = ModelConfig::parse(*json, folder + "/config.json", warnings);
  if (!config)
    return config.status();
  for (const std::string &warning : warnings)
    reportWarning(warning);
  Expected<Checkpoint> checkpoint = Checkpoint::open(folder);
  if (!checkpoint)
    return checkpoint.status();

  std::map<std::string, std::pair<size_t, uint64_t>> totals; // dtype -> tensors, bytes
  std::vector<std::string> misfits;
  uint64_t total = 0;
  for (const auto &[tensor, info] : checkpoint->tensors()) {
    uint64_t bytes = checkpoint->byteSize(info);
    std::string scaled;
    if (const TensorInfo *scales = checkpoint->find(tensor + "_scale_inv"); scales && config->quantization)
      scaled = format("  scales %s %s, block %lldx%lld%s", name(scales->type), shapeText(scales->shape).c_str(),
                      static_cast<long long>(config->quantization->blockRows), static_cast<long long>(config->quantization->blockCols),
                      config->quantization->ue8m0 ? ", powers of two" : "");
    if (tensor.ends_with("_scale_inv") && info.type == FileType::F32) {
      if (Status status = checkpoint->files()[info.file]->checkUnchanged(); !status.ok())
        return status;
      std::string wrong = checkScales(*checkpoint, info, config->quantization && config->quantization->ue8m0);
      if (!wrong.empty())
        misfits.push_back("tensor '" + tensor + "' " + wrong);
    }
    fprintf(out, "%s  %s %s  %llu bytes%s\n", tensor.c_str(), name(info.type), shapeText(info.shape).c_str(),
            static_cast<unsigned long long>(bytes), scaled.c_str());
    auto &[count, sum] = totals[name(info.type)];
    ++count;
    sum += bytes;
    total += bytes;
  }
  fprintf(out, "total: %zu tensors in %zu file%s, %llu bytes\n", checkpoint->tensors().size(), checkpoint->files().size(),
          checkpoint->files().size() == 1 ? "" : "s", static_cast<unsigned long long>(total));
  for (const auto &[type, sum] : totals)
    fprintf(out, "  %s: %zu tensors, %llu bytes\n", type.c_str(), sum.first, static_cast<unsigned long long>(sum.second));

  CheckpointStorage storage = CheckpointStorage::examine(*config, *checkpoint, folder);
  for (const std::string &note : storage.notes)
    fprintf(out, "note: %s\n", note.c_str());
  for (const std::string &misfit : misfits)
    fprintf(out, "does not fit: %s\n", misfit.c_str());
  for (const Status &error : storage.errors)
    fprintf(out, "does not fit: %s\n", error.message().c_str());
  if (storage.errorCount > storage.errors.size())
    fprintf(out, "does not fit: %zu more tensors\n", storage.errorCount - storage.errors.size());
  for (const std::string &leftover : storage.leftovers)
    fprintf(out, "does not fit: %s\n", leftover.c_str());
  size_t count = misfits.size() + storage.errorCount + storage.leftovers.size();
  if (count > 0)
    return Status(DSRT_REJECTED,
                  format("%s: %zu finding%s: the weights do not fit config.json", folder.c_str(), count, count == 1 ? "" : "s"));
  fprintf(out, "fits config.json\n");
  return {};
}

} // namespace dsmlir
