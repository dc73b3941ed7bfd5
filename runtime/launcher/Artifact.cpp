// Nothing of an artifact runs before its manifest has been read and its ABI found to be ours.
#include "runtime/launcher/Artifact.h"

#include "dsrt/dsrt_abi.h"
#include "runtime/launcher/Elf.h"

#include <climits>
#include <cstdlib>
#include <dlfcn.h>

using namespace dsrt;

Expected<Artifact> Artifact::open(const std::string &path) {
  // A manifest of the 61-layer, 256-expert model has about a megabyte.
  Expected<std::string> text = readElfSection(path, manifestSection, uint64_t(1) << 28);
  if (!text)
    return text.status();
  // Linkers may pad a section with zeros.
  while (!text->empty() && text->back() == '\0')
    text->pop_back();
  Expected<Manifest> manifest = Manifest::parse(*text, path);
  if (!manifest)
    return manifest.status();

  Artifact artifact;
  artifact.file = path;
  artifact.content = std::move(*manifest);
  if (artifact.content.abi != DSRT_ABI_HASH)
    return Status(DSRT_MISMATCH, path + ": the artifact does not fit this runtime: expects ABI " DSRT_ABI_HASH ", but got " +
                                     artifact.content.abi + "; compile the model again with the ds-compile of this build");
  const std::string &target = artifact.content.target;
  artifact.backend = target.substr(0, target.find('-')); // "cuda-sm90" is served by cuda
  if (artifact.backend != "cpu" && artifact.backend != "cuda")
    return Status(DSRT_UNAVAILABLE, path + ": expects target cpu or cuda-sm90, but got '" + target + "'");
  return artifact;
}

Status Artifact::load() {
  // With a slash in it the name is a path, never looked up in the library folders.
  char resolved[PATH_MAX];
  if (!realpath(file.c_str(), resolved))
    return {DSRT_UNREADABLE, file + ": cannot resolve the path"};
  library = std::shared_ptr<void>(dlopen(resolved, RTLD_NOW | RTLD_LOCAL), [](void *handle) {
    if (handle)
      dlclose(handle);
  });
  if (!library) {
    const char *reason = dlerror();
    return {DSRT_UNREADABLE, file + ": the artifact cannot be loaded: " + (reason ? reason : "unknown reason")};
  }
  auto find = [&](const ManifestProgram &program, dsrt_entry &entry) -> Status {
    entry = reinterpret_cast<dsrt_entry>(dlsym(library.get(), program.entry.c_str()));
    if (!entry)
      return {DSRT_UNREADABLE, file + ": the artifact does not define its entry point '" + program.entry + "'"};
    return {};
  };
  if (Status status = find(content.prefill, prefillEntry); !status.ok())
    return status;
  return find(content.decode, decodeEntry);
}
