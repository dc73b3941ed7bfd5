// Which choices are measured, kept, repeated and refused. No device is needed: what would be measured is given.
#include "runtime/backend/cuda/gemm/Algorithms.h"
#include "runtime/support/Json.h"
#include "runtime/support/TemporaryFolder.h"

#include <gtest/gtest.h>

#include <filesystem>

using namespace dsrt;
using namespace dsrt::cuda;

namespace {

Multiplication product(int64_t rows) {
  Multiplication m;
  m.yType = DSRT_BF16, m.rows = rows, m.k = 256, m.promote = 128;
  m.x = {.type = DSRT_F8E4M3, .scales = reinterpret_cast<const float *>(16), .tileCols = 128};
  m.sides[0] = {nullptr, {.type = DSRT_F8E4M3, .scales = m.x.scales, .tileRows = 128, .tileCols = 128}, 512};
  return m;
}

Choice measured(Kernel kernel, double microseconds) {
  Choice choice(kernel);
  choice.microseconds = microseconds;
  if (kernel == Kernel::cublasLt)
    choice.algorithms.push_back({{1, 2, 3, ~0ull}});
  return choice;
}

class AlgorithmsTest : public testing::Test {
protected:
  Expected<std::shared_ptr<Algorithms>> open(int32_t mode, const char *device = "A device") {
    dsrt_backend_options options = {};
    options.algorithm_mode = mode, options.algorithms = path.c_str();
    return Algorithms::open(options, device);
  }

  /// Chooses; the rule gives `generic`, measuring `found`.
  Expected<Choice> choose(Algorithms &algorithms, const Multiplication &m, const Choice &found) {
    return algorithms.choose(m, [&]() { return ++measurements, Expected<Choice>(found); }, []() { return Choice(); });
  }

  /// What measuring two products leaves in the file.
  void measureTwo() {
    auto algorithms = open(DSRT_ALGORITHMS_MEASURE);
    ASSERT_TRUE(algorithms) << algorithms.status().message();
    ASSERT_TRUE(choose(**algorithms, product(1), measured(Kernel::small, 3.5)));
    ASSERT_TRUE(choose(**algorithms, product(4000), measured(Kernel::cublasLt, 70)));
  }

  TemporaryFolder folder;
  std::string path = folder.path + "/deeper/algorithms.json";
  int measurements = 0;
};

} // namespace

TEST_F(AlgorithmsTest, ByRuleNothingIsMeasuredOrWritten) {
  auto algorithms = open(DSRT_ALGORITHMS_RULE);
  ASSERT_TRUE(algorithms);
  EXPECT_EQ(choose(**algorithms, product(1), measured(Kernel::small, 1))->kernel, Kernel::generic);
  algorithms->reset();
  EXPECT_EQ(measurements, 0);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(AlgorithmsTest, MeasuresOnceAndKeeps) {
  measureTwo();
  EXPECT_EQ(measurements, 2);
  auto again = open(DSRT_ALGORITHMS_MEASURE);
  ASSERT_TRUE(again) << again.status().message();
  EXPECT_EQ(choose(**again, product(1), measured(Kernel::large, 1))->kernel, Kernel::small);
  // 3841 to 4096 rows share a choice.
  Expected<Choice> many = choose(**again, product(4096), measured(Kernel::large, 1));
  EXPECT_EQ(many->kernel, Kernel::cublasLt);
  ASSERT_EQ(many->algorithms.size(), 1u);
  EXPECT_EQ(many->algorithms[0].data[3], ~0ull);
  EXPECT_EQ(measurements, 2);
  EXPECT_EQ(choose(**again, product(2), measured(Kernel::large, 1))->kernel, Kernel::large) << "few rows have a choice each";
  EXPECT_EQ(measurements, 3);
}

TEST_F(AlgorithmsTest, MeasuresLaterWhatACaptureCouldNot) {
  auto algorithms = open(DSRT_ALGORITHMS_MEASURE);
  ASSERT_TRUE(algorithms);
  EXPECT_EQ(choose(**algorithms, product(1), measured(Kernel::generic, 0))->kernel, Kernel::generic);
  EXPECT_EQ(choose(**algorithms, product(1), measured(Kernel::small, 2))->kernel, Kernel::small);
  EXPECT_EQ(choose(**algorithms, product(1), measured(Kernel::large, 1))->kernel, Kernel::small);
}

TEST_F(AlgorithmsTest, RepeatsAndRefusesOthers) {
  measureTwo();
  std::string before = *readFile(path, 1 << 20);
  {
    auto repeated = open(DSRT_ALGORITHMS_REPEAT);
    ASSERT_TRUE(repeated) << repeated.status().message();
    EXPECT_EQ(choose(**repeated, product(1), measured(Kernel::large, 1))->kernel, Kernel::small);
    Expected<Choice> other = choose(**repeated, product(3), measured(Kernel::large, 1));
    ASSERT_FALSE(other);
    EXPECT_EQ(other.status().code(), DSRT_REJECTED);
    EXPECT_EQ(other.status().message(),
              "'" + path +
                  "' has no algorithm for this product (dense: rows 3, k 256, n 512, f8E4M3FN[1x128] by f8E4M3FN[128x128] "
                  "to bf16, promoted every 128): measure the run without --algorithms, and repeat it with the file that "
                  "is written then");
    Multiplication grouped = product(1);
    int32_t offsets[] = {0, 1};
    grouped.offsets = offsets;
    EXPECT_FALSE(choose(**repeated, grouped, measured(Kernel::large, 1))) << "experts are another product";
  }
  EXPECT_EQ(measurements, 2);
  EXPECT_EQ(*readFile(path, 1 << 20), before) << "the file is only read";
}

TEST_F(AlgorithmsTest, RefusesFilesThatDoNotFit) {
  EXPECT_FALSE(open(DSRT_ALGORITHMS_REPEAT)) << "there is none";
  measureTwo();
  auto other = open(DSRT_ALGORITHMS_REPEAT, "Another device");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.status().code(), DSRT_MISMATCH);
  std::string good = *readFile(path, 1 << 20);
  auto with = [&](const std::string &from, const std::string &to) {
    std::string text = good;
    size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    EXPECT_TRUE(writeFile(path, text.replace(at, from.size(), to)).ok());
    auto opened = open(DSRT_ALGORITHMS_REPEAT);
    return opened ? DSRT_OK : opened.status().code();
  };
  EXPECT_EQ(with("\"format\": 1", "\"format\": 1"), DSRT_OK);
  EXPECT_EQ(with("\"format\": 1", "\"format\": 2"), DSRT_UNREADABLE);
  EXPECT_EQ(with("\"kernels\": ", "\"kernels\": 9"), DSRT_MISMATCH);
  EXPECT_EQ(with("\"small\"", "\"tiny\""), DSRT_UNREADABLE);
  EXPECT_EQ(with("3.5", "-3.5"), DSRT_UNREADABLE);
  EXPECT_EQ(with("ffffffffffffffff", "gfffffffffffffff"), DSRT_UNREADABLE);
  EXPECT_EQ(with("ffffffffffffffff", ""), DSRT_UNREADABLE);
  EXPECT_EQ(with("{", ""), DSRT_UNREADABLE);
  // To measure, a broken file is begun anew.
  auto renewed = open(DSRT_ALGORITHMS_MEASURE);
  ASSERT_TRUE(renewed);
  EXPECT_EQ(choose(**renewed, product(1), measured(Kernel::large, 1))->kernel, Kernel::large);
  renewed->reset();
  EXPECT_TRUE(open(DSRT_ALGORITHMS_REPEAT));
}

TEST_F(AlgorithmsTest, RefusesUnknownModes) {
  auto algorithms = open(3);
  ASSERT_FALSE(algorithms);
  EXPECT_EQ(algorithms.status().code(), DSRT_USAGE);
}
