// Latent attention in both phases.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>

ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.param @least : tensor<2x1xbf16> from "least"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %least_q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x6xbf16>, tensor<?x8xf32>
    // C4: the first layer
    // CHECK: %{{.*}} = ds.mla_attention prefill %{{.*}}, %{{.*}}, %{{.*}}, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    %y0 = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    // C4: the last layer
    // CHECK: %{{.*}} = ds.mla_attention decode %{{.*}}, %{{.*}}, %{{.*}}, @kv_b layer(1) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    %y1 = ds.mla_attention decode %q, %cache, %batch, @kv_b layer(1) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    // C7: prefill quantises the latent
    // CHECK: %{{.*}} = ds.mla_attention prefill %{{.*}}, %{{.*}}, %{{.*}}, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") activation(#tile_1x128_f8E4M3FN) : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    %y2 = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") activation(#act) : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    // C5: the least sizes, and the largest rope
    // CHECK: %{{.*}} = ds.mla_attention prefill %{{.*}}, %{{.*}}, %{{.*}}, @least layer(0) heads(1, nope = 1, rope = 5, value = 1) scale(0.5) module("attn.kv_b_proj") : (tensor<?x6xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x1xbf16>
    %y3 = ds.mla_attention prefill %least_q, %cache, %batch, @least layer(0) heads(1, nope = 1, rope = 5, value = 1) scale(0.5) module("attn.kv_b_proj") : (tensor<?x6xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x1xbf16>
    // C6: the least scale that is not 0 in F32
    // CHECK: %{{.*}} = ds.mla_attention prefill %{{.*}}, %{{.*}}, %{{.*}}, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(7.1e-46) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    %y4 = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(7.1e-46) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
