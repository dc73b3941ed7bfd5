// Straight-line calls with a check after each. The arguments of a call follow its line of the table: context, site, operands,
// extents, element types, attributes.
#include "lowering/DSRTToLLVM/DSRTToLLVM.h"

#include "dialects/dsrt/DSRT.h"
#include "lowering/DSRTToLLVM/Formats.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using dsrt::Extent;
using dsrt::Role;

namespace dsmlir {

#define GEN_PASS_DEF_DSRTTOLLVMPASS
#include "lowering/DSRTToLLVM/Passes.h.inc"

namespace {

/// Constants and declarations of the module.
class ModuleParts {
public:
  explicit ModuleParts(ModuleOp module) : builder(OpBuilder::atBlockBegin(module.getBody())), unknown(builder.getUnknownLoc()) {
    MLIRContext *context = builder.getContext();
    pointer = LLVM::LLVMPointerType::get(context);
    i32 = builder.getI32Type(), i64 = builder.getI64Type(), f32 = builder.getF32Type();
    // dsrt_quant (dsrt.h), member by member.
    quantType = LLVM::LLVMStructType::getLiteral(context, {i32, i32, i32, i32, i32, i32, f32, i32, i64});
  }

  LLVM::LLVMFuncOp function(StringRef name, ArrayRef<Type> arguments) {
    LLVM::LLVMFuncOp &declared = functions[name];
    if (!declared)
      declared = LLVM::LLVMFuncOp::create(builder, unknown, name, LLVM::LLVMFunctionType::get(i32, arguments));
    return declared;
  }

  /// A constant array of F32.
  LLVM::GlobalOp floats(DenseF32ArrayAttr values) {
    LLVM::GlobalOp &global = constants[values];
    if (!global) {
      auto type = LLVM::LLVMArrayType::get(f32, unsigned(values.size()));
      auto content = DenseElementsAttr::get(RankedTensorType::get({values.size()}, f32), values.asArrayRef());
      global = LLVM::GlobalOp::create(builder, unknown, type, /*isConstant=*/true, LLVM::Linkage::Internal, nextName("floats"), content);
    }
    return global;
  }

  /// A constant dsrt_quant.
  LLVM::GlobalOp quant(ds::QuantAttr format) {
    LLVM::GlobalOp &global = constants[format];
    if (global)
      return global;
    global =
        LLVM::GlobalOp::create(builder, unknown, quantType, /*isConstant=*/true, LLVM::Linkage::Internal, nextName("quant"), Attribute());
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&global.getInitializerRegion().emplaceBlock());
    dsrt_quant value = quantOf(format);
    Value structure = LLVM::UndefOp::create(builder, unknown, quantType);
    int64_t index = 0;
    auto member = [&](TypedAttr attribute) {
      Value constant = LLVM::ConstantOp::create(builder, unknown, attribute.getType(), attribute);
      structure = LLVM::InsertValueOp::create(builder, unknown, structure, constant, index++);
    };
    for (int32_t number : {value.payload, value.scale, value.tile_rows, value.tile_cols, value.rule, value.rounding})
      member(builder.getI32IntegerAttr(number));
    member(builder.getF32FloatAttr(value.amax_floor));
    member(builder.getI32IntegerAttr(value.outer));
    member(builder.getI64IntegerAttr(int64_t(value.seed)));
    LLVM::ReturnOp::create(builder, unknown, structure);
    return global;
  }

  OpBuilder builder;
  Location unknown;
  LLVM::LLVMPointerType pointer;
  Type i32, i64, f32;

private:
  std::string nextName(StringRef kind) { return ("dsrt_constant_" + kind + "_" + Twine(constants.size())).str(); }

  LLVM::LLVMStructType quantType;
  llvm::StringMap<LLVM::LLVMFuncOp> functions;
  llvm::DenseMap<Attribute, LLVM::GlobalOp> constants;
};

/// The function of one entry point.
class EntryLowering {
public:
  EntryLowering(dsrt::EntryOp entry, ModuleParts &parts, SymbolTableCollection &symbols, const llvm::DenseMap<StringAttr, int64_t> &weights,
                int64_t firstSite)
      : entry(entry), parts(parts), symbols(symbols), weights(weights), site(firstSite), builder(parts.builder.getContext()) {}

  /// The number of the site after the last.
  int64_t run() {
    Type pointer = parts.pointer, i64 = parts.i64;
    auto type = LLVM::LLVMFunctionType::get(parts.i32, {pointer, pointer, pointer, pointer, pointer, i64, i64, i64, pointer, pointer});
    auto function = LLVM::LLVMFuncOp::create(parts.builder, entry.getLoc(), "dsrt_" + entry.getSymName().str(), type);
    Block *body = function.addEntryBlock(builder);
    context = body->getArgument(0), arena = body->getArgument(1), weightTable = body->getArgument(2);
    tokens = body->getArgument(5), wanted = body->getArgument(7);
    values[entry.getTokens()] = body->getArgument(8);
    values[entry.getBatch()] = body->getArgument(3);
    values[entry.getWanted()] = body->getArgument(9);
    values[entry.getCache()] = body->getArgument(4);
    // Every check that fails ends here, with its code.
    exit = new Block;
    exit->addArgument(parts.i32, entry.getLoc());
    builder.setInsertionPointToStart(body);
    Value ok = LLVM::ConstantOp::create(builder, entry.getLoc(), parts.i32, builder.getI32IntegerAttr(0));
    constants.setInsertionPoint(ok.getDefiningOp());
    for (auto call : entry.getBody().front().getOps<dsrt::CallInterface>())
      lower(call, ok);
    LLVM::BrOp::create(builder, entry.getLoc(), ValueRange{ok}, exit);
    function.getBody().push_back(exit);
    builder.setInsertionPointToStart(exit);
    LLVM::ReturnOp::create(builder, entry.getLoc(), exit->getArgument(0));
    return site;
  }

private:
  void lower(dsrt::CallInterface call, Value ok) {
    location = call->getLoc();
    const dsrt::Signature &signature = call.getSignature();
    SmallVector<Value> arguments = {context, integer(parts.i32, site++)};
    unsigned next = 0;
    for (const dsrt::SignatureOperand &operand : signature.operands) {
      if (operand.isValue())
        arguments.push_back(address(call->getOperand(next++)));
      else if (operand.isWeight())
        arguments.push_back(weight(call->getAttrOfType<FlatSymbolRefAttr>(operand.name)));
    }
    for (StringRef dim : signature.dims)
      arguments.push_back(size(dsrt::extentOf(call, dim, symbols)));
    for (StringRef letter : signature.letters)
      arguments.push_back(integer(parts.i32, dtypeOf(dsrt::elementOf(call, letter))));
    for (const dsrt::SignatureOperand &operand : signature.operands)
      if (operand.role == Role::Attribute)
        attribute(operand, call->getAttr(operand.name), arguments);
    SmallVector<Type> types;
    for (Value argument : arguments)
      types.push_back(argument.getType());
    auto callee = parts.function("dsrt_" + signature.name.str(), types);
    Value code = LLVM::CallOp::create(builder, location, callee, arguments).getResult();
    Value failed = LLVM::ICmpOp::create(builder, location, LLVM::ICmpPredicate::ne, code, ok);
    auto *after = new Block;
    builder.getBlock()->getParent()->push_back(after);
    LLVM::CondBrOp::create(builder, location, failed, exit, ValueRange{code}, after, ValueRange{});
    builder.setInsertionPointToStart(after);
  }

  void attribute(const dsrt::SignatureOperand &operand, Attribute value, SmallVectorImpl<Value> &arguments) {
    if (operand.type == "i64") {
      arguments.push_back(integer(parts.i64, cast<IntegerAttr>(value).getInt()));
    } else if (operand.type == "f32") {
      arguments.push_back(constant(cast<FloatAttr>(value)));
    } else if (operand.type == "floats") {
      auto floats = cast<DenseF32ArrayAttr>(value);
      arguments.push_back(LLVM::AddressOfOp::create(builder, location, parts.floats(floats)));
      arguments.push_back(integer(parts.i64, floats.size()));
    } else if (value) {
      arguments.push_back(LLVM::AddressOfOp::create(builder, location, parts.quant(cast<ds::QuantAttr>(value))));
    } else {
      arguments.push_back(LLVM::ZeroOp::create(builder, location, parts.pointer));
    }
  }

  /// A buffer's place in the arena, or an argument.
  Value address(Value value) {
    auto allocate = value.getDefiningOp<dsrt::AllocateOp>();
    if (!allocate)
      return values.lookup(value);
    return LLVM::GEPOp::create(builder, location, parts.pointer, builder.getI8Type(), arena,
                               ArrayRef<LLVM::GEPArg>{integer(parts.i64, int64_t(*allocate.getOffset()))});
  }

  /// The entry of the weight table, or null.
  Value weight(FlatSymbolRefAttr symbol) {
    if (!symbol)
      return LLVM::ZeroOp::create(builder, location, parts.pointer);
    Value place = LLVM::GEPOp::create(builder, location, parts.pointer, parts.pointer, weightTable,
                                      ArrayRef<LLVM::GEPArg>{int32_t(weights.lookup(symbol.getAttr()))});
    return LLVM::LoadOp::create(builder, location, parts.pointer, place);
  }

  Value size(Extent extent) {
    if (extent.size == Extent::Constant)
      return integer(parts.i64, extent.factor);
    Value count = extent.size == Extent::Tokens ? tokens : wanted;
    if (extent.factor == 1)
      return count;
    return LLVM::MulOp::create(builder, location, count, integer(parts.i64, extent.factor));
  }

  /// Constants stand once, at the head of the function.
  Value constant(TypedAttr attribute) {
    Value &value = known[attribute];
    if (!value)
      value = LLVM::ConstantOp::create(constants, entry.getLoc(), attribute.getType(), attribute);
    return value;
  }
  Value integer(Type type, int64_t value) { return constant(IntegerAttr::get(type, value)); }

  dsrt::EntryOp entry;
  ModuleParts &parts;
  SymbolTableCollection &symbols;
  const llvm::DenseMap<StringAttr, int64_t> &weights;
  int64_t site;
  OpBuilder builder, constants{builder.getContext()};
  Location location = builder.getUnknownLoc();
  Value context, arena, weightTable, tokens, wanted;
  Block *exit = nullptr;
  llvm::DenseMap<Value, Value> values;
  llvm::DenseMap<Attribute, Value> known;
};

class DSRTToLLVMPass : public impl::DSRTToLLVMPassBase<DSRTToLLVMPass> {
public:
  void runOnOperation() override {
    SymbolTableCollection symbols;
    for (auto program : llvm::make_early_inc_range(getOperation().getOps<dsrt::ProgramOp>())) {
      if (failed(expectPlanned(program)))
        return signalPassFailure();
      ModuleParts parts(getOperation());
      llvm::DenseMap<StringAttr, int64_t> weights;
      for (auto weight : program.getBody().getOps<dsrt::WeightOp>())
        weights.try_emplace(weight.getSymNameAttr(), int64_t(weights.size()));
      int64_t site = 0;
      for (auto entry : program.getBody().getOps<dsrt::EntryOp>())
        site = EntryLowering(entry, parts, symbols, weights, site).run();
      program.erase();
    }
  }

private:
  static LogicalResult expectPlanned(dsrt::ProgramOp program) {
    for (auto entry : program.getBody().getOps<dsrt::EntryOp>()) {
      if (!entry.getArena())
        return entry.emitOpError("expects a planned arena: run --dsrt-plan-memory first");
      for (auto allocate : entry.getBody().getOps<dsrt::AllocateOp>())
        if (!allocate.getOffset())
          return allocate.emitOpError("expects an offset: run --dsrt-plan-memory first");
    }
    return success();
  }
};

} // namespace
} // namespace dsmlir
