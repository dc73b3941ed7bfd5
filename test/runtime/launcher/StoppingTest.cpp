// When rows end, and where stop ids come from.
#include "Toy.h"
#include "runtime/launcher/Stopping.h"

using namespace dsrt;

TEST(Stopping, Reasons) {
  StopRule rule{{7}, 3, 10};
  EXPECT_EQ(rule.after(1, 4, 1), FinishReason::None);
  EXPECT_EQ(rule.after(7, 4, 1), FinishReason::Stop);
  EXPECT_EQ(rule.after(1, 4, 3), FinishReason::Length);
  EXPECT_EQ(rule.after(7, 4, 3), FinishReason::Stop); // the stop id says more
  EXPECT_EQ(rule.after(1, 8, 2), FinishReason::Context);
  EXPECT_EQ(rule.after(1, 8, 1), FinishReason::None);
  EXPECT_EQ(rule.after(1, 7, 3), FinishReason::Length);
}

TEST(Stopping, RowsThatGetNothing) {
  EXPECT_EQ((StopRule{{}, 3, 10}.atStart(10)), FinishReason::Context);
  EXPECT_EQ((StopRule{{}, 3, 10}.atStart(9)), FinishReason::None);
  EXPECT_EQ((StopRule{{}, 0, 10}.atStart(4)), FinishReason::Length);
}

TEST(Stopping, Room) {
  StopRule rule{{}, 5, 10};
  EXPECT_EQ(rule.roomFor(2), 5);
  EXPECT_EQ(rule.roomFor(7), 3);
  EXPECT_EQ(rule.roomFor(10), 0);
}

TEST(Stopping, Names) {
  EXPECT_STREQ(name(FinishReason::Stop), "stop");
  EXPECT_STREQ(name(FinishReason::Length), "length");
  EXPECT_STREQ(name(FinishReason::Context), "context");
}

TEST(Stopping, IdsOfTheFolder) {
  toy::Folder folder;
  EXPECT_TRUE(readStopIds(folder.path)->empty());
  folder.write("config.json", R"({"eos_token_id": 3})");
  EXPECT_EQ(*readStopIds(folder.path), std::set<int32_t>{3});
  EXPECT_EQ(*readStopIds(folder / "model.safetensors"), std::set<int32_t>{3}); // a file stands for its folder
  folder.write("generation_config.json", R"({"bos_token_id": 0})");
  EXPECT_EQ(*readStopIds(folder.path), std::set<int32_t>{3}); // the field is not there: config.json's
  folder.write("generation_config.json", R"({"eos_token_id": [4, 5]})");
  EXPECT_EQ(*readStopIds(folder.path), (std::set<int32_t>{4, 5}));
  folder.write("generation_config.json", R"({"eos_token_id": null})");
  EXPECT_EQ(*readStopIds(folder.path), std::set<int32_t>{3});
}

TEST(Stopping, MalformedIds) {
  for (const char *value : {"\"x\"", "[1, \"x\"]", "-1", "1.5", "4294967296"}) {
    toy::Folder folder;
    folder.write("config.json", std::string("{\"eos_token_id\": ") + value + "}");
    Expected<std::set<int32_t>> ids = readStopIds(folder.path);
    ASSERT_FALSE(ids) << value;
    EXPECT_EQ(ids.status().code(), DSRT_UNREADABLE);
    EXPECT_NE(ids.status().message().find("eos_token_id expects"), std::string::npos);
  }
}
