// Runs a fuzz target once for each seed of some folders, without libFuzzer. Seeds named bad-* or *-invalid.* must be refused, all
// others accepted.
#include "test/fuzz/Fuzz.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s FOLDERS\n", argv[0]);
    return 64;
  }
  std::vector<std::filesystem::path> seeds;
  for (int i = 1; i < argc; ++i) {
    std::error_code error;
    for (const auto &entry : std::filesystem::directory_iterator(argv[i], error))
      seeds.push_back(entry.path());
  }
  std::sort(seeds.begin(), seeds.end());
  size_t accepted = 0, wrong = 0;
  for (const std::filesystem::path &seed : seeds) {
    fprintf(stderr, "%s\n", seed.c_str()); // the last one, where it ends us
    std::ifstream file(seed, std::ios::binary);
    // Without spare capacity, so that reads beyond the end are seen by AddressSanitizer.
    std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
    content.shrink_to_fit();
    bool good = accepts({content.data(), content.size()});
    accepted += good;
    std::string name = seed.stem().string();
    if (good == (name.starts_with("bad-") || name.ends_with("-invalid"))) {
      fprintf(stderr, "error: expects the seed to be %s\n", good ? "refused" : "accepted");
      ++wrong;
    }
  }
  printf("%zu accepted, %zu refused, %zu wrong\n", accepted, seeds.size() - accepted, wrong);
  return wrong || accepted == 0 || accepted == seeds.size();
}
