// The dsrt dialect: what the machine does. Its calls are generated from the table (DSRTCalls.td, in the build folder); what
// stands here is the frame around them: types, weights, entry points, buffers.
#ifndef DSRT_OPS_TD
#define DSRT_OPS_TD

include "dialects/ds/DSBase.td"
include "dialects/dsrt/DSRTEnums.td"
include "dialects/dsrt/DSRTInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def DSRT_Dialect : Dialect {
  let name = "dsrt";
  let cppNamespace = "::mlir::dsrt";
  let summary = "1:1 with the C interface of the runtime: each operation is one call, on buffers of a static arena";
  let dependentDialects = ["::mlir::ds::DSDialect"];
  let useDefaultTypePrinterParser = 1;
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = "void registerAttributes(); void registerTypes();";
}

class DSRT_Type<string name, string typeMnemonic> : TypeDef<DSRT_Dialect, name> { let mnemonic = typeMnemonic; }
class DSRT_Op<string mnemonic, list<Trait> traits = []> : Op<DSRT_Dialect, mnemonic, traits>;

//===--- Types and attributes -------------------------------------------------------------------------------------------===//

def DSRT_BufferType : DSRT_Type<"Buffer", "buffer"> {
  let summary = "row-major memory of the arena";
  let description = [{
    An extent is a constant, or one of the call's sizes times a constant: `tokens` of the batch, or `wanted` ones.

    - (C1) there is an extent.
    - (C2) extents are positive.
    - (C3) the element type is f32, bf16, f16, f8E4M3FN, f8E5M2, f4E2M1FN, i32 or i8.

    Rows along the last extent begin at a byte: one of N four-bit payloads is ceil(N / 2) bytes.

    `!dsrt.buffer<tokens*2 x 256 x bf16>`
  }];
  let parameters = (ins ArrayRefParameter<"::mlir::dsrt::Extent">:$extents, "::mlir::Type":$element);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Bytes at the largest sizes of a call, not aligned; nothing on overflow.
    std::optional<int64_t> getBytes(int64_t tokens, int64_t wanted) const;
  }];
}
def DSRT_BatchType : DSRT_Type<"Batch", "batch"> { let summary = "the ragged batch of a call"; }
def DSRT_CacheType : DSRT_Type<"Cache", "cache"> {
  let summary = "the latent cache: layers x width values a position";
  let description = "`!dsrt.cache<61x576xbf16>`, under the constraints of `!ds.kv_cache`.";
  let parameters = (ins "int64_t":$layers, "int64_t":$width, "::mlir::Type":$element);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def DSRT_LimitsAttr : AttrDef<DSRT_Dialect, "Limits"> {
  let mnemonic = "limits";
  let summary = "what one call holds, and a row";
  let description = [{
    - (C1) limits are positive and fit into 31 bits.
    - (C2) a call holds at most as many sequences and wanted tokens as tokens.
  }];
  let parameters = (ins "int64_t":$tokens, "int64_t":$sequences, "int64_t":$length, "int64_t":$wanted);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

//===--- The frame ------------------------------------------------------------------------------------------------------===//

def DSRT_ProgramOp : DSRT_Op<"program", [IsolatedFromAbove, SymbolTable, Symbol, SingleBlock, NoTerminator, NoRegionArguments]> {
  let summary = "a model as the machine runs it: weights and entry points";
  let description = [{
    - (C1) the vocabulary is positive and fits into 31 bits.
    - (C2) the body holds dsrt.weight and dsrt.entry alone.

    ```mlir
    dsrt.program @deepseek vocabulary(512) limits(#dsrt.limits<tokens = 2048, sequences = 64, length = 4096, wanted = 2048>) { ... }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$vocabulary, DSRT_LimitsAttr:$limits);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `vocabulary` `(` $vocabulary `)` `limits` `(` $limits `)` attr-dict-with-keyword $body";
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def DSRT_WeightOp : DSRT_Op<"weight", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "a resident parameter, loaded from the checkpoint";
  let description = [{
    The type is the shape and the payload that is resident. `stored` is the format in the checkpoint and `through` the formats that the value
    is rounded to, in order; the last is resident, and without any the stored bytes are.

    - (C1) `stored` and each of `through` is f32, bf16, f16 or a `#ds.quant`.
    - (C2) the element type is that of the resident format.
    - (C3) `scales` stands exactly where `stored` is a `#ds.quant`.
    - (C4) the extents are positive, 1 to 3 of them, of fewer than 2^60 values.
    - (C5) `first_expert` is not negative.
    - (C6) it has a use.

    ```mlir
    dsrt.weight @w : tensor<128x256xf8E4M3FN> from "model.w" scales "model.w_scale_inv" stored(#wt) use(matmul)
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyStaticShapeTensor>:$type, StrAttr:$from, OptionalAttr<StrAttr>:$scales,
      DefaultValuedAttr<I64Attr, "0">:$first_expert, AnyAttr:$stored, DefaultValuedAttr<ArrayAttr, "{}">:$through, EnumProp<DSRT_WeightUse>:$use);
  let assemblyFormat = [{
    $sym_name `:` $type `from` $from (`scales` $scales^)? `stored` `(` $stored `)` (`through` `(` $through^ `)`)? `use` `(` $use `)` attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ArrayRef<int64_t> getShape() { return ::llvm::cast<RankedTensorType>(getType()).getShape(); }
    Type getPayload() { return ::llvm::cast<RankedTensorType>(getType()).getElementType(); }
    Attribute getResident() { return getThrough().empty() ? getStored() : getThrough().getValue().back(); }
  }];
}

def DSRT_EntryOp : DSRT_Op<"entry", [IsolatedFromAbove, Symbol, SingleBlock, HasParent<"ProgramOp">]> {
  let summary = "an entry point: straight-line calls";
  let description = [{
    `arena` is the number of bytes that the memory plan needs.

    - (C1) the name is `prefill` or `decode`.
    - (C2) the arguments are token ids, batch, wanted tokens and cache: !dsrt.buffer<tokens x i32>, !dsrt.batch, !dsrt.buffer<wanted x i32>, !dsrt.cache.
    - (C3) the body holds dsrt.allocate, calls and dsrt.return alone.
    - (C4) `arena` is not negative.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, OptionalAttr<I64Attr>:$arena);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name (`arena` `(` $arena^ `)`)? attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    bool isDecode() { return getSymName() == "decode"; }
    /// Tokens of the largest call: a decode call holds one a row.
    int64_t getMostTokens();
    /// Bytes of a buffer in the largest call, not aligned; nothing on overflow.
    std::optional<int64_t> getBytes(BufferType buffer);
    Value getTokens() { return getBody().getArgument(0); }
    Value getBatch() { return getBody().getArgument(1); }
    Value getWanted() { return getBody().getArgument(2); }
    Value getCache() { return getBody().getArgument(3); }
  }];
}

def DSRT_Buffer : DialectType<DSRT_Dialect, CPred<"::llvm::isa<::mlir::dsrt::BufferType>($_self)">, "buffer", "::mlir::dsrt::BufferType">;
def DSRT_Batch : DialectType<DSRT_Dialect, CPred<"::llvm::isa<::mlir::dsrt::BatchType>($_self)">, "batch", "::mlir::dsrt::BatchType">,
    BuildableType<"::mlir::dsrt::BatchType::get($_builder.getContext())">;
def DSRT_Cache : DialectType<DSRT_Dialect, CPred<"::llvm::isa<::mlir::dsrt::CacheType>($_self)">, "cache", "::mlir::dsrt::CacheType">;

def DSRT_AllocateOp : DSRT_Op<"allocate", [HasParent<"EntryOp">]> {
  let summary = "a buffer of the arena, at its offset once memory is planned";
  let description = [{
    `%x = dsrt.allocate at(4096) : !dsrt.buffer<tokens x 256 x bf16>`

    - (C1) the offset is not negative.
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$offset);
  let results = (outs DSRT_Buffer:$buffer);
  let assemblyFormat = "(`at` `(` $offset^ `)`)? attr-dict `:` type($buffer)";
  let hasVerifier = 1;
}

def DSRT_ReturnOp : DSRT_Op<"return", [Terminator, HasParent<"EntryOp">]> {
  let summary = "the logits of the wanted tokens";
  let description = "- (C1) the operand is !dsrt.buffer<wanted x vocabulary x f32> from a dsrt.allocate.";
  let arguments = (ins DSRT_Buffer:$logits);
  let assemblyFormat = "$logits attr-dict `:` type($logits)";
  let hasVerifier = 1;
}

//===--- Calls ----------------------------------------------------------------------------------------------------------===//

/// Constraints of all calls, from the table:
///
/// - (C1) a buffer or weight has as many extents as the table gives it.
/// - (C2) element types are those of the table; a letter is a float type, and equal letters are equal types.
/// - (C3) equal names of extents are equal extents.
/// - (C4) a weight is a dsrt.weight.
/// - (C5) a buffer that is written is a dsrt.allocate, and no other operand of the call.
class DSRT_Call<string mnemonic> : DSRT_Op<mnemonic, [HasParent<"EntryOp">, DeclareOpInterfaceMethods<DSRT_CallInterface>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let extraClassDefinition = [{
    ::llvm::LogicalResult $cppClass::verifySymbolUses(::mlir::SymbolTableCollection &symbols) {
      return ::mlir::dsrt::verifyWeights(*this, symbols);
    }
  }];
}

include "dialects/dsrt/DSRTCalls.td"

#endif
