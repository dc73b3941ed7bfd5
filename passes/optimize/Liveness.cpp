// Live intervals of buffers.
#include "passes/optimize/Liveness.h"

using namespace mlir;

namespace dsmlir {

FailureOr<std::vector<LiveBuffer>> liveBuffers(dsrt::EntryOp entry) {
  dsrt::LimitsAttr limits = entry->getParentOfType<dsrt::ProgramOp>().getLimits();
  // A decode call holds one token a row.
  int64_t tokens = entry.isDecode() ? limits.getSequences() : limits.getTokens();
  int64_t wanted = std::min(tokens, limits.getWanted());
  std::vector<LiveBuffer> buffers, untouched;
  llvm::DenseMap<Operation *, size_t> index;
  int64_t now = 0;
  for (Operation &op : entry.getBody().front()) {
    ++now;
    if (auto allocate = dyn_cast<dsrt::AllocateOp>(op)) {
      std::optional<int64_t> bytes = allocate.getBuffer().getType().getBytes(tokens, wanted);
      if (!bytes || *bytes > INT64_MAX - arenaAlignment)
        return allocate.emitOpError("is larger than memory can be; lower --max-tokens"), failure();
      if (allocate.getBuffer().use_empty())
        untouched.push_back({allocate, int64_t(llvm::alignTo(uint64_t(*bytes), arenaAlignment))});
      continue;
    }
    for (Value operand : op.getOperands())
      if (auto allocate = operand.getDefiningOp<dsrt::AllocateOp>()) {
        auto [at, isNew] = index.try_emplace(allocate, buffers.size());
        if (isNew) {
          int64_t bytes = *allocate.getBuffer().getType().getBytes(tokens, wanted);
          buffers.push_back({allocate, int64_t(llvm::alignTo(uint64_t(bytes), arenaAlignment)), now, now});
        }
        buffers[at->second].last = now;
      }
  }
  buffers.insert(buffers.end(), untouched.begin(), untouched.end());
  return buffers;
}

} // namespace dsmlir
