// The backends that this runtime has.
#pragma once

#include "dsrt/dsrt_backend.h"
#include "runtime/launcher/Context.h"

#include <memory>
#include <string>
#include <vector>

namespace dsrt {

/// Every backend of this build.
std::vector<const dsrt_backend *> backends();

/// DSRT_UNAVAILABLE with those that there are where none has this name; DSRT_MISMATCH where it was built for another C interface.
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
