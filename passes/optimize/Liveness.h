// When buffers of an entry point are live: entries are straight-line code, so an interval says it.
#pragma once

#include "dialects/dsrt/DSRT.h"

#include <vector>

namespace dsmlir {

struct LiveBuffer {
  mlir::dsrt::AllocateOp allocate;
  int64_t bytes = 0; ///< at the largest sizes of a call, a multiple of arenaAlignment
  /// Numbers of the first and the last operation of the block that touch the buffer; -1 where none does.
  int64_t first = -1, last = -1;
};

inline constexpr int64_t arenaAlignment = 64;

/// All buffers, in the order in which they are first touched; those that nothing touches come last. Fails, with an error, where a
/// size does not fit into 63 bits.
mlir::FailureOr<std::vector<LiveBuffer>> liveBuffers(mlir::dsrt::EntryOp entry);

} // namespace dsmlir
