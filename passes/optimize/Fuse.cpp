// Applies the fusions of Fusions.cpp (Passes.td), one after the other. Buffers are still values of their own here, so that what a call
// touches is known by its operands: memory is planned after this pass.
#include "passes/optimize/Fusions.h"
#include "passes/optimize/Optimize.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace dsmlir {

#define GEN_PASS_DEF_FUSEPASS
#include "passes/optimize/Passes.h.inc"

namespace {

using Parts = SmallVector<Operation *, 5>;

bool isCall(Operation *op, StringRef name) { return op->getName().stripDialect() == name && isa<dsrt::CallInterface>(op); }

bool isWritten(dsrt::Role role) { return role == dsrt::Role::Out || role == dsrt::Role::Scratch || role == dsrt::Role::CacheOut; }

/// Calls fn(operand's line of the table, value) for each operand that is a value.
template <typename Fn> void forValues(Operation *call, Fn &&fn) {
  unsigned next = 0;
  for (const dsrt::SignatureOperand &operand : cast<dsrt::CallInterface>(call).getSignature().operands)
    if (operand.isValue())
      fn(operand, call->getOperand(next++));
}

/// An operand of a call, or nothing where the name is that of a weight or an attribute.
Value valueOf(Operation *call, StringRef name) {
  Value found;
  forValues(call, [&](const dsrt::SignatureOperand &operand, Value value) {
    if (operand.name == name)
      found = value;
  });
  return found;
}

bool writes(Operation *op, Value value) {
  bool found = false;
  if (isa<dsrt::CallInterface>(op))
    forValues(op, [&](const dsrt::SignatureOperand &operand, Value other) { found |= other == value && isWritten(operand.role); });
  return found;
}

/// Whether two calls may not change places: one of them writes what the other touches.
bool dependent(Operation *a, Operation *b) {
  return llvm::any_of(a->getOperands(),
                      [&](Value value) { return llvm::is_contained(b->getOperands(), value) && (writes(a, value) || writes(b, value)); });
}

/// A match of one rule, on its way to the fused call.
class Match {
public:
  Match(const FusionRule &rule, Operation *first) : rule(rule), parts({first}) {}

  /// Finds the other parts.
  bool find() {
    if (parts.size() == rule.parts.size())
      return (!rule.fits || rule.fits(parts)) && keepsIntermediates() && typesFit() && place();
    for (Operation *candidate : candidates()) {
      parts.push_back(candidate);
      if (linked() && find())
        return true;
      parts.pop_back();
    }
    return false;
  }

  /// Builds the fused call in the place of the parts, which are erased.
  void replace(llvm::DenseSet<Operation *> &erased) {
    OpBuilder builder(at);
    SmallVector<Location> locations;
    llvm::SmallSetVector<StringRef, 4> modules;
    for (Operation *part : inOrder) {
      locations.push_back(part->getLoc());
      // Of a part that is fused itself the list is taken apart: each module is named once.
      SmallVector<StringRef, 4> names;
      cast<dsrt::CallInterface>(part).getModulePath().split(names, ", ");
      modules.insert(names.begin(), names.end());
    }
    OperationState state(builder.getFusedLoc(locations), ("dsrt." + rule.fused).str());
    for (const dsrt::SignatureOperand &operand : dsrt::signature(state.name.getStringRef()).operands) {
      if (operand.isValue())
        state.addOperands(valueFor(operand.name));
      else if (Attribute attribute = attributeFor(operand.name))
        state.addAttribute(operand.name, attribute);
    }
    state.addAttribute("path", builder.getStringAttr(llvm::join(modules, ", ")));
    Operation *fused = builder.create(state);
    SmallVector<dsrt::AllocateOp> buffers;
    for (Operation *part : parts) {
      for (Value value : part->getOperands())
        if (auto allocate = value.getDefiningOp<dsrt::AllocateOp>())
          buffers.push_back(allocate);
      erased.insert(part);
      part->erase();
    }
    llvm::SmallPtrSet<Operation *, 8> seen;
    for (dsrt::AllocateOp allocate : buffers) {
      if (!seen.insert(allocate).second)
        continue;
      if (allocate.getBuffer().use_empty())
        allocate->erase();
      else if (fused->isBeforeInBlock(allocate))
        allocate->moveBefore(fused);
    }
  }

private:
  PartOperand source(StringRef name) const {
    auto found = llvm::find_if(rule.operands, [&](const auto &binding) { return binding.first == name; });
    assert(found != rule.operands.end() && "a rule says where each operand comes from");
    return found->second;
  }
  Value valueFor(StringRef name) const { return valueOf(parts[source(name).part], source(name).name); }
  Attribute attributeFor(StringRef name) const { return parts[source(name).part]->getAttr(source(name).name); }

  /// Calls that share a value with the parts so far, as the rule says of the next one.
  SmallVector<Operation *> candidates() const {
    unsigned next = parts.size();
    llvm::SmallSetVector<Operation *, 8> found;
    for (const auto &[a, b] : rule.same)
      for (const auto &[of, known] : {std::pair(a, b), std::pair(b, a)})
        if (of.part == next && known.part < next)
          if (Value value = valueOf(parts[known.part], known.name))
            for (Operation *user : value.getUsers())
              if (isCall(user, rule.parts[next]) && !llvm::is_contained(parts, user))
                found.insert(user);
    SmallVector<Operation *> sorted(found.begin(), found.end());
    llvm::sort(sorted, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); }); // the order of uses means nothing
    return sorted;
  }

  /// What must be the same is, as far as there are parts.
  bool linked() const {
    return llvm::all_of(rule.same, [&](const auto &pair) {
      const auto &[a, b] = pair;
      if (a.part >= parts.size() || b.part >= parts.size())
        return true;
      return valueOf(parts[a.part], a.name) == valueOf(parts[b.part], b.name) &&
             parts[a.part]->getAttr(a.name) == parts[b.part]->getAttr(b.name);
    });
  }

  /// Results that the fused call does not have: written by one part, read by parts alone.
  bool keepsIntermediates() const {
    for (Operation *part : parts)
      for (Value value : part->getOperands())
        if (writes(part, value) && llvm::none_of(rule.operands, [&](const auto &binding) { return valueFor(binding.first) == value; }) &&
            llvm::any_of(value.getUsers(), [&](Operation *user) { return !llvm::is_contained(parts, user); }))
          return false;
    // What a later part reads of an earlier one is that one's result, not yet another writer's.
    for (const auto &[a, b] : rule.same)
      if (Value value = valueOf(parts[a.part], a.name))
        if (writes(parts[a.part], value) || writes(parts[b.part], value))
          if (llvm::count_if(value.getUsers(), [&](Operation *user) { return writes(user, value); }) != 1)
            return false;
    return true;
  }

  /// (C2) and (C3) of the fused call: equal names of extents and types are equal.
  bool typesFit() const {
    llvm::StringMap<dsrt::Extent> extents;
    llvm::StringMap<Type> types;
    auto fit = [&](const dsrt::SignatureOperand &operand, ArrayRef<dsrt::Extent> shape, Type element) {
      for (auto [name, extent] : llvm::zip_equal(operand.dims, shape))
        if (!(extents.try_emplace(name, extent).first->second == extent))
          return false;
      return types.try_emplace(operand.type, element).first->second == element;
    };
    for (const dsrt::SignatureOperand &operand : dsrt::signature(rule.fused).operands) {
      if (operand.isBuffer()) {
        auto type = cast<dsrt::BufferType>(valueFor(operand.name).getType());
        if (!fit(operand, type.getExtents(), type.getElement()))
          return false;
      } else if (operand.isWeight()) {
        auto symbol = cast_or_null<FlatSymbolRefAttr>(attributeFor(operand.name));
        if (!symbol)
          continue;
        auto weight = SymbolTable::lookupNearestSymbolFrom<dsrt::WeightOp>(parts[0], symbol);
        SmallVector<dsrt::Extent> shape;
        for (int64_t extent : weight.getShape())
          shape.push_back({dsrt::Extent::Constant, extent});
        if (!fit(operand, shape, weight.getPayload()))
          return false;
      }
    }
    return true;
  }

  /// The last part in whose place all can stand at once: those before it move down to it, those behind it up, and no other call on the
  /// way depends on them.
  bool place() {
    inOrder = parts;
    llvm::sort(inOrder, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    for (Operation *target : llvm::reverse(inOrder)) {
      bool clear = true;
      for (Operation *part : inOrder) {
        bool down = part->isBeforeInBlock(target);
        Operation *end = down ? target : part;
        for (Operation *between = (down ? part : target)->getNextNode(); clear && part != target && between != end;
             between = between->getNextNode())
          clear = llvm::is_contained(parts, between) || isa<dsrt::AllocateOp>(between) || !dependent(part, between);
      }
      if (clear) {
        at = target;
        return true;
      }
    }
    return false;
  }

  const FusionRule &rule;
  Parts parts;   ///< in the order of the rule
  Parts inOrder; ///< in the order of the block
  Operation *at = nullptr;
};

void fuse(dsrt::EntryOp entry, const FusionRule &rule) {
  SmallVector<Operation *> firsts;
  for (Operation &op : entry.getBody().front())
    if (isCall(&op, rule.parts.front()))
      firsts.push_back(&op);
  llvm::DenseSet<Operation *> erased;
  for (Operation *first : firsts) {
    if (erased.contains(first))
      continue;
    if (Match match(rule, first); match.find())
      match.replace(erased);
  }
}

class FusePass : public impl::FusePassBase<FusePass> {
public:
  using Base::Base;

  void runOnOperation() override {
    for (const std::string &name : names)
      if (!findFusion(name)) {
        emitError(getOperation().getLoc()) << "--dsrt-fuse " << unknownFusion(name);
        return signalPassFailure();
      }
    for (auto program : getOperation().getOps<dsrt::ProgramOp>())
      for (auto entry : program.getBody().getOps<dsrt::EntryOp>())
        for (const Fusion &fusion : fusions())
          if (names.empty() || llvm::is_contained(names, fusion.name.str()))
            for (const FusionRule &rule : fusion.rules)
              fuse(entry, rule);
  }
};

} // namespace
} // namespace dsmlir
