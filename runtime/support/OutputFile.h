// Writing a file so that nothing partial can stay behind: the bytes go to a file without a name (or, where the file system
// has none, to a temporary one beside the target), are synced, and take the target's name in one step.
#pragma once

#include "runtime/support/Status.h"

#include <cstddef>
#include <string>

namespace dsrt {

class OutputFile {
public:
  /// Opens the temporary file beside `path`. DSRT_CANNOT_CREATE with the path and the system's reason. A target that exists
  /// and is no regular file (a pipe, /dev/stdout) is written directly.
  static Expected<OutputFile> create(const std::string &path);
  OutputFile(OutputFile &&other) noexcept;
  OutputFile &operator=(OutputFile &&) = delete;
  /// Discards what was written unless `commit` succeeded.
  ~OutputFile();

  /// Appends. DSRT_CANNOT_CREATE where the system refuses (a full disk).
  Status write(const void *data, size_t size);
  /// Syncs and gives the file its name: from then on the whole new file is there, before only the old one or none.
  Status commit();

private:
  OutputFile() = default;
  Status failure(const char *step) const;

  std::string target;    ///< as the caller named it, for messages
  std::string finalPath; ///< symbolic links resolved
  std::string temporary; ///< its name where it has one
  int descriptor = -1;
  bool direct = false;
};

} // namespace dsrt
