// A file that becomes shorter under a map is an error with a message, not a signal.
#include "Toy.h"
#include "runtime/launcher/MapGuard.h"

#include "dsrt/dsrt.h"

TEST(MapGuardDeathTest, AFileThatBecomesShorterWhileItIsRead) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  toy::Folder folder;
  toy::writeCheckpoint(folder, 4096);
  EXPECT_EXIT(
      {
        dsrt::installMapGuard();
        auto file = dsrt::MappedFile::open(folder / "model.safetensors");
        std::filesystem::resize_file(folder / "model.safetensors", 1);
        volatile const uint8_t *bytes = (*file)->data();
        exit(bytes[(*file)->size() - 1] == 0);
      },
      testing::ExitedWithCode(DSRT_IO), "a mapped file became shorter");
}
