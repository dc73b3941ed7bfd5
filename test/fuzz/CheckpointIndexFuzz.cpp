// model.safetensors.index.json of a folder with two files, which it may name or not.
#include "runtime/weights/SafeTensors.h"
#include "test/fuzz/Fuzz.h"

namespace {

/// A folder that holds part-1.safetensors with tensor `a`, part-2.safetensors with tensor `b`.
struct Folder : ScratchFolder {
  Folder() {
    const float values[2] = {1, 2};
    for (const char *name : {"a", "b"})
      ENSURE(dsrt::writeSafeTensors(path + (*name == 'a' ? "/part-1.safetensors" : "/part-2.safetensors"),
                                    {{name, dsrt::FileType::F32, {2}, values}})
                 .ok());
  }
};

} // namespace

bool accepts(std::string_view input) {
  static Folder folder;
  folder.write("model.safetensors.index.json", input);
  dsrt::Expected<dsrt::Checkpoint> checkpoint = dsrt::Checkpoint::open(folder.path);
  if (!checkpoint) {
    ENSURE(!checkpoint.status().message().empty());
    return false;
  }
  // No file is opened but those of the folder.
  for (const auto &file : checkpoint->files())
    ENSURE(std::filesystem::path(file->path()).parent_path() == folder.path);
  ENSURE(checkpoint->files().size() <= 2);
  return true;
}
