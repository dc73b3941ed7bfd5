// Lines: first what they belong to, then the baseline's hash and measurements. A line is one write() to a file opened for appending.
#include "tools/ds-compile/sensitivity/MeasurementFile.h"

#include "runtime/support/FieldReader.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fcntl.h>
#include <limits>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dsmlir;
using namespace dsrt;

namespace {

constexpr int64_t version = 1;
constexpr const char *kind = "ds-compile sensitivity";
constexpr uint64_t largestFile = uint64_t(1) << 32;

Json numberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

/// Null is infinite.
double number(FieldReader &reader, const std::string &key) {
  if (!reader.stands(key))
    reader.fail(DSRT_UNREADABLE, key, "is missing");
  return reader.has(key) ? reader.number(key, 0, true) : std::numeric_limits<double>::infinity();
}

} // namespace

Json dsmlir::toJson(const Measurement &measurement) {
  return {
      {"distance", numberOrNull(measurement.distance)}, {"divergence", numberOrNull(measurement.divergence)}, {"bytes", measurement.bytes}};
}

Expected<std::unique_ptr<MeasurementFile>> MeasurementFile::open(const std::string &path, const RunIdentity &identity) {
  std::unique_ptr<MeasurementFile> file(new MeasurementFile);
  file->path = path;
  if (path.empty())
    return file;
  file->descriptor = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file->descriptor < 0)
    return Status(DSRT_CANNOT_CREATE, path + ": cannot open or create: " + strerror(errno));
  struct stat info;
  if (fstat(file->descriptor, &info) != 0 || !S_ISREG(info.st_mode))
    return Status(DSRT_CANNOT_CREATE, path + ": expects a regular file, which an interrupted run can go on from");
  if (flock(file->descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    return Status(DSRT_REJECTED, path + ": another run is writing to it; wait for that run, or give --state another file");
  if (Status status = file->read(identity); !status.ok())
    return status;
  return file;
}

MeasurementFile::~MeasurementFile() {
  if (descriptor >= 0)
    close(descriptor);
}

Status MeasurementFile::read(const RunIdentity &identity) {
  Expected<std::string> text = readFile(path, largestFile);
  if (!text)
    return text.status();
  Json first = {{"kind", kind},
                {"version", version},
                {"tool", identity.tool},
                {"model", identity.model},
                {"weights", identity.weights},
                {"input", identity.input},
                {"baseline", identity.baseline}};
  size_t whole = text->rfind('\n') == std::string::npos ? 0 : text->rfind('\n') + 1;
  std::string beginning = Json({{"kind", kind}}).dump();
  beginning.pop_back(); // of any such file's first line
  if (whole == 0 && text->substr(0, beginning.size()) != beginning.substr(0, text->size()))
    return {DSRT_UNREADABLE, path + ": is no file of 'ds-compile sensitivity --state'"};
  if (Status status = parse(std::string_view(*text).substr(0, whole), identity); !status.ok())
    return status;
  // Now that it is one of ours: what a kill has left of a line goes.
  if (whole != text->size() && ftruncate(descriptor, off_t(whole)) != 0)
    return {DSRT_IO, path + ": cannot drop an unfinished line: " + strerror(errno)};
  return whole == 0 ? append(first) : Status();
}

/// Whole lines.
Status MeasurementFile::parse(std::string_view text, const RunIdentity &identity) {
  size_t lineNumber = 0;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    std::string what = path + ": line " + std::to_string(++lineNumber);
    Expected<Json> line = parseJson(text.substr(begin, end - begin), what);
    if (!line)
      return line.status();
    if (!line->is_object())
      return {DSRT_UNREADABLE, what + " expects an object"};
    begin = end + 1;
    FieldReader reader(*line, what);
    if (lineNumber == 1) {
      if (reader.word("kind", "") != kind)
        return {DSRT_UNREADABLE, path + ": is no file of 'ds-compile sensitivity --state'"};
      if (reader.integer("version", 0, INT64_MAX) != version)
        return {DSRT_UNREADABLE, path + ": was written by another version of ds-compile; give --state another file"};
      for (auto [key, expected] : {std::pair("tool", &identity.tool),
                                   {"model", &identity.model},
                                   {"weights", &identity.weights},
                                   {"input", &identity.input},
                                   {"baseline", &identity.baseline}})
        if (std::string there = reader.word(key); reader.ok() && there != *expected)
          return {DSRT_REJECTED,
                  path + ": belongs to another run: its " + key + " is another one; give --state another file, or delete it"};
    } else if (reader.has("logits")) {
      baselineHash = reader.word("logits");
    } else {
      Measurement measurement;
      std::string policy = reader.word("policy");
      measurement.distance = number(reader, "distance");
      measurement.divergence = number(reader, "divergence");
      measurement.bytes = uint64_t(reader.integer("bytes", 0, INT64_MAX));
      measurements[policy] = measurement;
    }
    if (!reader.ok())
      return {DSRT_UNREADABLE, reader.status().message()};
  }
  return {};
}

Status MeasurementFile::append(const Json &line) {
  std::string text = line.dump() + "\n";
  ssize_t written;
  do
    written = write(descriptor, text.data(), text.size());
  while (written < 0 && errno == EINTR);
  if (written == ssize_t(text.size()) && fdatasync(descriptor) == 0)
    return {};
  return {DSRT_IO, path + ": cannot write: " + (written >= 0 && written < ssize_t(text.size()) ? "the disk is full" : strerror(errno))};
}

Status MeasurementFile::setBaseline(const std::string &logitsHash) {
  if (!baselineHash.empty() && baselineHash != logitsHash)
    return {DSRT_REJECTED, path +
                               ": belongs to another run: the baseline's logits are other ones, so the weights have other values, or this "
                               "processor or build computes in another order; give --state another file, or delete it"};
  if (!baselineHash.empty())
    return {};
  baselineHash = logitsHash;
  return descriptor < 0 ? Status() : append({{"logits", logitsHash}});
}

std::optional<Measurement> MeasurementFile::find(const std::string &policy) const {
  auto found = measurements.find(policy);
  return found == measurements.end() ? std::nullopt : std::optional(found->second);
}

Status MeasurementFile::add(const std::string &policy, const std::string &name, const Measurement &measurement) {
  measurements[policy] = measurement;
  if (descriptor < 0)
    return {};
  Json line = {{"policy", policy}, {"name", name}};
  line.update(toJson(measurement));
  return append(line);
}
