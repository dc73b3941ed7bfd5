// ELF64 by the System V gABI, chapters "ELF header", "Sections" and "Program header"; only what finds a section by its name.
#include "runtime/launcher/Elf.h"

#include "runtime/weights/SafeTensors.h"

#include <cstring>
#include <elf.h>

using namespace dsrt;

namespace {

#if defined(__x86_64__)
constexpr unsigned machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned machine = EM_AARCH64;
#else
#error "the machine's number in ELF headers is not known here"
#endif

/// A file's bytes, read with their bounds checked.
struct Bytes {
  const uint8_t *data;
  uint64_t size;

  bool holds(uint64_t offset, uint64_t count) const { return offset <= size && count <= size - offset; }
  template <typename T> bool read(uint64_t offset, T &value) const {
    if (!holds(offset, sizeof(T)))
      return false;
    memcpy(&value, data + offset, sizeof(T));
    return true;
  }
};

} // namespace

Expected<std::string> dsrt::readElfSection(const std::string &path, const std::string &section, uint64_t limit) {
  Expected<std::shared_ptr<MappedFile>> file = MappedFile::open(path);
  if (!file)
    return file.status();
  Bytes bytes{(*file)->data(), (*file)->size()};
  auto malformed = [&](const std::string &reason) {
    return Status(DSRT_UNREADABLE, path + ": not an artifact of ds-compile: " + reason);
  };

  Elf64_Ehdr header;
  if (!bytes.read(0, header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return malformed("expects an ELF shared object, but the file does not begin as one");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_type != ET_DYN)
    return malformed("expects a 64-bit little-endian shared object");
  if (header.e_machine != machine)
    return Status(DSRT_UNAVAILABLE, format("%s: the artifact is for another processor: expects ELF machine %u, but got %u; compile the model on this machine",
                                           path.c_str(), machine, unsigned(header.e_machine)));

  if (header.e_phnum && header.e_phentsize != sizeof(Elf64_Phdr))
    return malformed("the program headers have an unknown size");
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (header.e_phoff > bytes.size || !bytes.read(header.e_phoff + uint64_t(i) * sizeof segment, segment))
      return malformed("the program headers go beyond the end of the file; the file may be truncated");
    if (segment.p_type != PT_GNU_STACK && !bytes.holds(segment.p_offset, segment.p_filesz))
      return malformed(format("segment %u goes beyond the end of the file; the file may be truncated", i));
  }

  if (header.e_shnum == 0 || header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shstrndx >= header.e_shnum)
    return malformed("it has no section headers");
  if (!bytes.holds(header.e_shoff, uint64_t(header.e_shnum) * sizeof(Elf64_Shdr)))
    return malformed("the section headers go beyond the end of the file; the file may be truncated");
  auto sectionAt = [&](unsigned i) {
    Elf64_Shdr found;
    memcpy(&found, bytes.data + header.e_shoff + uint64_t(i) * sizeof found, sizeof found);
    return found;
  };
  Elf64_Shdr names = sectionAt(header.e_shstrndx);
  if (!bytes.holds(names.sh_offset, names.sh_size))
    return malformed("the section names go beyond the end of the file");
  for (unsigned i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr found = sectionAt(i);
    // The name with its terminating zero must lie inside the table of names.
    if (found.sh_name >= names.sh_size || names.sh_size - found.sh_name <= section.size() ||
        memcmp(bytes.data + names.sh_offset + found.sh_name, section.c_str(), section.size() + 1) != 0)
      continue;
    if (found.sh_type == SHT_NOBITS || !bytes.holds(found.sh_offset, found.sh_size))
      return malformed("section '" + section + "' goes beyond the end of the file; the file may be truncated");
    if (found.sh_size > limit)
      return malformed(format("section '%s' expects at most %llu bytes, but has %llu", section.c_str(), (unsigned long long)limit,
                              (unsigned long long)found.sh_size));
    return std::string(reinterpret_cast<const char *>(bytes.data) + found.sh_offset, found.sh_size);
  }
  return malformed("it has no section '" + section + "'");
}
