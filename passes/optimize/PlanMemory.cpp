// The static arena. Buffers are placed in the order of the program, each into the smallest gap that is free at that time (best
// fit), or at the end. Only buffers that are live are looked at, so time is linear in the length of the program; layers of one
// shape fall into the places of the layer before.
#include "passes/optimize/Liveness.h"
#include "passes/optimize/Optimize.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <set>

using namespace mlir;

namespace dsmlir {

#define GEN_PASS_DEF_PLANMEMORYPASS
#include "passes/optimize/Passes.h.inc"

namespace {

/// The places that are taken: offset to end.
class Arena {
public:
  /// Nothing where the arena would be larger than 63 bits can say.
  std::optional<int64_t> place(int64_t bytes) {
    int64_t best = -1, bestGap = 0, end = 0;
    for (auto [offset, stop] : taken) {
      int64_t gap = offset - end;
      if (gap >= bytes && (best < 0 || gap < bestGap))
        best = end, bestGap = gap;
      end = stop;
    }
    if (best < 0)
      best = end;
    if (bytes > INT64_MAX - best)
      return std::nullopt;
    taken[best] = best + bytes;
    peak = std::max(peak, best + bytes);
    return best;
  }
  void release(int64_t offset) { taken.erase(offset); }
  int64_t size() const { return peak; }

private:
  std::map<int64_t, int64_t> taken;
  int64_t peak = 0;
};

LogicalResult plan(dsrt::EntryOp entry) {
  FailureOr<std::vector<LiveBuffer>> buffers = liveBuffers(entry);
  if (failed(buffers))
    return failure();
  Builder builder(entry.getContext());
  Arena arena;
  std::set<std::pair<int64_t, int64_t>> ends; // (last use, offset) of what is placed
  for (LiveBuffer &buffer : *buffers) {
    if (buffer.first < 0) { // nothing touches it: any place will do
      buffer.allocate.setOffsetAttr(builder.getI64IntegerAttr(0));
      continue;
    }
    while (!ends.empty() && ends.begin()->first < buffer.first) {
      arena.release(ends.begin()->second);
      ends.erase(ends.begin());
    }
    std::optional<int64_t> offset = arena.place(buffer.bytes);
    if (!offset)
      return buffer.allocate.emitOpError("makes the arena larger than memory can be; lower --max-tokens");
    ends.insert({buffer.last, *offset});
    buffer.allocate.setOffsetAttr(builder.getI64IntegerAttr(*offset));
  }
  int64_t size = arena.size();
  for (const LiveBuffer &buffer : *buffers)
    if (buffer.first < 0)
      size = std::max(size, buffer.bytes);
  entry.setArenaAttr(builder.getI64IntegerAttr(size));
  return success();
}

class PlanMemoryPass : public impl::PlanMemoryPassBase<PlanMemoryPass> {
public:
  void runOnOperation() override {
    for (auto program : getOperation().getOps<dsrt::ProgramOp>())
      for (auto entry : program.getBody().getOps<dsrt::EntryOp>())
        if (failed(plan(entry)))
          return signalPassFailure();
  }
};

} // namespace
} // namespace dsmlir
