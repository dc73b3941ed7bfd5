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
  return dtype && isa<FloatType>(dtype.getValue()) ? dtype.getValue() : Type();
}

LogicalResult WeightOp::verify() {
  if (!payloadOf(getStored()))
    return emitOpError("(C1) expects a stored dtype or #ds.quant, but got ") << getStored();
  for (Attribute format : getThrough())
    if (!payloadOf(format))
      return emitOpError("(C1) expects dtypes and #ds.quant to go through, but got ") << format;
  if (payloadOf(getResident()) != getPayload())
    return emitOpError("(C2) expects elements of ") << payloadOf(getResident()) << ", as is resident, but got " << getPayload();
  if (getScales().has_value() != isa<ds::QuantAttr>(getStored()))
    return emitOpError("(C3) expects `scales` exactly where a #ds.quant is stored");
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
  if (block.empty() || !isa<ReturnOp>(block.back()))
    return emitOpError("expects dsrt.return at its end");
  return success();
}

LogicalResult ReturnOp::verify() {
  int64_t vocabulary = (*this)->getParentOfType<ProgramOp>().getVocabulary();
  auto type = BufferType::get(getContext(), {{Extent::Wanted, 1}, {Extent::Constant, vocabulary}}, Float32Type::get(getContext()));
  if (getLogits().getType() != type || !getLogits().getDefiningOp<AllocateOp>())
    return emitOpError("(C1) expects an allocated ") << type << ", but got " << getLogits().getType();
  return success();
}
