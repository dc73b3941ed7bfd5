// What the tests of the importer share: a small V3 config to vary, and the module that comes of it.
#pragma once

#include "dialects/ds/DS.h"
#include "lowering/HuggingFaceToDS/HuggingFaceToDS.h"

#include "mlir/IR/Verifier.h"

#include <gtest/gtest.h>

namespace dsmlir {

/// One dense and one MoE block, every size different from every other. `changes` is merged in; null takes a field away.
inline dsrt::Json tinyConfig(const char *changes = "{}") {
  dsrt::Json config = dsrt::Json::parse(R"({
    "model_type": "deepseek_v3", "vocab_size": 96, "hidden_size": 80, "intermediate_size": 72, "num_hidden_layers": 2,
    "num_attention_heads": 3, "q_lora_rank": 40, "kv_lora_rank": 48, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "v_head_dim": 12,
    "rms_norm_eps": 1e-5, "max_position_embeddings": 640, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
    "first_k_dense_replace": 1, "n_routed_experts": 6, "n_shared_experts": 2, "num_experts_per_tok": 4, "moe_intermediate_size": 28,
    "n_group": 3, "topk_group": 2, "routed_scaling_factor": 2.5, "norm_topk_prob": true, "rope_theta": 20000,
    "rope_scaling": {"type": "yarn", "factor": 40, "beta_fast": 24, "beta_slow": 2, "mscale": 0.9, "mscale_all_dim": 0.7,
                     "original_max_position_embeddings": 16}
  })");
  config.merge_patch(dsrt::Json::parse(changes));
  return config;
}

/// A module imported from a config, and how to find what is in it.
struct Imported {
  explicit Imported(const dsrt::Json &json) {
    std::vector<std::string> warnings;
    dsrt::Expected<ModelConfig> parsed = ModelConfig::parse(json, "config.json", warnings);
    EXPECT_TRUE(bool(parsed)) << parsed.status().message();
    if (!parsed)
      return;
    config = *parsed;
    EXPECT_TRUE(warnings.empty()) << warnings.front();
    parameters = modelParameters(config);
    module = importHuggingFace(context, config, parameters, storageFromConfig(config, parameters));
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module)));
  }
  explicit Imported(const char *changes = "{}") : Imported(tinyConfig(changes)) {}

  mlir::ds::ModelOp model() { return *module->getOps<mlir::ds::ModelOp>().begin(); }
  mlir::ds::FuncOp function(llvm::StringRef name) { return model().lookupSymbol<mlir::ds::FuncOp>(name); }
  mlir::ds::ParamOp param(llvm::StringRef name) {
    auto found = model().lookupSymbol<mlir::ds::ParamOp>(name);
    EXPECT_TRUE(found) << name.str();
    return found;
  }
  /// The operations of a kind at a path, in order.
  template <typename Op> std::vector<Op> all(llvm::StringRef name, llvm::StringRef path = "") {
    std::vector<Op> found;
    for (Op op : function(name).getBody().getOps<Op>())
      if (path.empty() || op->template getAttrOfType<mlir::StringAttr>("path") == path)
        found.push_back(op);
    return found;
  }
  template <typename Op> size_t count(llvm::StringRef path = "") { return all<Op>("prefill", path).size(); }
  template <typename Op> Op one(llvm::StringRef path) {
    std::vector<Op> found = all<Op>("prefill", path);
    EXPECT_EQ(found.size(), 1u) << path.str();
    return found.at(0);
  }

  mlir::MLIRContext context;
  ModelConfig config;
  std::vector<ModelParameter> parameters;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

} // namespace dsmlir
