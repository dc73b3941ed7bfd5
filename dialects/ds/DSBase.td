// The ds dialect: what a DeepSeek model means, and in which precision each operation computes.
#ifndef DS_BASE_TD
#define DS_BASE_TD

include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/OpBase.td"

def DS_Dialect : Dialect {
  let name = "ds";
  let cppNamespace = "::mlir::ds";
  let summary = "the DeepSeek graph: modules by their exact path, one global program, no ranks";
  let description = [{
    Values are builtin tensors with tokens flattened: `tensor<?x256xbf16>` holds one row per token of a ragged batch. Weights never
    enter the IR: `ds.param` names them. Until precision is resolved an operation says only what it computes; afterwards it carries a
    `#ds.precision` with its reason; after legalisation nothing is left to a convention.
  }];
  let useDefaultTypePrinterParser = 1;
  let extraClassDeclaration = "void registerAttributes();";
  let useDefaultAttributePrinterParser = 1;
}

class DS_Attr<string name, string attrMnemonic, list<Trait> traits = []> : AttrDef<DS_Dialect, name, traits> { let mnemonic = attrMnemonic; }
class DS_Type<string name, string typeMnemonic> : TypeDef<DS_Dialect, name> { let mnemonic = typeMnemonic; }

//===--- Enumerations ---------------------------------------------------------------------------------------------------===//

class DS_Enum<string name, string summary, list<I32EnumCase> cases> : I32Enum<name, summary, cases> {
  let cppNamespace = "::mlir::ds";
}

def DS_Family : DS_Enum<"Family", "model family", [I32EnumCase<"v2", 0>, I32EnumCase<"v3", 1>]>;
def DS_Scoring : DS_Enum<"Scoring", "how router logits become scores", [I32EnumCase<"softmax", 0>, I32EnumCase<"sigmoid", 1>]>;
def DS_Selection : DS_Enum<"Selection", "how experts are chosen",
    [I32EnumCase<"greedy", 0>, I32EnumCase<"group_limited_greedy", 1>, I32EnumCase<"noaux_tc", 2>]>;
def DS_Phase : DS_Enum<"Phase", "phase of latent attention", [I32EnumCase<"prefill", 0>, I32EnumCase<"decode", 1>]>;
def DS_Payload : DS_Enum<"Payload", "element format of a quantised tensor",
    [I32EnumCase<"f8E4M3FN", 0>, I32EnumCase<"f8E5M2", 1>, I32EnumCase<"f4E2M1FN", 2>, I32EnumCase<"nf4", 3>]>;
def DS_Scale : DS_Enum<"Scale", "values that a scale can have",
    [I32EnumCase<"f32", 0>, I32EnumCase<"ue8m0", 1>, I32EnumCase<"e4m3", 2>]>;
def DS_ScaleRule : DS_Enum<"ScaleRule", "how a scale follows from its tile's amax",
    [I32EnumCase<"amax", 0>, I32EnumCase<"power_of_two", 1>, I32EnumCase<"mx", 2>]>;
def DS_OuterScale : DS_Enum<"OuterScale", "what has a second scale above those of its tiles",
    [I32EnumCase<"none", 0>, I32EnumCase<"row", 1>, I32EnumCase<"tensor", 2>]>;
def DS_Rounding : DS_Enum<"Rounding", "how payloads are rounded", [I32EnumCase<"nearest", 0>, I32EnumCase<"stochastic", 1>]>;

//===--- Attributes -----------------------------------------------------------------------------------------------------===//

def DS_TileParameter : AttrOrTypeParameter<"::mlir::ds::Tile", "rows x columns; `all` is the whole extent"> {
  let printer = "$_printer << $_self";
}

/// A double that prints so that it reads back the same, with a default where one is given.
class DS_Double<string description, string default = ""> : AttrOrTypeParameter<"::mlir::ds::Number", description> {
  let parser = "::mlir::ds::parseNumber($_parser)";
  let printer = "::mlir::ds::printNumber($_printer, $_self)";
  let defaultValue = !if(!empty(default), "", "::mlir::ds::Number(" # default # ")");
}
class DS_Bool<string description, string default = ""> : AttrOrTypeParameter<"bool", description> {
  let parser = "::mlir::ds::parseBool($_parser)";
  let printer = "$_printer << ($_self ? \"true\" : \"false\")";
  let defaultValue = default;
}

def DS_QuantAttr : DS_Attr<"Quant", "quant", [DeclareAttrInterfaceMethods<OpAsmAttrInterface, ["getAlias"]>]> {
  let summary = "a quantisation format: payload, tile, scale, rounding";
  let description = [{
    Fixes the convention completely: no operation and no runtime call assumes one. `tile` is rows by columns, where columns run along the
    reduced dimension K; a partial tile at an edge is a tile of its own; `all` is the whole extent. docs/quantisation.md has the formula of
    every rule.

    Four-bit payloads are tensors of `f4E2M1FN`, and of `i4` for NF4, whose codes are indices of its sixteen levels; columns 2i and 2i + 1 of
    a row share a byte. NF4 is a format of parameters.

    `seed` is the run's seed in a `#ds.precision`. In the operand of an operation, and in what a parameter is resident in, it is the key
    that legalisation makes of it: the XXH3 hash of the seed, of the module's path, where experts have no index, and of which operand it is.
    So two modules round one input independently of each other, and an expert rounds alike however its stack was split.

    - (C1) a power-of-two rule has f32 or ue8m0 scales.
    - (C2) ue8m0 scales have the power-of-two or the mx rule.
    - (C3) `floor` is finite and not negative.
    - (C4) `seed` belongs to stochastic rounding.
    - (C5) the mx rule has ue8m0 scales.
    - (C6) `outer` stands exactly with e4m3 scales, which have the amax rule: they are a part of the outer scale.
    - (C7) an outer scale of a row has tiles of one row.
    - (C8) nf4 has f32 scales by amax and nearest rounding.
    - (C9) four-bit payloads have an even number of columns in a tile, or all, so that no tile begins in the middle of a byte.

    ```mlir
    #act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
    #wt  = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
    #mxfp4 = #ds.quant<payload = f4E2M1FN, tile = 1x32, scale = ue8m0, rule = mx, rounding = nearest>
    #nvfp4 = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = tensor>
    ```
  }];
  let parameters = (ins EnumParameter<DS_Payload>:$payload, DS_TileParameter:$tile, EnumParameter<DS_Scale>:$scale,
      EnumParameter<DS_ScaleRule>:$rule, EnumParameter<DS_Rounding>:$rounding,
      DS_Double<"least amax", "0.0">:$floor, DefaultValuedParameter<"uint64_t", "0", "seed of stochastic rounding">:$seed,
      DefaultValuedParameter<"::mlir::ds::OuterScale", "::mlir::ds::OuterScale::none", "what has a second scale">:$outer);
  let assemblyFormat = "`<` struct(params) `>`";
  let extraClassDeclaration = [{
    /// The builtin element type of the payload (NF4 is held as i4).
    Type getPayloadType() const;
    /// Scales of `columns` columns: ceil(columns / tile columns).
    int64_t getTileColumns(int64_t columns) const;
    /// Scales of `rows` rows: ceil(rows / tile rows).
    int64_t getTileRows(int64_t rows) const;
    /// Same payload, tile and values of scales: what one holds, the other can take as it is.
    bool holdsSameAs(QuantAttr other) const;
    /// Four bits a value, two values a byte.
    bool isFourBit() const { return getPayload() == Payload::f4E2M1FN || getPayload() == Payload::nf4; }
    /// A tile, or the outer scale, takes more than a row into account: which other rows there are changes a row's values.
    bool spansRows() const { return getTile().rows != 1 || getOuter() == OuterScale::tensor; }
    /// The format with the key of an operand's stochastic rounding for its seed; itself where it rounds to nearest.
    QuantAttr keyedFor(StringRef modulePath, StringRef operand) const;
  }];
  let genVerifyDecl = 1;
}

def DS_PrecisionAttr : DS_Attr<"Precision", "precision"> {
  let summary = "the resolved precision of a module's operation, and the reason";
  let description = [{
    `compute` is the dtype that operands are rounded to; `lhs` and `rhs` are the formats of a low-bit product; `storage` is how the
    parameter is stored before its last step (a dtype, or a format). `by` names what decided.

    - (C1) `compute` is a float dtype.
    - (C2) `storage` is f32, bf16, f16 or a `#ds.quant`.

    ```mlir
    precision(#ds.precision<compute = f8E4M3FN, by = "recipe deepseek_v3", lhs = #act, rhs = #wt, storage = bf16>)
    ```
  }];
  let parameters = (ins "::mlir::Type":$compute, StringRefParameter<"what decided">:$by,
      OptionalParameter<"::mlir::ds::QuantAttr">:$lhs, OptionalParameter<"::mlir::ds::QuantAttr">:$rhs,
      OptionalParameter<"::mlir::Attribute">:$storage);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = "bool isLowBit() const { return static_cast<bool>(getLhs()); }";
}

def DS_ConfigAttr : DS_Attr<"Config", "config"> {
  let summary = "the sizes of a model that whole-model passes need";
  let description = [{
    Operations carry what they compute themselves; this is what belongs to none of them.

    - (C1) sizes are positive and fit into 31 bits; those of experts may be 0.
    - (C2) a token has 1 .. experts experts, or none where there are none.
  }];
  let parameters = (ins EnumParameter<DS_Family>:$family, "int64_t":$vocabulary, "int64_t":$hidden_size, "int64_t":$layers, "int64_t":$heads,
      "int64_t":$kv_lora_rank, "int64_t":$rope_head_dim, "int64_t":$max_positions,
      DefaultValuedParameter<"int64_t", "0", "routed experts">:$experts,
      DefaultValuedParameter<"int64_t", "0", "experts chosen for a token">:$experts_per_token);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

def DS_PolicyAttr : DS_Attr<"Policy", "policy"> {
  let summary = "the precision policy: what was asked for";
  let description = [{
    Keys are the flags of ds-compile with underscores, `overrides` maps exact module paths to dtypes, and `recipes` names to recipes that are
    not built in, field by field as in a precision file. Values are keywords, strings, numbers, or lists of strings.

    - (C1) `overrides` maps module paths to dtypes.
    - (C2) every other value is a keyword, a string, a number or a list of strings.
    - (C3) `recipes` maps names to recipes, whose fields are as (C2).

    ```mlir
    #ds.policy<precision_recipe = deepseek_v3, activation_dtype = bf16, overrides = {"blocks.0.attn.q_a_norm" = f16}>
    #ds.policy<precision_recipe = mine, recipes = {mine = {mode = fp8, high_precision = ["norm$", "^lm_head$"], comm_quant = true}}>
    ```
  }];
  let parameters = (ins "::mlir::DictionaryAttr":$settings);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

def DS_RopeAttr : DS_Attr<"Rope", "rope"> {
  let summary = "rotary position embedding, plain or YaRN";
  let description = [{
    - (C1) `dims` is even, positive and fits into 31 bits.
    - (C2) `theta` is finite and above 1.
    - (C3) `factor` is finite and 1 or above.
    - (C4) `original_length` is not negative, positive with YaRN, and fits into 31 bits.
    - (C5) `beta_slow` is positive, and `beta_fast` is finite and not below it.
    - (C6) `mscale` and `mscale_all_dim` are finite and not negative.
  }];
  let parameters = (ins "int64_t":$dims, DS_Double<"base of the frequencies">:$theta, DS_Double<"YaRN's factor; 1 is plain", "1.0">:$factor,
      DS_Double<"YaRN: rotations from which on a pair keeps its frequency", "32.0">:$beta_fast,
      DS_Double<"YaRN: rotations up to which a pair is interpolated", "1.0">:$beta_slow,
      DS_Double<"YaRN: scale of cosine and sine", "1.0">:$mscale, DS_Double<"YaRN: scale of the softmax", "0.0">:$mscale_all_dim,
      DefaultValuedParameter<"int64_t", "0", "original_max_position_embeddings">:$original_length);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    /// Inverse frequencies of the dims / 2 pairs, blended between beta_fast and beta_slow (YaRN, arXiv 2309.00071, section 3.2).
    SmallVector<float> getInverseFrequencies() const;
    /// What cosine and sine are scaled by: mscale(factor, mscale) / mscale(factor, mscale_all_dim).
    double getTableScale() const;
    /// What the softmax scale is multiplied with: mscale(factor, mscale_all_dim)^2, 1 without YaRN.
    double getSoftmaxFactor() const;
  }];
}

def DS_RoutingAttr : DS_Attr<"Routing", "routing"> {
  let summary = "how a token's experts are scored and chosen";
  let description = [{
    - (C1) `experts` is positive and fits into 31 bits, and `top_k` is 1 .. experts.
    - (C2) `groups` divides the experts.
    - (C3) `top_groups` is 1 .. groups.
    - (C4) unless `greedy`, the chosen groups hold top_k experts or more.
    - (C5) `noaux_tc` has groups of two experts or more: a group's score is the sum of its two best.
    - (C6) `scaling` is finite and positive in F32.
  }];
  let parameters = (ins EnumParameter<DS_Scoring>:$scoring, EnumParameter<DS_Selection>:$selection, "int64_t":$experts, "int64_t":$top_k,
      DefaultValuedParameter<"int64_t", "1">:$groups, DefaultValuedParameter<"int64_t", "1">:$top_groups,
      DS_Bool<"divide the weights by their sum", "false">:$normalize,
      DS_Double<"routed_scaling_factor", "1.0">:$scaling);
  let assemblyFormat = "`<` struct(params) `>`";
  let genVerifyDecl = 1;
}

//===--- Types ----------------------------------------------------------------------------------------------------------===//

def DS_BatchType : DS_Type<"Batch", "batch"> {
  let summary = "a ragged batch: rows, token offsets, cache slots and start positions";
}

def DS_KVCacheType : DS_Type<"KVCache", "kv_cache"> {
  let summary = "the latent cache: layers x width values a token, in its dtype";
  let description = [{
    `!ds.kv_cache<61x576xbf16>`: width is kv_lora_rank + qk_rope_head_dim. The runtime owns it and hands it in.

    - (C1) layers and width are positive and fit into 31 bits.
    - (C2) the element type is f32, bf16 or f16.
  }];
  let parameters = (ins "int64_t":$layers, "int64_t":$width, "::mlir::Type":$element);
  let hasCustomAssemblyFormat = 1;
  let genVerifyDecl = 1;
}

#endif
