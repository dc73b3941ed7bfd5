// Fuzz targets: one file for each parser of strangers' files. The same function runs under libFuzzer (preset `fuzz`) and, in every
// build, once for each seed of the corpus (Replay.cpp).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <string_view>
#include <unistd.h>

/// Defined by each target: whether the parser takes the input. It aborts where a property fails.
bool accepts(std::string_view input);

/// What must hold of anything that was accepted, whatever the build type.
#define ENSURE(condition)                                                                                                                  \
  do {                                                                                                                                     \
    if (!(condition)) {                                                                                                                    \
      fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                                                       \
      abort();                                                                                                                             \
    }                                                                                                                                      \
  } while (false)

/// A folder of this process, for parsers that take a path.
class ScratchFolder {
public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ds-fuzz-XXXXXX").string();
    ENSURE(mkdtemp(pattern.data()));
    path = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  ScratchFolder(const ScratchFolder &) = delete;
  ScratchFolder &operator=(const ScratchFolder &) = delete;

  /// Writes a file and gives its path.
  std::string write(const std::string &name, std::string_view content) const {
    std::string file = path + "/" + name;
    int descriptor = open(file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    ENSURE(descriptor >= 0 && ::write(descriptor, content.data(), content.size()) == static_cast<ssize_t>(content.size()));
    close(descriptor);
    return file;
  }

  std::string path;
};
