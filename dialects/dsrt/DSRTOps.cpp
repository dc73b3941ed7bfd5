// The frame of a program: weights, entry points, buffers.
#include "dialects/dsrt/DSRT.h"

using namespace mlir;
using namespace mlir::dsrt;

#define GET_OP_CLASSES
#include "dialects/dsrt/DSRTOps.cpp.inc"

/// The element type that a format holds, or null where the attribute is no format.
static Type payloadOf(Attribute format) {
  if (auto quant = dyn_cast<ds::QuantAttr>(format))
    return quant.getPayloadType();
  auto dtype = dyn_cast<TypeAttr>(format);
  return dtype && ds::isPlainDtype(dtype.getValue()) ? dtype.getValue() : Type();
}

// Before the body: dsrt.return makes a type of the vocabulary.
LogicalResult ProgramOp::verify() {
  if (int64_t(getVocabulary()) <= 0 || int64_t(getVocabulary()) > INT32_MAX)
    return emitOpError("(C1) expects a positive vocabulary within 31 bits, but got ") << int64_t(getVocabulary());
  return success();
}

LogicalResult ProgramOp::verifyRegions() {
  for (Operation &op : getBody().front())
    if (!isa<WeightOp, EntryOp>(op))
      return op.emitOpError("(C2) stands in a dsrt.program, which expects dsrt.weight and dsrt.entry alone");
  return success();
}

LogicalResult WeightOp::verify() {
  if (!payloadOf(getStored()))
    return emitOpError("(C1) expects f32, bf16, f16 or a #ds.quant to be stored, but got ") << getStored();
  for (Attribute format : getThrough())
    if (!payloadOf(format))
      return emitOpError("(C1) expects f32, bf16, f16 or #ds.quant to go through, but got ") << format;
  if (payloadOf(getResident()) != getPayload())
    return emitOpError("(C2) expects elements of ") << payloadOf(getResident()) << ", as is resident, but got " << getPayload();
  if (getScales().has_value() != isa<ds::QuantAttr>(getStored()))
    return emitOpError("(C3) expects `scales` exactly where a #ds.quant is stored");
  int64_t values = 1;
  bool countable = llvm::all_of(
      getShape(), [&](int64_t extent) { return extent > 0 && !llvm::MulOverflow(values, extent, values) && values < (int64_t(1) << 60); });
  if (!countable || getShape().empty() || getShape().size() > 3)
    return emitOpError("(C4) expects 1 to 3 positive extents, of fewer than 2^60 values, but got ") << getType();
  if (int64_t(getFirstExpert()) < 0)
    return emitOpError("(C5) expects first_expert of 0 or above, but got ") << int64_t(getFirstExpert());
  if (!uint32_t(getUse()))
    return emitOpError("(C6) expects a use: a weight that no call reads is none");
  return success();
}

int64_t EntryOp::getMostTokens() {
  LimitsAttr limits = (*this)->getParentOfType<ProgramOp>().getLimits();
  return isDecode() ? limits.getSequences() : limits.getTokens();
}

std::optional<int64_t> EntryOp::getBytes(BufferType buffer) {
  int64_t tokens = getMostTokens(), wanted = (*this)->getParentOfType<ProgramOp>().getLimits().getWanted();
  return buffer.getBytes(tokens, std::min(tokens, wanted));
}

LogicalResult EntryOp::verifyRegions() {
  if (getSymName() != "prefill" && getSymName() != "decode")
    return emitOpError("(C1) expects the name 'prefill' or 'decode', but got '") << getSymName() << "'";
  auto ids = [&](Type type, Extent::Size size) {
    auto buffer = dyn_cast<BufferType>(type);
    return buffer && buffer.getElement().isInteger(32) && buffer.getExtents() == ArrayRef<Extent>{{size, 1}};
  };
  Block &block = getBody().front();
  if (block.getNumArguments() != 4 || !ids(block.getArgument(0).getType(), Extent::Tokens) ||
      !isa<BatchType>(block.getArgument(1).getType()) || !ids(block.getArgument(2).getType(), Extent::Wanted) ||
      !isa<CacheType>(block.getArgument(3).getType()))
    return emitOpError("(C2) expects arguments !dsrt.buffer<tokens x i32>, !dsrt.batch, !dsrt.buffer<wanted x i32> and !dsrt.cache");
  for (Operation &op : block)
    if (!isa<AllocateOp, CallInterface, ReturnOp>(op))
      return op.emitOpError("(C3) stands in a dsrt.entry, which expects dsrt.allocate, calls and dsrt.return alone");
  if (getArena() && int64_t(*getArena()) < 0)
    return emitOpError("(C4) expects an arena of 0 bytes or more, but got ") << int64_t(*getArena());
  return success();
}

LogicalResult AllocateOp::verify() {
  if (getOffset() && int64_t(*getOffset()) < 0)
    return emitOpError("(C1) expects an offset of 0 or above, but got ") << int64_t(*getOffset());
  return success();
}

LogicalResult ReturnOp::verify() {
  int64_t vocabulary = (*this)->getParentOfType<ProgramOp>().getVocabulary();
  auto type = BufferType::get(getContext(), {{Extent::Wanted, 1}, {Extent::Constant, vocabulary}}, Float32Type::get(getContext()));
  if (getLogits().getType() != type || !getLogits().getDefiningOp<AllocateOp>())
    return emitOpError("(C1) expects an allocated ") << type << ", but got " << getLogits().getType();
  return success();
}
