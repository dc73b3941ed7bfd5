// Entry points and their end.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>

// CHECK: ds.model
ds.model @m config(#config) {
  // CHECK: ds.func @prefill(%{{.*}}: tensor<?xi32>, %{{.*}}: !ds.batch, %{{.*}}: tensor<?xi32>, %{{.*}}: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
  // CHECK: ds.return %{{.*}} : tensor<?x8xf32>
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
  // CHECK: ds.func @decode(
  ds.func @decode(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}
