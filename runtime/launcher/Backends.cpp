// One list; what is in it is linked in.
#include "runtime/launcher/Backends.h"

#include "dsrt/dsrt_abi.h"
#include "runtime/backend/cpu/Backend.h"

#include <cstring>

using namespace dsrt;

std::vector<const dsrt_backend *> dsrt::backends() { return {cpu::backend()}; }

Expected<const dsrt_backend *> dsrt::findBackend(const std::string &name) {
  std::string known;
  for (const dsrt_backend *backend : backends()) {
    known += (known.empty() ? "" : ", ") + std::string(backend->name);
    if (backend->name != name)
      continue;
    if (strcmp(backend->abi_hash, DSRT_ABI_HASH) != 0)
      return Status(DSRT_MISMATCH,
                    "backend '" + name + "' does not fit this runtime: expects ABI " DSRT_ABI_HASH ", but got " + backend->abi_hash);
    return backend;
  }
  return Status(DSRT_UNAVAILABLE, "the backend '" + name + "' is not available; this build has: " + known);
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
