// The refusal before loading, and what else is said about bytes.
#include "runtime/launcher/Memory.h"
#include "runtime/launcher/Progress.h"

#include <gtest/gtest.h>

using namespace dsrt;

TEST(Memory, RefusesWhatDoesNotFit) {
  MemoryNeed need;
  need.weights = 600, need.cache = 200, need.arena = 100, need.results = 100, need.workspace = 50;
  EXPECT_TRUE(checkMemory(need, 1000).ok()); // the workspace is free again before the arena fills
  Status refused = checkMemory(need, 999);
  EXPECT_EQ(refused.code(), DSRT_OUT_OF_MEMORY);
  for (const char *part : {"expects 1000 bytes", "999 bytes are available", "weights 600 bytes", "cache 200 bytes", "arena 100 bytes",
                           "results 100 bytes", "workspace while loading 50 bytes"})
    EXPECT_NE(refused.message().find(part), std::string::npos) << part << " in " << refused.message();
  need.workspace = 201;
  EXPECT_EQ(checkMemory(need, 1000).code(), DSRT_OUT_OF_MEMORY);
}

TEST(Memory, SumsDoNotWrap) {
  MemoryNeed need;
  need.weights = UINT64_MAX - 1, need.cache = 100;
  EXPECT_EQ(checkMemory(need, UINT64_MAX).code(), DSRT_OUT_OF_MEMORY);
}

TEST(Memory, ThisMachineHasSome) { EXPECT_GT(availableMemory(), uint64_t(1) << 20); }

TEST(Memory, Units) {
  EXPECT_EQ(bytesText(1023), "1023 bytes");
  EXPECT_EQ(bytesText(1536), "1.5 KiB");
  EXPECT_EQ(bytesText(uint64_t(5) << 30), "5.0 GiB");
}

TEST(Progress, Line) {
  EXPECT_EQ(progressLine("loading", 512, 1024), "loading [##########          ]  50 %  512 bytes of 1.0 KiB");
  EXPECT_EQ(progressLine("loading", 0, 0), "loading [####################] 100 %  0 bytes of 0 bytes");
  EXPECT_EQ(progressLine("running", 12, 60, "tokens"), "running [####                ]  20 %  12 of 60 tokens");
}
