// Checks a memory plan: see Optimize.h.
#include "passes/optimize/Liveness.h"
#include "passes/optimize/Optimize.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>
#include <set>

using namespace mlir;

namespace dsmlir {
namespace {

/// (M1), (M2)
LogicalResult verifyPlaces(dsrt::EntryOp entry, const std::vector<LiveBuffer> &buffers) {
  if (!entry.getArena())
    return entry.emitOpError("(M1) has no arena: run --dsrt-plan-memory first");
  std::map<int64_t, const LiveBuffer *> live; // by offset
  std::set<std::pair<int64_t, int64_t>> ends; // (last use, offset)
  for (const LiveBuffer &buffer : buffers) {
    dsrt::AllocateOp allocate = buffer.allocate;
    if (!allocate.getOffset())
      return allocate.emitOpError("(M1) has no offset: run --dsrt-plan-memory first");
    int64_t offset = int64_t(*allocate.getOffset()), arena = int64_t(*entry.getArena()), end;
    if (offset < 0 || offset % arenaAlignment || __builtin_add_overflow(offset, buffer.bytes, &end) || end > arena)
      return allocate.emitOpError("(M1) expects an offset that ")
             << arenaAlignment << " divides, with " << buffer.bytes << " bytes inside of the arena's " << arena << ", but got " << offset;
    if (buffer.first < 0)
      continue;
    while (!ends.empty() && ends.begin()->first < buffer.first) {
      live.erase(ends.begin()->second);
      ends.erase(ends.begin());
    }
    auto conflict = [&](const LiveBuffer *other) -> LogicalResult {
      InFlightDiagnostic diagnostic = dsrt::AllocateOp(allocate).emitOpError("(M2) overlaps another buffer that is live at the same time");
      diagnostic.attachNote(dsrt::AllocateOp(other->allocate).getLoc())
          << "the other one, " << other->bytes << " bytes at offset " << *dsrt::AllocateOp(other->allocate).getOffset();
      return diagnostic;
    };
    auto next = live.lower_bound(offset);
    if (next != live.end() && next->first < end)
      return conflict(next->second);
    if (next != live.begin()) {
      auto previous = std::prev(next);
      if (previous->first + previous->second->bytes > offset)
        return conflict(previous->second);
    }
    live[offset] = &buffer;
    ends.insert({buffer.last, offset});
  }
  return success();
}

/// (M3)
LogicalResult verifyWrites(dsrt::EntryOp entry) {
  llvm::DenseSet<Value> written;
  for (Operation &op : entry.getBody().front()) {
    auto call = dyn_cast<dsrt::CallInterface>(op);
    if (!call) {
      for (Value operand : op.getOperands())
        if (!written.contains(operand))
          return op.emitOpError("(M3) reads a buffer that nothing has written");
      continue;
    }
    unsigned next = 0;
    SmallVector<Value> outputs;
    for (const dsrt::SignatureOperand &operand : call.getSignature().operands) {
      if (!operand.isValue())
        continue;
      Value value = op.getOperand(next++);
      if (operand.role == dsrt::Role::In && value.getDefiningOp<dsrt::AllocateOp>() && !written.contains(value))
        return op.emitOpError("(M3) reads '") << operand.name << "', which nothing has written";
      if (operand.role == dsrt::Role::Out)
        outputs.push_back(value);
    }
    written.insert(outputs.begin(), outputs.end());
  }
  return success();
}

class VerifyMemoryPass : public PassWrapper<VerifyMemoryPass, OperationPass<ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(VerifyMemoryPass)
  StringRef getArgument() const override { return "dsrt-verify-memory"; }
  StringRef getDescription() const override { return "checks that buffers that are live together do not overlap"; }
  void runOnOperation() override {
    for (auto program : getOperation().getOps<dsrt::ProgramOp>())
      for (auto entry : program.getBody().getOps<dsrt::EntryOp>()) {
        FailureOr<std::vector<LiveBuffer>> buffers = liveBuffers(entry);
        if (failed(buffers) || failed(verifyWrites(entry)) || failed(verifyPlaces(entry, *buffers)))
          return signalPassFailure();
      }
    markAllAnalysesPreserved();
  }
};

} // namespace

std::unique_ptr<Pass> createVerifyMemoryPass() { return std::make_unique<VerifyMemoryPass>(); }

} // namespace dsmlir
