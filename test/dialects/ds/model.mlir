// A model: configuration, policy, parameters and both entry points.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>

// CHECK: ds.model @deepseek config(<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>) policy(<precision_recipe = deepseek_v3>) {
ds.model @deepseek config(#config) policy(#ds.policy<precision_recipe = deepseek_v3>) {
  // CHECK: ds.param @norm.weight
  ds.param @norm.weight : tensor<4xbf16> from "model.norm.weight"
  // CHECK: ds.func @prefill
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
  // CHECK: ds.func @decode
  ds.func @decode(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// CHECK: ds.model @empty config({{.*}}) attributes {note = "parts are put together later"} {
ds.model @empty config(#config) attributes {note = "parts are put together later"} {
}
