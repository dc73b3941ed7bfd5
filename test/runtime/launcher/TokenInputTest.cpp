// Token ids from text and files, and every way in which they do not fit.
#include "Toy.h"
#include "runtime/launcher/TokenInput.h"

using namespace dsrt;

namespace {

std::string fileWith(const toy::Folder &folder, const std::vector<TensorToWrite> &tensors) {
  std::string path = folder / "input.safetensors";
  EXPECT_TRUE(writeSafeTensors(path, tensors).ok());
  return path;
}

} // namespace

TEST(TokenInput, CommandLine) {
  EXPECT_EQ(*parseTokens("1,2,30"), (TokenRows{{1, 2, 30}}));
  for (const char *text : {"", "1,", ",1", "1,,2", "1 2", "x", "-1", "1;2", "99999999999"}) {
    Expected<TokenRows> rows = parseTokens(text);
    ASSERT_FALSE(rows) << text;
    EXPECT_EQ(rows.status().code(), DSRT_USAGE);
  }
}

TEST(TokenInput, BothIntegerTypesAndOneRow) {
  toy::Folder folder;
  std::vector<int32_t> narrow = {1, 2, 3, 4, 5, 6};
  std::vector<int64_t> wide = {7, 8};
  std::string path = fileWith(folder, {{"a", FileType::I32, {2, 3}, narrow.data()}, {"b", FileType::I64, {2}, wide.data()}});
  int64_t padded = 0;
  EXPECT_EQ(*readTokens(path, "a", padded), (TokenRows{{1, 2, 3}, {4, 5, 6}}));
  EXPECT_EQ(padded, 3);
  EXPECT_EQ(*readTokens(path, "b", padded), (TokenRows{{7, 8}}));
  EXPECT_EQ(padded, 2);
}

TEST(TokenInput, RaggedRows) {
  toy::Folder folder;
  std::vector<int32_t> ids = {1, 2, 3, 4, 5, 6}, lengths = {1, 3}, tooLong = {1, 4}, none = {0, 1};
  int64_t padded = 0;
  EXPECT_EQ(*readTokens(fileWith(folder, {{"a", FileType::I32, {2, 3}, ids.data()}, {"lengths", FileType::I32, {2}, lengths.data()}}), "a",
                        padded),
            (TokenRows{{1}, {4, 5, 6}}));
  EXPECT_EQ(padded, 3);
  for (const std::vector<int32_t> *bad : {&tooLong, &none}) {
    Expected<TokenRows> rows =
        readTokens(fileWith(folder, {{"a", FileType::I32, {2, 3}, ids.data()}, {"lengths", FileType::I32, {2}, bad->data()}}), "a", padded);
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.status().code(), DSRT_REJECTED);
    EXPECT_NE(rows.status().message().find("expects 1 to 3"), std::string::npos) << rows.status().message();
  }
  Expected<TokenRows> rows = readTokens(
      fileWith(folder, {{"a", FileType::I32, {2, 3}, ids.data()}, {"lengths", FileType::I32, {1}, lengths.data()}}), "a", padded);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.status().code(), DSRT_REJECTED);
}

TEST(TokenInput, TensorsThatDoNotFit) {
  toy::Folder folder;
  std::vector<float> values = {1, 2};
  std::vector<int64_t> huge = {int64_t(1) << 40};
  std::string path = fileWith(folder, {{"input_ids", FileType::F32, {1, 2}, values.data()},
                                       {"cube", FileType::I32, {1, 1, 2}, values.data()},
                                       {"huge", FileType::I64, {1, 1}, huge.data()}});
  int64_t padded = 0;
  for (const char *tensor : {"input_ids", "cube", "huge", "input_idz"}) {
    Expected<TokenRows> rows = readTokens(path, tensor, padded);
    ASSERT_FALSE(rows) << tensor;
    EXPECT_EQ(rows.status().code(), DSRT_REJECTED);
  }
  EXPECT_NE(readTokens(path, "input_idz", padded).status().message().find("'input_ids'"), std::string::npos); // the nearest
  folder.write("broken.safetensors", "\x01");
  EXPECT_EQ(readTokens(folder / "broken.safetensors", "a", padded).status().code(), DSRT_UNREADABLE);
}

TEST(TokenInput, AgainstTheArtifact) {
  Manifest manifest;
  manifest.vocabulary = 10, manifest.maxLength = 3;
  EXPECT_TRUE(checkTokens({{0, 9, 5}, {1}}, manifest).ok());
  Status longer = checkTokens({{0}, {0, 1, 2, 3}}, manifest);
  EXPECT_EQ(longer.code(), DSRT_REJECTED);
  EXPECT_EQ(longer.message(), "row 1 has 4 tokens, but the artifact holds rows of at most 3; compile with --max-length 4");
  EXPECT_EQ(checkTokens({{0, 10}}, manifest).code(), DSRT_REJECTED);
  EXPECT_EQ(checkTokens({{0, 10}}, manifest).message(), "row 0, token 1 expects an id below the vocabulary of 10, but got 10");
  EXPECT_EQ(checkTokens({{}}, manifest).code(), DSRT_REJECTED);
  EXPECT_EQ(checkTokens({{1}}, manifest, 2).code(), DSRT_REJECTED);
}

TEST(TokenInput, ReferenceTensors) {
  toy::Folder folder;
  std::vector<float> values = {1, 2};
  std::string path = fileWith(folder, {{"logits", FileType::F32, {1, 1, 2}, values.data()}});
  EXPECT_EQ(*readF32(path, "logits", {1, 1, 2}), values);
  EXPECT_EQ(readF32(path, "logits", {1, 2, 1}).status().code(), DSRT_REJECTED);
  EXPECT_EQ(readF32(path, "logit", {1, 1, 2}).status().code(), DSRT_REJECTED);
}
