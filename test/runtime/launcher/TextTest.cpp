// Bytes as tokens, and characters that come in pieces.
#include "Toy.h"
#include "runtime/launcher/Text.h"

using namespace dsrt;

TEST(Text, BytesAreTokens) { EXPECT_EQ(bytesToTokens("A\xff"), (std::vector<int32_t>{65, 255})); }

TEST(Text, WholeCharactersPass) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("abc"), "abc");
  EXPECT_EQ(stream.push("\xc3\xa9"), "\xc3\xa9");
}

TEST(Text, ASplitCharacterIsHeldBack) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xe2"), "a");
  EXPECT_EQ(stream.push("\x82"), "");
  EXPECT_EQ(stream.push("\xac"), "\xe2\x82\xac");
  EXPECT_EQ(stream.push("\xf0\x9f\x98"), "");
  EXPECT_EQ(stream.push("\x80z"), "\xf0\x9f\x98\x80z");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Text, WhatIsNoCharacterPassesAtOnce) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("\x80"), "\x80");         // a continuation alone
  EXPECT_EQ(stream.push("\xff"), "\xff");         // never a lead byte
  EXPECT_EQ(stream.push("\xc0"), "\xc0");         // only of longer forms
  EXPECT_EQ(stream.push("\xe0\x80"), "\xe0\x80"); // a longer form
  EXPECT_EQ(stream.push("\xed\xa0"), "\xed\xa0"); // a surrogate
  EXPECT_EQ(stream.push("\xf4\x90"), "\xf4\x90"); // above U+10FFFF
  EXPECT_EQ(stream.push("\xe2"), "");
  EXPECT_EQ(stream.push("a"), "\xe2"
                              "a"); // broken off
}

TEST(Text, WhatIsHeldAtTheEndIsGiven) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("\xe2\x82"), "");
  EXPECT_EQ(stream.finish(), "\xe2\x82");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Text, OnlyModelsOfBytes) {
  toy::Folder folder;
  EXPECT_TRUE(checkBytes(folder.path, 256).ok());
  EXPECT_EQ(checkBytes(folder.path, 257).code(), DSRT_REJECTED);
  EXPECT_NE(checkBytes(folder.path, 257).message().find("--tokens"), std::string::npos);
  folder.write("tokenizer.json", "{}");
  EXPECT_EQ(checkBytes(folder.path, 256).code(), DSRT_REJECTED);
  EXPECT_NE(checkBytes(folder.path, 256).message().find("tokenizer.json"), std::string::npos);
}
