// ds-checkpoint make: a random checkpoint in the Hugging Face layout.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>
#include <string>

namespace dsmlir {

struct MakeOptions {
  std::string config; ///< a config.json, or a folder with one
  std::string folder; ///< created where it is absent
  uint64_t seed = 0;
  std::string dtype = "bf16"; ///< bf16, f16, f32 or fp8
  int64_t shards = 1;
};

/// Writes the weights, the index where there are several files, and config.json, adjusted to the dtype. The same options give
/// the same bytes on any machine. A failure removes what this call wrote. Memory is bounded by a few rows of tiles, whatever
/// the model.
///
/// Errors: those of reading the config; DSRT_REJECTED for more shards than tensors; DSRT_CANNOT_CREATE for the files, and where
/// the folder holds weights that would not be replaced.
dsrt::Status makeCheckpoint(const MakeOptions &options);

} // namespace dsmlir
