// What the table says of calls, as data, and the constraints that follow from it.
#include "dialects/dsrt/DSRT.h"

#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace mlir::dsrt;

ArrayRef<Signature> dsrt::signatures() {
  static const std::vector<Signature> table = {
#include "dialects/dsrt/DSRTSignatures.inc"
  };
  return table;
}

const Signature &dsrt::signature(StringRef operationName) {
  static const llvm::StringMap<const Signature *> byName = [] {
    llvm::StringMap<const Signature *> map;
    for (const Signature &line : signatures())
      map[line.name] = &line;
    return map;
  }();
  auto found = byName.find(operationName.substr(operationName.find('.') + 1));
  assert(found != byName.end() && "an operation of the table");
  return *found->second;
}

namespace {

/// Extents and element types that names of one call's signature have been bound to.
class Bindings {
public:
  Bindings(Operation *call) : call(call) {}

  /// C1 and C3 of one operand.
  LogicalResult bind(const SignatureOperand &operand, ArrayRef<Extent> extents) {
    if (extents.size() != operand.dims.size())
      return call->emitOpError("(C1) expects '")
             << operand.name << "' with " << operand.dims.size() << " extents, but got " << extents.size();
    for (auto [dim, extent] : llvm::zip_equal(operand.dims, extents)) {
      auto [at, isNew] = dims.try_emplace(dim, extent);
      if (isNew || at->second == extent)
        continue;
      std::string known, got;
      llvm::raw_string_ostream(known) << at->second;
      llvm::raw_string_ostream(got) << extent;
      return call->emitOpError("(C3) expects '") << operand.name << "' with " << dim << " = " << known << ", but got " << got;
    }
    return success();
  }

  /// C2 of one operand.
  LogicalResult bind(const SignatureOperand &operand, Type element) {
    bool letter = operand.type.size() == 1;
    Type expected;
    if (letter && operand.isBuffer() && !isa<FloatType>(element))
      return call->emitOpError("(C2) expects '") << operand.name << "' of a float type, but got " << element;
    if (letter)
      expected = types.try_emplace(operand.type, element).first->second;
    else
      expected = operand.type == "f32" ? Type(Float32Type::get(call->getContext()))
                                       : Type(IntegerType::get(call->getContext(), operand.type == "i32" ? 32 : 8));
    if (element != expected)
      return call->emitOpError("(C2) expects '") << operand.name << "' of " << expected << ", but got " << element;
    return success();
  }

  /// All buffers, in the order of the table.
  LogicalResult bindBuffers(const Signature &signature) {
    unsigned next = 0;
    for (const SignatureOperand &operand : signature.operands) {
      if (!operand.isValue())
        continue;
      Value value = call->getOperand(next++);
      if (!operand.isBuffer())
        continue;
      auto type = cast<BufferType>(value.getType());
      if (failed(bind(operand, type.getExtents())) || failed(bind(operand, type.getElement())))
        return failure();
    }
    return success();
  }

private:
  Operation *call;
  llvm::SmallDenseMap<StringRef, Extent> dims;
  llvm::SmallDenseMap<StringRef, Type> types;
};

SmallVector<Extent> constants(ArrayRef<int64_t> shape) {
  SmallVector<Extent> extents;
  for (int64_t extent : shape)
    extents.push_back({Extent::Constant, extent});
  return extents;
}

} // namespace

LogicalResult dsrt::verifyCall(Operation *call) {
  const Signature &line = cast<CallInterface>(call).getSignature();
  if (failed(Bindings(call).bindBuffers(line)))
    return failure();
  unsigned next = 0;
  for (const SignatureOperand &operand : line.operands) {
    if (!operand.isValue())
      continue;
    Value value = call->getOperand(next++);
    if (operand.role != Role::Out && operand.role != Role::Scratch)
      continue;
    if (!value.getDefiningOp<AllocateOp>())
      return call->emitOpError("(C5) expects '") << operand.name << "' to be a dsrt.allocate, because it is written";
    if (llvm::count(call->getOperands(), value) > 1)
      return call->emitOpError("(C5) expects '") << operand.name << "' to be no other operand, because it is written";
  }
  return success();
}

LogicalResult dsrt::verifyWeights(Operation *call, SymbolTableCollection &symbols) {
  const Signature &line = cast<CallInterface>(call).getSignature();
  Bindings bindings(call);
  if (!llvm::any_of(line.operands, [](const SignatureOperand &operand) { return operand.isWeight(); }))
    return success();
  if (failed(bindings.bindBuffers(line)))
    return failure();
  for (const SignatureOperand &operand : line.operands) {
    auto symbol = operand.isWeight() ? call->getAttrOfType<FlatSymbolRefAttr>(operand.name) : FlatSymbolRefAttr();
    if (!symbol)
      continue;
    auto weight = symbols.lookupNearestSymbolFrom<WeightOp>(call, symbol);
    if (!weight)
      return call->emitOpError("(C4) refers to ") << symbol << ", which is no dsrt.weight";
    if (failed(bindings.bind(operand, constants(weight.getShape()))) || failed(bindings.bind(operand, weight.getPayload())))
      return failure();
  }
  return success();
}

Extent dsrt::extentOf(Operation *call, StringRef dim, SymbolTableCollection &symbols) {
  unsigned next = 0;
  for (const SignatureOperand &operand : cast<CallInterface>(call).getSignature().operands) {
    Value value = operand.isValue() ? call->getOperand(next++) : Value();
    auto at = llvm::find(operand.dims, dim);
    if (at == operand.dims.end())
      continue;
    size_t index = size_t(at - operand.dims.begin());
    if (operand.isBuffer())
      return cast<BufferType>(value.getType()).getExtents()[index];
    if (auto symbol = call->getAttrOfType<FlatSymbolRefAttr>(operand.name))
      return {Extent::Constant, symbols.lookupNearestSymbolFrom<WeightOp>(call, symbol).getShape()[index]};
  }
  llvm_unreachable("a dim of the signature");
}

Type dsrt::elementOf(Operation *call, StringRef letter) {
  unsigned next = 0;
  for (const SignatureOperand &operand : cast<CallInterface>(call).getSignature().operands) {
    Value value = operand.isValue() ? call->getOperand(next++) : Value();
    if (operand.isBuffer() && operand.type == letter)
      return cast<BufferType>(value.getType()).getElement();
  }
  llvm_unreachable("a letter of the signature");
}
