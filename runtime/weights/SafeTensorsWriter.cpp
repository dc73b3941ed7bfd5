// Writing safetensors: the header, and whole files.
#include "runtime/support/Json.h"
#include "runtime/support/OutputFile.h"
#include "runtime/weights/SafeTensors.h"

#include <unordered_set>

namespace dsrt {

Expected<std::string> safeTensorsHeader(const std::vector<TensorToWrite> &tensors) {
  // Text is put together here: ordered_json searches all keys at every insertion.
  std::unordered_set<std::string> names;
  std::string json = "{";
  uint64_t reached = 0;
  for (const TensorToWrite &tensor : tensors) {
    uint64_t bytes = 0, end = 0;
    if (tensor.name == "__metadata__" || !names.insert(tensor.name).second)
      return Status(DSRT_REJECTED, "tensor '" + tensor.name + "' expects a name of its own");
    if (!tensorBytes(tensor.type, tensor.shape, bytes) || __builtin_add_overflow(reached, bytes, &end))
      return Status(DSRT_REJECTED, "tensor '" + tensor.name + "' expects a shape whose bytes can be counted");
    Json entry = {{"dtype", name(tensor.type)}, {"shape", tensor.shape}, {"data_offsets", {reached, end}}};
    if (json.size() > 1)
      json += ',';
    json += Json(tensor.name).dump(-1, ' ', false, Json::error_handler_t::replace) + ':' + entry.dump();
    reached = end;
  }
  json += '}';
  while (json.size() % 8 != 0)
    json += ' ';
  std::string header(8, '\0');
  for (int i = 0; i < 8; ++i)
    header[i] = static_cast<char>(json.size() >> (8 * i) & 0xff);
  return header + json;
}

Status writeSafeTensors(const std::string &path, const std::vector<TensorToWrite> &tensors) {
  Expected<std::string> header = safeTensorsHeader(tensors);
  if (!header)
    return header.status();
  Expected<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.status();
  if (Status status = file->write(header->data(), header->size()); !status.ok())
    return status;
  for (const TensorToWrite &tensor : tensors) {
    uint64_t bytes = 0;
    tensorBytes(tensor.type, tensor.shape, bytes);
    if (Status status = file->write(tensor.data, bytes); !status.ok())
      return status;
  }
  return file->commit();
}

} // namespace dsrt
