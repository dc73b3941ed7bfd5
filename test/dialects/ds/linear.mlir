// Product with a weight, and with the weight of the head, whose logits stay F32.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>

ds.model @m config(#config) {
  ds.param @w : tensor<6x4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // CHECK: %{{.*}} = ds.linear %{{.*}}, @w module("blocks.0.attn.q_a_proj") : (tensor<?x4xbf16>) -> tensor<?x6xbf16>
    %y0 = ds.linear %x, @w module("blocks.0.attn.q_a_proj") : (tensor<?x4xbf16>) -> tensor<?x6xbf16>
    // CHECK: %{{.*}} = ds.linear %{{.*}}, @w logits module("lm_head") : (tensor<?x4xbf16>) -> tensor<?x6xf32>
    %y1 = ds.linear %x, @w logits module("lm_head") : (tensor<?x4xbf16>) -> tensor<?x6xf32>
    // Only noted: legalisation makes it explicit.
    // CHECK: %{{.*}} = ds.linear %{{.*}}, @w module("l") precision(<compute = f8E4M3FN, by = "recipe deepseek_v3", lhs = #tile_1x128_f8E4M3FN, rhs = #tile_128x128_f8E4M3FN, storage = bf16>) : (tensor<?x4xbf16>) -> tensor<?x6xbf16>
    %y2 = ds.linear %x, @w module("l") precision(<compute = f8E4M3FN, by = "recipe deepseek_v3", lhs = #act, rhs = #wt, storage = bf16>) : (tensor<?x4xbf16>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
