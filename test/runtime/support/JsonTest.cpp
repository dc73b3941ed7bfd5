// JSON from strangers: what is refused, where, and why; and files that are written whole or not at all.
#include "runtime/support/Json.h"
#include "runtime/support/OutputFile.h"
#include "test/TestFiles.h"

#include <sys/stat.h>
#include <unistd.h>

using namespace dsrt;

namespace {

TEST(Json, KeepsValuesAndTheOrderOfKeys) {
  Expected<Json> json = parseJson(R"({"z": [1, -2, 2.5, true, null, "x"], "a": {"k": 18446744073709551615}})", "t");
  ASSERT_TRUE(json) << json.status().message();
  EXPECT_EQ(json->dump(), R"({"z":[1,-2,2.5,true,null,"x"],"a":{"k":18446744073709551615}})");
  EXPECT_EQ((*json)["a"]["k"].get<uint64_t>(), UINT64_MAX);
}

TEST(Json, RefusesWithPlaceAndReason) {
  const struct {
    const char *text, *message;
  } cases[] = {
      {"", "t:1:1: syntax error"},
      {"{\"a\" 1}", "t:1:7: syntax error"},
      {"[1, 2", "unexpected end of input"},
      {"[1] [2]", "expected end of input"},
      {"{\"a\": 1,\n \"a\": 2}", "t:2:4: expects every key once, but got 'a' twice"},
      {"{\"x\": {\"b\": 1, \"c\": 2, \"b\": 3}}", "expects every key once, but got 'b' twice"},
      {"[[[[1]]]]", "expects at most 3 levels of nesting"},
      {"18446744073709551616", "expects integers within 64 bits, but got 18446744073709551616"},
      {"-9223372036854775809", "expects integers within 64 bits"},
      {"[1e999]", "number overflow"},
      {"\"\xff\"", "ill-formed UTF-8"},
      {"// no comments\n1", "syntax error"},
  };
  for (const auto &test : cases) {
    Expected<Json> json = parseJson(test.text, "t", 3);
    ASSERT_FALSE(json) << test.text;
    EXPECT_EQ(json.status().code(), DSRT_UNREADABLE);
    EXPECT_NE(json.status().message().find(test.message), std::string::npos) << json.status().message();
  }
}

TEST(Json, DepthIsExact) {
  EXPECT_TRUE(parseJson("[[[1]]]", "t", 3));
  EXPECT_FALSE(parseJson("[[[[1]]]]", "t", 3));
  EXPECT_TRUE(parseJson("[[[1]], [[2]], {\"a\": [3]}]", "t", 3)) << "siblings do not add up";
}

TEST(Json, EqualKeysOfDifferentObjectsAreFine) { EXPECT_TRUE(parseJson(R"([{"a": 1}, {"a": 2, "b": {"a": 3}}])", "t")); }

TEST(Json, ADeepDocumentDoesNotOverflowTheStack) {
  std::string deep(1'000'000, '[');
  Expected<Json> json = parseJson(deep, "deep");
  ASSERT_FALSE(json);
  EXPECT_NE(json.status().message().find("deep:1:65: expects at most 64 levels"), std::string::npos) << json.status().message();
}

TEST(Json, ManyKeysTakeLinearTime) {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i)
    text += (i ? ",\"key" : "\"key") + std::to_string(i) + "\":1";
  Expected<Json> json = parseJson(text + "}", "t"); // quadratic time would be minutes
  ASSERT_TRUE(json);
  EXPECT_EQ(json->size(), 200'000u);
}

TEST(Files, ReadHasALimitAndWantsARegularFile) {
  TemporaryFolder folder;
  std::string path = folder.write("f", "12345");
  Expected<std::string> whole = readFile(path, 5);
  ASSERT_TRUE(whole);
  EXPECT_EQ(*whole, "12345");
  EXPECT_EQ(readFile(path, 4).status().code(), DSRT_UNREADABLE);
  EXPECT_EQ(readFile(folder / "absent", 4).status().code(), DSRT_UNREADABLE);
  EXPECT_EQ(readFile(folder.path, 4).status().code(), DSRT_UNREADABLE);
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(readFile(folder / "pipe", 4).status().code(), DSRT_UNREADABLE);
  EXPECT_EQ(readJson(folder.write("bad.json", "{")).status().code(), DSRT_UNREADABLE);
}

TEST(Files, WriteReplacesAndLeavesNothingElse) {
  TemporaryFolder folder;
  ASSERT_TRUE(writeFile(folder / "f", "first, and longer").ok());
  ASSERT_TRUE(writeFile(folder / "f", "second").ok());
  EXPECT_EQ(folder.read("f"), "second");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(Files, WhatIsNotCommittedLeavesTheOldFile) {
  TemporaryFolder folder;
  folder.write("f", "old");
  {
    Expected<OutputFile> file = OutputFile::create(folder / "f");
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new", 3).ok());
    EXPECT_EQ(folder.read("f"), "old");
  }
  EXPECT_EQ(folder.read("f"), "old");
  EXPECT_EQ(folder.count(), 1u);
}

TEST(Files, AWriteThroughALinkKeepsTheLink) {
  TemporaryFolder folder;
  folder.write("real", "old");
  ASSERT_EQ(symlink("real", (folder / "link").c_str()), 0);
  ASSERT_TRUE(writeFile(folder / "link", "new").ok());
  EXPECT_EQ(folder.read("real"), "new");
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
}

TEST(Files, WhatCannotBeCreatedSaysSo) {
  TemporaryFolder folder;
  EXPECT_EQ(writeFile(folder / "absent/f", "x").code(), DSRT_CANNOT_CREATE);
  EXPECT_EQ(writeFile(folder.path, "x").code(), DSRT_CANNOT_CREATE);
  EXPECT_EQ(writeFile("", "x").code(), DSRT_CANNOT_CREATE);
  Status full = writeFile("/dev/full", "x");
  EXPECT_EQ(full.code(), DSRT_CANNOT_CREATE);
  EXPECT_NE(full.message().find("No space left"), std::string::npos) << full.message();
  EXPECT_EQ(folder.count(), 0u);
}

} // namespace
