// One projection of several experts, quantised.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>

ds.model @m config(#config) {
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.param @part : tensor<3x6x129xbf16> from "experts.{e}.w" resident(#wt) {first_expert = 5 : i64}
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %init, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x6xbf16>, tensor<?x8xf32>
    // C5: the last offset is the end of the last expert
    // CHECK: %{{.*}} = ds.grouped_scaled_matmul %{{.*}}, %{{.*}}, %{{.*}}, @w experts(0, 8) lhs(#tile_1x128_f8E4M3FN) rhs(#tile_128x128_f8E4M3FN) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
    %y0 = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 8) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
    // A run of experts writes into the result of the one before.
    // CHECK: %{{.*}} = ds.grouped_scaled_matmul %{{.*}}, %{{.*}}, %{{.*}}, @part experts(5, 3) init(%{{.*}}) lhs(#tile_1x128_f8E4M3FN) rhs(#tile_128x128_f8E4M3FN) promote(1) module("ffn.experts.[5-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x6xbf16>) -> tensor<?x6xbf16>
    %y1 = ds.grouped_scaled_matmul %p, %s, %offsets, @part experts(5, 3) init(%init) lhs(#act) rhs(#wt) promote(1) module("ffn.experts.[5-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x6xbf16>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
