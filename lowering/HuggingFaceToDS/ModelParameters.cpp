// modelParameters: the one list of what a DeepSeek checkpoint holds, by our paths and by the checkpoint's names.
#include "lowering/HuggingFaceToDS/ModelConfig.h"

using namespace dsrt;

namespace dsmlir {
namespace {

/// Collects the parameters of a module: our prefix and the checkpoint's, each with its dot.
struct Scope {
  std::vector<ModelParameter> &list;
  std::string ours, theirs;

  Scope in(const std::string &our, const std::string &their) const { return {list, ours + our + ".", theirs + their + "."}; }
  /// A matmul weight, [n, k].
  void linear(const std::string &our, const std::string &their, int64_t n, int64_t k) const {
    list.push_back({ours + our + ".weight", theirs + their + ".weight", {n, k}, true, false});
  }
  /// The same of every expert, [experts, n, k].
  void stacked(const std::string &name, int64_t experts, int64_t n, int64_t k) const {
    list.push_back({ours + "experts." + name + ".weight", theirs + "experts.{e}." + name + ".weight", {experts, n, k}, true, false});
  }
  /// What stays in high precision whatever the checkpoint: norms, embedding, head, router.
  void plain(const std::string &our, const std::string &their, std::vector<int64_t> shape) const {
    list.push_back({ours + our + ".weight", theirs + their + ".weight", std::move(shape), false, false});
  }
};

void attention(const ModelConfig &config, const Scope &block) {
  Scope scope = block.in("attn", "self_attn");
  int64_t queryWidth = config.heads * (config.nopeHeadDim + config.ropeHeadDim);
  if (config.qLoraRank == 0) {
    scope.linear("q_proj", "q_proj", queryWidth, config.hidden);
  } else {
    scope.linear("q_a_proj", "q_a_proj", config.qLoraRank, config.hidden);
    scope.plain("q_a_norm", "q_a_layernorm", {config.qLoraRank});
    scope.linear("q_b_proj", "q_b_proj", queryWidth, config.qLoraRank);
  }
  scope.linear("kv_a_proj", "kv_a_proj_with_mqa", config.kvLoraRank + config.ropeHeadDim, config.hidden);
  scope.plain("kv_a_norm", "kv_a_layernorm", {config.kvLoraRank});
  scope.linear("kv_b_proj", "kv_b_proj", config.heads * (config.nopeHeadDim + config.valueHeadDim), config.kvLoraRank);
  scope.linear("out_proj", "o_proj", config.hidden, config.heads * config.valueHeadDim);
}

void feedForward(const Scope &scope, int64_t hidden, int64_t width) {
  scope.linear("gate_proj", "gate_proj", width, hidden);
  scope.linear("up_proj", "up_proj", width, hidden);
  scope.linear("down_proj", "down_proj", hidden, width);
}

void experts(const ModelConfig &config, const Scope &scope) {
  int64_t count = config.routedExperts, hidden = config.hidden, width = config.expertIntermediate;
  scope.plain("router", "gate", {count, hidden});
  if (config.selection == Selection::NoAuxTc)
    scope.list.push_back(
        {scope.ours + "router.e_score_correction_bias", scope.theirs + "gate.e_score_correction_bias", {count}, false, true});
  scope.stacked("gate_proj", count, width, hidden);
  scope.stacked("up_proj", count, width, hidden);
  scope.stacked("down_proj", count, hidden, width);
  // One module of the summed width.
  if (config.sharedExperts > 0)
    feedForward(scope.in("shared_experts", "shared_experts"), hidden, config.sharedExperts * width);
}

} // namespace

std::vector<ModelParameter> modelParameters(const ModelConfig &config) {
  std::vector<ModelParameter> list;
  Scope root{list, "", ""}, model{list, "", "model."};
  model.plain("token_embeddings", "embed_tokens", {config.vocabulary, config.hidden});
  for (int64_t i = 0; i < config.layers; ++i) {
    std::string index = std::to_string(i);
    Scope block = model.in("blocks." + index, "layers." + index);
    block.plain("attn_norm", "input_layernorm", {config.hidden});
    attention(config, block);
    block.plain("ffn_norm", "post_attention_layernorm", {config.hidden});
    Scope ffn = block.in("ffn", "mlp");
    if (config.isDense(i))
      feedForward(ffn, config.hidden, config.intermediate);
    else
      experts(config, ffn);
  }
  model.plain("final_norm", "norm", {config.hidden});
  if (!config.tiedEmbeddings)
    root.plain("lm_head", "lm_head", {config.vocabulary, config.hidden});
  return list;
}

} // namespace dsmlir
