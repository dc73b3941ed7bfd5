// ModelConfig::parse: config.json of DeepSeek-V2 and V3. What each field means, its default and what is without effect: the
// list in docs ("Fields"), after DeepSeek's and transformers' configuration_deepseek_v2.py and _v3.py.
#include "lowering/HuggingFaceToDS/ModelConfig.h"
#include "runtime/support/FieldReader.h"

using namespace dsrt;

namespace dsmlir {
namespace {

// Ranges: far above any published model, and small enough that a product of two is far from overflow.
constexpr int64_t maximumSize = int64_t(1) << 20;       // widths, ranks, head dimensions
constexpr int64_t maximumVocabulary = int64_t(1) << 27; // token ids are I32
constexpr int64_t maximumLayers = 10'000;
constexpr int64_t maximumCount = int64_t(1) << 16;   // heads, experts, groups
constexpr int64_t maximumPositions = INT32_MAX;      // positions are I32
constexpr int64_t maximumExperts = int64_t(1) << 19; // of all blocks together: each has tensors and modules that are listed one by one

/// Training, generation and bookkeeping: no forward pass reads them.
const std::vector<std::string> fieldsWithoutEffect = {
    "architectures", "model_type", "transformers_version", "auto_map", "_name_or_path", "_attn_implementation", "_commit_hash",
    "_experts_implementation", "attn_implementation",
    // training
    "attention_dropout", "hidden_dropout", "dropout", "initializer_range", "aux_loss_alpha", "seq_aux", "router_aux_loss_coef",
    "output_router_logits", "pretraining_tp", "ep_size", "gradient_checkpointing", "bias_update_speed", "problem_type", "id2label",
    "label2id", "num_labels", "return_dict", "output_attentions", "output_hidden_states", "torchscript", "use_bfloat16",
    "chunk_size_feed_forward", "finetuning_task", "task_specific_params", "tf_legacy_loss", "tokenizer_class", "prefix",
    // generation
    "use_cache", "bos_token_id", "eos_token_id", "pad_token_id", "sep_token_id", "unk_token_id", "decoder_start_token_id",
    "forced_bos_token_id", "forced_eos_token_id", "max_length", "min_length", "do_sample", "early_stopping", "num_beams", "num_beam_groups",
    "diversity_penalty", "temperature", "top_k", "top_p", "typical_p", "repetition_penalty", "length_penalty", "no_repeat_ngram_size",
    "encoder_no_repeat_ngram_size", "bad_words_ids", "num_return_sequences", "output_scores", "return_dict_in_generate", "suppress_tokens",
    "begin_suppress_tokens", "remove_invalid_values", "exponential_decay_length_penalty", "generation_config"};

/// One object that describes the rotary embedding: `rope_scaling`, or transformers 5's `rope_parameters`.
RopeConfig parseRope(FieldReader &reader, double theta) {
  RopeConfig rope;
  rope.theta = theta;
  // "type" is the older name of "rope_type"; published configs have either, or both.
  std::string older = reader.word("type", "default"), type = reader.word("rope_type", older);
  if (reader.has("type") && type != older)
    reader.fail(DSRT_UNREADABLE, "rope_type", "expects the same value as 'type', '" + older + "', but got '" + type + "'");
  reader.implemented("partial_rotary_factor", 1.0);
  if (type == "default") {
    // Left over from a YaRN config that was switched off, these say nothing.
    reader.withoutEffect({"factor", "original_max_position_embeddings", "beta_fast", "beta_slow", "mscale", "mscale_all_dim",
                          "attention_factor", "truncate"});
    return rope;
  }
  if (type != "yarn") {
    reader.fail(DSRT_REJECTED, reader.has("rope_type") ? "rope_type" : "type",
                "expects \"default\" or \"yarn\", but got \"" + type.substr(0, 40) + "\", which is not implemented");
    return rope;
  }
  rope.yarn = true;
  rope.factor = reader.number("factor", 1, true);
  rope.originalLength = reader.integer("original_max_position_embeddings", 1, maximumPositions);
  rope.betaFast = reader.number("beta_fast", 0, false, 32);
  rope.betaSlow = reader.number("beta_slow", 0, false, 1);
  if (rope.betaFast <= rope.betaSlow)
    reader.fail(DSRT_UNREADABLE, "beta_fast", format("expects a number above beta_slow = %g, but got %g", rope.betaSlow, rope.betaFast));
  // DeepSeek's code reads an absent mscale as 1 and an absent mscale_all_dim as 0; transformers reads a pair of which one is
  // absent or 0 as if neither were there. The cosines differ unless what stands alone is mscale = 1.
  rope.mscale = reader.number("mscale", 0, true, 1);
  rope.mscaleAllDim = reader.number("mscale_all_dim", 0, true, 0);
  bool both = rope.mscale != 0 && rope.mscaleAllDim != 0 && reader.has("mscale");
  bool plain = rope.mscale == 1 && rope.mscaleAllDim == 0;
  if (!both && !plain && rope.factor > 1)
    reader.fail(DSRT_REJECTED, reader.has("mscale") ? "mscale" : "mscale_all_dim",
                "expects mscale and mscale_all_dim both above 0, or neither: one alone is read differently by different implementations");
  if (const Json *factor = reader.find("attention_factor"))
    reader.fail(DSRT_REJECTED, "attention_factor",
                "expects to be absent, the factor following from mscale and mscale_all_dim, but got " + valueText(*factor));
  reader.implemented("truncate", true);
  return rope;
}

RopeConfig parseRopes(FieldReader &config, const std::string &what, std::vector<std::string> &warnings) {
  double theta = config.number("rope_theta", 1, false, 10000);
  bool thetaStands = config.has("rope_theta");
  std::optional<RopeConfig> result;
  for (const char *key : {"rope_scaling", "rope_parameters"}) {
    const Json *object = config.find(key);
    if (!object)
      continue;
    if (!object->is_object()) {
      config.fail(DSRT_UNREADABLE, key, "expects an object or null, but got " + valueText(*object));
      continue;
    }
    FieldReader reader(*object, what, std::string(key) + ".");
    double inner = reader.number("rope_theta", 1, false, theta);
    if (reader.has("rope_theta") && thetaStands && inner != theta)
      reader.fail(DSRT_UNREADABLE, "rope_theta", format("expects the value of the config's rope_theta, %g, but got %g", theta, inner));
    RopeConfig rope = parseRope(reader, inner);
    config.fail(reader.status());
    reader.warnUnknown(warnings);
    if (result && (result->yarn != rope.yarn || result->theta != rope.theta || result->factor != rope.factor ||
                   result->betaFast != rope.betaFast || result->betaSlow != rope.betaSlow || result->mscale != rope.mscale ||
                   result->mscaleAllDim != rope.mscaleAllDim || result->originalLength != rope.originalLength))
      config.fail(DSRT_UNREADABLE, key, "expects to say the same as 'rope_scaling', but differs");
    result = rope;
  }
  if (!result) {
    result = RopeConfig();
    result->theta = theta;
  }
  return *result;
}

/// Whether a module that the config leaves unquantised is one that we hold in high precision as well: embedding, head, router,
/// norms, and whatever belongs to the multi-token-prediction layers, which are left out.
bool staysUnquantised(std::string module, int64_t layers) {
  if (module.starts_with("model."))
    module = module.substr(6);
  if (module.starts_with("layers.")) {
    size_t end = module.find('.', 7);
    std::string index = module.substr(7, end == std::string::npos ? end : end - 7);
    if (!index.empty() && index.size() < 9 && index.find_first_not_of("0123456789") == std::string::npos && std::stoll(index) >= layers)
      return true;
    module = end == std::string::npos ? "" : module.substr(end + 1);
  }
  for (const char *name : {"lm_head", "embed_tokens", "mlp.gate", "gate", "router", "norm", "input_layernorm", "post_attention_layernorm",
                           "self_attn.q_a_layernorm", "self_attn.kv_a_layernorm", "q_a_layernorm", "kv_a_layernorm"})
    if (module == name)
      return true;
  return false;
}

std::optional<StoredQuantization> parseQuantization(FieldReader &config, const std::string &what, int64_t layers,
                                                    std::vector<std::string> &warnings) {
  const Json *object = config.find("quantization_config");
  if (!object)
    return std::nullopt;
  if (!object->is_object()) {
    config.fail(DSRT_UNREADABLE, "quantization_config", "expects an object or null, but got " + valueText(*object));
    return std::nullopt;
  }
  FieldReader reader(*object, what, "quantization_config.");
  StoredQuantization stored;
  if (!reader.has("quant_method"))
    reader.fail(DSRT_UNREADABLE, "quant_method", "is missing: expects \"fp8\"");
  reader.implemented("quant_method", "fp8");
  reader.implemented("fmt", "e4m3");
  reader.implemented("activation_scheme", "dynamic");
  reader.implemented("dequantize", false);
  // Any block is a tile of the stored format; only 128 x 128 can be computed with as it is, others are dequantised first.
  const Json *block = reader.find("weight_block_size");
  auto isExtent = [](const Json &value) { return value.is_number_integer() && value > 0 && value <= maximumSize; };
  if (!block)
    reader.fail(DSRT_REJECTED, "weight_block_size", "expects two block extents, but is absent: scales per tensor are not implemented");
  else if (!block->is_array() || block->size() != 2 || !isExtent((*block)[0]) || !isExtent((*block)[1]))
    reader.fail(DSRT_UNREADABLE, "weight_block_size", "expects two positive integers, but got " + valueText(*block));
  else {
    stored.blockRows = (*block)[0].get<int64_t>();
    stored.blockCols = (*block)[1].get<int64_t>();
  }
  std::string scales = reader.word("scale_fmt", "float");
  if (scales != "float" && scales != "ue8m0")
    reader.fail(DSRT_REJECTED, "scale_fmt", "expects \"ue8m0\", \"float\" or none, but got \"" + scales.substr(0, 40) + "\"");
  stored.ue8m0 = scales == "ue8m0";
  for (const char *key : {"modules_to_not_convert", "ignored_layers"}) {
    const Json *modules = reader.find(key);
    if (!modules)
      continue;
    if (!modules->is_array() || !std::all_of(modules->begin(), modules->end(), [](const Json &name) { return name.is_string(); })) {
      reader.fail(DSRT_UNREADABLE, key, "expects an array of module names, but got " + valueText(*modules));
      continue;
    }
    for (const Json &name : *modules)
      if (!staysUnquantised(name.get<std::string>(), layers))
        reader.fail(DSRT_REJECTED, key,
                    "expects only embedding, head, router and norms, which are never quantised, but got " + valueText(name));
  }
  config.fail(reader.status());
  reader.warnUnknown(warnings);
  return stored;
}

void parseExperts(FieldReader &reader, ModelConfig &config) {
  bool v3 = config.family == Family::V3;
  // Absent where the other counts stand there, it is forgotten, not dense: null says dense.
  bool dense = !reader.has("n_routed_experts");
  if (dense && !reader.stands("n_routed_experts") && (reader.has("num_experts_per_tok") || reader.has("moe_intermediate_size")))
    reader.fail(DSRT_UNREADABLE, "n_routed_experts", "is missing: expects the number of routed experts, or null in a dense model");
  reader.implemented("moe_layer_freq", 1);
  std::string scoring = reader.word("scoring_func", v3 ? "sigmoid" : "softmax");
  std::string selection = reader.word("topk_method", v3 ? "noaux_tc" : "greedy");
  config.normalizeTopK = reader.boolean("norm_topk_prob", v3);
  config.routedScaling = reader.number("routed_scaling_factor", 0, false, 1);
  config.firstDense = std::min(reader.integer("first_k_dense_replace", 0, maximumLayers, 0), config.layers);
  if (dense) {
    reader.withoutEffect({"n_shared_experts", "num_experts_per_tok", "moe_intermediate_size", "n_group", "topk_group"});
    config.firstDense = config.layers;
    return;
  }
  config.routedExperts = reader.integer("n_routed_experts", 1, maximumCount);
  if (!reader.stands("n_shared_experts"))
    reader.fail(DSRT_UNREADABLE, "n_shared_experts", "is missing: expects the number of shared experts, 0 or null for none");
  config.sharedExperts = reader.integer("n_shared_experts", 0, maximumCount, 0);
  config.expertsPerToken = reader.integer("num_experts_per_tok", 1, maximumCount);
  config.expertIntermediate = reader.integer("moe_intermediate_size", 1, maximumSize);
  config.groups = reader.integer("n_group", 1, maximumCount, 1);
  config.topGroups = reader.integer("topk_group", 1, maximumCount, 1);
  if (!reader.ok())
    return;

  if (scoring == "sigmoid" && selection == "noaux_tc") {
    config.scoring = Scoring::Sigmoid;
    config.selection = Selection::NoAuxTc;
  } else if (scoring == "softmax" && (selection == "greedy" || selection == "group_limited_greedy")) {
    config.scoring = Scoring::Softmax;
    config.selection = selection == "greedy" ? Selection::Greedy : Selection::GroupLimitedGreedy;
  } else {
    bool knownScoring = scoring == "sigmoid" || scoring == "softmax";
    reader.fail(DSRT_REJECTED, knownScoring ? "topk_method" : "scoring_func",
                "expects scoring_func \"sigmoid\" with topk_method \"noaux_tc\", or \"softmax\" with \"greedy\" or "
                "\"group_limited_greedy\", but got \"" +
                    scoring.substr(0, 40) + "\" with \"" + selection.substr(0, 40) + "\"");
    return;
  }
  auto number = [](int64_t value) { return static_cast<long long>(value); };
  if (config.selection == Selection::Greedy) {
    config.groups = config.topGroups = 1; // greedy looks at all experts, whatever the groups
  } else if (config.routedExperts % config.groups != 0) {
    reader.fail(DSRT_UNREADABLE, "n_group",
                format("expects a divisor of n_routed_experts = %lld, but got %lld", number(config.routedExperts), number(config.groups)));
  } else if (config.topGroups > config.groups) {
    reader.fail(DSRT_UNREADABLE, "topk_group",
                format("expects at most n_group = %lld, but got %lld", number(config.groups), number(config.topGroups)));
  } else if (config.selection == Selection::NoAuxTc && config.groups > 1 && config.routedExperts / config.groups < 2) {
    reader.fail(DSRT_UNREADABLE, "n_group",
                format("expects groups of two experts or more, a group's score being the sum of its two "
                       "best, but got %lld groups of one",
                       number(config.groups)));
  }
  if (!reader.ok())
    return;
  int64_t eligible = config.routedExperts / config.groups * config.topGroups;
  if (config.expertsPerToken > eligible)
    reader.fail(DSRT_UNREADABLE, "num_experts_per_tok",
                format("expects at most the %lld experts of the chosen groups (%lld of %lld experts in %lld of %lld groups), but got %lld",
                       number(eligible), number(eligible), number(config.routedExperts), number(config.topGroups), number(config.groups),
                       number(config.expertsPerToken)));
}

/// Widths and sizes that follow from several fields stay within 31 and 63 bits.
void checkProducts(FieldReader &reader, const ModelConfig &config) {
  struct Width {
    const char *field;
    int64_t value;
  } widths[] = {{"num_attention_heads", config.heads * (config.nopeHeadDim + config.ropeHeadDim)},
                {"num_attention_heads", config.heads * (config.nopeHeadDim + config.valueHeadDim)},
                {"n_shared_experts", config.sharedExperts * config.expertIntermediate}};
  for (const Width &width : widths)
    if (width.value > INT32_MAX)
      reader.fail(DSRT_UNREADABLE, width.field,
                  format("expects widths below 2^31, but got one of %lld", static_cast<long long>(width.value)));
  if (int64_t experts = (config.layers - config.firstDense) * config.routedExperts; experts > maximumExperts)
    reader.fail(DSRT_UNREADABLE, "n_routed_experts",
                format("expects at most %lld experts in all blocks together, but got %lld", static_cast<long long>(maximumExperts),
                       static_cast<long long>(experts)));
  if (!reader.ok())
    return;
  int64_t bytes = 0; // of all weights in F64, so that any dtype fits
  for (const ModelParameter &parameter : modelParameters(config)) {
    int64_t size = 8;
    for (int64_t extent : parameter.shape)
      if (__builtin_mul_overflow(size, extent, &size))
        size = INT64_MAX;
    if (__builtin_add_overflow(bytes, size, &bytes)) {
      reader.fail(DSRT_UNREADABLE, "num_hidden_layers", "expects a model whose bytes fit 63 bits; " + parameter.path + " is beyond them");
      return;
    }
  }
}

} // namespace

Expected<ModelConfig> ModelConfig::parse(const Json &json, const std::string &what, std::vector<std::string> &warnings) {
  if (!json.is_object())
    return Status(DSRT_UNREADABLE, what + ": expects a JSON object, but got " + json.type_name());
  FieldReader reader(json, what);
  ModelConfig config;
  std::string family = reader.word("model_type");
  if (!reader.ok())
    return reader.status();
  if (family != "deepseek_v2" && family != "deepseek_v3") {
    reader.fail(DSRT_REJECTED, "model_type", "expects \"deepseek_v2\" or \"deepseek_v3\", but got \"" + family.substr(0, 60) + "\"");
    return reader.status();
  }
  config.family = family == "deepseek_v3" ? Family::V3 : Family::V2;
  bool v3 = config.family == Family::V3;

  config.vocabulary = reader.integer("vocab_size", 1, maximumVocabulary);
  config.hidden = reader.integer("hidden_size", 1, maximumSize);
  config.layers = reader.integer("num_hidden_layers", 1, maximumLayers);
  config.heads = reader.integer("num_attention_heads", 1, maximumCount);
  config.kvLoraRank = reader.integer("kv_lora_rank", 1, maximumSize);
  if (reader.has("q_lora_rank"))
    config.qLoraRank = reader.integer("q_lora_rank", 1, maximumSize);
  config.nopeHeadDim = reader.integer("qk_nope_head_dim", 1, maximumSize);
  config.ropeHeadDim = reader.integer("qk_rope_head_dim", 2, maximumSize);
  config.valueHeadDim = reader.integer("v_head_dim", 1, maximumSize);
  config.normEps = reader.number("rms_norm_eps", 0, false, 1e-6);
  config.tiedEmbeddings = reader.boolean("tie_word_embeddings", false);
  config.maxPositions = reader.integer("max_position_embeddings", 1, maximumPositions, v3 ? 4096 : 2048); // transformers' defaults
  config.nextTokenLayers = reader.integer("num_nextn_predict_layers", 0, maximumLayers, 0);
  if (!reader.ok())
    return reader.status();
  if (config.ropeHeadDim % 2 != 0)
    reader.fail(DSRT_UNREADABLE, "qk_rope_head_dim",
                format("expects an even number, the rotation being of pairs, but got %lld", static_cast<long long>(config.ropeHeadDim)));
  parseExperts(reader, config);
  // A width that no block has may be absent: a model without dense blocks needs no dense width.
  if (config.firstDense > 0 || reader.has("intermediate_size"))
    config.intermediate = reader.integer("intermediate_size", 1, maximumSize);

  config.rope = parseRopes(reader, what, warnings);
  config.quantization = parseQuantization(reader, what, config.layers, warnings);
  // transformers 5 writes "dtype", versions before it "torch_dtype".
  config.storedDtype = reader.word("dtype", reader.word("torch_dtype", "bfloat16"));
  if (config.storedDtype != "bfloat16" && config.storedDtype != "float16" && config.storedDtype != "float32")
    reader.fail(DSRT_REJECTED, reader.has("dtype") ? "dtype" : "torch_dtype",
                "expects \"bfloat16\", \"float16\" or \"float32\", but got \"" + config.storedDtype.substr(0, 40) + "\"");

  reader.implemented("attention_bias", false);
  reader.implemented("mlp_bias", false);
  reader.implemented("hidden_act", "silu");
  reader.implemented("rope_interleave", true);
  reader.implemented("use_mla", true);
  reader.implemented("num_key_value_heads", config.heads);
  reader.implemented("qk_head_dim", config.nopeHeadDim + config.ropeHeadDim);
  // Two readings of head_dim are about: transformers', the rotary part, and the whole of a query's head.
  if (const Json *headDim = reader.find("head_dim"); headDim && *headDim != config.ropeHeadDim)
    reader.implemented("head_dim", config.nopeHeadDim + config.ropeHeadDim);
  reader.withoutEffect(fieldsWithoutEffect);
  if (reader.ok())
    checkProducts(reader, config);
  if (!reader.ok())
    return reader.status();
  reader.warnUnknown(warnings);
  return config;
}

} // namespace dsmlir
