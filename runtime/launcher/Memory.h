// What a run needs and what the machine has, compared before anything is loaded.
#pragma once

#include "runtime/support/Status.h"

#include <cstdint>

namespace dsrt {

/// Bytes, by part.
struct MemoryNeed {
  uint64_t weights = 0;   ///< resident parameters
  uint64_t cache = 0;     ///< the latent cache
  uint64_t arena = 0;     ///< of the larger of the two programs
  uint64_t workspace = 0; ///< while loading: sources and pieces of conversions
  uint64_t results = 0;   ///< logits that are kept
};

/// DSRT_OUT_OF_MEMORY with the need by part and what there is; what would make it smaller.
/// \param what  whose memory, for the message
Status checkMemory(const MemoryNeed &need, uint64_t available, const std::string &what = "memory");

/// Bytes that this process can still take: MemAvailable of /proc/meminfo, or what its control group leaves where that is less.
/// UINT64_MAX where the system does not say.
uint64_t availableMemory();

/// "12.3 GiB", "512 bytes".
std::string bytesText(uint64_t bytes);

} // namespace dsrt
