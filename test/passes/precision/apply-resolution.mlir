// A grouped operation stands for experts that are decided alike: an override on one of them splits it, and its parameter, into runs.
//
// RUN: ds-opt %s --ds-resolve-precision="module-compute-dtype-override=blocks.0.ffn.experts.3.gate_proj=fp32" | FileCheck %s
// RUN: ds-opt %s --ds-resolve-precision="module-compute-dtype-override=blocks.0.ffn.experts.0.gate_proj=fp32" | FileCheck %s --check-prefix=FIRST
// RUN: ds-opt %s --ds-resolve-precision="module-compute-dtype-override=blocks.0.ffn.experts.7.gate_proj=fp32" | FileCheck %s --check-prefix=LAST
// RUN: ds-opt %s --ds-resolve-precision="module-compute-dtype-rule=experts.[23].gate_proj=fp32" | FileCheck %s --check-prefix=PAIR
// RUN: ds-opt %s --ds-resolve-precision="module-compute-dtype-rule=gate_proj=fp32" | FileCheck %s --check-prefix=WHOLE
// RUN: ds-opt %s --ds-resolve-precision="module-compute-dtype-override=blocks.0.ffn.experts.3.gate_proj=bf16" | FileCheck %s --check-prefix=REASON

// The reason is part of a decision: what computes alike for another reason is a run of its own.
// REASON:    ds.grouped_linear {{.*}} experts(3, 1) init({{.*}}) module("blocks.0.ffn.experts.3.gate_proj") precision(<compute = bf16, by = "override"

// Both entry points share the parts; the other projection is as it was; the result is that of the last run.
// CHECK-NOT:  ds.param @blocks.0.ffn.experts.gate_proj.weight
// CHECK:      ds.param @"blocks.0.ffn.experts.[0-2].gate_proj.weight" : tensor<3x128x256xbf16> from "model.layers.0.mlp.experts.{e}.gate_proj.weight"
// CHECK-NOT:  first_expert
// CHECK:      ds.param @blocks.0.ffn.experts.3.gate_proj.weight : tensor<1x128x256xbf16> from "model.layers.0.mlp.experts.{e}.gate_proj.weight" {first_expert = 3 : i64}
// CHECK:      ds.param @"blocks.0.ffn.experts.[4-7].gate_proj.weight" : tensor<4x128x256xbf16> from "model.layers.0.mlp.experts.{e}.gate_proj.weight" {first_expert = 4 : i64}
// CHECK:      ds.param @blocks.0.ffn.experts.up_proj.weight : tensor<8x128x256xbf16>
// CHECK:      ds.func @prefill
// CHECK:      %[[A:.*]] = ds.grouped_linear %[[X:.*]], %[[O:.*]], @"blocks.0.ffn.experts.[0-2].gate_proj.weight" experts(0, 3) module("blocks.0.ffn.experts.[0-2].gate_proj") precision(<compute = bf16, by = "run policy"
// CHECK-NEXT: %[[B:.*]] = ds.grouped_linear %[[X]], %[[O]], @blocks.0.ffn.experts.3.gate_proj.weight experts(3, 1) init(%[[A]]) module("blocks.0.ffn.experts.3.gate_proj") precision(<compute = f32, by = "override"
// CHECK-NEXT: %[[C:.*]] = ds.grouped_linear %[[X]], %[[O]], @"blocks.0.ffn.experts.[4-7].gate_proj.weight" experts(4, 4) init(%[[B]]) module("blocks.0.ffn.experts.[4-7].gate_proj") precision(<compute = bf16, by = "run policy"
// CHECK-NEXT: %[[U:.*]] = ds.grouped_linear %[[X]], %[[O]], @blocks.0.ffn.experts.up_proj.weight experts(0, 8) module("blocks.0.ffn.experts.[0-7].up_proj") precision(<compute = bf16, by = "run policy"
// CHECK-NEXT: ds.swiglu %[[C]], %[[U]]
// CHECK:      ds.func @decode
// CHECK:      ds.grouped_linear {{.*}} @"blocks.0.ffn.experts.[0-2].gate_proj.weight" experts(0, 3)
// CHECK:      ds.grouped_linear {{.*}} @blocks.0.ffn.experts.3.gate_proj.weight experts(3, 1)
// CHECK:      ds.grouped_linear {{.*}} @"blocks.0.ffn.experts.[4-7].gate_proj.weight" experts(4, 4)
// CHECK:      ds.grouped_linear {{.*}} experts(0, 8)

// FIRST:     ds.grouped_linear {{.*}} experts(0, 1) module("blocks.0.ffn.experts.0.gate_proj") precision(<compute = f32
// FIRST:     ds.grouped_linear {{.*}} experts(1, 7) init({{.*}}) module("blocks.0.ffn.experts.[1-7].gate_proj") precision(<compute = bf16
// FIRST:     ds.grouped_linear {{.*}} experts(0, 8)
// LAST:      ds.grouped_linear {{.*}} experts(0, 7) module("blocks.0.ffn.experts.[0-6].gate_proj") precision(<compute = bf16
// LAST:      ds.grouped_linear {{.*}} experts(7, 1) init({{.*}}) module("blocks.0.ffn.experts.7.gate_proj") precision(<compute = f32
// LAST:      ds.grouped_linear {{.*}} experts(0, 8)
// PAIR:      ds.grouped_linear {{.*}} experts(0, 2)
// PAIR:      ds.grouped_linear {{.*}} experts(2, 2) init({{.*}}) module("blocks.0.ffn.experts.[2-3].gate_proj") precision(<compute = f32
// PAIR:      ds.grouped_linear {{.*}} experts(4, 4)
// WHOLE:     ds.grouped_linear {{.*}} @blocks.0.ffn.experts.gate_proj.weight experts(0, 8) module("blocks.0.ffn.experts.[0-7].gate_proj") precision(<compute = f32

ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "model.embed_tokens.weight"
  ds.param @blocks.0.ffn.router.weight : tensor<8x256xbf16> from "model.layers.0.mlp.gate.weight"
  ds.param @blocks.0.ffn.experts.gate_proj.weight : tensor<8x128x256xbf16> from "model.layers.0.mlp.experts.{e}.gate_proj.weight"
  ds.param @blocks.0.ffn.experts.up_proj.weight : tensor<8x128x256xbf16> from "model.layers.0.mlp.experts.{e}.up_proj.weight"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "lm_head.weight"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @blocks.0.ffn.router.weight logits module("blocks.0.ffn.router") : (tensor<?x256xbf16>) -> tensor<?x8xf32>
    %w, %e = ds.route %l routing(<scoring = softmax, selection = greedy, experts = 8, top_k = 2>) module("blocks.0.ffn.route") : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %order, %offsets = ds.expert_order %e module("blocks.0.ffn.order") : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
    %d = ds.dispatch %x, %order choices(2) module("blocks.0.ffn.dispatch") : (tensor<?x256xbf16>, tensor<?xi32>) -> tensor<?x256xbf16>
    %g = ds.grouped_linear %d, %offsets, @blocks.0.ffn.experts.gate_proj.weight experts(0, 8) module("blocks.0.ffn.experts.[0-7].gate_proj") : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
    %u = ds.grouped_linear %d, %offsets, @blocks.0.ffn.experts.up_proj.weight experts(0, 8) module("blocks.0.ffn.experts.[0-7].up_proj") : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
    %s = ds.swiglu %g, %u module("blocks.0.ffn.experts.swiglu") : tensor<?x128xbf16>
    %r = ds.linear %x, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %r : tensor<?x512xf32>
  }
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @blocks.0.ffn.router.weight logits module("blocks.0.ffn.router") : (tensor<?x256xbf16>) -> tensor<?x8xf32>
    %w, %e = ds.route %l routing(<scoring = softmax, selection = greedy, experts = 8, top_k = 2>) module("blocks.0.ffn.route") : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %order, %offsets = ds.expert_order %e module("blocks.0.ffn.order") : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
    %d = ds.dispatch %x, %order choices(2) module("blocks.0.ffn.dispatch") : (tensor<?x256xbf16>, tensor<?xi32>) -> tensor<?x256xbf16>
    %g = ds.grouped_linear %d, %offsets, @blocks.0.ffn.experts.gate_proj.weight experts(0, 8) module("blocks.0.ffn.experts.[0-7].gate_proj") : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
    %u = ds.grouped_linear %d, %offsets, @blocks.0.ffn.experts.up_proj.weight experts(0, 8) module("blocks.0.ffn.experts.[0-7].up_proj") : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
    %s = ds.swiglu %g, %u module("blocks.0.ffn.experts.swiglu") : tensor<?x128xbf16>
    %r = ds.linear %x, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %r : tensor<?x512xf32>
  }
}
