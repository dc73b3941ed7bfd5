// Checkpoint::open on one file: every byte of every tensor that is accepted can be read, and the file is written again as
// tensors of the same shapes.
#include "runtime/weights/SafeTensors.h"
#include "test/fuzz/Fuzz.h"

bool accepts(std::string_view input) {
  static ScratchFolder folder;
  dsrt::Expected<dsrt::Checkpoint> checkpoint = dsrt::Checkpoint::open(folder.write("input.safetensors", input));
  if (!checkpoint) {
    ENSURE(!checkpoint.status().message().empty());
    return false;
  }
  const dsrt::MappedFile &file = *checkpoint->files().front();
  std::vector<dsrt::TensorToWrite> tensors;
  for (const auto &[name, info] : checkpoint->tensors()) {
    uint64_t size = checkpoint->byteSize(info), counted = 0;
    const uint8_t *bytes = checkpoint->bytes(info);
    ENSURE(dsrt::tensorBytes(info.type, info.shape, counted) && counted == size);
    ENSURE(bytes >= file.data() + 8 && size <= file.size() && bytes <= file.data() + file.size() - size);
    tensors.push_back({name, info.type, info.shape, bytes});
  }
  ENSURE(dsrt::safeTensorsHeader(tensors));
  checkpoint->nearest("model.embed_tokens.weight");
  return true;
}
