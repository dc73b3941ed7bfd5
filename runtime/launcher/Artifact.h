// An artifact of ds-compile: a shared object with a manifest. Opening reads and checks the manifest and runs nothing;
// loading hands the file to the dynamic loader and finds the entry points.
#pragma once

#include "runtime/launcher/Manifest.h"

#include <memory>
#include <string>

namespace dsrt {

class Artifact {
public:
  /// Reads the manifest and checks that this runtime can serve it.
  ///
  /// DSRT_UNREADABLE: not an artifact, or a malformed manifest. DSRT_MISMATCH: compiled for another C interface.
  /// DSRT_UNAVAILABLE: for a target that this runtime does not know.
  static Expected<Artifact> open(const std::string &path);

  /// Makes the code callable. DSRT_UNREADABLE where the dynamic loader refuses it or an entry point is missing.
  Status load();

  const std::string &path() const { return file; }
  const Manifest &manifest() const { return content; }
  /// The backend that serves the target: "cpu", "cuda".
  const std::string &backendName() const { return backend; }
  /// Null before load().
  dsrt_entry prefill() const { return prefillEntry; }
  dsrt_entry decode() const { return decodeEntry; }

private:
  std::string file, backend;
  Manifest content;
  std::shared_ptr<void> library;
  dsrt_entry prefillEntry = nullptr, decodeEntry = nullptr;
};

} // namespace dsrt
