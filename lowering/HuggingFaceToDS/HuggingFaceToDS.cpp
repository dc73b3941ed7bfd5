// The graph of DeepSeek-V2 and V3, module by module: DeepSeek-V2 (arXiv 2405.04434), section 2, and DeepSeek-V3 (arXiv 2412.19437),
// section 2. Where implementations differ, docs/ lists what is right ("The models' mathematics").
#include "lowering/HuggingFaceToDS/HuggingFaceToDS.h"

#include "dialects/ds/DS.h"

#include "mlir/IR/Builders.h"

#include <cmath>

using namespace mlir;

namespace dsmlir {
namespace {

/// The norms inside of attention have an eps of their own, whatever rms_norm_eps says.
constexpr double latentNormEps = 1e-6;

ds::RopeAttr ropeOf(MLIRContext *context, const ModelConfig &config) {
  RopeConfig plain;
  const RopeConfig &yarn = config.rope.yarn ? config.rope : plain;
  return ds::RopeAttr::get(context, config.ropeHeadDim, config.rope.theta, yarn.factor, yarn.betaFast, yarn.betaSlow, yarn.mscale,
                           yarn.mscaleAllDim, yarn.originalLength);
}

ds::RoutingAttr routingOf(MLIRContext *context, const ModelConfig &config) {
  ds::Scoring scoring = config.scoring == Scoring::Softmax ? ds::Scoring::softmax : ds::Scoring::sigmoid;
  ds::Selection selection = config.selection == Selection::Greedy               ? ds::Selection::greedy
                            : config.selection == Selection::GroupLimitedGreedy ? ds::Selection::group_limited_greedy
                                                                                : ds::Selection::noaux_tc;
  return ds::RoutingAttr::get(context, scoring, selection, config.routedExperts, config.expertsPerToken, config.groups, config.topGroups,
                              config.normalizeTopK, config.routedScaling);
}

ds::ConfigAttr configOf(MLIRContext *context, const ModelConfig &config) {
  return ds::ConfigAttr::get(context, config.family == Family::V3 ? ds::Family::v3 : ds::Family::v2, config.vocabulary, config.hidden,
                             config.layers, config.heads, config.kvLoraRank, config.ropeHeadDim, config.maxPositions, config.routedExperts,
                             config.expertsPerToken);
}

/// Builds one entry point. Every operation is located by its module's path.
class FunctionBuilder {
public:
  FunctionBuilder(ds::ModelOp model, const ModelConfig &config, ds::Phase phase)
      : config(config), phase(phase), context(model.getContext()), builder(OpBuilder::atBlockEnd(&model.getBody().front())),
        bf16(builder.getBF16Type()), f32(builder.getF32Type()), i32(builder.getI32Type()), rope(ropeOf(context, config)) {
    softmaxScale = rope.getSoftmaxFactor() / std::sqrt(double(config.nopeHeadDim + config.ropeHeadDim));
    Type ids = RankedTensorType::get({ShapedType::kDynamic}, i32);
    Type cacheType = ds::KVCacheType::get(context, config.layers, config.kvLoraRank + config.ropeHeadDim, bf16);
    auto type = builder.getFunctionType({ids, ds::BatchType::get(context), ids, cacheType}, {matrix(config.vocabulary, f32)});
    StringRef name = ds::stringifyPhase(phase);
    function = ds::FuncOp::create(builder, at(name), name, type, nullptr, nullptr);
    Block &body = function.getBody().emplaceBlock();
    for (Type argument : type.getInputs())
      body.addArgument(argument, at(name));
    builder.setInsertionPointToEnd(&body);
  }

  void build() {
    auto table = ds::RopeTableOp::create(builder, at("rope_table"), matrix(config.ropeHeadDim / 2, f32),
                                         matrix(config.ropeHeadDim / 2, f32), function.getBatch(), rope);
    cosine = table.getCosine();
    sine = table.getSine();
    Value embedded = ds::EmbeddingOp::create(builder, at("token_embeddings"), matrix(config.hidden, bf16), function.getTokens(),
                                             "token_embeddings.weight", "token_embeddings", nullptr);
    Residual residual = {embedded};
    for (int64_t layer = 0; layer < config.layers; ++layer) {
      std::string block = "blocks." + std::to_string(layer);
      update(residual, attention(norm(read(residual), block + ".attn_norm", config.normEps), block + ".attn", layer),
             block + ".attn.residual");
      Value normed = norm(read(residual), block + ".ffn_norm", config.normEps);
      Value result = config.isDense(layer) ? feedForward(normed, block + ".ffn", config.intermediate) : experts(normed, block + ".ffn");
      update(residual, result, block + ".ffn.residual");
    }
    Value last = read(residual);
    Value wanted = ds::TakeRowsOp::create(builder, at("wanted"), last.getType(), last, function.getWanted(), "wanted");
    Value logits = linear(norm(wanted, "final_norm", config.normEps), "lm_head", config.vocabulary, /*logits=*/true);
    ds::ReturnOp::create(builder, at("lm_head"), logits);
  }

private:
  /// What runs through the blocks beside attention and feed-forward: here one stream that each adds to. Another scheme changes this
  /// struct, `read` and `update`.
  struct Residual {
    Value stream;
  };
  Value read(const Residual &residual) { return residual.stream; }
  void update(Residual &residual, Value result, const std::string &path) { residual.stream = add(residual.stream, result, path); }

  Location at(StringRef path) { return NameLoc::get(builder.getStringAttr(path)); }
  /// [tokens, columns]
  RankedTensorType matrix(int64_t columns, Type element) { return RankedTensorType::get({ShapedType::kDynamic, columns}, element); }

  Value norm(Value x, const std::string &path, double eps) {
    return ds::RMSNormOp::create(builder, at(path), x.getType(), x, path + ".weight", APFloat(eps), path, nullptr);
  }
  Value linear(Value x, const std::string &path, int64_t columns, bool logits = false) {
    return ds::LinearOp::create(builder, at(path), matrix(columns, logits ? f32 : bf16), x, path + ".weight", logits, path, nullptr);
  }
  Value add(Value a, Value b, const std::string &path) { return ds::AddOp::create(builder, at(path), a, b, path); }
  Value swiglu(Value gate, Value up, const std::string &path) { return ds::SwiGLUOp::create(builder, at(path), gate, up, path); }
  Value slice(Value x, int64_t begin, int64_t columns, const std::string &path) {
    return ds::SliceColumnsOp::create(builder, at(path), matrix(columns, bf16), x, begin, path);
  }
  Value rotate(Value x, int64_t heads, int64_t begin, const std::string &path) {
    return ds::RopeOp::create(builder, at(path), x.getType(), x, cosine, sine, heads, begin, path);
  }

  /// Queries of all heads, [tokens, heads * (nope + rope)], the last `rope` columns of each head to be rotated.
  Value queries(Value x, const std::string &path) {
    int64_t width = config.heads * (config.nopeHeadDim + config.ropeHeadDim);
    if (config.qLoraRank == 0)
      return linear(x, path + ".q_proj", width);
    Value compressed = norm(linear(x, path + ".q_a_proj", config.qLoraRank), path + ".q_a_norm", latentNormEps);
    return linear(compressed, path + ".q_b_proj", width);
  }

  Value attention(Value x, const std::string &path, int64_t layer) {
    Value query = rotate(queries(x, path), config.heads, config.nopeHeadDim, path + ".rope");
    // Latent and rotary key come from one projection; only the latent is normalised.
    Value both = linear(x, path + ".kv_a_proj", config.kvLoraRank + config.ropeHeadDim);
    Value latent = norm(slice(both, 0, config.kvLoraRank, path + ".kv_split"), path + ".kv_a_norm", latentNormEps);
    Value key = rotate(slice(both, config.kvLoraRank, config.ropeHeadDim, path + ".kv_split"), 1, 0, path + ".rope");
    ds::CacheAppendOp::create(builder, at(path + ".cache"), function.getCache(), latent, key, function.getBatch(), layer, path + ".cache");
    std::string projection = path + ".kv_b_proj";
    Value result =
        ds::MLAAttentionOp::create(builder, at(projection), matrix(config.heads * config.valueHeadDim, bf16), query, function.getCache(),
                                   function.getBatch(), projection + ".weight", phase, layer, config.heads, config.nopeHeadDim,
                                   config.ropeHeadDim, config.valueHeadDim, APFloat(softmaxScale), projection, nullptr, nullptr);
    return linear(result, path + ".out_proj", config.hidden);
  }

  Value feedForward(Value x, const std::string &path, int64_t width) {
    Value gate = linear(x, path + ".gate_proj", width);
    Value up = linear(x, path + ".up_proj", width);
    return linear(swiglu(gate, up, path + ".swiglu"), path + ".down_proj", config.hidden);
  }

  /// Routed experts and the shared one.
  Value experts(Value x, const std::string &path) {
    int64_t count = config.routedExperts, choices = config.expertsPerToken;
    ds::RoutingAttr routing = routingOf(context, config);
    Value logits = linear(x, path + ".router", count, /*logits=*/true);
    FlatSymbolRefAttr bias;
    if (config.selection == Selection::NoAuxTc)
      bias = FlatSymbolRefAttr::get(context, path + ".router.e_score_correction_bias");
    auto route = ds::RouteOp::create(builder, at(path + ".route"), matrix(choices, f32), matrix(choices, i32), logits, bias, routing,
                                     builder.getStringAttr(path + ".route"));
    auto order = ds::ExpertOrderOp::create(builder, at(path + ".order"), RankedTensorType::get({ShapedType::kDynamic}, i32),
                                           RankedTensorType::get({count + 1}, i32), route.getExperts(), path + ".order");
    Value rows = ds::DispatchOp::create(builder, at(path + ".dispatch"), x.getType(), x, order.getOrder(), choices, path + ".dispatch");
    std::string range = path + ".experts.[0-" + std::to_string(count - 1) + "].";
    auto project = [&](Value input, const std::string &name, int64_t columns) -> Value {
      return ds::GroupedLinearOp::create(builder, at(range + name), matrix(columns, bf16), input, order.getOffsets(),
                                         path + ".experts." + name + ".weight", 0, count, range + name, nullptr, nullptr);
    };
    Value gate = project(rows, "gate_proj", config.expertIntermediate);
    Value up = project(rows, "up_proj", config.expertIntermediate);
    Value down = project(swiglu(gate, up, path + ".experts.swiglu"), "down_proj", config.hidden);
    Value routed =
        ds::CombineOp::create(builder, at(path + ".combine"), x.getType(), down, route.getWeights(), order.getOrder(), path + ".combine");
    if (config.sharedExperts == 0)
      return routed;
    Value shared = feedForward(x, path + ".shared_experts", config.sharedExperts * config.expertIntermediate);
    return add(routed, shared, path + ".shared_experts.add");
  }

  const ModelConfig &config;
  ds::Phase phase;
  MLIRContext *context;
  OpBuilder builder;
  Type bf16, f32, i32;
  ds::RopeAttr rope;
  double softmaxScale;
  ds::FuncOp function;
  Value cosine, sine;
};

/// Adds a ds.param for each parameter, typed as it is stored.
class ParameterBuilder {
public:
  ParameterBuilder(ds::ModelOp model, const ModelConfig &config) : builder(OpBuilder::atBlockEnd(&model.getBody().front())) {
    if (!config.quantization)
      return;
    bool ue8m0 = config.quantization->ue8m0;
    stored = ds::QuantAttr::get(model.getContext(), ds::Payload::f8E4M3FN, {config.quantization->blockRows, config.quantization->blockCols},
                                ue8m0 ? ds::Scale::ue8m0 : ds::Scale::f32, ue8m0 ? ds::ScaleRule::power_of_two : ds::ScaleRule::amax,
                                ds::Rounding::nearest, 0.0, 0, ds::OuterScale::none);
  }

  void add(const std::string &path, const ModelParameter &parameter, const ParameterStorage &storage) {
    bool payload = storage.dtype == DSRT_F8E4M3;
    auto type = RankedTensorType::get(parameter.shape, element(storage.dtype));
    ds::ParamOp::create(builder, NameLoc::get(builder.getStringAttr(path)), builder.getStringAttr(path), TypeAttr::get(type),
                        builder.getStringAttr(parameter.tensor), payload ? builder.getStringAttr(storage.scales) : StringAttr(),
                        payload ? stored : ds::QuantAttr(), Attribute(), Attribute(), builder.getI64IntegerAttr(0));
  }

private:
  Type element(dsrt_dtype dtype) {
    switch (dtype) {
    case DSRT_F32:
      return builder.getF32Type();
    case DSRT_F16:
      return builder.getF16Type();
    case DSRT_F8E4M3:
      return Float8E4M3FNType::get(builder.getContext());
    default:
      return builder.getBF16Type();
    }
  }

  OpBuilder builder;
  ds::QuantAttr stored;
};

} // namespace

OwningOpRef<ModuleOp> importHuggingFace(MLIRContext &context, const ModelConfig &config, const std::vector<ModelParameter> &parameters,
                                        const std::vector<ParameterStorage> &storage) {
  context.getOrLoadDialect<ds::DSDialect>();
  OpBuilder builder(&context);
  Location location = NameLoc::get(builder.getStringAttr("deepseek"));
  OwningOpRef<ModuleOp> module = ModuleOp::create(builder, location);
  builder.setInsertionPointToEnd(module->getBody());
  auto model = ds::ModelOp::create(builder, location, "deepseek", configOf(&context, config), nullptr);
  model.getBody().emplaceBlock();

  ParameterBuilder add(model, config);
  for (size_t i = 0; i < parameters.size(); ++i)
    add.add(parameters[i].path, parameters[i], storage[i]);
  // A tied head is a second parameter from the same tensor: precision may hold the two in different formats.
  if (config.tiedEmbeddings)
    for (size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i].path == "token_embeddings.weight")
        add.add("lm_head.weight", parameters[i], storage[i]);

  for (ds::Phase phase : {ds::Phase::prefill, ds::Phase::decode})
    FunctionBuilder(model, config, phase).build();
  return module;
}

} // namespace dsmlir
