// The checkpoint as files: which safetensors files a Hugging Face folder names, what tensors they hold, and their bytes,
// mapped. Hostile until checked: RELIABILITY in docs/ says what is checked. Used by the compiler (names, dtypes, shapes only)
// and by the runtime (bytes).
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dsrt {

/// The element types of safetensors that we know; the names are the format's own: "F32", "BF16", "F8_E4M3", "I64", ...
enum class FileType { F64, F32, F16, BF16, F8E4M3, F8E5M2, F8E8M0, F4, I64, I32, I16, I8, U8, Bool };
const char *name(FileType type);
/// Bits of one element.
unsigned bits(FileType type);
/// The dtype of the C interface, DSRT_NONE where it has none.
dsrt_dtype toDtype(FileType type);

struct TensorInfo {
  FileType type;
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0; ///< byte range in the file's data section
  uint32_t file = 0;           ///< index into Checkpoint::files()
};

/// A read-only map of one file. Reading through it a file that has shrunk since is reported as DSRT_IO by
/// `checkUnchanged`.
class MappedFile {
public:
  static Expected<std::shared_ptr<MappedFile>> open(const std::string &path);
  ~MappedFile();
  const uint8_t *data() const { return bytes; }
  uint64_t size() const { return length; }
  const std::string &path() const { return name; }
  /// DSRT_IO where the file is shorter now than when it was mapped.
  Status checkUnchanged() const;

private:
  MappedFile() = default;
  std::string name; // the path
  const uint8_t *bytes = nullptr;
  uint64_t length = 0;
  int descriptor = -1;
};

/// The tensors of a folder (or of one .safetensors file).
class Checkpoint {
public:
  /// Opens the files that `model.safetensors.index.json` names, else `model.safetensors`; a path that ends in
  /// .safetensors is that one file. Only headers are read. DSRT_UNREADABLE with the file and the reason where a header is
  /// malformed: length against the file's size, offsets inside the file, in order, without overlap or gap, dtype times shape
  /// equal to the byte range; a tensor in two files, or one that the index places in a file that does not hold it.
  static Expected<Checkpoint> open(const std::string &path);

  /// Null where there is no such tensor.
  const TensorInfo *find(const std::string &tensor) const;
  const std::map<std::string, TensorInfo> &tensors() const { return table; }
  const std::vector<std::shared_ptr<MappedFile>> &files() const { return maps; }
  /// The bytes of a tensor, in its file's map. The format does not align them: copy elements out (memcpy), or check first.
  const uint8_t *bytes(const TensorInfo &tensor) const;
  uint64_t byteSize(const TensorInfo &tensor) const { return tensor.end - tensor.begin; }
  /// Up to `count` existing names that are near to `tensor`, for messages.
  std::vector<std::string> nearest(const std::string &tensor, unsigned count = 3) const;

private:
  std::map<std::string, TensorInfo> table;
  std::vector<std::shared_ptr<MappedFile>> maps;
  std::vector<uint64_t> dataStart;
};

/// Writes one safetensors file; tensors in the order given. The writer's output passes Checkpoint::open.
struct TensorToWrite {
  std::string name;
  FileType type;
  std::vector<int64_t> shape;
  const void *data;
};
Status writeSafeTensors(const std::string &path, const std::vector<TensorToWrite> &tensors);

/// Header of a file with these tensors (their `data` is not looked at): the 8 bytes of its length, then the JSON, padded with
/// spaces so that the data begin at a multiple of 8. Data follow without gaps, in the same order. DSRT_REJECTED where a name
/// stands twice, a shape is negative or overflows, or elements do not fill whole bytes.
Expected<std::string> safeTensorsHeader(const std::vector<TensorToWrite> &tensors);

/// Bytes of a tensor; false where the shape is negative, the product overflows, or elements do not fill whole bytes.
bool tensorBytes(FileType type, const std::vector<int64_t> &shape, uint64_t &bytes);
/// The type of that name; false where we know none.
bool fileTypeNamed(const std::string &text, FileType &type);

} // namespace dsrt
