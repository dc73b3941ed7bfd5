// Types, MappedFile and the reader of safetensors. The format: https://huggingface.co/docs/safetensors ("Format").
#include "runtime/weights/SafeTensors.h"
#include "runtime/support/Json.h"
#include "runtime/support/Nearest.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dsrt {
namespace {

struct TypeRow {
  FileType type;
  const char *name;
  unsigned bits;
  dsrt_dtype dtype;
};
constexpr TypeRow types[] = {
    {FileType::F64, "F64", 64, DSRT_NONE},
    {FileType::F32, "F32", 32, DSRT_F32},
    {FileType::F16, "F16", 16, DSRT_F16},
    {FileType::BF16, "BF16", 16, DSRT_BF16},
    {FileType::F8E4M3, "F8_E4M3", 8, DSRT_F8E4M3},
    {FileType::F8E5M2, "F8_E5M2", 8, DSRT_F8E5M2},
    {FileType::F8E8M0, "F8_E8M0", 8, DSRT_UE8M0},
    {FileType::F4, "F4", 4, DSRT_F4E2M1},
    {FileType::I64, "I64", 64, DSRT_NONE},
    {FileType::I32, "I32", 32, DSRT_I32},
    {FileType::I16, "I16", 16, DSRT_NONE},
    {FileType::I8, "I8", 8, DSRT_NONE},
    {FileType::U8, "U8", 8, DSRT_NONE},
    {FileType::Bool, "BOOL", 8, DSRT_NONE},
};

const TypeRow &row(FileType type) {
  for (const TypeRow &entry : types)
    if (entry.type == type)
      return entry;
  __builtin_unreachable();
}

/// The format's own limit on the header.
constexpr uint64_t maximumHeader = 100'000'000;
/// Ranks above it occur in no model; it bounds what a header can make us hold.
constexpr size_t maximumRank = 16;

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

unsigned long long printable(uint64_t value) { return value; }

Status malformed(const std::string &path, const std::string &why) { return Status(DSRT_UNREADABLE, path + ": " + why); }

Status malformedTensor(const std::string &path, const std::string &tensor, const std::string &why) {
  return malformed(path, "tensor '" + tensor.substr(0, 200) + "' " + why);
}

bool isCount(const Json &value) { return value.is_number_unsigned() && value.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX); }

/// One entry of a header, checked by itself; its place among the others is checked by `parseHeader`.
Expected<TensorInfo> parseTensor(const std::string &path, const std::string &tensor, const Json &json, uint64_t dataBytes) {
  if (!json.is_object())
    return malformedTensor(path, tensor, std::string("expects an object, but got ") + json.type_name());
  auto member = [&](const char *key) -> const Json * {
    auto at = json.find(key);
    return at == json.end() ? nullptr : &*at;
  };
  const Json *dtype = member("dtype"), *shape = member("shape"), *offsets = member("data_offsets");
  if (!dtype || !dtype->is_string())
    return malformedTensor(path, tensor, "expects a string 'dtype'");
  TensorInfo info;
  if (!fileTypeNamed(dtype->get<std::string>(), info.type)) {
    std::string known;
    for (const TypeRow &entry : types)
      known += std::string(known.empty() ? "" : ", ") + entry.name;
    return malformedTensor(path, tensor, "expects a dtype of " + known + ", but got '" + dtype->get<std::string>().substr(0, 40) + "'");
  }
  if (!shape || !shape->is_array() || !std::all_of(shape->begin(), shape->end(), isCount))
    return malformedTensor(path, tensor, "expects 'shape' to be an array of counts");
  if (shape->size() > maximumRank)
    return malformedTensor(path, tensor, format("expects at most %zu dimensions, but got %zu", maximumRank, shape->size()));
  for (const Json &extent : *shape)
    info.shape.push_back(extent.get<int64_t>());
  if (!offsets || !offsets->is_array() || offsets->size() != 2 || !std::all_of(offsets->begin(), offsets->end(), isCount))
    return malformedTensor(path, tensor, "expects 'data_offsets' to be two counts");
  info.begin = (*offsets)[0].get<uint64_t>();
  info.end = (*offsets)[1].get<uint64_t>();
  if (info.begin > info.end || info.end > dataBytes)
    return malformedTensor(path, tensor,
                           format("expects data_offsets in order and within the %llu bytes of data, but got [%llu, %llu]",
                                  printable(dataBytes), printable(info.begin), printable(info.end)));
  uint64_t bytes = 0;
  if (!tensorBytes(info.type, info.shape, bytes))
    return malformedTensor(
        path, tensor,
        format("expects a shape whose bytes can be counted, but got %s of %s", shapeText(info.shape).c_str(), name(info.type)));
  if (bytes != info.end - info.begin)
    return malformedTensor(path, tensor,
                           format("expects %llu bytes for %s of %s, but its data_offsets hold %llu", printable(bytes),
                                  shapeText(info.shape).c_str(), name(info.type), printable(info.end - info.begin)));
  return info;
}

/// All tensors of one file; `dataStart` is where the data section begins.
Expected<std::vector<std::pair<std::string, TensorInfo>>> parseHeader(const MappedFile &file, uint64_t &dataStart) {
  const std::string &path = file.path();
  if (file.size() < 8)
    return malformed(path, format("expects the 8 bytes of a header length, but the file has %llu bytes", printable(file.size())));
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | file.data()[i];
  if (length > maximumHeader)
    return malformed(path, format("expects a header of at most %llu bytes, but got %llu: no safetensors file", printable(maximumHeader),
                                  printable(length)));
  if (length > file.size() - 8)
    return malformed(path, format("expects a header of %llu bytes, but the file ends after %llu: truncated", printable(length),
                                  printable(file.size() - 8)));
  std::string_view text(reinterpret_cast<const char *>(file.data()) + 8, length);
  if (!text.starts_with("{"))
    return malformed(path, "expects the header to begin with '{'");
  // A tensor's shape is three levels deep; nothing in the format is deeper.
  Expected<Json> header = parseJson(text, path + " (header)", 4);
  if (!header)
    return header.status();
  dataStart = 8 + length;
  uint64_t dataBytes = file.size() - dataStart;
  std::vector<std::pair<std::string, TensorInfo>> tensors;
  for (auto &[key, value] : header->items()) {
    if (key == "__metadata__") {
      if (!value.is_object() || !std::all_of(value.begin(), value.end(), [](const Json &text) { return text.is_string(); }))
        return malformed(path, "expects '__metadata__' to map strings to strings");
      continue;
    }
    Expected<TensorInfo> info = parseTensor(path, key, value, dataBytes);
    if (!info)
      return info.status();
    tensors.emplace_back(key, std::move(*info));
  }
  std::vector<const std::pair<std::string, TensorInfo> *> inOrder;
  for (const auto &tensor : tensors)
    inOrder.push_back(&tensor);
  std::sort(inOrder.begin(), inOrder.end(), [](const auto *a, const auto *b) {
    return std::tie(a->second.begin, a->second.end) < std::tie(b->second.begin, b->second.end);
  });
  uint64_t reached = 0;
  for (const auto *tensor : inOrder) {
    if (tensor->second.begin != reached)
      return malformedTensor(path, tensor->first,
                             format("expects data that begin at byte %llu, where the tensor before ends, but got %llu: %s",
                                    printable(reached), printable(tensor->second.begin),
                                    tensor->second.begin < reached ? "an overlap" : "a gap"));
    reached = tensor->second.end;
  }
  if (reached != dataBytes)
    return malformed(path, format("expects the tensors to fill the %llu bytes of data, but they end at byte %llu", printable(dataBytes),
                                  printable(reached)));
  return tensors;
}

bool isFolder(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}
bool exists(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

/// The index maps every tensor to a file beside it. A name with a path in it could name any file of the machine.
Expected<std::vector<std::pair<std::string, std::string>>> readIndex(const std::string &path) {
  Expected<Json> json = readJson(path);
  if (!json)
    return json.status();
  auto map = json->is_object() ? json->find("weight_map") : json->end();
  if (!json->is_object() || map == json->end() || !map->is_object())
    return malformed(path, "expects an object 'weight_map' of tensor names to file names");
  if (map->empty())
    return malformed(path, "expects 'weight_map' to name tensors, but it is empty");
  std::vector<std::pair<std::string, std::string>> placed;
  for (auto &[tensor, file] : map->items()) {
    if (!file.is_string())
      return malformedTensor(path, tensor, std::string("expects a file name, but got ") + file.type_name());
    const std::string &fileName = file.get_ref<const std::string &>();
    if (fileName.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos || !fileName.ends_with(".safetensors"))
      return malformedTensor(path, tensor,
                             "expects the name of a .safetensors file beside the index, without a path, but got '" +
                                 fileName.substr(0, 200) + "'");
    placed.emplace_back(tensor, fileName);
  }
  return placed;
}

} // namespace

const char *name(FileType type) { return row(type).name; }
unsigned bits(FileType type) { return row(type).bits; }
dsrt_dtype toDtype(FileType type) { return row(type).dtype; }

bool fileTypeNamed(const std::string &text, FileType &type) {
  for (const TypeRow &entry : types)
    if (text == entry.name) {
      type = entry.type;
      return true;
    }
  return false;
}

bool tensorBytes(FileType type, const std::vector<int64_t> &shape, uint64_t &bytes) {
  uint64_t total = bits(type);
  bool empty = false;
  for (int64_t extent : shape) {
    if (extent < 0)
      return false;
    empty |= extent == 0;
    if (__builtin_mul_overflow(total, extent == 0 ? uint64_t(1) : static_cast<uint64_t>(extent), &total))
      return false;
  }
  bytes = empty ? 0 : total / 8;
  return empty || total % 8 == 0;
}

Expected<std::shared_ptr<MappedFile>> MappedFile::open(const std::string &path) {
  std::shared_ptr<MappedFile> file(new MappedFile);
  file->name = path;
  // O_NONBLOCK: a pipe without a writer must not hold us; it is refused below.
  file->descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file->descriptor < 0)
    return malformed(path, std::string("cannot open: ") + strerror(errno));
  struct stat info;
  if (fstat(file->descriptor, &info) != 0)
    return Status(DSRT_IO, path + ": cannot stat: " + strerror(errno));
  if (!S_ISREG(info.st_mode))
    return malformed(path, "expects a regular file");
  file->length = info.st_size;
  if (file->length > 0) {
    void *map = mmap(nullptr, file->length, PROT_READ, MAP_PRIVATE, file->descriptor, 0);
    if (map == MAP_FAILED)
      return Status(DSRT_IO, path + ": cannot map: " + strerror(errno));
    file->bytes = static_cast<const uint8_t *>(map);
  }
  return file;
}

MappedFile::~MappedFile() {
  if (bytes)
    munmap(const_cast<uint8_t *>(bytes), length);
  if (descriptor >= 0)
    close(descriptor);
}

Status MappedFile::checkUnchanged() const {
  struct stat info;
  if (fstat(descriptor, &info) != 0)
    return Status(DSRT_IO, name + ": cannot stat: " + strerror(errno));
  if (static_cast<uint64_t>(info.st_size) < length)
    return Status(DSRT_IO, format("%s: expects %llu bytes, as when it was opened, but the file has shrunk to %llu", name.c_str(),
                                  printable(length), printable(info.st_size)));
  return {};
}

Expected<Checkpoint> Checkpoint::open(const std::string &path) {
  Checkpoint checkpoint;
  std::vector<std::string> paths;
  std::vector<std::pair<std::string, std::string>> placed;
  std::map<std::string, uint32_t> fileIndex; // file name in the index -> index into maps
  std::string index;
  if (path.ends_with(".safetensors") && !isFolder(path)) {
    paths.push_back(path);
  } else {
    if (!isFolder(path))
      return malformed(path, "expects a folder with model.safetensors, or a .safetensors file");
    std::string single = path + "/model.safetensors";
    index = path + "/model.safetensors.index.json";
    if (exists(index)) {
      auto entries = readIndex(index);
      if (!entries)
        return entries.status();
      placed = std::move(*entries);
      for (auto &[tensor, file] : placed)
        if (fileIndex.emplace(file, 0).second)
          paths.push_back(path + "/" + file);
      // Sorted by name, whatever the order in the index: the same folder gives the same file numbers.
      std::sort(paths.begin(), paths.end());
      uint32_t number = 0;
      for (auto &entry : fileIndex)
        entry.second = number++;
    } else if (exists(single)) {
      paths.push_back(single);
    } else {
      return malformed(path, "expects model.safetensors.index.json or model.safetensors in the folder, but finds neither");
    }
  }
  for (const std::string &file : paths) {
    auto map = MappedFile::open(file);
    if (!map)
      return map.status();
    uint64_t start = 0;
    auto tensors = parseHeader(**map, start);
    if (!tensors)
      return tensors.status();
    for (auto &[tensor, info] : *tensors) {
      info.file = checkpoint.maps.size();
      auto [at, added] = checkpoint.table.emplace(tensor, std::move(info));
      if (!added)
        return malformedTensor(file, tensor, "stands in " + checkpoint.maps[at->second.file]->path() + " as well: expects it in one file");
    }
    checkpoint.maps.push_back(std::move(*map));
    checkpoint.dataStart.push_back(start);
  }
  for (auto &[tensor, file] : placed) {
    const TensorInfo *info = checkpoint.find(tensor);
    if (!info || info->file != fileIndex[file])
      return malformedTensor(index, tensor, "is placed in '" + file + "', which does not hold it");
  }
  return checkpoint;
}

const TensorInfo *Checkpoint::find(const std::string &tensor) const {
  auto at = table.find(tensor);
  return at == table.end() ? nullptr : &at->second;
}

const uint8_t *Checkpoint::bytes(const TensorInfo &tensor) const {
  return maps[tensor.file]->data() + dataStart[tensor.file] + tensor.begin;
}

std::vector<std::string> Checkpoint::nearest(const std::string &tensor, unsigned count) const {
  return nearestNames(
      tensor,
      [&](const std::function<void(std::string_view)> &visit) {
        for (const auto &entry : table)
          visit(entry.first);
      },
      count);
}

} // namespace dsrt
