// A folder for files that nobody needs later.
#pragma once

#include "runtime/support/Status.h"

#include <cstdlib>
#include <filesystem>

namespace dsrt {

/// A folder of our own in TMPDIR (or /tmp) that goes away with everything in it.
class TemporaryFolder {
public:
  TemporaryFolder() {
    std::error_code error;
    std::string pattern = (std::filesystem::temp_directory_path(error) / "ds-mlir-XXXXXX").string();
    if (!error && mkdtemp(pattern.data()))
      path = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path.empty())
      std::filesystem::remove_all(path, ignored);
  }
  TemporaryFolder(const TemporaryFolder &) = delete;

  /// DSRT_CANNOT_CREATE where it could not be made.
  Status status() const {
    if (!path.empty())
      return {};
    return {DSRT_CANNOT_CREATE, "cannot create a temporary folder; set TMPDIR to one that can be written"};
  }

  std::string path; ///< empty where it could not be made
};

} // namespace dsrt
