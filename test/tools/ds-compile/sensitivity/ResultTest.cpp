// The order and the numbers of what is printed.
#include "tools/ds-compile/sensitivity/Result.h"

#include <gtest/gtest.h>

#include <limits>

using namespace dsmlir;

namespace {

SensitivityResult example() {
  SensitivityResult result;
  result.baseline = "nothing in low precision";
  result.rows = 2, result.tokens = 9;
  result.nothing = {0, 0, 1000};
  result.everything = {"everything", 4, 800, 420, {0.05, 0.002, 620}};
  result.groups = {{"a", 1, 200, 110, {0.01, 0.0001, 910}},
                   {"b", 2, 400, 210, {0.03, 0.00005, 810}},
                   {"c", 1, 200, 100, {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(), 900}}};
  return result;
}

TEST(SensitivityResult, HasTheWorstFirstInItsMetric) {
  SensitivityResult result = example();
  EXPECT_EQ(result.worstFirst(), (std::vector<size_t>{2, 1, 0}));
  result.metric = Metric::Divergence;
  EXPECT_EQ(result.worstFirst(), (std::vector<size_t>{2, 0, 1}));
}

TEST(SensitivityResult, IsATable) {
  SensitivityResult result = example();
  result.valueBudget = 0.04;
  result.proposal = {{0, 1}, {0.0316, 0.00016, 720}, {{"fp8", true}}};
  EXPECT_EQ(result.text(), "9 tokens of 2 rows, compared with a run with nothing in low precision\n"
                           "in low precision  modules  bytes before  after  distance  divergence\n"
                           "c                       1           200    100       inf         inf\n"
                           "b                       2           400    210      0.03       5e-05\n"
                           "a                       1           200    110      0.01      0.0001\n"
                           "everything              4           800    420      0.05       0.002\n"
                           "nothing                 0             0      0         0           0\n"
                           "all weights: 1000 bytes with nothing in low precision, 620 with everything\n"
                           "proposal: 2 of 3 groups in low precision, within distance 0.04: 720 bytes instead of 1000, distance 0.0316, "
                           "divergence 0.00016\n"
                           "  left out: c\n");
}

TEST(SensitivityResult, IsJson) {
  SensitivityResult result = example();
  result.bytesBudget = 750;
  result.proposal = {{0, 1}, {0.0316, 0.00016, 720}, {{"fp8", true}}};
  dsrt::Json json = result.json();
  EXPECT_EQ(json["metric"], "distance");
  EXPECT_EQ(json["groups"][0].dump(),
            R"({"group":"c","modules":1,"bytes_before":200,"bytes_after":100,"distance":null,"divergence":null})");
  EXPECT_EQ(json["nothing"].dump(), R"({"distance":0.0,"divergence":0.0,"bytes":1000})");
  EXPECT_EQ(json["proposal"].dump(), R"({"budget":{"bytes":750},"distance":0.0316,"divergence":0.00016,"bytes":720,)"
                                     R"("groups":["b","a"],"left_out":["c"],"policy":{"fp8":true}})");
}

} // namespace
