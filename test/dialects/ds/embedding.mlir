// Rows of the embedding table.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>

ds.model @m config(#config) {
  ds.param @table : tensor<8x4xbf16> from "table"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    // CHECK: %{{.*}} = ds.embedding %{{.*}}, @table module("token_embeddings") : (tensor<?xi32>) -> tensor<?x4xbf16>
    %x = ds.embedding %tokens, @table module("token_embeddings") : (tensor<?xi32>) -> tensor<?x4xbf16>
    // With its precision, in another dtype.
    // CHECK: %{{.*}} = ds.embedding %{{.*}}, @table module("token_embeddings") precision(<compute = bf16, by = "default">) : (tensor<?xi32>) -> tensor<?x4xf32>
    %y = ds.embedding %tokens, @table module("token_embeddings") precision(<compute = bf16, by = "default">) : (tensor<?xi32>) -> tensor<?x4xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}
