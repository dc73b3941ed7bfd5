// The corpus of bad safetensors, each with its message; folders with an index; and the writer, whose files are read back.
#include "runtime/weights/SafeTensors.h"
#include "test/TestFiles.h"

#include <cstring>
#include <sys/stat.h>
#include <unistd.h>

using namespace dsrt;

namespace {

constexpr const char *two =
    R"({"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"a":{"dtype":"BF16","shape":[1,2],"data_offsets":[0,4]}})";

void expectRefused(const std::string &path, dsrt_code code, const std::string &message, const std::string &test) {
  Expected<Checkpoint> checkpoint = Checkpoint::open(path);
  ASSERT_FALSE(checkpoint) << test;
  EXPECT_EQ(checkpoint.status().code(), code) << test;
  EXPECT_NE(checkpoint.status().message().find(message), std::string::npos)
      << test << "\n  expected: " << message << "\n  got: " << checkpoint.status().message();
}

TEST(SafeTensors, ReadsTensorsWhateverTheOrderOfTheHeader) {
  TemporaryFolder folder;
  Expected<Checkpoint> checkpoint = Checkpoint::open(folder.write("x.safetensors", safeTensorsFile(two, 12)));
  ASSERT_TRUE(checkpoint) << checkpoint.status().message();
  ASSERT_EQ(checkpoint->tensors().size(), 2u);
  const TensorInfo *a = checkpoint->find("a"), *b = checkpoint->find("b");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(a->type, FileType::BF16);
  EXPECT_EQ(a->shape, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(checkpoint->byteSize(*b), 8u);
  EXPECT_EQ(checkpoint->bytes(*a)[0], 0);
  EXPECT_EQ(checkpoint->bytes(*b)[0], 4) << "data are counted from the end of the header";
  EXPECT_EQ(checkpoint->find("c"), nullptr);
  EXPECT_EQ(checkpoint->nearest("bb", 3), std::vector<std::string>{}) << "two letters have no neighbours";
}

TEST(SafeTensors, MetadataPaddingAndEmptyTensorsAreFine) {
  TemporaryFolder folder;
  const char *header = R"({"__metadata__":{"format":"pt"},"e":{"dtype":"F32","shape":[0,9],"data_offsets":[2,2]},)"
                       R"("f":{"dtype":"F4","shape":[4],"data_offsets":[0,2]},"s":{"dtype":"U8","shape":[],"data_offsets":[2,3]}}   )";
  Expected<Checkpoint> checkpoint = Checkpoint::open(folder.write("x.safetensors", safeTensorsFile(header, 3)));
  ASSERT_TRUE(checkpoint) << checkpoint.status().message();
  EXPECT_EQ(checkpoint->tensors().size(), 3u);
  EXPECT_TRUE(Checkpoint::open(folder.write("none.safetensors", safeTensorsFile("{}", 0))));
}

TEST(SafeTensors, RefusesBadFiles) {
  auto tensor = [](const std::string &fields) { return safeTensorsFile("{\"a\":{" + fields + "}}", 8); };
  std::string huge = safeTensorsFile(two, 12), truncated = huge.substr(0, 60), noLength = "1234567";
  huge[4] = 1; // a header of 4 GiB
  const struct {
    std::string content, message;
  } cases[] = {
      {"", "the file has 0 bytes"},
      {noLength, "expects the 8 bytes of a header length, but the file has 7 bytes"},
      {huge, "expects a header of at most 100000000 bytes"},
      {truncated, "truncated"},
      {safeTensorsFile(two, 11), "within the 11 bytes of data"},
      {safeTensorsFile(two, 13), "expects the tensors to fill the 13 bytes of data, but they end at byte 12"},
      {safeTensorsFile("", 0), "begin with '{'"},
      {safeTensorsFile(" {}", 0), "begin with '{'"},
      {safeTensorsFile("{\"a\":", 0), "syntax error"},
      {safeTensorsFile("{\"a\":[[[[[1]]]]]}", 0), "levels of nesting"},
      {safeTensorsFile(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2),
       "every key once, but got 'a'"},
      {safeTensorsFile("{\"a\":1}", 0), "tensor 'a' expects an object"},
      {safeTensorsFile("{\"__metadata__\":{\"a\":1}}", 0), "__metadata__"},
      {tensor(R"("shape":[2],"data_offsets":[0,8])"), "expects a string 'dtype'"},
      {tensor(R"("dtype":7,"shape":[2],"data_offsets":[0,8])"), "expects a string 'dtype'"},
      {tensor(R"("dtype":"F31","shape":[2],"data_offsets":[0,8])"), "expects a dtype of F64, F32,"},
      {tensor(R"("dtype":"F32","data_offsets":[0,8])"), "expects 'shape' to be an array of counts"},
      {tensor(R"("dtype":"F32","shape":[-2],"data_offsets":[0,8])"), "expects 'shape' to be an array of counts"},
      {tensor(R"("dtype":"F32","shape":[2.0],"data_offsets":[0,8])"), "expects 'shape' to be an array of counts"},
      {tensor(R"("dtype":"F32","shape":[9223372036854775808],"data_offsets":[0,8])"), "expects 'shape' to be an array of counts"},
      {tensor(R"("dtype":"U8","shape":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,8],"data_offsets":[0,8])"), "at most 16 dimensions, but got 17"},
      {tensor(R"("dtype":"F32","shape":[2])"), "expects 'data_offsets' to be two counts"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0])"), "expects 'data_offsets' to be two counts"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[0,8,8])"), "expects 'data_offsets' to be two counts"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[-8,0])"), "expects 'data_offsets' to be two counts"},
      {tensor(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])"), "expects data_offsets in order"},
      {tensor(R"("dtype":"F32","shape":[4],"data_offsets":[0,16])"), "within the 8 bytes of data, but got [0, 16]"},
      {tensor(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])"), "expects 12 bytes for [3] of F32, but its data_offsets hold 8"},
      {tensor(R"("dtype":"BF16","shape":[2],"data_offsets":[0,8])"), "expects 4 bytes for [2] of BF16"},
      // 2^62 * 4 * 4 bytes wrap to 0, and 2^63 * 8 bits to 0
      {tensor(R"("dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0])"), "expects a shape whose bytes can be counted"},
      {tensor(R"("dtype":"U8","shape":[2305843009213693952,4],"data_offsets":[0,0])"), "expects a shape whose bytes can be counted"},
      {tensor(R"("dtype":"F4","shape":[15],"data_offsets":[0,8])"), "expects a shape whose bytes can be counted"},
      {safeTensorsFile(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[5],"data_offsets":[3,8]}})", 8),
       "tensor 'b' expects data that begin at byte 4, where the tensor before ends, but got 3: an overlap"},
      {safeTensorsFile(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[3],"data_offsets":[5,8]}})", 8),
       "but got 5: a gap"},
      {safeTensorsFile(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})", 8), "but got 4: a gap"},
  };
  TemporaryFolder folder;
  for (const auto &test : cases)
    expectRefused(folder.write("x.safetensors", test.content), DSRT_UNREADABLE, test.message,
                  test.content.substr(8 * (test.content.size() > 8)));
}

TEST(SafeTensors, TheHeaderLimitIsTheFormats) {
  TemporaryFolder folder;
  std::string file = safeTensorsFile("{}", 0);
  uint64_t length = 100'000'000;
  memcpy(file.data(), &length, 8);
  expectRefused(folder.write("x.safetensors", file), DSRT_UNREADABLE, "truncated", "at the limit");
  ++length;
  memcpy(file.data(), &length, 8);
  expectRefused(folder.write("x.safetensors", file), DSRT_UNREADABLE, "at most 100000000", "above it");
}

std::string one(const std::string &name) {
  return safeTensorsFile("{\"" + name + R"(":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 2);
}
constexpr const char *index = "model.safetensors.index.json";

TEST(SafeTensors, AFolderIsItsIndexElseItsOneFile) {
  TemporaryFolder folder;
  expectRefused(folder.path, DSRT_UNREADABLE, "finds neither", "empty folder");
  folder.write("model.safetensors", one("single"));
  Expected<Checkpoint> single = Checkpoint::open(folder.path);
  ASSERT_TRUE(single);
  EXPECT_NE(single->find("single"), nullptr);

  folder.write("m2.safetensors", one("x"));
  folder.write("m1.safetensors", one("y"));
  folder.write(index, R"({"metadata":{"total_size":4},"weight_map":{"x":"m2.safetensors","y":"m1.safetensors"}})");
  Expected<Checkpoint> sharded = Checkpoint::open(folder.path);
  ASSERT_TRUE(sharded) << sharded.status().message();
  EXPECT_EQ(sharded->find("single"), nullptr) << "nothing else in the folder is read";
  ASSERT_TRUE(sharded->find("x") && sharded->find("y"));
  EXPECT_NE(sharded->files()[sharded->find("x")->file]->path().find("m2.safetensors"), std::string::npos);
  EXPECT_NE(sharded->files()[sharded->find("y")->file]->path().find("m1.safetensors"), std::string::npos);
}

TEST(SafeTensors, RefusesBadIndices) {
  TemporaryFolder folder;
  folder.write("m1.safetensors", one("x"));
  folder.write("m2.safetensors", one("x"));
  folder.write("m3.safetensors", one("z"));
  std::filesystem::create_directory(folder / "d");
  folder.write("d/m.safetensors", one("x"));
  const struct {
    const char *map, *message;
  } cases[] = {
      {"[]", "expects an object 'weight_map'"},
      {"{}", "expects an object 'weight_map'"},
      {R"({"weight_map":["m1.safetensors"]})", "expects an object 'weight_map'"},
      {R"({"weight_map":{}})", "it is empty"},
      {R"({"weight_map":{"x":1}})", "tensor 'x' expects a file name"},
      {R"({"weight_map":{"x":"../m1.safetensors"}})", "without a path"},
      {R"({"weight_map":{"x":"/m1.safetensors"}})", "without a path"},
      {R"({"weight_map":{"x":"d/m.safetensors"}})", "without a path"},
      {R"({"weight_map":{"x":"d\\m.safetensors"}})", "without a path"},
      {R"({"weight_map":{"x":"m1.bin"}})", "without a path"},
      {R"({"weight_map":{"x":"m1\u0000.safetensors"}})", "without a path"},
      {R"({"weight_map":{"x":"m9.safetensors"}})", "cannot open"},
      {R"({"weight_map":{"x":"m1.safetensors","y":"m1.safetensors"}})", "tensor 'y' is placed in 'm1.safetensors', which does not hold it"},
      {R"({"weight_map":{"x":"m3.safetensors","z":"m3.safetensors"}})", "tensor 'x' is placed in 'm3.safetensors'"},
      {R"({"weight_map":{"x":"m1.safetensors","z":"m2.safetensors"}})", "stands in "},
      {R"({"weight_map":{"x":"m1.safetensors","x":"m2.safetensors"}})", "every key once"},
      {R"({"weight_map":{"z":"m1.safetensors","x":"m3.safetensors"}})", "which does not hold it"},
  };
  for (const auto &test : cases) {
    folder.write(index, test.map);
    expectRefused(folder.path, DSRT_UNREADABLE, test.message, test.map);
  }
}

TEST(SafeTensors, RefusesWhatIsNoFile) {
  TemporaryFolder folder;
  expectRefused(folder / "absent", DSRT_UNREADABLE, "expects a folder", "absent folder");
  expectRefused(folder / "absent.safetensors", DSRT_UNREADABLE, "cannot open", "absent file");
  ASSERT_EQ(mkfifo((folder / "pipe.safetensors").c_str(), 0600), 0);
  expectRefused(folder / "pipe.safetensors", DSRT_UNREADABLE, "expects a regular file", "pipe");
}

TEST(SafeTensors, AFileThatShrinksIsAnError) {
  TemporaryFolder folder;
  std::string path = folder.write("x.safetensors", safeTensorsFile(two, 12));
  Expected<Checkpoint> checkpoint = Checkpoint::open(path);
  ASSERT_TRUE(checkpoint);
  EXPECT_TRUE(checkpoint->files()[0]->checkUnchanged().ok());
  ASSERT_EQ(truncate(path.c_str(), 20), 0);
  Status status = checkpoint->files()[0]->checkUnchanged();
  EXPECT_EQ(status.code(), DSRT_IO);
  EXPECT_NE(status.message().find("shrunk to 20"), std::string::npos) << status.message();
}

TEST(SafeTensors, WritesWhatItReads) {
  TemporaryFolder folder;
  float values[3] = {1, -2, 0.5f};
  uint8_t codes[2] = {7, 9};
  ASSERT_TRUE(writeSafeTensors(
                  folder / "x.safetensors",
                  {{"z\"quoted", FileType::U8, {2}, codes}, {"v", FileType::F32, {3, 1}, values}, {"none", FileType::F16, {0}, nullptr}})
                  .ok());
  Expected<Checkpoint> checkpoint = Checkpoint::open(folder / "x.safetensors");
  ASSERT_TRUE(checkpoint) << checkpoint.status().message();
  ASSERT_EQ(checkpoint->tensors().size(), 3u);
  EXPECT_EQ(checkpoint->bytes(*checkpoint->find("z\"quoted"))[1], 9);
  EXPECT_EQ(memcmp(checkpoint->bytes(*checkpoint->find("v")), values, sizeof values), 0);
  EXPECT_EQ(checkpoint->find("v")->shape, (std::vector<int64_t>{3, 1}));
  EXPECT_EQ(folder.read("x.safetensors")[0] % 8, 0) << "data begin at a multiple of 8";
}

TEST(SafeTensors, TheWriterRefusesWhatTheReaderWould) {
  TemporaryFolder folder;
  uint8_t byte = 0;
  auto write = [&](std::vector<TensorToWrite> tensors) { return writeSafeTensors(folder / "x.safetensors", tensors).code(); };
  EXPECT_EQ(write({{"a", FileType::U8, {1}, &byte}, {"a", FileType::U8, {1}, &byte}}), DSRT_REJECTED);
  EXPECT_EQ(write({{"__metadata__", FileType::U8, {1}, &byte}}), DSRT_REJECTED);
  EXPECT_EQ(write({{"a", FileType::U8, {-1}, &byte}}), DSRT_REJECTED);
  EXPECT_EQ(write({{"a", FileType::F4, {1}, &byte}}), DSRT_REJECTED);
  EXPECT_EQ(write({{"a", FileType::F64, {INT64_MAX, 2}, &byte}}), DSRT_REJECTED);
  EXPECT_EQ(folder.count(), 0u);
}

TEST(SafeTensors, TypesAgreeWithTheCInterface) {
  const struct {
    FileType type;
    const char *text;
    unsigned width;
    dsrt_dtype dtype;
  } cases[] = {{FileType::F32, "F32", 32, DSRT_F32},          {FileType::BF16, "BF16", 16, DSRT_BF16},
               {FileType::F16, "F16", 16, DSRT_F16},          {FileType::F8E4M3, "F8_E4M3", 8, DSRT_F8E4M3},
               {FileType::F8E5M2, "F8_E5M2", 8, DSRT_F8E5M2}, {FileType::F8E8M0, "F8_E8M0", 8, DSRT_UE8M0},
               {FileType::F4, "F4", 4, DSRT_F4E2M1},          {FileType::I32, "I32", 32, DSRT_I32},
               {FileType::I64, "I64", 64, DSRT_NONE},         {FileType::Bool, "BOOL", 8, DSRT_NONE}};
  for (const auto &test : cases) {
    FileType parsed;
    EXPECT_STREQ(name(test.type), test.text);
    EXPECT_EQ(bits(test.type), test.width);
    EXPECT_EQ(toDtype(test.type), test.dtype);
    ASSERT_TRUE(fileTypeNamed(test.text, parsed));
    EXPECT_EQ(parsed, test.type);
  }
}

TEST(SafeTensors, NearestNamesLeadAMessage) {
  TemporaryFolder folder;
  Expected<Checkpoint> checkpoint = Checkpoint::open(folder.write("x.safetensors", one("model.norm.weight")));
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->nearest("model.nrom.weight"), std::vector<std::string>{"model.norm.weight"});
}

} // namespace
