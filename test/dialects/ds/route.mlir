// Chooses experts: with a correction bias in noaux_tc only.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>

ds.model @m config(#config) {
  ds.param @bias : tensor<8xf32> from "bias"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %l, %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>, tensor<?x8xf32>
    // CHECK: %{{.*}}, %{{.*}} = ds.route %{{.*}} bias(@bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    %w0, %e0 = ds.route %l bias(@bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    // CHECK: %{{.*}}, %{{.*}} = ds.route %{{.*}} routing(<scoring = softmax, selection = greedy, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    %w1, %e1 = ds.route %l routing(<scoring = softmax, selection = greedy, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    ds.return %logits : tensor<?x8xf32>
  }
}
