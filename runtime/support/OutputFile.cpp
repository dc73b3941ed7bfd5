// OutputFile on Linux: O_TMPFILE, linkat, rename; a named temporary file where the file system lacks O_TMPFILE.
#include "runtime/support/OutputFile.h"

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dsrt {
namespace {

std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// A name beside the target that no other process and no other thread of this one chooses.
std::string temporaryName(const std::string &path) {
  static std::atomic<unsigned> counter{0};
  size_t slash = path.rfind('/');
  std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  std::string file = slash == std::string::npos ? path : path.substr(slash + 1);
  return folder + format(".%.200s.%ld.%u.tmp", file.c_str(), static_cast<long>(getpid()), counter++);
}

} // namespace

Status OutputFile::failure(const char *step) const {
  return Status(DSRT_CANNOT_CREATE, format("%s: cannot %s: %s", target.c_str(), step, strerror(errno)));
}

OutputFile::OutputFile(OutputFile &&other) noexcept
    : target(std::move(other.target)), finalPath(std::move(other.finalPath)), temporary(std::move(other.temporary)),
      descriptor(other.descriptor), direct(other.direct) {
  other.descriptor = -1;
  other.temporary.clear();
}

OutputFile::~OutputFile() {
  if (descriptor >= 0)
    close(descriptor);
  if (!temporary.empty())
    unlink(temporary.c_str());
}

Expected<OutputFile> OutputFile::create(const std::string &path) {
  OutputFile file;
  file.target = path;
  file.finalPath = path;
  if (char *resolved = realpath(path.c_str(), nullptr)) {
    file.finalPath = resolved;
    free(resolved);
  }
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    // A folder fails here with EISDIR, which is the message that it needs.
    file.direct = true;
    file.descriptor = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (file.descriptor < 0)
      return file.failure("open for writing");
    return file;
  }
  if (path.empty() || path.back() == '/') {
    errno = EISDIR;
    return file.failure("create");
  }
  std::string folder = folderOf(file.finalPath);
  file.descriptor = open(folder.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (file.descriptor < 0) {
    std::string name = temporaryName(file.finalPath);
    file.descriptor = open(name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (file.descriptor < 0)
      return file.failure("create");
    file.temporary = name;
  }
  return file;
}

Status OutputFile::write(const void *data, size_t size) {
  const char *bytes = static_cast<const char *>(data);
  while (size > 0) {
    ssize_t written = ::write(descriptor, bytes, size < SSIZE_MAX ? size : SSIZE_MAX);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return failure("write");
    bytes += written;
    size -= written;
  }
  return {};
}

Status OutputFile::commit() {
  if (!direct) {
    if (fsync(descriptor) != 0)
      return failure("sync");
    if (temporary.empty()) {
      // linkat does not replace: the whole file gets a temporary name first, and the target's by rename.
      std::string name = temporaryName(finalPath);
      std::string self = format("/proc/self/fd/%d", descriptor);
      if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
        return failure("name the file");
      temporary = name;
    }
    if (rename(temporary.c_str(), finalPath.c_str()) != 0)
      return failure("rename");
    temporary.clear();
    int folder = open(folderOf(finalPath).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
      fsync(folder); // the name is there; that it survives a power cut is best effort
      close(folder);
    }
  }
  int closed = close(descriptor);
  descriptor = -1;
  return closed == 0 ? Status() : failure("close");
}

} // namespace dsrt
