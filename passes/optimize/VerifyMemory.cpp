// Checks a memory plan (Passes.td) by following the bytes of the arena from call to call. Live intervals, with which the planner
// works, are not looked at: a mistake in them shows here.
#include "passes/optimize/Liveness.h"
#include "passes/optimize/Optimize.h"

#include "mlir/IR/BuiltinOps.h"

#include <map>

using namespace mlir;

namespace dsmlir {

#define GEN_PASS_DEF_VERIFYMEMORYPASS
#include "passes/optimize/Passes.h.inc"

namespace {

class Follower {
public:
  explicit Follower(dsrt::EntryOp entry) : entry(entry) {}

  LogicalResult run() {
    if (!entry.getArena())
      return entry.emitOpError("(M1) has no arena: run --dsrt-plan-memory first");
    for (Operation &op : entry.getBody().front()) {
      auto call = dyn_cast<dsrt::CallInterface>(op);
      auto allocate = dyn_cast<dsrt::AllocateOp>(op);
      if (failed(call ? follow(call) : allocate ? place(allocate) : read(&op, op.getOperand(0), "logits")))
        return failure();
    }
    return success();
  }

private:
  struct Place {
    int64_t begin = 0, end = 0;
    bool written = false;
    Operation *overwrittenBy = nullptr;

    bool overlaps(const Place &other) const { return begin < other.end && other.begin < end; }
  };

  /// (M1)
  LogicalResult place(dsrt::AllocateOp allocate) {
    if (!allocate.getOffset())
      return allocate.emitOpError("(M1) has no offset: run --dsrt-plan-memory first");
    int64_t begin = int64_t(*allocate.getOffset()), arena = int64_t(*entry.getArena()), end;
    std::optional<int64_t> bytes = entry.getBytes(allocate.getBuffer().getType());
    if (!bytes || begin % arenaAlignment || __builtin_add_overflow(begin, *bytes, &end) || end > arena)
      return allocate.emitOpError("(M1) expects an offset that ")
             << arenaAlignment << " divides, with the buffer inside of the arena's " << arena << " bytes, but got " << begin;
    places[allocate.getBuffer()] = {begin, end};
    return success();
  }

  LogicalResult follow(dsrt::CallInterface call) {
    SmallVector<std::pair<StringRef, Value>> written;
    unsigned next = 0;
    for (const dsrt::SignatureOperand &operand : call.getSignature().operands) {
      if (!operand.isValue())
        continue;
      Value value = call->getOperand(next++);
      if (operand.role == dsrt::Role::In && failed(read(call, value, operand.name)))
        return failure();
      if (operand.role == dsrt::Role::Out || operand.role == dsrt::Role::Scratch)
        written.push_back({operand.name, value});
    }
    for (auto [name, value] : written)
      if (failed(write(call, value, name)))
        return failure();
    return success();
  }

  /// (M2), (M3). What is no buffer of the arena is the caller's and always there.
  LogicalResult read(Operation *op, Value value, StringRef name) {
    auto found = places.find(value);
    if (found == places.end())
      return success();
    if (!found->second.written)
      return op->emitOpError("(M3) reads '") << name << "', which nothing has written";
    return expectIntact(op, found->second, "reads", name);
  }

  static LogicalResult expectIntact(Operation *op, const Place &place, StringRef verb, StringRef name) {
    if (!place.overwrittenBy)
      return success();
    InFlightDiagnostic diagnostic = op->emitOpError("(M2) ") << verb << " '" << name << "', whose memory another buffer has taken";
    diagnostic.attachNote(place.overwrittenBy->getLoc()) << "it was overwritten here";
    return diagnostic;
  }

  /// (M2). A buffer is written more than once only in place, row by row: what it held must still be there.
  LogicalResult write(Operation *op, Value value, StringRef name) {
    Place &place = places[value];
    for (Value other : op->getOperands())
      if (auto found = places.find(other); other != value && found != places.end() && place.overlaps(found->second))
        return op->emitOpError("(M2) writes '") << name << "' over another operand of the same call";
    if (failed(expectIntact(op, place, "writes to", name)))
      return failure();
    auto at = intact.lower_bound(place.begin);
    if (at != intact.begin() && places[std::prev(at)->second].overlaps(place))
      --at;
    while (at != intact.end() && places[at->second].overlaps(place)) {
      if (at->second != value)
        places[at->second].overwrittenBy = op;
      at = intact.erase(at);
    }
    intact[place.begin] = value;
    place.written = true;
    return success();
  }

  dsrt::EntryOp entry;
  llvm::DenseMap<Value, Place> places;
  std::map<int64_t, Value> intact; ///< by offset: what has been written and not overwritten; disjoint
};

class VerifyMemoryPass : public impl::VerifyMemoryPassBase<VerifyMemoryPass> {
public:
  void runOnOperation() override {
    for (auto program : getOperation().getOps<dsrt::ProgramOp>())
      for (auto entry : program.getBody().getOps<dsrt::EntryOp>())
        if (failed(Follower(entry).run()))
          return signalPassFailure();
    markAllAnalysesPreserved();
  }
};

} // namespace
} // namespace dsmlir
