// The toy model (ToyArtifact.c) for tests: its checkpoint, its answers, and folders that go away.
#pragma once

#include "runtime/numerics/Codecs.h"
#include "runtime/weights/SafeTensors.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace toy {

inline std::string artifact(const std::string &name) { return std::string(TOY_FOLDER) + "/" + name + ".dsx"; }

/// A folder of its own for a test.
class Folder {
public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "ds-mlir-test-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string &name) const { return path + "/" + name; }
  void write(const std::string &name, const std::string &content) const { std::ofstream(*this / name, std::ios::binary) << content; }

  std::string path;
};

/// embed_tokens F32 and lm_head BF16, [vocabulary, 4] each; value(i) of the table is i % 7 * 0.125, of the head i % 5 * 0.25.
inline void writeCheckpoint(const Folder &folder, int64_t vocabulary = 16, float firstOfTable = 0) {
  std::vector<float> table(vocabulary * 4);
  std::vector<uint16_t> head(vocabulary * 4);
  for (int64_t i = 0; i < vocabulary * 4; ++i)
    table[i] = float(i % 7) * 0.125f, head[i] = dsrt::encodeBF16(float(i % 5) * 0.25f);
  table[0] = firstOfTable;
  dsrt::Status status = dsrt::writeSafeTensors(folder / "model.safetensors",
                                               {{"model.embed_tokens.weight", dsrt::FileType::F32, {vocabulary, 4}, table.data()},
                                                {"lm_head.weight", dsrt::FileType::BF16, {vocabulary, 4}, head.data()}});
  ASSERT_TRUE(status.ok()) << status.message();
}

/// The logits after tokens 0 .. position of a row, with the weights of writeCheckpoint.
inline std::vector<float> logits(const std::vector<int32_t> &row, int64_t position, int64_t vocabulary = 16) {
  std::vector<float> result(vocabulary);
  for (int64_t v = 0; v < vocabulary; ++v)
    for (int64_t k = 0; k < 4; ++k) {
      int64_t i = row[position] * 4 + k;
      result[v] += (i == 0 ? 0.f : float(i % 7) * 0.125f) * (float((v * 4 + k) % 5) * 0.25f);
    }
  int64_t sum = 0;
  for (int64_t p = 0; p <= position; ++p)
    sum += (row[p] + 1) * (p + 1);
  result[sum % vocabulary] += 100;
  return result;
}

/// The greedy continuation: the sum that ToyArtifact.c speaks of.
inline std::vector<int32_t> greedy(std::vector<int32_t> row, int64_t count, int64_t vocabulary = 16) {
  std::vector<int32_t> tokens;
  for (int64_t i = 0; i < count; ++i) {
    int64_t sum = 0;
    for (size_t p = 0; p < row.size(); ++p)
      sum += int64_t(row[p] + 1) * int64_t(p + 1);
    tokens.push_back(int32_t(sum % vocabulary));
    row.push_back(tokens.back());
  }
  return tokens;
}

} // namespace toy
