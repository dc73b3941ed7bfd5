// Live intervals of buffers.
#include "passes/optimize/Liveness.h"

using namespace mlir;

namespace dsmlir {

/// Of a buffer whose size is known to fit.
static int64_t alignedBytes(dsrt::EntryOp entry, dsrt::AllocateOp allocate) {
  return int64_t(llvm::alignTo(uint64_t(*entry.getBytes(allocate.getBuffer().getType())), arenaAlignment));
}

FailureOr<std::vector<LiveBuffer>> liveBuffers(dsrt::EntryOp entry) {
  std::vector<LiveBuffer> buffers, untouched;
  llvm::DenseMap<Operation *, size_t> index;
  int64_t now = 0;
  for (Operation &op : entry.getBody().front()) {
    ++now;
    if (auto allocate = dyn_cast<dsrt::AllocateOp>(op)) {
      std::optional<int64_t> bytes = entry.getBytes(allocate.getBuffer().getType());
      if (!bytes || *bytes > INT64_MAX - arenaAlignment)
        return allocate.emitOpError("is larger than memory can be; lower --max-tokens"), failure();
      if (allocate.getBuffer().use_empty())
        untouched.push_back({allocate, alignedBytes(entry, allocate)});
      continue;
    }
    for (Value operand : op.getOperands())
      if (auto allocate = operand.getDefiningOp<dsrt::AllocateOp>()) {
        auto [at, isNew] = index.try_emplace(allocate, buffers.size());
        if (isNew)
          buffers.push_back({allocate, alignedBytes(entry, allocate), now, now});
        buffers[at->second].last = now;
      }
  }
  buffers.insert(buffers.end(), untouched.begin(), untouched.end());
  return buffers;
}

} // namespace dsmlir
