// A plugin's table is read only after its ABI was found to be ours: what lies behind its first two fields depends on it.
#include "runtime/launcher/Backends.h"

#include "dsrt/dsrt_abi.h"
#include "runtime/backend/cpu/Backend.h"

#include <climits>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <unistd.h>

using namespace dsrt;

namespace {

/// The folder of plugins. The program's own is asked of the system: argv[0] may be anything.
std::string pluginFolder() {
  const char *given = getenv("DSRT_BACKEND_PATH");
  if (given && *given)
    return given;
  std::error_code error;
  std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  return (program.parent_path().parent_path() / "lib").string();
}

Expected<const dsrt_backend *> loadPlugin(const std::string &name) {
  auto unavailable = [&](const std::string &reason) {
    return Status(DSRT_UNAVAILABLE, "the backend '" + name + "' is not available: " + reason);
  };
  auto mismatch = [&](const std::string &reason) {
    return Status(DSRT_MISMATCH, "the backend '" + name + "' does not fit this runtime: " + reason);
  };
  std::string path = pluginFolder() + "/dsrt_" + name + ".so";
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    return unavailable("there is no " + path +
                       "; build it where a CUDA 13 toolkit is installed, or name the folder that has it with DSRT_BACKEND_PATH");
  // With a slash in it the name is a path, never looked up in the library folders.
  char resolved[PATH_MAX];
  if (!realpath(path.c_str(), resolved))
    return unavailable("cannot resolve " + path);
  // It stays: its kernels and threads outlive every state.
  void *library = dlopen(resolved, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!library) {
    const char *reason = dlerror();
    return unavailable(std::string(reason ? reason : path + " cannot be loaded") +
                       "; install the missing library, or name its folder with LD_LIBRARY_PATH");
  }
  auto get = reinterpret_cast<dsrt_backend_get_function>(dlsym(library, "dsrt_backend_get"));
  const dsrt_backend *backend = get ? get() : nullptr;
  if (!backend)
    return mismatch(path + " has no table of a backend");
  if (strcmp(backend->abi_hash, DSRT_ABI_HASH) != 0)
    return mismatch(path + ": expects ABI " DSRT_ABI_HASH ", but got " + backend->abi_hash + "; build both from the same sources");
  if (backend->name != name)
    return mismatch(path + ": expects the backend '" + name + "', but got '" + backend->name + "'");
  return backend;
}

} // namespace

std::vector<std::string> dsrt::backendNames() { return {"cpu", "cuda"}; }

Expected<const dsrt_backend *> dsrt::findBackend(const std::string &name) {
  if (name == "cpu")
    return cpu::backend();
  if (name == "cuda")
    return loadPlugin(name);
  return Status(DSRT_UNAVAILABLE, "expects a backend cpu or cuda, but got '" + name + "'");
}

Expected<std::unique_ptr<Device>> Device::open(const dsrt_backend *backend, const dsrt_backend_options &options) {
  std::unique_ptr<Device> device(new Device);
  char message[512] = "";
  int32_t code = backend->create(&options, &device->context.state, message, sizeof message);
  if (code != DSRT_OK)
    return Status(dsrt_code(code), std::string("the backend '") + backend->name + "' cannot start: " + message);
  device->context.backend = backend;
  return device;
}

Device::~Device() {
  if (context.backend)
    context.backend->destroy(context.state);
}
