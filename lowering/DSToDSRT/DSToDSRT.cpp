// One call of the runtime for each operation of ds, in the order of the graph: there is nothing to choose here. Extents become
// those of the call (tokens, wanted) times constants; parameters become weights with the formats that they go through.
#include "lowering/DSToDSRT/DSToDSRT.h"

#include "runtime/include/dsrt/dsrt.h"
#include "runtime/include/dsrt/dsrt_scratch.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using dsrt::Extent;
using dsrt::WeightUse;

namespace dsmlir {

#define GEN_PASS_DEF_DSTODSRTPASS
#include "lowering/DSToDSRT/Passes.h.inc"

namespace {

/// The parameters of a model that calls read, and what for.
class Weights {
public:
  Weights(ds::ModelOp model) {
    for (auto param : model.getBody().getOps<ds::ParamOp>())
      byName[param.getSymNameAttr()] = {param, {}, {}};
  }

  /// Notes a use. `resident` is what the call needs where precision does not decide it: the router's bias.
  LogicalResult use(Operation *user, FlatSymbolRefAttr symbol, WeightUse use, Attribute resident = {}) {
    auto found = byName.find(symbol.getAttr());
    if (found == byName.end())
      return user->emitOpError("refers to ") << symbol << ", which is no ds.param";
    Entry &entry = found->second;
    entry.uses = entry.uses | use;
    if (resident)
      entry.resident = resident;
    if (!entry.resident && !entry.param.getResidentAttr()) {
      InFlightDiagnostic diagnostic = user->emitOpError("expects explicit precision, but ") << symbol << " has no resident format";
      diagnostic.attachNote() << "run the passes of --ds-precision-pipeline first";
      return diagnostic;
    }
    return success();
  }

  /// Builds a dsrt.weight for each parameter that is used, in the order of the model.
  void build(OpBuilder &builder) {
    for (auto &[name, entry] : byName)
      if (uint32_t(entry.uses))
        build(builder, entry);
  }

private:
  struct Entry {
    ds::ParamOp param;
    WeightUse uses = {};
    Attribute resident;
  };

  static void build(OpBuilder &builder, const Entry &entry) {
    ds::ParamOp param = entry.param;
    Attribute stored = param.getStoredAttr() ? Attribute(param.getStoredAttr()) : TypeAttr::get(param.getTensorType().getElementType());
    Attribute resident = entry.resident ? entry.resident : param.getResidentAttr();
    SmallVector<Attribute> through;
    if (param.getViaAttr())
      through.push_back(param.getViaAttr());
    if (!through.empty() || resident != stored)
      through.push_back(resident);
    auto quant = dyn_cast<ds::QuantAttr>(resident);
    Type payload = quant ? quant.getPayloadType() : cast<TypeAttr>(resident).getValue();
    dsrt::WeightOp::create(builder, param.getLoc(), param.getSymNameAttr(), TypeAttr::get(param.getTensorType().clone(payload)),
                           param.getFromAttr(), param.getScalesAttr(), builder.getI64IntegerAttr(param.getFirstExpert()), stored,
                           builder.getArrayAttr(through), entry.uses);
  }

  llvm::MapVector<StringAttr, Entry> byName;
};

class EntryLowering {
public:
  EntryLowering(ds::FuncOp function, dsrt::ProgramOp program, Weights &weights)
      : function(function), weights(weights), builder(OpBuilder::atBlockEnd(&program.getBody().front())) {}

  LogicalResult run() {
    MLIRContext *context = builder.getContext();
    auto entry = dsrt::EntryOp::create(builder, function.getLoc(), function.getSymNameAttr(), IntegerAttr());
    mostTokens = entry.getMostTokens();
    Block &body = entry.getBody().emplaceBlock();
    auto cache = cast<ds::KVCacheType>(function.getCache().getType());
    Type ids = builder.getI32Type();
    for (Type type : {Type(dsrt::BufferType::get(context, {{Extent::Tokens, 1}}, ids)), Type(dsrt::BatchType::get(context)),
                      Type(dsrt::BufferType::get(context, {{Extent::Wanted, 1}}, ids)),
                      Type(dsrt::CacheType::get(context, cache.getLayers(), cache.getWidth(), cache.getElement()))})
      body.addArgument(type, function.getLoc());
    for (auto [from, to] : llvm::zip_equal(function.getBody().getArguments(), body.getArguments()))
      buffers[from] = to;
    builder.setInsertionPointToEnd(&body);
    for (Operation &op : function.getBody().front()) {
      location = op.getLoc();
      if (failed(lower(&op)))
        return failure();
    }
    return success();
  }

private:
  Value at(Value value) const { return buffers.lookup(value); }
  Extent rows(Value value) const { return cast<dsrt::BufferType>(at(value).getType()).getExtents()[0]; }
  static int64_t columns(Value value) { return cast<RankedTensorType>(value.getType()).getDimSize(1); }
  static Type element(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

  Value allocate(ArrayRef<Extent> extents, Type element) {
    return dsrt::AllocateOp::create(builder, location, dsrt::BufferType::get(builder.getContext(), extents, element), IntegerAttr());
  }
  /// The buffer of a result [rows, columns].
  Value result(Value value, Extent rows) { return buffers[value] = allocate({rows, {Extent::Constant, columns(value)}}, element(value)); }
  Value resultLike(Value value, Value operand) { return result(value, rows(operand)); }
  Value scratch(int64_t bytes) { return allocate({{Extent::Constant, bytes}}, builder.getI8Type()); }
  FloatAttr f32(double value) { return builder.getF32FloatAttr(float(value)); }

  /// The buffer of a grouped product: that of `init`, whose other rows stay, or a new one.
  FailureOr<Value> groupedResult(Operation *op, Value result, Value init, Value rowsOf) {
    if (!init)
      return resultLike(result, rowsOf);
    if (!init.hasOneUse())
      return op->emitOpError("expects `init` to have no other use, because its rows are written in place"), failure();
    return buffers[result] = at(init);
  }

  /// Low precision that is not explicit yet would be computed in the dtype of the operands.
  static LogicalResult expectExplicit(Operation *op, std::optional<ds::PrecisionAttr> precision) {
    if (!precision || !precision->isLowBit())
      return success();
    InFlightDiagnostic diagnostic = op->emitOpError("expects explicit precision, but low precision is only noted on it");
    diagnostic.attachNote() << "run the passes of --ds-precision-pipeline first";
    return diagnostic;
  }

  LogicalResult lower(Operation *op) {
    return llvm::TypeSwitch<Operation *, LogicalResult>(op)
        .Case<ds::EmbeddingOp, ds::RMSNormOp, ds::LinearOp, ds::GroupedLinearOp, ds::MLAAttentionOp, ds::RopeTableOp, ds::RopeOp,
              ds::SliceColumnsOp, ds::CacheAppendOp, ds::RouteOp, ds::ExpertOrderOp, ds::DispatchOp, ds::TakeRowsOp, ds::SwiGLUOp,
              ds::CombineOp, ds::AddOp, ds::CastOp, ds::QuantizeOp, ds::ScaledMatmulOp, ds::GroupedScaledMatmulOp, ds::ReturnOp>(
            [&](auto op) { return lower(op); })
        .Default([](Operation *op) { return op->emitOpError("has no call of the runtime"); });
  }

  LogicalResult lower(ds::EmbeddingOp op) {
    dsrt::EmbeddingOp::create(builder, location, resultLike(op.getResult(), op.getTokens()), at(op.getTokens()), op.getTableAttr(),
                              op.getPathAttr());
    return weights.use(op, op.getTableAttr(), WeightUse::rows);
  }
  LogicalResult lower(ds::RMSNormOp op) {
    dsrt::RmsNormOp::create(builder, location, resultLike(op.getResult(), op.getX()), at(op.getX()), op.getWeightAttr(),
                            f32(op.getEps().convertToDouble()), op.getPathAttr());
    return weights.use(op, op.getWeightAttr(), WeightUse::vector);
  }
  LogicalResult lower(ds::LinearOp op) {
    if (failed(expectExplicit(op, op.getPrecision())))
      return failure();
    dsrt::LinearOp::create(builder, location, resultLike(op.getResult(), op.getX()), at(op.getX()), op.getWeightAttr(),
                           builder.getI64IntegerAttr(!op.getLogits()), op.getPathAttr());
    return weights.use(op, op.getWeightAttr(), WeightUse::matmul);
  }
  LogicalResult lower(ds::GroupedLinearOp op) {
    if (failed(expectExplicit(op, op.getPrecision())))
      return failure();
    FailureOr<Value> y = groupedResult(op, op.getResult(), op.getInit(), op.getX());
    if (failed(y))
      return failure();
    dsrt::GroupedLinearOp::create(builder, location, *y, at(op.getX()), at(op.getOffsets()), op.getWeightAttr(), op.getFirstAttr(),
                                  builder.getI64IntegerAttr(1), op.getPathAttr());
    return weights.use(op, op.getWeightAttr(), WeightUse::matmul);
  }
  LogicalResult lower(ds::ScaledMatmulOp op) {
    dsrt::ScaledMatmulOp::create(builder, location, resultLike(op.getResult(), op.getPayload()), at(op.getPayload()), at(op.getScales()),
                                 op.getWeightAttr(), op.getLhsAttr(), op.getPromoteAttr(), op.getPathAttr());
    return weights.use(op, op.getWeightAttr(), WeightUse::matmul);
  }
  LogicalResult lower(ds::GroupedScaledMatmulOp op) {
    FailureOr<Value> y = groupedResult(op, op.getResult(), op.getInit(), op.getPayload());
    if (failed(y))
      return failure();
    dsrt::GroupedScaledMatmulOp::create(builder, location, *y, at(op.getPayload()), at(op.getScales()), at(op.getOffsets()),
                                        op.getWeightAttr(), op.getFirstAttr(), op.getLhsAttr(), op.getPromoteAttr(), op.getPathAttr());
    return weights.use(op, op.getWeightAttr(), WeightUse::matmul);
  }
  LogicalResult lower(ds::MLAAttentionOp op) {
    if (op.getPhase() == ds::Phase::prefill && op.getPrecision() && op.getPrecision()->isLowBit() && !op.getActivation())
      return expectExplicit(op, op.getPrecision());
    int64_t heads = op.getHeads(), nope = op.getNope(), rope = op.getRope(), value = op.getValue();
    int64_t latent = op.getCache().getType().getWidth() - rope;
    // The sizes of the scratch are products that are not checked for overflow: here they cannot come near it.
    if (std::max<double>(double(mostTokens), DSRT_MLA_EXPANDED_POSITIONS) * double(heads) * double(2 * latent + nope + value + 2) > 0x1p56)
      return op->emitOpError("needs more scratch than memory can be; lower --max-tokens");
    Value y = resultLike(op.getResult(), op.getQ());
    auto i64 = [&](int64_t value) { return builder.getI64IntegerAttr(value); };
    FloatAttr scale = f32(op.getScale().convertToDouble());
    if (op.getPhase() == ds::Phase::prefill)
      dsrt::MlaPrefillOp::create(builder, location, y, at(op.getQ()), op.getKvBAttr(), at(op.getCache()), at(op.getBatch()),
                                 scratch(dsrt_mla_prefill_scratch(mostTokens, heads, nope, value, latent)), i64(op.getLayer()), i64(heads),
                                 i64(nope), i64(rope), i64(value), scale, op.getActivationAttr(), op.getPathAttr());
    else
      dsrt::MlaDecodeOp::create(builder, location, y, at(op.getQ()), op.getKvBAttr(), at(op.getCache()), at(op.getBatch()),
                                scratch(dsrt_mla_decode_scratch(mostTokens, heads, latent)), i64(op.getLayer()), i64(heads), i64(nope),
                                i64(rope), i64(value), scale, op.getPathAttr());
    return weights.use(op, op.getKvBAttr(), WeightUse::rows);
  }
  LogicalResult lower(ds::RopeTableOp op) {
    Extent tokens = {Extent::Tokens, 1};
    Value cosine = result(op.getCosine(), tokens), sine = result(op.getSine(), tokens);
    dsrt::RopeTableOp::create(builder, location, cosine, sine, at(op.getBatch()),
                              builder.getDenseF32ArrayAttr(op.getRope().getInverseFrequencies()), f32(op.getRope().getTableScale()),
                              builder.getStringAttr("rope_table"));
    return success();
  }
  LogicalResult lower(ds::RopeOp op) {
    dsrt::RopeOp::create(builder, location, resultLike(op.getResult(), op.getX()), at(op.getX()), at(op.getCosine()), at(op.getSine()),
                         op.getHeadsAttr(), op.getBeginAttr(), op.getPathAttr());
    return success();
  }
  LogicalResult lower(ds::SliceColumnsOp op) {
    dsrt::SliceColumnsOp::create(builder, location, resultLike(op.getResult(), op.getX()), at(op.getX()), op.getBeginAttr(),
                                 op.getPathAttr());
    return success();
  }
  LogicalResult lower(ds::CacheAppendOp op) {
    dsrt::CacheAppendOp::create(builder, location, at(op.getCache()), at(op.getLatent()), at(op.getKey()), at(op.getBatch()),
                                op.getLayerAttr(), op.getPathAttr());
    return success();
  }
  LogicalResult lower(ds::RouteOp op) {
    static_assert(int(ds::Scoring::softmax) == DSRT_SCORING_SOFTMAX && int(ds::Scoring::sigmoid) == DSRT_SCORING_SIGMOID);
    static_assert(int(ds::Selection::greedy) == DSRT_SELECTION_GREEDY && int(ds::Selection::noaux_tc) == DSRT_SELECTION_NOAUX_TC &&
                  int(ds::Selection::group_limited_greedy) == DSRT_SELECTION_GROUP_LIMITED_GREEDY);
    ds::RoutingAttr routing = op.getRouting();
    auto i64 = [&](int64_t value) { return builder.getI64IntegerAttr(value); };
    Value chosen = resultLike(op.getWeights(), op.getLogits()), experts = resultLike(op.getExperts(), op.getLogits());
    dsrt::RouteOp::create(builder, location, chosen, experts, at(op.getLogits()), op.getBiasAttr(), i64(int64_t(routing.getScoring())),
                          i64(int64_t(routing.getSelection())), i64(routing.getGroups()), i64(routing.getTopGroups()),
                          i64(routing.getNormalize()), f32(routing.getScaling()), op.getPathAttr());
    // The correction bias stays F32 whatever the policy says: rounding it changes which experts are chosen.
    return op.getBias() ? weights.use(op, op.getBiasAttr(), WeightUse::vector, TypeAttr::get(builder.getF32Type())) : success();
  }
  LogicalResult lower(ds::ExpertOrderOp op) {
    Extent pairs = rows(op.getExperts());
    if (llvm::MulOverflow(pairs.factor, columns(op.getExperts()), pairs.factor))
      return op->emitOpError("has more pairs than memory can hold");
    int64_t bounds = cast<RankedTensorType>(op.getOffsets().getType()).getDimSize(0);
    Value order = buffers[op.getOrder()] = allocate({pairs}, builder.getI32Type());
    Value offsets = buffers[op.getOffsets()] = allocate({{Extent::Constant, bounds}}, builder.getI32Type());
    dsrt::ExpertOrderOp::create(builder, location, order, offsets, at(op.getExperts()), op.getPathAttr());
    return success();
  }
  LogicalResult lower(ds::DispatchOp op) {
    dsrt::GatherRowsOp::create(builder, location, resultLike(op.getResult(), op.getOrder()), at(op.getX()), at(op.getOrder()),
                               op.getChoicesAttr(), op.getPathAttr());
    return success();
  }
  LogicalResult lower(ds::TakeRowsOp op) {
    dsrt::GatherRowsOp::create(builder, location, resultLike(op.getResult(), op.getRows()), at(op.getX()), at(op.getRows()),
                               builder.getI64IntegerAttr(1), op.getPathAttr());
    return success();
  }
  LogicalResult lower(ds::SwiGLUOp op) {
    dsrt::SwigluOp::create(builder, location, resultLike(op.getResult(), op.getGate()), at(op.getGate()), at(op.getUp()), op.getPathAttr());
    return success();
  }
  LogicalResult lower(ds::CombineOp op) {
    dsrt::CombineOp::create(builder, location, resultLike(op.getResult(), op.getWeights()), at(op.getX()), at(op.getWeights()),
                            at(op.getOrder()), op.getPathAttr());
    return success();
  }
  LogicalResult lower(ds::AddOp op) {
    dsrt::AddOp::create(builder, location, resultLike(op.getResult(), op.getA()), at(op.getA()), at(op.getB()), op.getPathAttr());
    return success();
  }
  LogicalResult lower(ds::CastOp op) {
    dsrt::CastOp::create(builder, location, resultLike(op.getResult(), op.getX()), at(op.getX()), op.getPathAttr());
    return success();
  }
  LogicalResult lower(ds::QuantizeOp op) {
    Value payload = resultLike(op.getPayload(), op.getX()), scales = resultLike(op.getScales(), op.getX());
    StringAttr path = builder.getStringAttr(pathOf(op));
    if (Value offsets = op.getOffsets())
      dsrt::GroupedQuantizeOp::create(builder, location, payload, scales, at(op.getX()), at(offsets), op.getQuantAttr(), path);
    else
      dsrt::QuantizeOp::create(builder, location, payload, scales, at(op.getX()), op.getQuantAttr(), path);
    return success();
  }
  LogicalResult lower(ds::ReturnOp op) {
    dsrt::ReturnOp::create(builder, location, at(op.getLogits()));
    return success();
  }

  /// Whose operand a quantisation is: the first module that reads it, directly or through a dispatch.
  static StringRef pathOf(ds::QuantizeOp op) {
    for (Value value = op.getPayload(); !value.use_empty();) {
      // The first in the block: the order of uses depends on how the graph was built.
      Operation *user = *llvm::min_element(value.getUsers(), [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
      if (auto module = dyn_cast<ds::ModulePrecisionInterface>(user))
        return module.getModulePath();
      if (user->getNumResults() != 1)
        break;
      value = user->getResult(0);
    }
    return "quantize";
  }

  ds::FuncOp function;
  Weights &weights;
  OpBuilder builder;
  Location location = builder.getUnknownLoc();
  int64_t mostTokens = 0; ///< of a call
  llvm::DenseMap<Value, Value> buffers;
};

class DSToDSRTPass : public impl::DSToDSRTPassBase<DSToDSRTPass> {
public:
  using Base::Base;

  void runOnOperation() override {
    for (auto model : llvm::make_early_inc_range(getOperation().getOps<ds::ModelOp>()))
      if (failed(lower(model)))
        return signalPassFailure();
  }

private:
  LogicalResult lower(ds::ModelOp model) {
    FailureOr<dsrt::LimitsAttr> limits = limitsOf(model);
    if (failed(limits))
      return failure();
    for (StringRef entry : {"prefill", "decode"})
      if (!model.lookupSymbol<ds::FuncOp>(entry))
        return model.emitOpError("expects a ds.func @") << entry << ": an artifact has both entry points";
    OpBuilder builder(model);
    auto program = dsrt::ProgramOp::create(builder, model.getLoc(), model.getSymNameAttr(),
                                           builder.getI64IntegerAttr(model.getConfig().getVocabulary()), *limits);
    Block &body = program.getBody().emplaceBlock();
    Weights weights(model);
    for (auto function : model.getBody().getOps<ds::FuncOp>())
      if (failed(EntryLowering(function, program, weights).run()))
        return failure();
    builder.setInsertionPointToStart(&body);
    weights.build(builder);
    model.erase();
    return success();
  }

  FailureOr<dsrt::LimitsAttr> limitsOf(ds::ModelOp model) {
    int64_t positions = model.getConfig().getMaxPositions();
    for (auto [name, value] : {std::pair("max-tokens", int64_t(maxTokens)), std::pair("max-sequences", int64_t(maxSequences)),
                               std::pair("max-length", int64_t(maxLength))})
      if (value < 0 || value > INT32_MAX)
        return model.emitOpError("expects ") << name << " in 1 .. " << INT32_MAX << ", but got " << value, failure();
    if (maxLength > positions)
      return model.emitOpError("expects max-length of at most ")
                 << positions << ", the positions of the model, but got " << int64_t(maxLength),
             failure();
    int64_t tokens = maxTokens ? int64_t(maxTokens) : 2048;
    if (maxSequences > tokens)
      return model.emitOpError("expects max-sequences of at most max-tokens = ") << tokens << ", but got " << int64_t(maxSequences),
             failure();
    int64_t sequences = maxSequences ? int64_t(maxSequences) : std::min<int64_t>(64, tokens);
    int64_t length = maxLength ? int64_t(maxLength) : std::min<int64_t>(4096, positions);
    // Logits of one call take up to 64 MiB; a call that wants more rows is cut.
    constexpr int64_t logitsBytes = 64 << 20;
    int64_t wanted = std::clamp<int64_t>(logitsBytes / (4 * model.getConfig().getVocabulary()), sequences, tokens);
    return dsrt::LimitsAttr::get(&getContext(), tokens, sequences, length, wanted);
  }
};

} // namespace
} // namespace dsmlir
