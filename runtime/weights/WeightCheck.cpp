// Does a checkpoint fit an artifact, and how much memory will its parameters take: questions answered from headers alone.
#include "runtime/weights/WeightLoader.h"

#include "runtime/support/Nearest.h"
#include "runtime/weights/WeightSteps.h"

#include <algorithm>
#include <set>

using namespace dsrt;

WeightExtents dsrt::extentsOf(const ManifestParameter &parameter) {
  const std::vector<int64_t> &shape = parameter.shape; // three extents where experts are stacked, and only there
  size_t rank = shape.size();
  return {rank == 3 ? shape[0] : 1, rank == 1 ? 1 : shape[rank - 2], shape[rank - 1]};
}

std::string dsrt::tensorOfExpert(const std::string &name, int64_t expert) {
  size_t at = name.find("{e}");
  return at == std::string::npos ? name : name.substr(0, at) + std::to_string(expert) + name.substr(at + 3);
}

namespace {

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (int64_t extent : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

/// One tensor against what is expected of it.
Status checkTensor(const Checkpoint &checkpoint, const std::string &path, const std::string &tensor, const std::vector<int64_t> &shape,
                   const std::vector<dsrt_dtype> &dtypes) {
  const TensorInfo *info = checkpoint.find(tensor);
  std::string expected = "expects " + std::string(name(dtypes[0])) + " " + shapeText(shape);
  if (!info)
    return {DSRT_MISMATCH, "the weights do not fit the artifact: " + path + " " + expected + " in tensor '" + tensor +
                               "', but the checkpoint has no such tensor" + didYouMean(checkpoint.nearest(tensor))};
  dsrt_dtype dtype = toDtype(info->type);
  bool fits = info->shape == shape && std::find(dtypes.begin(), dtypes.end(), dtype) != dtypes.end();
  if (!fits)
    return {DSRT_MISMATCH, "the weights do not fit the artifact: " + path + " " + expected + ", but tensor '" + tensor + "' of " +
                               checkpoint.files()[info->file]->path() + " is " + name(info->type) + " " + shapeText(info->shape) +
                               "; compile the model from this checkpoint's folder"};
  return {};
}

} // namespace

Status dsrt::checkWeights(const Manifest &manifest, const Checkpoint &checkpoint) {
  for (const ManifestParameter &parameter : manifest.parameters) {
    WeightExtents extents = extentsOf(parameter);
    // One tensor an expert.
    std::vector<int64_t> shape = parameter.shape;
    if (shape.size() == 3)
      shape.erase(shape.begin());
    std::vector<int64_t> scaleShape = {tilesOf(extents.rows, parameter.stored.tile_rows),
                                       tilesOf(extents.cols, parameter.stored.tile_cols)};
    for (int64_t e = 0; e < extents.experts; ++e) {
      int64_t expert = parameter.firstExpert + e;
      if (Status status = checkTensor(checkpoint, parameter.path, tensorOfExpert(parameter.tensor, expert), shape,
                                      {dsrt_dtype(parameter.stored.payload)});
          !status.ok())
        return status;
      if (parameter.stored.scale == DSRT_NONE)
        continue;
      // Powers of two are held as F32 by some checkpoints and as UE8M0 by others; both stand for the same values.
      std::vector<dsrt_dtype> dtypes = {DSRT_F32};
      if (parameter.stored.scale == DSRT_UE8M0)
        dtypes.push_back(DSRT_UE8M0);
      if (Status status =
              checkTensor(checkpoint, parameter.path + " (scales)", tensorOfExpert(parameter.scales, expert), scaleShape, dtypes);
          !status.ok())
        return status;
    }
  }
  return {};
}

Expected<WeightsMemory> dsrt::measureWeights(const Manifest &manifest, int threads) {
  WeightsMemory memory;
  std::set<std::string> seen;
  bool fits = true;
  auto add = [&](uint64_t &sum, uint64_t bytes) { fits &= !__builtin_add_overflow(sum, bytes, &sum); };
  for (const ManifestParameter &parameter : manifest.parameters) {
    if (!seen.insert(copyKey(parameter)).second)
      continue;
    WeightExtents extents = extentsOf(parameter);
    uint64_t payload = 0, scales = 0, storedPayload = 0, storedScales = 0;
    fits &= formatBytes(parameter.resident(), extents.experts, extents.rows, extents.cols, payload, scales);
    fits &= formatBytes(parameter.stored, extents.experts, extents.rows, extents.cols, storedPayload, storedScales);
    add(memory.resident, payload);
    add(memory.resident, scales);
    add(memory.read, storedPayload);
    add(memory.read, storedScales);
    // While it is converted, each thread's piece as it is stored and as F32 values with the codes of a step; while it is
    // repacked, a second copy.
    uint64_t converting = 0, storedRow = 0, ignored = 0;
    if (!parameter.through.empty()) {
      fits &= formatBytes(parameter.stored, 1, 1, extents.cols, storedRow, ignored);
      uint64_t height = uint64_t(pieceRows(parameter)), rows = 0;
      uint64_t pieces = height == 0 ? 0 : (uint64_t(extents.rows) + height - 1) / height * uint64_t(extents.experts);
      fits &= !__builtin_mul_overflow(std::min<uint64_t>(uint64_t(threads), pieces), height, &rows);
      fits &= !__builtin_mul_overflow(rows, storedRow + uint64_t(extents.cols) * 2 * sizeof(float), &converting);
    }
    memory.workspace = std::max({memory.workspace, converting, payload});
  }
  if (!fits)
    return Status(DSRT_OUT_OF_MEMORY, "the parameters of the artifact take more bytes than 64 bits can count");
  return memory;
}
