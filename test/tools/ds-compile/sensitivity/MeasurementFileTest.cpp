// The file that an interrupted run goes on from: what is kept, what a kill leaves, and what is refused.
#include "tools/ds-compile/sensitivity/MeasurementFile.h"

#include "test/TestFiles.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace dsmlir;
using dsrt::Expected;

namespace {

const RunIdentity identity = {"t", "m", "w", "i", "b"};
const Measurement one = {0.1, 1.0 / 3, 12345}, two = {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(), 7};

class MeasurementFiles : public testing::Test {
protected:
  std::unique_ptr<MeasurementFile> open(const RunIdentity &of = identity) {
    Expected<std::unique_ptr<MeasurementFile>> file = MeasurementFile::open(folder / "state", of);
    EXPECT_TRUE(bool(file)) << file.status().message();
    return file ? std::move(*file) : nullptr;
  }
  /// "code message" of opening a file with this content.
  std::string refusal(const std::string &content, const RunIdentity &of = identity) {
    Expected<std::unique_ptr<MeasurementFile>> file = MeasurementFile::open(folder.write("state", content), of);
    EXPECT_FALSE(bool(file));
    EXPECT_EQ(folder.read("state"), content); // whatever it is, it is left as it is
    std::string message = file.status().message(), path = folder / "state";
    if (message.starts_with(path))
      message = message.substr(path.size());
    return std::to_string(file.status().code()) + " " + message;
  }
  /// A whole file, with two measurements.
  std::string written() {
    {
      auto file = open();
      EXPECT_TRUE(file->setBaseline("h").ok() && file->add("p1", "first", one).ok() && file->add("p2", "second", two).ok());
    }
    return folder.read("state");
  }

  TemporaryFolder folder;
};

TEST_F(MeasurementFiles, KeepMeasurements) {
  written();
  auto file = open();
  EXPECT_EQ(file->size(), 2u);
  EXPECT_EQ(file->find("p1"), one);
  EXPECT_EQ(file->find("p2"), two);
  EXPECT_EQ(file->find("p3"), std::nullopt);
  EXPECT_TRUE(file->setBaseline("h").ok());
  EXPECT_TRUE(file->add("p3", "third", one).ok());
  file.reset();
  EXPECT_EQ(open()->find("p3"), one);
}

TEST_F(MeasurementFiles, WithoutAPathAreInMemory) {
  Expected<std::unique_ptr<MeasurementFile>> file = MeasurementFile::open("", identity);
  ASSERT_TRUE(bool(file));
  EXPECT_TRUE((*file)->setBaseline("h").ok() && (*file)->add("p", "", one).ok());
  EXPECT_EQ((*file)->find("p"), one);
  EXPECT_EQ(folder.count(), 0u);
}

// A kill may end a write anywhere: whatever is left of the file, a run goes on from its whole lines.
TEST_F(MeasurementFiles, GoOnFromWhatIsLeft) {
  std::string whole = written();
  size_t firstLine = whole.find('\n') + 1;
  for (size_t length = 0; length <= whole.size(); ++length) {
    bool atAnEnd = length == 0 || length == whole.size() || whole[length] == '\n' || whole[length - 1] == '\n';
    if (!atAnEnd && length % 16 != 0) // every write is synced, which takes its time
      continue;
    SCOPED_TRACE(length);
    folder.write("state", whole.substr(0, length));
    {
      auto file = open();
      ASSERT_NE(file, nullptr);
      EXPECT_TRUE(file->setBaseline("h").ok());
      for (auto [key, name, measurement] : {std::tuple("p1", "first", &one), {"p2", "second", &two}})
        if (!file->find(key))
          EXPECT_TRUE(file->add(key, name, *measurement).ok());
    }
    if (length == 0 || length >= firstLine)
      EXPECT_EQ(folder.read("state"), whole);
    auto again = open();
    EXPECT_EQ(again->find("p1"), one);
    EXPECT_EQ(again->find("p2"), two);
  }
}

TEST_F(MeasurementFiles, OfAnotherRunAreRefused) {
  std::string whole = written();
  for (auto [what, other] : {std::pair("tool", RunIdentity{"x", "m", "w", "i", "b"}),
                             {"model", {"t", "x", "w", "i", "b"}},
                             {"weights", {"t", "m", "x", "i", "b"}},
                             {"input", {"t", "m", "w", "x", "b"}},
                             {"baseline", {"t", "m", "w", "i", "x"}}})
    EXPECT_EQ(refusal(whole, other),
              std::string("1 : belongs to another run: its ") + what + " is another one; give --state another file, or delete it");
  auto file = open();
  EXPECT_EQ(file->setBaseline("other").code(), DSRT_REJECTED);
}

TEST_F(MeasurementFiles, ThatAreNoneAreRefused) {
  std::string whole = written(), first = whole.substr(0, whole.find('\n') + 1);
  EXPECT_EQ(refusal("some text\n").substr(0, 13), "2 : line 1:1:");
  EXPECT_EQ(refusal("some text"), "2 : is no file of 'ds-compile sensitivity --state'");
  EXPECT_EQ(refusal("{\n  \"model_type\": 1\n}").substr(0, 4), "2 : ");
  EXPECT_EQ(refusal("{\"kind\":\"other\""), "2 : is no file of 'ds-compile sensitivity --state'");
  EXPECT_EQ(refusal(first + "garbage\n{\"pol").substr(0, 4), "2 : ");
  EXPECT_EQ(refusal("{}\n"), "2 : is no file of 'ds-compile sensitivity --state'");
  EXPECT_EQ(refusal("[]\n"), "2 : line 1 expects an object");
  EXPECT_EQ(refusal("{\"kind\":\"ds-compile sensitivity\",\"version\":99}\n"),
            "2 : was written by another version of ds-compile; give --state another file");
  EXPECT_EQ(refusal(first + "garbage\n").substr(0, 4), "2 : ");
  EXPECT_EQ(refusal(first + "{\"policy\":\"p\",\"divergence\":1,\"bytes\":1}\n"), "2 : line 2: field 'distance' is missing");
  EXPECT_EQ(refusal(first + "{\"policy\":\"p\",\"distance\":-1,\"divergence\":1,\"bytes\":1}\n").substr(0, 26),
            "2 : line 2: field 'distanc");
  EXPECT_EQ(refusal(first + "{\"policy\":\"p\",\"distance\":1,\"divergence\":1,\"bytes\":-1}\n").substr(0, 26),
            "2 : line 2: field 'bytes' ");
  EXPECT_EQ(refusal(first + "{\"distance\":1,\"divergence\":1,\"bytes\":1}\n").substr(0, 26), "2 : line 2: field 'policy'");
}

TEST_F(MeasurementFiles, InUseOrNoFileAreRefused) {
  auto file = open();
  Expected<std::unique_ptr<MeasurementFile>> second = MeasurementFile::open(folder / "state", identity);
  EXPECT_EQ(second.status().code(), DSRT_REJECTED);
  EXPECT_NE(second.status().message().find("another run is writing to it"), std::string::npos);
  for (const std::string &path : {std::string("/dev/null"), folder / "absent/state", folder.path})
    EXPECT_EQ(MeasurementFile::open(path, identity).status().code(), DSRT_CANNOT_CREATE) << path;
}

} // namespace
