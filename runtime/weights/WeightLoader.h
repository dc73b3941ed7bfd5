// From the checkpoint's tensors to resident parameters. A parameter is resident as it is stored, mapped without a copy where one
// tensor holds it, or goes through the manifest's formats one by one: each step rounds or quantises what the step before left
// of the F32 value. Work is cut by the shape of a parameter alone, so any number of threads gives the same bits.
#pragma once

#include "dsrt/dsrt_backend.h"
#include "runtime/launcher/Manifest.h"
#include "runtime/weights/SafeTensors.h"

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dsrt {

/// A parameter's extents as the C interface has them: [experts, rows, cols], 1 where the shape has none.
struct WeightExtents {
  int64_t experts, rows, cols;
};
WeightExtents extentsOf(const ManifestParameter &parameter);

/// The checkpoint's name of one expert's tensor: "{e}" becomes the number.
std::string tensorOfExpert(const std::string &name, int64_t expert);

/// Compares the tensors that the manifest names with the checkpoint's: presence, shape, dtype, and those of the scales.
/// DSRT_MISMATCH with the first that does not fit: what is expected, what there is, and the nearest names.
Status checkWeights(const Manifest &manifest, const Checkpoint &checkpoint);

/// Bytes that the weights need while they are loaded and afterwards; parameters that share a copy count once.
struct WeightsMemory {
  uint64_t resident = 0;  ///< payloads and scales
  uint64_t workspace = 0; ///< on top, at the most, while loading with this many threads
  uint64_t read = 0;      ///< of the checkpoint
};
Expected<WeightsMemory> measureWeights(const Manifest &manifest, int threads);

struct LoadOptions {
  const dsrt_backend *backend = nullptr;
  void *state = nullptr; ///< of the backend
  int threads = 1;
  /// Bytes of the checkpoint that are done, and of all; called from the thread that loads.
  std::function<void(uint64_t done, uint64_t total)> progress;
  const std::atomic<bool> *cancelled = nullptr; ///< once true, loading ends with DSRT_REJECTED
};

/// The resident parameters, in the order of the manifest.
class ResidentWeights {
public:
  ~ResidentWeights();
  const dsrt_weight *const *pointers() const { return order.data(); }
  size_t size() const { return order.size(); }
  const dsrt_weight &operator[](size_t parameter) const { return *order[parameter]; }

private:
  friend class WeightLoader;
  ResidentWeights() = default;

  struct Entry {
    dsrt_weight weight = {};
    std::string path;
    void *payload = nullptr, *scales = nullptr; ///< allocated by the backend; null where mapped, released or in `shared`
    std::vector<float> hostScales;              ///< scales that were mapped unaligned or are not F32 in the file
    bool prepared = false;
  };
  const dsrt_backend *backend = nullptr;
  void *state = nullptr;
  void *shared = nullptr;                         ///< of all parameters, where the backend's memory is not the host's
  std::vector<std::shared_ptr<MappedFile>> files; ///< keep the maps
  std::vector<std::unique_ptr<Entry>> entries;
  std::vector<const dsrt_weight *> order;
};

/// Makes every parameter resident and lets the backend repack it. The checkpoint must have passed checkWeights.
/// DSRT_OUT_OF_MEMORY, DSRT_IO (a file became shorter), DSRT_REJECTED (a format that is not implemented), or the backend's code.
Expected<std::unique_ptr<ResidentWeights>> loadWeights(const Manifest &manifest, const Checkpoint &checkpoint, const LoadOptions &options);

/// The same from random values in place of a checkpoint's: uniform in [-1, 1] times sqrt(3 / cols) (a variance of 1 / cols) for
/// matrices, 1 for vectors; the same for every run and any number of threads.
Expected<std::unique_ptr<ResidentWeights>> randomWeights(const Manifest &manifest, const LoadOptions &options);

} // namespace dsrt
