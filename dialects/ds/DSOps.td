// The operations of the ds dialect. Constraints are numbered: verifier messages and tests cite the numbers.
#ifndef DS_OPS_TD
#define DS_OPS_TD

include "dialects/ds/DSBase.td"
include "dialects/ds/DSInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/CommonAttrConstraints.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class DS_Op<string mnemonic, list<Trait> traits = []> : Op<DS_Dialect, mnemonic, traits>;

/// The result has the element type of the first operand, whatever the policy makes of that.
def DS_ResultLikeFirstOperand : NativeOpTrait<"ResultLikeFirstOperand"> { let cppNamespace = "::mlir::ds"; }

/// An operation of a module with parameters.
class DS_ModuleOp<string mnemonic, list<Trait> traits = []> : DS_Op<mnemonic,
    !listconcat([DeclareOpInterfaceMethods<SymbolUserOpInterface>,
                 DeclareOpInterfaceMethods<ModulePrecisionInterface, ["resultIsActivation"]>], traits)>;
class DS_LinearModuleOp<string mnemonic, list<Trait> traits = []> : DS_Op<mnemonic,
    !listconcat([DeclareOpInterfaceMethods<SymbolUserOpInterface>,
                 DeclareOpInterfaceMethods<ModulePrecisionInterface, ["resultIsActivation", "getLegalName"]>], traits)>;
class DS_GroupedModuleOp<string mnemonic, list<Trait> traits = []> : DS_Op<mnemonic,
    !listconcat([DeclareOpInterfaceMethods<SymbolUserOpInterface>,
                 DeclareOpInterfaceMethods<ModulePrecisionInterface, ["getExpertCount", "getFirstExpert", "getLegalName"]>], traits)>;

/// An operation without parameters, and one that moves values and computes nothing.
class DS_PolicyOp<string mnemonic, list<Trait> traits = []> : DS_Op<mnemonic,
    !listconcat([DeclareOpInterfaceMethods<RunPolicyInterface, ["getFlopsPerRow"]>], traits)>;
class DS_MovingOp<string mnemonic, list<Trait> traits = []> : DS_Op<mnemonic, !listconcat([DeclareOpInterfaceMethods<RunPolicyInterface>], traits)>;

/// Rows of tokens: how many is the call's business, how wide they are is the model's.
class DS_Matrix<list<Type> elements, string names> : ConfinedType<2DTensorOf<elements>, [CPred<"::mlir::ds::holdsRows($_self)">],
    "tensor<?xN> of " # names>;
def DS_Activations : DS_Matrix<[F32, BF16, F16], "f32, bf16 or f16">;
def DS_F32Matrix : DS_Matrix<[F32], "f32">;
def DS_I32Matrix : DS_Matrix<[I32], "i32">;
def DS_Payloads : DS_Matrix<[F8E4M3FN, F8E5M2, F4E2M1FN], "f8E4M3FN, f8E5M2 or f4E2M1FN">;
def DS_Rows : DS_Matrix<[F32, BF16, F16, F8E4M3FN, F8E5M2, F4E2M1FN], "f32, bf16, f16 or a payload">;
/// One number a row or pair.
def DS_Indices : ConfinedType<1DTensorOf<[I32]>, [CPred<"::mlir::ds::isDynamicVector($_self)">], "tensor<?xi32>">;
/// Where experts begin; of a static extent.
def DS_Offsets : ConfinedType<1DTensorOf<[I32]>, [CPred<"::mlir::ds::isStaticVector($_self)">], "tensor<Nxi32>">;

/// The latent cache as a side effect: appends and reads keep their order, everything else is pure.
def DS_CacheResource : Resource<"::mlir::ds::CacheResource">;

//===--- Structure ------------------------------------------------------------------------------------------------------===//

def DS_ModelOp : DS_Op<"model", [IsolatedFromAbove, SymbolTable, Symbol, SingleBlock, NoTerminator, NoRegionArguments]> {
  let summary = "a model: parameters, entry points, configuration and precision policy";
  let description = [{
    An .mlir file with one `ds.model` is enough to compile.

    - (C1) functions are named `prefill` and `decode`.
    - (C2) the body holds ds.param and ds.func alone.
    - (C3) the cache of each function has the layers of the configuration, and kv_lora_rank + rope_head_dim values a token.
    - (C4) the result of each function has as many columns as the vocabulary.
    - (C5) both functions have one type.

    ```mlir
    ds.model @deepseek config(#ds.config<family = v3, ...>) policy(#ds.policy<precision_recipe = deepseek_v3>) {
      ds.param @final_norm.weight : tensor<256xbf16> from "model.norm.weight"
      ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<3x160xbf16>) -> tensor<?x512xf32> { ... }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DS_ConfigAttr:$config, OptionalAttr<DS_PolicyAttr>:$policy);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `config` `(` $config `)` (`policy` `(` $policy^ `)`)? attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def DS_ParamOp : DS_Op<"param", [Symbol, HasParent<"ModelOp">]> {
  let summary = "a parameter of the checkpoint, by name";
  let description = [{
    The type is what the checkpoint stores. `{e}` in the name stands for the experts first_expert, first_expert + 1, ... of dimension 0.
    A quantised parameter names its format with `stored` and the tensor of its scales with `scales`. Legalisation adds `resident`, what is held in
    memory (a dtype or a format), and `via`, the format or dtype that the value is rounded to on the way there.

    - (C1) the shape is static, of rank 1, 2, or 3 where the name holds `{e}`, with positive extents and fewer than 2^60 values.
    - (C2) `stored` and `scales` stand together, and exactly where the element type is a payload.
    - (C3) `stored` has the payload of the element type.
    - (C4) `first_expert` is not negative, and 0 where the name holds no `{e}`.
    - (C5) `resident` and `via` are f32, bf16, f16 or a `#ds.quant`.
    - (C6) `via` stands with `resident` only.
    - (C7) `scales` holds `{e}` exactly where the name does.

    ```mlir
    ds.param @blocks.0.attn.q_a_proj.weight : tensor<128x256xf8E4M3FN> from "model.layers.0.self_attn.q_a_proj.weight"
        scales "model.layers.0.self_attn.q_a_proj.weight_scale_inv" stored(#wt) resident(#wt)
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<RankedTensorOf<[F32, BF16, F16, F8E4M3FN, F8E5M2]>>:$type, StrAttr:$from,
      OptionalAttr<StrAttr>:$scales, OptionalAttr<DS_QuantAttr>:$stored, OptionalAttr<AnyAttr>:$via, OptionalAttr<AnyAttr>:$resident,
      DefaultValuedAttr<I64Attr, "0">:$first_expert);
  let assemblyFormat = [{
    $sym_name `:` $type `from` $from (`scales` $scales^)? (`stored` `(` $stored^ `)`)? (`via` `(` $via^ `)`)? (`resident` `(` $resident^ `)`)? attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    RankedTensorType getTensorType() { return ::llvm::cast<RankedTensorType>(getType()); }
    ArrayRef<int64_t> getShape() { return getTensorType().getShape(); }
    bool isStacked() { return getFrom().contains("{e}"); }
  }];
}

def DS_FuncOp : DS_Op<"func", [FunctionOpInterface, IsolatedFromAbove, HasParent<"ModelOp">, SingleBlock,
    DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmBlockArgumentNames"]>]> {
  let summary = "an entry point of the model";
  let description = [{
    Both entry points have one signature: token ids of a flattened ragged batch, the batch, the tokens whose logits are wanted, the cache; they
    return F32 logits of the wanted tokens.

    - (C1) the arguments are tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache, and the result tensor<?xVxf32>.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type, OptionalAttr<DictArrayAttr>:$arg_attrs,
      OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ArrayRef<Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ArrayRef<Type> getResultTypes() { return getFunctionType().getResults(); }
    Region *getCallableRegion() { return &getBody(); }
    Value getTokens() { return getBody().getArgument(0); }
    Value getBatch() { return getBody().getArgument(1); }
    Value getWanted() { return getBody().getArgument(2); }
    Value getCache() { return getBody().getArgument(3); }
  }];
}

def DS_ReturnOp : DS_Op<"return", [Pure, Terminator, HasParent<"FuncOp">]> {
  let summary = "the logits of an entry point";
  let description = "- (C1) the operand has the type of the function's result.";
  let arguments = (ins DS_F32Matrix:$logits);
  let assemblyFormat = "$logits attr-dict `:` type($logits)";
  let hasVerifier = 1;
}

//===--- Modules with parameters ----------------------------------------------------------------------------------------===//

def DS_EmbeddingOp : DS_ModuleOp<"embedding", [Pure]> {
  let summary = "rows of the embedding table";
  let description = [{
    - (C1) the table has as many columns as the result.
    - (C2) the table has a row for each token id of the configuration's vocabulary.

    `%x = ds.embedding %tokens, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>`
  }];
  let arguments = (ins DS_Indices:$tokens, FlatSymbolRefAttr:$table, StrAttr:$path, OptionalAttr<DS_PrecisionAttr>:$precision);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = [{
    $tokens `,` $table `module` `(` $path `)` (`precision` `(` $precision^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def DS_RMSNormOp : DS_ModuleOp<"rms_norm", [Pure]> {
  let summary = "root mean square norm over the columns";
  let description = [{
    `y = x / sqrt(mean(x^2) + eps) * weight`, all in F32, rounded once.

    - (C1) the weight has one value a column.
    - (C2) result and operand have the same columns.
    - (C3) `eps` is finite and positive in F32.

    `%n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>`
  }];
  let arguments = (ins DS_Activations:$x, FlatSymbolRefAttr:$weight, F64Attr:$eps, StrAttr:$path, OptionalAttr<DS_PrecisionAttr>:$precision);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = [{
    $x `,` $weight `eps` `(` custom<F64>($eps) `)` `module` `(` $path `)` (`precision` `(` $precision^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DS_LinearOp : DS_LinearModuleOp<"linear", [Pure]> {
  let summary = "product with a weight";
  let description = [{
    `result[t, n] = sum over k of x[t, k] * weight[n, k]`, summed in F32, rounded to the element type of x (after legalisation the compute
    dtype), then to that of the result. A `logits` result (the router's, the head's) is F32 whatever the policy says, and not rounded.

    - (C1) the weight is [n, k] with k the columns of x and n those of the result.
    - (C2) a `logits` result is F32.

    `%q = ds.linear %n, @blocks.0.attn.q_a_proj.weight module("blocks.0.attn.q_a_proj") : (tensor<?x256xbf16>) -> tensor<?x128xbf16>`
  }];
  let arguments = (ins DS_Activations:$x, FlatSymbolRefAttr:$weight, UnitAttr:$logits, StrAttr:$path, OptionalAttr<DS_PrecisionAttr>:$precision);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = [{
    $x `,` $weight (`logits` $logits^)? `module` `(` $path `)` (`precision` `(` $precision^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DS_GroupedLinearOp : DS_GroupedModuleOp<"grouped_linear", [Pure]> {
  let summary = "one projection of several experts";
  let description = [{
    Rows offsets[e] .. offsets[e + 1] of x, for e in first .. first + count, are multiplied with expert e's weight and rounded as by
    `ds.linear`. Rows of other experts are
    those of `init`, and undefined without it: a group that precision has split writes its runs one after the other.

    - (C1) the weight is [count, n, k] with k the columns of x and n those of the result.
    - (C2) `first` is not negative, `count` is positive, and offsets hold first + count + 1 values or more.
    - (C3) `init` has the type of the result.

    ```mlir
    %g = ds.grouped_linear %d, %offsets, @blocks.1.ffn.experts.gate_proj.weight experts(0, 8) module("blocks.1.ffn.experts.[0-7].gate_proj")
         : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
    ```
  }];
  let arguments = (ins DS_Activations:$x, DS_Offsets:$offsets, FlatSymbolRefAttr:$weight, I64Attr:$first, I64Attr:$count, StrAttr:$path,
      OptionalAttr<DS_PrecisionAttr>:$precision, Optional<DS_Activations>:$init);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = [{
    $x `,` $offsets `,` $weight `experts` `(` $first `,` $count `)` (`init` `(` $init^ `)`)? `module` `(` $path `)`
    (`precision` `(` $precision^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DS_MLAAttentionOp : DS_ModuleOp<"mla_attention", [DS_ResultLikeFirstOperand,
    DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "multi-head latent attention over the cache, with kv_b_proj";
  let description = [{
    Owns `kv_b_proj` in both phases: prefill expands the cached latents to keys and values, decode absorbs the projection into queries and
    outputs (DeepSeek-V2, section 2.1.2). Queries are rotated; the cache holds the normalised latent and the rotated key of every
    position up to the token's own. Scores and softmax are F32. In low precision `activation` is the format that prefill quantises latents to,
    and decode multiplies with the values that the parameter's codes stand for, whatever its format.

    - (C1) q has heads * (nope + rope) columns.
    - (C2) the result has heads * value columns.
    - (C3) kv_b_proj is [heads * (nope + value), latent], latent + rope being the cache's width.
    - (C4) the layer is one of the cache's.
    - (C5) heads, nope, rope and value are positive and fit into 31 bits, and rope is less than the cache's width.
    - (C6) the scale is finite and positive in F32.
    - (C7) `activation` stands in prefill only: decode quantises nothing.
    - (C8) the result has the element type of q.
    - (C9) `activation` is no nf4, which is a format of parameters.

    ```mlir
    %o = ds.mla_attention prefill %q, %cache, %batch, @blocks.0.attn.kv_b_proj.weight layer(0) heads(4, nope = 64, rope = 32, value = 64)
           scale(0.1020620726159658) module("blocks.0.attn.kv_b_proj") : (tensor<?x384xbf16>, !ds.kv_cache<3x160xbf16>, !ds.batch) -> tensor<?x256xbf16>
    ```
  }];
  let arguments = (ins DS_Activations:$q, DS_KVCacheType:$cache, DS_BatchType:$batch, FlatSymbolRefAttr:$kv_b, EnumProp<DS_Phase>:$phase,
      I64Attr:$layer, I64Attr:$heads, I64Attr:$nope, I64Attr:$rope, I64Attr:$value, F64Attr:$scale, StrAttr:$path,
      OptionalAttr<DS_QuantAttr>:$activation, OptionalAttr<DS_PrecisionAttr>:$precision);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = [{
    $phase $q `,` $cache `,` $batch `,` $kv_b `layer` `(` $layer `)` `heads` `(` $heads `,` `nope` `=` $nope `,` `rope` `=` $rope `,` `value` `=` $value `)`
    `scale` `(` custom<F64>($scale) `)` `module` `(` $path `)` (`activation` `(` $activation^ `)`)? (`precision` `(` $precision^ `)`)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

//===--- Operations without parameters ----------------------------------------------------------------------------------===//

def DS_RopeTableOp : DS_Op<"rope_table", [Pure, DeclareOpInterfaceMethods<RunPolicyInterface, ["getOperationPath", "getFlopsPerRow"]>]> {
  let summary = "cosine and sine of the batch's positions";
  let description = [{
    - (C1) both results have dims / 2 columns.

    `%cos, %sin = ds.rope_table %batch rope(#ds.rope<dims = 32, theta = 10000.0>) : tensor<?x16xf32>, tensor<?x16xf32>`
  }];
  let arguments = (ins DS_BatchType:$batch, DS_RopeAttr:$rope);
  let results = (outs DS_F32Matrix:$cosine, DS_F32Matrix:$sine);
  let assemblyFormat = "$batch `rope` `(` $rope `)` attr-dict `:` type($cosine) `,` type($sine)";
  let hasVerifier = 1;
}

def DS_RopeOp : DS_PolicyOp<"rope", [Pure, DS_ResultLikeFirstOperand, AllTypesMatch<["x", "result"]>, AllTypesMatch<["cosine", "sine"]>]> {
  let summary = "rotates the interleaved pairs of each head from column `begin` of the head on";
  let description = [{
    - (C1) `heads` is positive, and the columns are a multiple of it.
    - (C2) `begin` is not negative, and begin + 2 * pairs columns fit into a head.
  }];
  let arguments = (ins DS_Activations:$x, DS_F32Matrix:$cosine, DS_F32Matrix:$sine, I64Attr:$heads, I64Attr:$begin, StrAttr:$path);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = [{
    $x `,` $cosine `,` $sine `heads` `(` $heads `)` `begin` `(` $begin `)` `module` `(` $path `)` attr-dict `:` type($x) `,` type($cosine)
  }];
  let hasVerifier = 1;
}

def DS_SliceColumnsOp : DS_MovingOp<"slice_columns", [Pure, DS_ResultLikeFirstOperand]> {
  let summary = "columns from `begin` on, as many as the result has";
  let description = [{
    - (C1) the columns lie inside of x.
    - (C2) x and result have the same element type.
  }];
  let arguments = (ins DS_Activations:$x, I64Attr:$begin, StrAttr:$path);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = "$x `begin` `(` $begin `)` `module` `(` $path `)` attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def DS_CacheAppendOp : DS_MovingOp<"cache_append", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "writes the latent and the rotated key of each token to the cache";
  let description = [{
    - (C1) latent and key columns add up to the cache's width.
    - (C2) latent and key have the cache's element type.
    - (C3) the layer is one of the cache's.
  }];
  let arguments = (ins DS_KVCacheType:$cache, DS_Activations:$latent, DS_Activations:$key, DS_BatchType:$batch, I64Attr:$layer, StrAttr:$path);
  let assemblyFormat = [{
    $cache `,` $latent `,` $key `,` $batch `layer` `(` $layer `)` `module` `(` $path `)` attr-dict `:` qualified(type($cache)) `,` type($latent) `,` type($key)
  }];
  let hasVerifier = 1;
}

def DS_RouteOp : DS_PolicyOp<"route", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "chooses each token's experts and their weights, in F32";
  let description = [{
    - (C1) there are as many logits as experts.
    - (C2) both results have top_k columns.
    - (C3) noaux_tc has a correction bias of one value an expert; the others have none.
  }];
  let arguments = (ins DS_F32Matrix:$logits, OptionalAttr<FlatSymbolRefAttr>:$bias, DS_RoutingAttr:$routing, StrAttr:$path);
  let results = (outs DS_F32Matrix:$weights, DS_I32Matrix:$experts);
  let assemblyFormat = [{
    $logits (`bias` `(` $bias^ `)`)? `routing` `(` $routing `)` `module` `(` $path `)` attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DS_ExpertOrderOp : DS_MovingOp<"expert_order", [Pure]> {
  let summary = "sorts the (token, choice) pairs by expert, stably";
  let description = [{
    `order[i]` is a pair (token * top_k + choice), `offsets[e]` the first position of expert e; its last value is the number of pairs.

    - (C1) offsets have an extent of at least 2: one expert's begin and end.
  }];
  let arguments = (ins DS_I32Matrix:$experts, StrAttr:$path);
  let results = (outs DS_Indices:$order, DS_Offsets:$offsets);
  let assemblyFormat = "$experts `module` `(` $path `)` attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def DS_DispatchOp : DS_MovingOp<"dispatch", [Pure, DS_ResultLikeFirstOperand]> {
  let summary = "rows of tokens in the order of their experts: result[i] = x[order[i] / choices]";
  let description = [{
    - (C1) x and result have the same columns and element type.
    - (C2) `choices` is positive.
  }];
  let arguments = (ins DS_Rows:$x, DS_Indices:$order, I64Attr:$choices, StrAttr:$path);
  let results = (outs DS_Rows:$result);
  let assemblyFormat = "$x `,` $order `choices` `(` $choices `)` `module` `(` $path `)` attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def DS_TakeRowsOp : DS_MovingOp<"take_rows", [Pure, DS_ResultLikeFirstOperand, AllTypesMatch<["x", "result"]>]> {
  let summary = "the wanted rows: result[i] = x[rows[i]]";
  let arguments = (ins DS_Activations:$x, DS_Indices:$rows, StrAttr:$path);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = "$x `,` $rows `module` `(` $path `)` attr-dict `:` type($x) `,` type($rows)";
}

def DS_SwiGLUOp : DS_PolicyOp<"swiglu", [Pure, DS_ResultLikeFirstOperand, SameOperandsAndResultType]> {
  let summary = "silu(gate) * up, in F32, rounded once";
  let arguments = (ins DS_Activations:$gate, DS_Activations:$up, StrAttr:$path);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = "$gate `,` $up `module` `(` $path `)` attr-dict `:` type($result)";
}

def DS_CombineOp : DS_PolicyOp<"combine", [Pure, DS_ResultLikeFirstOperand]> {
  let summary = "sum of the chosen experts' rows by their weights, in F32, in the order of the choices";
  let description = [{
    - (C1) x and result have the same columns and element type.
  }];
  let arguments = (ins DS_Activations:$x, DS_F32Matrix:$weights, DS_Indices:$order, StrAttr:$path);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = "$x `,` $weights `,` $order `module` `(` $path `)` attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def DS_AddOp : DS_PolicyOp<"add", [Pure, DS_ResultLikeFirstOperand, SameOperandsAndResultType]> {
  let summary = "sum, in F32, rounded once: a residual, or the shared expert";
  let arguments = (ins DS_Activations:$a, DS_Activations:$b, StrAttr:$path);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = "$a `,` $b `module` `(` $path `)` attr-dict `:` type($result)";
}

//===--- Explicit precision ---------------------------------------------------------------------------------------------===//

def DS_CastOp : DS_Op<"cast", [Pure]> {
  let summary = "rounds to the result's dtype, to nearest even";
  let description = [{
    - (C1) x and result have the same columns.
  }];
  let arguments = (ins DS_Activations:$x, StrAttr:$path);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = "$x `module` `(` $path `)` attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
  let hasFolder = 1;
}

def DS_QuantizeOp : DS_Op<"quantize", [Pure]> {
  let summary = "payload and scales of activations";
  let description = [{
    - (C1) the payload has the columns of x.
    - (C2) the scales have ceil(columns / tile columns) columns.
    - (C3) the payload's element type is that of the format.
    - (C4) `experts` stands only with a format whose tiles or outer scale span rows: the others look at no other row.

    Row t of the scales holds those of token t's tiles, also where a tile spans several rows, so that rows may be dispatched. With
    `experts` each expert's rows are quantised alone, as if it were called with nothing else.

    `%q, %s = ds.quantize %n quant(#act) : (tensor<?x256xbf16>) -> (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>)`
    `%q, %s = ds.quantize %h experts(%offsets) quant(#tensor) : (tensor<?x96xbf16>, tensor<9xi32>) -> (tensor<?x96xf8E4M3FN>, tensor<?x1xf32>)`
  }];
  let arguments = (ins DS_Activations:$x, DS_QuantAttr:$quant, Optional<DS_Offsets>:$offsets);
  let results = (outs DS_Payloads:$payload, DS_F32Matrix:$scales);
  let assemblyFormat = "$x (`experts` `(` $offsets^ `)`)? `quant` `(` $quant `)` attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def DS_ScaledMatmulOp : DS_LinearModuleOp<"scaled_matmul", [Pure]> {
  let summary = "product of a quantised activation with a quantised weight";
  let description = [{
    `result[t, n] = sum over k of (payload[t, k] * scales[t, k / tile]) * (weight[n, k] * weight_scales[n / rows, k / columns])`,
    accumulated in F32 and promoted every `promote` elements of K (DeepSeek-V3, section 3.3.2). Each operand has a format of its own: any
    payload of activations by any of weights.

    - (C1) the payload has K columns, as the weight has, and the result N.
    - (C2) the scales have ceil(K / tile columns) columns.
    - (C3) the payload's element type is that of `lhs`, and the parameter is resident in the format `rhs`.
    - (C4) `promote` is positive.
    - (C5) a `logits` result is F32.

    ```mlir
    %y = ds.scaled_matmul %q, %s, @blocks.0.attn.q_a_proj.weight lhs(#act) rhs(#wt) promote(128) module("blocks.0.attn.q_a_proj")
           : (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x128xbf16>
    ```
  }];
  let arguments = (ins DS_Payloads:$payload, DS_F32Matrix:$scales, FlatSymbolRefAttr:$weight, DS_QuantAttr:$lhs, DS_QuantAttr:$rhs, I64Attr:$promote,
      UnitAttr:$logits, StrAttr:$path, OptionalAttr<DS_PrecisionAttr>:$precision);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = [{
    $payload `,` $scales `,` $weight `lhs` `(` $lhs `)` `rhs` `(` $rhs `)` `promote` `(` $promote `)` (`logits` $logits^)? `module` `(` $path `)`
    (`precision` `(` $precision^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

def DS_GroupedScaledMatmulOp : DS_GroupedModuleOp<"grouped_scaled_matmul", [Pure]> {
  let summary = "one projection of several experts, quantised";
  let description = [{
    `ds.scaled_matmul` of each expert's rows with that expert's weight; rows and `init` as in `ds.grouped_linear`.

    - (C1) the payload has K columns, as the weight [count, n, k] has, and the result N.
    - (C2) the scales have ceil(K / tile columns) columns.
    - (C3) the payload's element type is that of `lhs`, and the parameter is resident in the format `rhs`.
    - (C4) `promote` is positive.
    - (C5) `first` is not negative, `count` is positive, and offsets hold first + count + 1 values or more.
    - (C6) `init` has the type of the result.
  }];
  let arguments = (ins DS_Payloads:$payload, DS_F32Matrix:$scales, DS_Offsets:$offsets, FlatSymbolRefAttr:$weight, I64Attr:$first, I64Attr:$count,
      DS_QuantAttr:$lhs, DS_QuantAttr:$rhs, I64Attr:$promote, StrAttr:$path, OptionalAttr<DS_PrecisionAttr>:$precision, Optional<DS_Activations>:$init);
  let results = (outs DS_Activations:$result);
  let assemblyFormat = [{
    $payload `,` $scales `,` $offsets `,` $weight `experts` `(` $first `,` $count `)` (`init` `(` $init^ `)`)? `lhs` `(` $lhs `)` `rhs` `(` $rhs `)`
    `promote` `(` $promote `)` `module` `(` $path `)` (`precision` `(` $precision^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
}

#endif
