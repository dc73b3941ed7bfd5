// The backends that this runtime has: the CPU's is linked in, the others are plugins.
#pragma once

#include "dsrt/dsrt_backend.h"
#include "runtime/launcher/Context.h"

#include <memory>
#include <string>
#include <vector>

namespace dsrt {

/// The names that findBackend knows: "cpu", "cuda".
std::vector<std::string> backendNames();

/// A plugin dsrt_NAME.so is looked for in the folder that the environment variable DSRT_BACKEND_PATH names, or else in ../lib beside the
/// program's folder; it is loaded when it is asked for, and stays.
///
/// DSRT_UNAVAILABLE where none has this name, or the plugin is not there or cannot be loaded; DSRT_MISMATCH where it was built for
/// another C interface or is no backend.
Expected<const dsrt_backend *> findBackend(const std::string &name);

/// A backend with its state, and the context of a run on it.
class Device {
public:
  static Expected<std::unique_ptr<Device>> open(const dsrt_backend *backend, const dsrt_backend_options &options);
  ~Device();
  Device(const Device &) = delete;

  dsrt_context context;

private:
  Device() = default;
};

} // namespace dsrt
