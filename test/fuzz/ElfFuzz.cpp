// readElfSection: what it gives is a piece of the file.
#include "runtime/launcher/Elf.h"
#include "test/fuzz/Fuzz.h"

bool accepts(std::string_view input) {
  static ScratchFolder folder;
  constexpr uint64_t limit = 4096;
  dsrt::Expected<std::string> section = dsrt::readElfSection(folder.write("input.dsx", input), ".dsmlir.manifest", limit);
  if (!section) {
    ENSURE(!section.status().message().empty());
    return false;
  }
  ENSURE(section->size() <= limit && input.find(*section) != std::string_view::npos);
  return true;
}
