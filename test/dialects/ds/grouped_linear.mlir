// One projection of several experts.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>

ds.model @m config(#config) {
  ds.param @w : tensor<8x6x4xbf16> from "experts.{e}.w"
  ds.param @part : tensor<3x6x4xbf16> from "experts.{e}.w" {first_expert = 5 : i64}
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %init, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<9xi32>, tensor<?x6xbf16>, tensor<?x8xf32>
    // C2: the last offset is the end of the last expert
    // CHECK: %{{.*}} = ds.grouped_linear %{{.*}}, %{{.*}}, @w experts(0, 8) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>) -> tensor<?x6xbf16>
    %y0 = ds.grouped_linear %x, %offsets, @w experts(0, 8) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>) -> tensor<?x6xbf16>
    // A run of experts writes into the result of the one before.
    // CHECK: %{{.*}} = ds.grouped_linear %{{.*}}, %{{.*}}, @part experts(5, 3) init(%{{.*}}) module("ffn.experts.[5-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>, tensor<?x6xbf16>) -> tensor<?x6xbf16>
    %y1 = ds.grouped_linear %x, %offsets, @part experts(5, 3) init(%init) module("ffn.experts.[5-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>, tensor<?x6xbf16>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
