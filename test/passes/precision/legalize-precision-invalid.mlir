// RUN: ds-opt %s --ds-legalize-precision --split-input-file --verify-diagnostics

// Nothing has been decided.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>) {
  ds.param @table : tensor<512x256xbf16> from "table"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    // expected-error@+1 {{'ds.embedding' op has no resolved precision: run --ds-resolve-precision first}}
    %x = ds.embedding %ids, @table module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @table logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// A parameter of one's own has a name that is free.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>) {
  ds.param @table : tensor<512x256xbf16> from "table"
  // expected-note@+1 {{the module cannot have a parameter of its own: @lm_head.weight is here}}
  ds.param @lm_head.weight : tensor<512x256xbf16> from "another table"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @table module("token_embeddings") precision(<compute = bf16, by = "run policy">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op expects @table resident as f32, but another operation holds it as bf16}}
    %l = ds.linear %x, @table logits module("lm_head") precision(<compute = f32, by = "override">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}
