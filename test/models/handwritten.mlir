// A model of two layers by hand: latent attention in both, a dense feed-forward and then a mixture of experts. It is the model of
// Inputs/handwritten.json, which imports to the same operations; no policy stands in it, so that ds-compile's options decide.
//
// RUN: ds-opt %s -o %t.ds.mlir
// RUN: ds-compile --compile-to=ds %S/Inputs/handwritten.json -o %t.imported.mlir
// RUN: diff %t.ds.mlir %t.imported.mlir
//
// It compiles as an imported one does, to the same code.
// RUN: ds-compile --precision-recipe deepseek_v3 --compile-to=llvm %s -o %t.llvm.mlir
// RUN: ds-compile --precision-recipe deepseek_v3 --compile-to=llvm %S/Inputs/handwritten.json -o %t.imported.llvm.mlir
// RUN: diff %t.llvm.mlir %t.imported.llvm.mlir
// RUN: ds-compile --precision-recipe deepseek_v3 %s -o %t.so
//
// RUN: ds-compile --precision-recipe deepseek_v3 --compile-to=legal %s | FileCheck %s
// Products of linear modules are FP8; router, head, norms and the bias are not.
// CHECK: ds.model @deepseek {{.*}} policy(<precision_recipe = deepseek_v3>)
// CHECK: ds.param @blocks.0.attn.q_proj.weight {{.*}} resident(#tile_128x128_f8E4M3FN)
// CHECK: ds.param @blocks.1.ffn.router.weight {{.*}} resident(bf16)
// CHECK: ds.param @blocks.1.ffn.router.e_score_correction_bias : tensor<4xf32> from "model.layers.1.mlp.gate.e_score_correction_bias"
// CHECK: ds.func @prefill
// q_proj and kv_a_proj share one quantised input.
// CHECK: %[[Q:.*]], %[[S:.*]] = ds.quantize %{{.*}} quant(#tile_1x128_f8E4M3FN)
// CHECK: ds.scaled_matmul %[[Q]], %[[S]], @blocks.0.attn.q_proj.weight
// CHECK: ds.scaled_matmul %[[Q]], %[[S]], @blocks.0.attn.kv_a_proj.weight
// CHECK: ds.mla_attention prefill {{.*}} activation(#tile_1x128_f8E4M3FN)
// CHECK: ds.linear {{.*}} @blocks.1.ffn.router.weight logits
// CHECK: ds.grouped_scaled_matmul {{.*}} @blocks.1.ffn.experts.gate_proj.weight experts(0, 4)
// CHECK: ds.linear {{.*}} @lm_head.weight logits
// CHECK: ds.func @decode
// Decode is absorbed: it quantises no latent.
// CHECK: ds.mla_attention decode
// CHECK-NOT: activation

#config = #ds.config<family = v3, vocabulary = 256, hidden_size = 64, layers = 2, heads = 2, kv_lora_rank = 32, rope_head_dim = 8, max_positions = 1024,
                     experts = 4, experts_per_token = 2>
#rope = #ds.rope<dims = 8, theta = 10000.0>
// The better of two groups of two, by the sum of their scores; both of its experts.
#routing = #ds.routing<scoring = sigmoid, selection = noaux_tc, experts = 4, top_k = 2, groups = 2, normalize = true, scaling = 2.5>

ds.model @deepseek config(#config) {
  ds.param @token_embeddings.weight : tensor<256x64xbf16> from "model.embed_tokens.weight"

  // Block 0: dense
  ds.param @blocks.0.attn_norm.weight : tensor<64xbf16> from "model.layers.0.input_layernorm.weight"
  ds.param @blocks.0.attn.q_proj.weight : tensor<48x64xbf16> from "model.layers.0.self_attn.q_proj.weight"
  ds.param @blocks.0.attn.kv_a_proj.weight : tensor<40x64xbf16> from "model.layers.0.self_attn.kv_a_proj_with_mqa.weight"
  ds.param @blocks.0.attn.kv_a_norm.weight : tensor<32xbf16> from "model.layers.0.self_attn.kv_a_layernorm.weight"
  ds.param @blocks.0.attn.kv_b_proj.weight : tensor<64x32xbf16> from "model.layers.0.self_attn.kv_b_proj.weight"
  ds.param @blocks.0.attn.out_proj.weight : tensor<64x32xbf16> from "model.layers.0.self_attn.o_proj.weight"
  ds.param @blocks.0.ffn_norm.weight : tensor<64xbf16> from "model.layers.0.post_attention_layernorm.weight"
  ds.param @blocks.0.ffn.gate_proj.weight : tensor<96x64xbf16> from "model.layers.0.mlp.gate_proj.weight"
  ds.param @blocks.0.ffn.up_proj.weight : tensor<96x64xbf16> from "model.layers.0.mlp.up_proj.weight"
  ds.param @blocks.0.ffn.down_proj.weight : tensor<64x96xbf16> from "model.layers.0.mlp.down_proj.weight"

  // Block 1: a router, four experts and a shared one
  ds.param @blocks.1.attn_norm.weight : tensor<64xbf16> from "model.layers.1.input_layernorm.weight"
  ds.param @blocks.1.attn.q_proj.weight : tensor<48x64xbf16> from "model.layers.1.self_attn.q_proj.weight"
  ds.param @blocks.1.attn.kv_a_proj.weight : tensor<40x64xbf16> from "model.layers.1.self_attn.kv_a_proj_with_mqa.weight"
  ds.param @blocks.1.attn.kv_a_norm.weight : tensor<32xbf16> from "model.layers.1.self_attn.kv_a_layernorm.weight"
  ds.param @blocks.1.attn.kv_b_proj.weight : tensor<64x32xbf16> from "model.layers.1.self_attn.kv_b_proj.weight"
  ds.param @blocks.1.attn.out_proj.weight : tensor<64x32xbf16> from "model.layers.1.self_attn.o_proj.weight"
  ds.param @blocks.1.ffn_norm.weight : tensor<64xbf16> from "model.layers.1.post_attention_layernorm.weight"
  ds.param @blocks.1.ffn.router.weight : tensor<4x64xbf16> from "model.layers.1.mlp.gate.weight"
  ds.param @blocks.1.ffn.router.e_score_correction_bias : tensor<4xf32> from "model.layers.1.mlp.gate.e_score_correction_bias"
  ds.param @blocks.1.ffn.experts.gate_proj.weight : tensor<4x32x64xbf16> from "model.layers.1.mlp.experts.{e}.gate_proj.weight"
  ds.param @blocks.1.ffn.experts.up_proj.weight : tensor<4x32x64xbf16> from "model.layers.1.mlp.experts.{e}.up_proj.weight"
  ds.param @blocks.1.ffn.experts.down_proj.weight : tensor<4x64x32xbf16> from "model.layers.1.mlp.experts.{e}.down_proj.weight"
  ds.param @blocks.1.ffn.shared_experts.gate_proj.weight : tensor<32x64xbf16> from "model.layers.1.mlp.shared_experts.gate_proj.weight"
  ds.param @blocks.1.ffn.shared_experts.up_proj.weight : tensor<32x64xbf16> from "model.layers.1.mlp.shared_experts.up_proj.weight"
  ds.param @blocks.1.ffn.shared_experts.down_proj.weight : tensor<64x32xbf16> from "model.layers.1.mlp.shared_experts.down_proj.weight"

  ds.param @final_norm.weight : tensor<64xbf16> from "model.norm.weight"
  ds.param @lm_head.weight : tensor<256x64xbf16> from "lm_head.weight"

  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x40xbf16>) -> tensor<?x256xf32> {
    %cos, %sin = ds.rope_table %batch rope(#rope) : tensor<?x4xf32>, tensor<?x4xf32>
    %x0 = ds.embedding %tokens, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x64xbf16>

    // Attention: two heads of 16 + 8 columns, of which the last eight are rotated; the cache takes a latent of 32 and a key of 8.
    %n0 = ds.rms_norm %x0, @blocks.0.attn_norm.weight eps(1.0e-06) module("blocks.0.attn_norm") : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
    %q0 = ds.linear %n0, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x64xbf16>) -> tensor<?x48xbf16>
    %qr0 = ds.rope %q0, %cos, %sin heads(2) begin(16) module("blocks.0.attn.rope") : tensor<?x48xbf16>, tensor<?x4xf32>
    %kv0 = ds.linear %n0, @blocks.0.attn.kv_a_proj.weight module("blocks.0.attn.kv_a_proj") : (tensor<?x64xbf16>) -> tensor<?x40xbf16>
    %c0 = ds.slice_columns %kv0 begin(0) module("blocks.0.attn.kv_split") : (tensor<?x40xbf16>) -> tensor<?x32xbf16>
    %latent0 = ds.rms_norm %c0, @blocks.0.attn.kv_a_norm.weight eps(1.0e-06) module("blocks.0.attn.kv_a_norm") : (tensor<?x32xbf16>) -> tensor<?x32xbf16>
    %k0 = ds.slice_columns %kv0 begin(32) module("blocks.0.attn.kv_split") : (tensor<?x40xbf16>) -> tensor<?x8xbf16>
    %key0 = ds.rope %k0, %cos, %sin heads(1) begin(0) module("blocks.0.attn.rope") : tensor<?x8xbf16>, tensor<?x4xf32>
    ds.cache_append %cache, %latent0, %key0, %batch layer(0) module("blocks.0.attn.cache") : !ds.kv_cache<2x40xbf16>, tensor<?x32xbf16>, tensor<?x8xbf16>
    %o0 = ds.mla_attention prefill %qr0, %cache, %batch, @blocks.0.attn.kv_b_proj.weight layer(0) heads(2, nope = 16, rope = 8, value = 16)
           scale(0.20412414523193154) module("blocks.0.attn.kv_b_proj") : (tensor<?x48xbf16>, !ds.kv_cache<2x40xbf16>, !ds.batch) -> tensor<?x32xbf16>
    %a0 = ds.linear %o0, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x32xbf16>) -> tensor<?x64xbf16>
    %x1 = ds.add %x0, %a0 module("blocks.0.attn.residual") : tensor<?x64xbf16>
    %n1 = ds.rms_norm %x1, @blocks.0.ffn_norm.weight eps(1.0e-06) module("blocks.0.ffn_norm") : (tensor<?x64xbf16>) -> tensor<?x64xbf16>

    // Block 0, a dense feed-forward
    %gate = ds.linear %n1, @blocks.0.ffn.gate_proj.weight module("blocks.0.ffn.gate_proj") : (tensor<?x64xbf16>) -> tensor<?x96xbf16>
    %up = ds.linear %n1, @blocks.0.ffn.up_proj.weight module("blocks.0.ffn.up_proj") : (tensor<?x64xbf16>) -> tensor<?x96xbf16>
    %h = ds.swiglu %gate, %up module("blocks.0.ffn.swiglu") : tensor<?x96xbf16>
    %f0 = ds.linear %h, @blocks.0.ffn.down_proj.weight module("blocks.0.ffn.down_proj") : (tensor<?x96xbf16>) -> tensor<?x64xbf16>
    %x2 = ds.add %x1, %f0 module("blocks.0.ffn.residual") : tensor<?x64xbf16>

    // Block 1, attention
    %n2 = ds.rms_norm %x2, @blocks.1.attn_norm.weight eps(1.0e-06) module("blocks.1.attn_norm") : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
    %q1 = ds.linear %n2, @blocks.1.attn.q_proj.weight module("blocks.1.attn.q_proj") : (tensor<?x64xbf16>) -> tensor<?x48xbf16>
    %qr1 = ds.rope %q1, %cos, %sin heads(2) begin(16) module("blocks.1.attn.rope") : tensor<?x48xbf16>, tensor<?x4xf32>
    %kv1 = ds.linear %n2, @blocks.1.attn.kv_a_proj.weight module("blocks.1.attn.kv_a_proj") : (tensor<?x64xbf16>) -> tensor<?x40xbf16>
    %c1 = ds.slice_columns %kv1 begin(0) module("blocks.1.attn.kv_split") : (tensor<?x40xbf16>) -> tensor<?x32xbf16>
    %latent1 = ds.rms_norm %c1, @blocks.1.attn.kv_a_norm.weight eps(1.0e-06) module("blocks.1.attn.kv_a_norm") : (tensor<?x32xbf16>) -> tensor<?x32xbf16>
    %k1 = ds.slice_columns %kv1 begin(32) module("blocks.1.attn.kv_split") : (tensor<?x40xbf16>) -> tensor<?x8xbf16>
    %key1 = ds.rope %k1, %cos, %sin heads(1) begin(0) module("blocks.1.attn.rope") : tensor<?x8xbf16>, tensor<?x4xf32>
    ds.cache_append %cache, %latent1, %key1, %batch layer(1) module("blocks.1.attn.cache") : !ds.kv_cache<2x40xbf16>, tensor<?x32xbf16>, tensor<?x8xbf16>
    %o1 = ds.mla_attention prefill %qr1, %cache, %batch, @blocks.1.attn.kv_b_proj.weight layer(1) heads(2, nope = 16, rope = 8, value = 16)
           scale(0.20412414523193154) module("blocks.1.attn.kv_b_proj") : (tensor<?x48xbf16>, !ds.kv_cache<2x40xbf16>, !ds.batch) -> tensor<?x32xbf16>
    %a1 = ds.linear %o1, @blocks.1.attn.out_proj.weight module("blocks.1.attn.out_proj") : (tensor<?x32xbf16>) -> tensor<?x64xbf16>
    %x3 = ds.add %x2, %a1 module("blocks.1.attn.residual") : tensor<?x64xbf16>
    %n3 = ds.rms_norm %x3, @blocks.1.ffn_norm.weight eps(1.0e-06) module("blocks.1.ffn_norm") : (tensor<?x64xbf16>) -> tensor<?x64xbf16>

    // Block 1, experts: each token goes to two of four, its rows sorted by expert and summed by their weights
    %scores = ds.linear %n3, @blocks.1.ffn.router.weight logits module("blocks.1.ffn.router") : (tensor<?x64xbf16>) -> tensor<?x4xf32>
    %weights, %experts = ds.route %scores bias(@blocks.1.ffn.router.e_score_correction_bias) routing(#routing) module("blocks.1.ffn.route")
           : (tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %order, %offsets = ds.expert_order %experts module("blocks.1.ffn.order") : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<5xi32>)
    %rows = ds.dispatch %n3, %order choices(2) module("blocks.1.ffn.dispatch") : (tensor<?x64xbf16>, tensor<?xi32>) -> tensor<?x64xbf16>
    %egate = ds.grouped_linear %rows, %offsets, @blocks.1.ffn.experts.gate_proj.weight experts(0, 4) module("blocks.1.ffn.experts.[0-3].gate_proj")
           : (tensor<?x64xbf16>, tensor<5xi32>) -> tensor<?x32xbf16>
    %eup = ds.grouped_linear %rows, %offsets, @blocks.1.ffn.experts.up_proj.weight experts(0, 4) module("blocks.1.ffn.experts.[0-3].up_proj")
           : (tensor<?x64xbf16>, tensor<5xi32>) -> tensor<?x32xbf16>
    %eh = ds.swiglu %egate, %eup module("blocks.1.ffn.experts.swiglu") : tensor<?x32xbf16>
    %edown = ds.grouped_linear %eh, %offsets, @blocks.1.ffn.experts.down_proj.weight experts(0, 4) module("blocks.1.ffn.experts.[0-3].down_proj")
           : (tensor<?x32xbf16>, tensor<5xi32>) -> tensor<?x64xbf16>
    %routed = ds.combine %edown, %weights, %order module("blocks.1.ffn.combine") : (tensor<?x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>

    // The shared expert takes every token.
    %sgate = ds.linear %n3, @blocks.1.ffn.shared_experts.gate_proj.weight module("blocks.1.ffn.shared_experts.gate_proj") : (tensor<?x64xbf16>) -> tensor<?x32xbf16>
    %sup = ds.linear %n3, @blocks.1.ffn.shared_experts.up_proj.weight module("blocks.1.ffn.shared_experts.up_proj") : (tensor<?x64xbf16>) -> tensor<?x32xbf16>
    %sh = ds.swiglu %sgate, %sup module("blocks.1.ffn.shared_experts.swiglu") : tensor<?x32xbf16>
    %shared = ds.linear %sh, @blocks.1.ffn.shared_experts.down_proj.weight module("blocks.1.ffn.shared_experts.down_proj") : (tensor<?x32xbf16>) -> tensor<?x64xbf16>
    %f1 = ds.add %routed, %shared module("blocks.1.ffn.shared_experts.add") : tensor<?x64xbf16>
    %x4 = ds.add %x3, %f1 module("blocks.1.ffn.residual") : tensor<?x64xbf16>

    // Logits of the wanted rows
    %last = ds.take_rows %x4, %wanted module("wanted") : tensor<?x64xbf16>, tensor<?xi32>
    %n4 = ds.rms_norm %last, @final_norm.weight eps(1.0e-06) module("final_norm") : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
    %logits = ds.linear %n4, @lm_head.weight logits module("lm_head") : (tensor<?x64xbf16>) -> tensor<?x256xf32>
    ds.return %logits : tensor<?x256xf32>
  }

  ds.func @decode(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x40xbf16>) -> tensor<?x256xf32> {
    %cos, %sin = ds.rope_table %batch rope(#rope) : tensor<?x4xf32>, tensor<?x4xf32>
    %x0 = ds.embedding %tokens, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x64xbf16>

    // Block 0, attention
    %n0 = ds.rms_norm %x0, @blocks.0.attn_norm.weight eps(1.0e-06) module("blocks.0.attn_norm") : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
    %q0 = ds.linear %n0, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x64xbf16>) -> tensor<?x48xbf16>
    %qr0 = ds.rope %q0, %cos, %sin heads(2) begin(16) module("blocks.0.attn.rope") : tensor<?x48xbf16>, tensor<?x4xf32>
    %kv0 = ds.linear %n0, @blocks.0.attn.kv_a_proj.weight module("blocks.0.attn.kv_a_proj") : (tensor<?x64xbf16>) -> tensor<?x40xbf16>
    %c0 = ds.slice_columns %kv0 begin(0) module("blocks.0.attn.kv_split") : (tensor<?x40xbf16>) -> tensor<?x32xbf16>
    %latent0 = ds.rms_norm %c0, @blocks.0.attn.kv_a_norm.weight eps(1.0e-06) module("blocks.0.attn.kv_a_norm") : (tensor<?x32xbf16>) -> tensor<?x32xbf16>
    %k0 = ds.slice_columns %kv0 begin(32) module("blocks.0.attn.kv_split") : (tensor<?x40xbf16>) -> tensor<?x8xbf16>
    %key0 = ds.rope %k0, %cos, %sin heads(1) begin(0) module("blocks.0.attn.rope") : tensor<?x8xbf16>, tensor<?x4xf32>
    ds.cache_append %cache, %latent0, %key0, %batch layer(0) module("blocks.0.attn.cache") : !ds.kv_cache<2x40xbf16>, tensor<?x32xbf16>, tensor<?x8xbf16>
    %o0 = ds.mla_attention decode %qr0, %cache, %batch, @blocks.0.attn.kv_b_proj.weight layer(0) heads(2, nope = 16, rope = 8, value = 16)
           scale(0.20412414523193154) module("blocks.0.attn.kv_b_proj") : (tensor<?x48xbf16>, !ds.kv_cache<2x40xbf16>, !ds.batch) -> tensor<?x32xbf16>
    %a0 = ds.linear %o0, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x32xbf16>) -> tensor<?x64xbf16>
    %x1 = ds.add %x0, %a0 module("blocks.0.attn.residual") : tensor<?x64xbf16>
    %n1 = ds.rms_norm %x1, @blocks.0.ffn_norm.weight eps(1.0e-06) module("blocks.0.ffn_norm") : (tensor<?x64xbf16>) -> tensor<?x64xbf16>

    // Block 0, a dense feed-forward
    %gate = ds.linear %n1, @blocks.0.ffn.gate_proj.weight module("blocks.0.ffn.gate_proj") : (tensor<?x64xbf16>) -> tensor<?x96xbf16>
    %up = ds.linear %n1, @blocks.0.ffn.up_proj.weight module("blocks.0.ffn.up_proj") : (tensor<?x64xbf16>) -> tensor<?x96xbf16>
    %h = ds.swiglu %gate, %up module("blocks.0.ffn.swiglu") : tensor<?x96xbf16>
    %f0 = ds.linear %h, @blocks.0.ffn.down_proj.weight module("blocks.0.ffn.down_proj") : (tensor<?x96xbf16>) -> tensor<?x64xbf16>
    %x2 = ds.add %x1, %f0 module("blocks.0.ffn.residual") : tensor<?x64xbf16>

    // Block 1, attention
    %n2 = ds.rms_norm %x2, @blocks.1.attn_norm.weight eps(1.0e-06) module("blocks.1.attn_norm") : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
    %q1 = ds.linear %n2, @blocks.1.attn.q_proj.weight module("blocks.1.attn.q_proj") : (tensor<?x64xbf16>) -> tensor<?x48xbf16>
    %qr1 = ds.rope %q1, %cos, %sin heads(2) begin(16) module("blocks.1.attn.rope") : tensor<?x48xbf16>, tensor<?x4xf32>
    %kv1 = ds.linear %n2, @blocks.1.attn.kv_a_proj.weight module("blocks.1.attn.kv_a_proj") : (tensor<?x64xbf16>) -> tensor<?x40xbf16>
    %c1 = ds.slice_columns %kv1 begin(0) module("blocks.1.attn.kv_split") : (tensor<?x40xbf16>) -> tensor<?x32xbf16>
    %latent1 = ds.rms_norm %c1, @blocks.1.attn.kv_a_norm.weight eps(1.0e-06) module("blocks.1.attn.kv_a_norm") : (tensor<?x32xbf16>) -> tensor<?x32xbf16>
    %k1 = ds.slice_columns %kv1 begin(32) module("blocks.1.attn.kv_split") : (tensor<?x40xbf16>) -> tensor<?x8xbf16>
    %key1 = ds.rope %k1, %cos, %sin heads(1) begin(0) module("blocks.1.attn.rope") : tensor<?x8xbf16>, tensor<?x4xf32>
    ds.cache_append %cache, %latent1, %key1, %batch layer(1) module("blocks.1.attn.cache") : !ds.kv_cache<2x40xbf16>, tensor<?x32xbf16>, tensor<?x8xbf16>
    %o1 = ds.mla_attention decode %qr1, %cache, %batch, @blocks.1.attn.kv_b_proj.weight layer(1) heads(2, nope = 16, rope = 8, value = 16)
           scale(0.20412414523193154) module("blocks.1.attn.kv_b_proj") : (tensor<?x48xbf16>, !ds.kv_cache<2x40xbf16>, !ds.batch) -> tensor<?x32xbf16>
    %a1 = ds.linear %o1, @blocks.1.attn.out_proj.weight module("blocks.1.attn.out_proj") : (tensor<?x32xbf16>) -> tensor<?x64xbf16>
    %x3 = ds.add %x2, %a1 module("blocks.1.attn.residual") : tensor<?x64xbf16>
    %n3 = ds.rms_norm %x3, @blocks.1.ffn_norm.weight eps(1.0e-06) module("blocks.1.ffn_norm") : (tensor<?x64xbf16>) -> tensor<?x64xbf16>

    // Block 1, experts: each token goes to two of four, its rows sorted by expert and summed by their weights
    %scores = ds.linear %n3, @blocks.1.ffn.router.weight logits module("blocks.1.ffn.router") : (tensor<?x64xbf16>) -> tensor<?x4xf32>
    %weights, %experts = ds.route %scores bias(@blocks.1.ffn.router.e_score_correction_bias) routing(#routing) module("blocks.1.ffn.route")
           : (tensor<?x4xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %order, %offsets = ds.expert_order %experts module("blocks.1.ffn.order") : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<5xi32>)
    %rows = ds.dispatch %n3, %order choices(2) module("blocks.1.ffn.dispatch") : (tensor<?x64xbf16>, tensor<?xi32>) -> tensor<?x64xbf16>
    %egate = ds.grouped_linear %rows, %offsets, @blocks.1.ffn.experts.gate_proj.weight experts(0, 4) module("blocks.1.ffn.experts.[0-3].gate_proj")
           : (tensor<?x64xbf16>, tensor<5xi32>) -> tensor<?x32xbf16>
    %eup = ds.grouped_linear %rows, %offsets, @blocks.1.ffn.experts.up_proj.weight experts(0, 4) module("blocks.1.ffn.experts.[0-3].up_proj")
           : (tensor<?x64xbf16>, tensor<5xi32>) -> tensor<?x32xbf16>
    %eh = ds.swiglu %egate, %eup module("blocks.1.ffn.experts.swiglu") : tensor<?x32xbf16>
    %edown = ds.grouped_linear %eh, %offsets, @blocks.1.ffn.experts.down_proj.weight experts(0, 4) module("blocks.1.ffn.experts.[0-3].down_proj")
           : (tensor<?x32xbf16>, tensor<5xi32>) -> tensor<?x64xbf16>
    %routed = ds.combine %edown, %weights, %order module("blocks.1.ffn.combine") : (tensor<?x64xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x64xbf16>

    // The shared expert takes every token.
    %sgate = ds.linear %n3, @blocks.1.ffn.shared_experts.gate_proj.weight module("blocks.1.ffn.shared_experts.gate_proj") : (tensor<?x64xbf16>) -> tensor<?x32xbf16>
    %sup = ds.linear %n3, @blocks.1.ffn.shared_experts.up_proj.weight module("blocks.1.ffn.shared_experts.up_proj") : (tensor<?x64xbf16>) -> tensor<?x32xbf16>
    %sh = ds.swiglu %sgate, %sup module("blocks.1.ffn.shared_experts.swiglu") : tensor<?x32xbf16>
    %shared = ds.linear %sh, @blocks.1.ffn.shared_experts.down_proj.weight module("blocks.1.ffn.shared_experts.down_proj") : (tensor<?x32xbf16>) -> tensor<?x64xbf16>
    %f1 = ds.add %routed, %shared module("blocks.1.ffn.shared_experts.add") : tensor<?x64xbf16>
    %x4 = ds.add %x3, %f1 module("blocks.1.ffn.residual") : tensor<?x64xbf16>

    // Logits of the wanted rows
    %last = ds.take_rows %x4, %wanted module("wanted") : tensor<?x64xbf16>, tensor<?xi32>
    %n4 = ds.rms_norm %last, @final_norm.weight eps(1.0e-06) module("final_norm") : (tensor<?x64xbf16>) -> tensor<?x64xbf16>
    %logits = ds.linear %n4, @lm_head.weight logits module("lm_head") : (tensor<?x64xbf16>) -> tensor<?x256xf32>
    ds.return %logits : tensor<?x256xf32>
  }
}
