// Inputs are strangers' files like all others: every shape, dtype and id is checked before a program runs.
#include "runtime/launcher/TokenInput.h"

#include "runtime/support/Nearest.h"

#include <charconv>
#include <cstring>

using namespace dsrt;

namespace {

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (int64_t extent : shape)
    text += (text.size() > 1 ? ", " : "") + std::to_string(extent);
  return text + "]";
}

Expected<const TensorInfo *> findTensor(const Checkpoint &file, const std::string &path, const std::string &tensor) {
  if (const TensorInfo *info = file.find(tensor))
    return info;
  return Status(DSRT_REJECTED, path + ": expects a tensor '" + tensor + "', but the file has none" + didYouMean(file.nearest(tensor)));
}

/// The elements of an I32 or I64 tensor.
Expected<std::vector<int64_t>> readIntegers(const Checkpoint &file, const std::string &path, const std::string &tensor,
                                            const TensorInfo &info) {
  size_t size = info.type == FileType::I32 ? 4 : 8;
  if (info.type != FileType::I32 && info.type != FileType::I64)
    return Status(DSRT_REJECTED, path + ": tensor '" + tensor + "' expects I32 or I64, but got " + name(info.type));
  std::vector<int64_t> values(file.byteSize(info) / size);
  const uint8_t *bytes = file.bytes(info);
  for (size_t i = 0; i < values.size(); ++i) {
    int32_t narrow = 0;
    if (size == 4)
      memcpy(&narrow, bytes + i * size, size), values[i] = narrow;
    else
      memcpy(&values[i], bytes + i * size, size);
  }
  return values;
}

} // namespace

Expected<TokenRows> dsrt::parseTokens(std::string_view text) {
  TokenRows rows(1);
  for (const char *at = text.data(), *end = at + text.size();;) {
    int32_t token = 0;
    auto [next, error] = std::from_chars(at, end, token);
    if (error != std::errc() || token < 0 || (next != end && *next != ','))
      return Status(DSRT_USAGE, "--tokens expects token ids with commas between them, such as 1,2,3, but got '" +
                                    std::string(text.substr(0, 80)) + "'");
    rows[0].push_back(token);
    if (next == end)
      return rows;
    at = next + 1;
  }
}

Expected<TokenRows> dsrt::readTokens(const std::string &path, const std::string &tensor, int64_t &paddedLength) {
  Expected<Checkpoint> file = Checkpoint::open(path);
  if (!file)
    return file.status();
  Expected<const TensorInfo *> info = findTensor(*file, path, tensor);
  if (!info)
    return info.status();
  std::vector<int64_t> shape = (*info)->shape;
  if (shape.size() == 1)
    shape.insert(shape.begin(), 1);
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1)
    return Status(DSRT_REJECTED, path + ": tensor '" + tensor + "' expects a shape [batch, length], but got " + shapeText((*info)->shape));
  Expected<std::vector<int64_t>> ids = readIntegers(*file, path, tensor, **info);
  if (!ids)
    return ids.status();

  int64_t batch = shape[0];
  paddedLength = shape[1];
  std::vector<int64_t> lengths(batch, paddedLength);
  if (const TensorInfo *ragged = file->find("lengths")) {
    Expected<std::vector<int64_t>> given = readIntegers(*file, path, "lengths", *ragged);
    if (!given)
      return given.status();
    if (ragged->shape != std::vector<int64_t>{batch})
      return Status(DSRT_REJECTED, path + ": tensor 'lengths' expects shape " + shapeText({batch}) + ", one length a row of '" + tensor +
                                       "', but got " + shapeText(ragged->shape));
    lengths = *given;
  }
  TokenRows rows(batch);
  for (int64_t row = 0; row < batch; ++row) {
    if (lengths[row] < 1 || lengths[row] > paddedLength)
      return Status(DSRT_REJECTED, format("%s: lengths[%lld] expects 1 to %lld, but got %lld", path.c_str(), (long long)row,
                                          (long long)paddedLength, (long long)lengths[row]));
    for (int64_t position = 0; position < lengths[row]; ++position) {
      int64_t id = (*ids)[row * paddedLength + position];
      if (id < 0 || id > INT32_MAX)
        return Status(DSRT_REJECTED, format("%s: row %lld, token %lld expects a token id, but got %lld", path.c_str(), (long long)row,
                                            (long long)position, (long long)id));
      rows[row].push_back(int32_t(id));
    }
  }
  return rows;
}

Status dsrt::checkTokens(const TokenRows &rows, const Manifest &manifest, int64_t shortest) {
  for (size_t row = 0; row < rows.size(); ++row) {
    int64_t length = rows[row].size();
    if (length < shortest)
      return {DSRT_REJECTED, format("row %zu expects at least %lld token%s, but has %lld", row, (long long)shortest,
                                    shortest == 1 ? "" : "s", (long long)length)};
    if (length > manifest.maxLength)
      return {DSRT_REJECTED, format("row %zu has %lld tokens, but the artifact holds rows of at most %lld; compile with --max-length %lld",
                                    row, (long long)length, (long long)manifest.maxLength, (long long)length)};
    for (int64_t position = 0; position < length; ++position)
      if (rows[row][position] < 0 || rows[row][position] >= manifest.vocabulary)
        return {DSRT_REJECTED, format("row %zu, token %lld expects an id below the vocabulary of %lld, but got %d", row,
                                      (long long)position, (long long)manifest.vocabulary, rows[row][position])};
  }
  return {};
}

Expected<std::vector<float>> dsrt::readF32(const std::string &path, const std::string &tensor, const std::vector<int64_t> &shape) {
  Expected<Checkpoint> file = Checkpoint::open(path);
  if (!file)
    return file.status();
  Expected<const TensorInfo *> info = findTensor(*file, path, tensor);
  if (!info)
    return info.status();
  if ((*info)->type != FileType::F32 || (*info)->shape != shape)
    return Status(DSRT_REJECTED, path + ": tensor '" + tensor + "' expects F32 " + shapeText(shape) + ", but got " + name((*info)->type) +
                                     " " + shapeText((*info)->shape));
  std::vector<float> values(file->byteSize(**info) / sizeof(float));
  memcpy(values.data(), file->bytes(**info), values.size() * sizeof(float));
  return values;
}
