// Files for tests: a folder that goes with its test, and safetensors written byte by byte, so that they can be wrong.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

class TemporaryFolder {
public:
  TemporaryFolder() {
    std::string pattern = testing::TempDir() + "/dsmlir-XXXXXX";
    if (!mkdtemp(pattern.data()))
      ADD_FAILURE() << "cannot create " << pattern;
    path = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string &name) const { return path + "/" + name; }
  /// Writes and gives the path.
  std::string write(const std::string &name, const std::string &content) const {
    std::ofstream(*this / name, std::ios::binary) << content;
    return *this / name;
  }
  std::string read(const std::string &name) const {
    std::ifstream file(*this / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  size_t count() const { return std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator()); }

  std::string path;
};

/// A file with this header, the length before it, and `dataBytes` bytes of data: 0, 1, 2, ...
inline std::string safeTensorsFile(const std::string &header, size_t dataBytes) {
  std::string file(8, '\0');
  for (int i = 0; i < 8; ++i)
    file[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
  file += header;
  for (size_t i = 0; i < dataBytes; ++i)
    file += static_cast<char>(i);
  return file;
}
