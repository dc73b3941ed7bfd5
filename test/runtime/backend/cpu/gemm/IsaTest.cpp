// The choice of an instruction set.
#include "runtime/backend/cpu/gemm/Gemm.h"

#include <algorithm>
#include <cstdlib>
#include <gtest/gtest.h>

using namespace dsrt;
using namespace dsrt::cpu;

namespace {

/// DSRT_CPU_ISA for the length of a test.
class Isa : public ::testing::Test {
protected:
  void SetUp() override {
    if (const char *value = getenv("DSRT_CPU_ISA"))
      before = value;
    unsetenv("DSRT_CPU_ISA");
  }
  void TearDown() override {
    before.empty() ? unsetenv("DSRT_CPU_ISA") : setenv("DSRT_CPU_ISA", before.c_str(), 1);
    EXPECT_TRUE(selectIsa("").ok());
  }
  std::string before;
};

TEST_F(Isa, PortableIsAlwaysThereAndTheBestIsTheDefault) {
  std::vector<std::string> isas = availableIsas();
  ASSERT_FALSE(isas.empty());
  EXPECT_EQ(isas.front(), "portable");
  ASSERT_TRUE(selectIsa("").ok());
  EXPECT_EQ(*selectedIsa(), isas.back());
}

TEST_F(Isa, ANameGoesBeforeTheEnvironment) {
  setenv("DSRT_CPU_ISA", "portable", 1);
  ASSERT_TRUE(selectIsa("").ok());
  EXPECT_EQ(*selectedIsa(), "portable");
  ASSERT_TRUE(selectIsa(availableIsas().back()).ok());
  EXPECT_EQ(*selectedIsa(), availableIsas().back());
}

TEST_F(Isa, UnknownNamesAreUsageErrorsAndChangeNothing) {
  ASSERT_TRUE(selectIsa("portable").ok());
  Status status = selectIsa("neon9");
  EXPECT_EQ(status.code(), DSRT_USAGE);
  EXPECT_EQ(status.message(), "instruction set: expects one of portable, avx2, avx512, avx512bf16, but got 'neon9'");
  setenv("DSRT_CPU_ISA", "avx3", 1);
  status = selectIsa("");
  EXPECT_EQ(status.code(), DSRT_USAGE);
  EXPECT_EQ(status.message(), "DSRT_CPU_ISA: expects one of portable, avx2, avx512, avx512bf16, but got 'avx3'");
  EXPECT_EQ(*selectedIsa(), "portable");
}

TEST_F(Isa, WhatTheProcessorDoesNotRunIsUnavailable) {
  std::vector<std::string> isas = availableIsas();
  for (const char *name : {"avx2", "avx512", "avx512bf16"}) {
    bool runs = std::find(isas.begin(), isas.end(), name) != isas.end();
    EXPECT_EQ(selectIsa(name).code(), runs ? DSRT_OK : DSRT_UNAVAILABLE) << name;
  }
}

} // namespace
