// Artifacts that fit, and a corpus of those that do not: each has its code and message, and none of it runs.
#include "Toy.h"
#include "dsrt/dsrt_abi.h"
#include "runtime/launcher/Artifact.h"
#include "runtime/launcher/Elf.h"

#include <cstring>
#include <elf.h>

using namespace dsrt;

namespace {

std::string read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Opens the toy artifact after `change`.
template <typename Change> Status openChanged(Change change) {
  toy::Folder folder;
  std::string bytes = read(toy::artifact("toy"));
  change(bytes);
  folder.write("changed.dsx", bytes);
  return Artifact::open(folder / "changed.dsx").status();
}

template <typename T> void put(std::string &bytes, size_t offset, T value) { memcpy(bytes.data() + offset, &value, sizeof value); }

void expectUnreadable(const Status &status, const char *reason) {
  EXPECT_EQ(status.code(), DSRT_UNREADABLE) << status.message();
  EXPECT_NE(status.message().find(reason), std::string::npos) << status.message();
}

} // namespace

TEST(Artifact, OpensAndLoads) {
  Expected<Artifact> artifact = Artifact::open(toy::artifact("toy"));
  ASSERT_TRUE(artifact) << artifact.status().message();
  EXPECT_EQ(artifact->manifest().vocabulary, 16);
  EXPECT_EQ(artifact->backendName(), "cpu");
  EXPECT_EQ(artifact->prefill(), nullptr); // nothing is loaded yet
  Status status = artifact->load();
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_NE(artifact->prefill(), nullptr);
  EXPECT_NE(artifact->decode(), nullptr);
}

TEST(Artifact, AnotherAbi) {
  Status status = Artifact::open(toy::artifact("toy-other-abi")).status();
  EXPECT_EQ(status.code(), DSRT_MISMATCH);
  EXPECT_NE(status.message().find("expects ABI " DSRT_ABI_HASH ", but got 0123456789abcdef"), std::string::npos) << status.message();
}

TEST(Artifact, Targets) {
  Status status = Artifact::open(toy::artifact("toy-other-target")).status();
  EXPECT_EQ(status.code(), DSRT_UNAVAILABLE);
  EXPECT_NE(status.message().find("'tpu'"), std::string::npos) << status.message();
  EXPECT_EQ(Artifact::open(toy::artifact("toy-cuda"))->backendName(), "cuda");
}

TEST(Artifact, SymbolsThatAreMissing) {
  for (auto [name, reason] :
       {std::pair("toy-no-decode", "does not define its entry point 'dsrt_decode'"), {"toy-unknown-call", "dsrt_no_such_operation"}}) {
    Expected<Artifact> artifact = Artifact::open(toy::artifact(name));
    ASSERT_TRUE(artifact);
    expectUnreadable(artifact->load(), reason);
  }
}

TEST(Artifact, FilesThatAreNone) {
  toy::Folder folder;
  folder.write("empty.dsx", "");
  folder.write("text.dsx", "not an artifact, but long enough to hold a header of an ELF file: 64 bytes");
  EXPECT_NE(Artifact::open(folder / "empty.dsx").status().code(), DSRT_OK);
  expectUnreadable(Artifact::open(folder / "text.dsx").status(), "does not begin as one");
  EXPECT_NE(Artifact::open(folder / "absent.dsx").status().code(), DSRT_OK);
  EXPECT_NE(Artifact::open(folder.path).status().code(), DSRT_OK);
}

TEST(Artifact, TruncatedAnywhere) {
  size_t size = read(toy::artifact("toy")).size();
  for (size_t kept = 0; kept < size; kept += 61)
    EXPECT_NE(openChanged([&](std::string &bytes) { bytes.resize(kept); }).code(), DSRT_OK) << kept;
  expectUnreadable(openChanged([&](std::string &bytes) { bytes.resize(size - 1); }), "truncated");
}

TEST(Artifact, NoManifest) {
  expectUnreadable(openChanged([](std::string &bytes) { bytes[bytes.find(".dsmlir.manifest")] = 'x'; }), "no section '.dsmlir.manifest'");
}

TEST(Artifact, MalformedManifest) {
  Status status = openChanged([](std::string &bytes) { bytes[bytes.find("{\"version\"")] = '['; });
  EXPECT_EQ(status.code(), DSRT_UNREADABLE);
  status = openChanged([](std::string &bytes) { memcpy(bytes.data() + bytes.find("\"max_tokens\":5"), "\"max_tokens\":0", 14); });
  expectUnreadable(status, "max_tokens");
}

TEST(Artifact, HeadersThatLeadAstray) {
  const char *beyond = "beyond the end";
  expectUnreadable(openChanged([](std::string &bytes) { bytes[EI_CLASS] = ELFCLASS32; }), "64-bit");
  expectUnreadable(openChanged([](std::string &bytes) { put<uint16_t>(bytes, offsetof(Elf64_Ehdr, e_type), ET_EXEC); }), "shared object");
  EXPECT_EQ(openChanged([](std::string &bytes) { put<uint16_t>(bytes, offsetof(Elf64_Ehdr, e_machine), EM_RISCV); }).code(),
            DSRT_UNAVAILABLE);
  for (uint64_t offset : {uint64_t(1) << 40, UINT64_MAX, UINT64_MAX - 63}) {
    expectUnreadable(openChanged([&](std::string &bytes) { put(bytes, offsetof(Elf64_Ehdr, e_shoff), offset); }), beyond);
    expectUnreadable(openChanged([&](std::string &bytes) { put(bytes, offsetof(Elf64_Ehdr, e_phoff), offset); }), beyond);
  }
  expectUnreadable(openChanged([](std::string &bytes) { put<uint16_t>(bytes, offsetof(Elf64_Ehdr, e_shstrndx), 0xfff0); }),
                   "no section headers");
  expectUnreadable(openChanged([](std::string &bytes) { put<uint16_t>(bytes, offsetof(Elf64_Ehdr, e_shnum), 0); }), "no section headers");
  expectUnreadable(openChanged([](std::string &bytes) { put<uint16_t>(bytes, offsetof(Elf64_Ehdr, e_shnum), 0xffff); }), beyond);
  expectUnreadable(openChanged([](std::string &bytes) { put<uint16_t>(bytes, offsetof(Elf64_Ehdr, e_shentsize), 1); }),
                   "no section headers");
}

TEST(Artifact, SectionsThatLeadAstray) {
  // Every field of every section header and segment in turn: no crash, whatever the answer.
  std::string original = read(toy::artifact("toy"));
  Elf64_Ehdr header;
  memcpy(&header, original.data(), sizeof header);
  for (unsigned i = 0; i < header.e_shnum; ++i)
    for (size_t field = 0; field < sizeof(Elf64_Shdr); field += 4) {
      Status status =
          openChanged([&](std::string &bytes) { put<uint32_t>(bytes, header.e_shoff + i * sizeof(Elf64_Shdr) + field, 0xfffffff0u); });
      EXPECT_TRUE(status.ok() || status.code() == DSRT_UNREADABLE) << status.message();
    }
  for (unsigned i = 0; i < header.e_phnum; ++i)
    for (size_t field : {offsetof(Elf64_Phdr, p_offset), offsetof(Elf64_Phdr, p_filesz)}) {
      Elf64_Phdr segment;
      memcpy(&segment, original.data() + header.e_phoff + i * sizeof segment, sizeof segment);
      if (segment.p_type == PT_LOAD)
        expectUnreadable(
            openChanged([&](std::string &bytes) { put<uint64_t>(bytes, header.e_phoff + i * sizeof segment + field, uint64_t(1) << 40); }),
            "segment");
    }
}

TEST(Elf, SectionsHaveALimit) {
  expectUnreadable(readElfSection(toy::artifact("toy"), ".dsmlir.manifest", 100).status(), "at most 100 bytes");
}
