// What a call would need is counted before anything is planned for it.
// RUN: ds-opt %s --ds-to-dsrt="max-tokens=2147483647" --verify-diagnostics --split-input-file

// Scratch of attention: tokens * heads * latent values
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 1, heads = 1, kv_lora_rank = 2147483645, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @q : tensor<8x3xbf16> from "q" resident(bf16)
  ds.param @kv_b : tensor<2x2147483645xbf16> from "kv_b" resident(bf16)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x2147483647xbf16>) -> tensor<?x8xf32> {
    %q = ds.embedding %tokens, @q module("q") : (tensor<?xi32>) -> tensor<?x3xbf16>
    // expected-error@+1 {{needs more scratch than memory can be; lower --max-tokens}}
    %o = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(1, nope = 1, rope = 2, value = 1) scale(1.0) module("kv_b") : (tensor<?x3xbf16>, !ds.kv_cache<1x2147483647xbf16>, !ds.batch) -> tensor<?x1xbf16>
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
  ds.func @decode(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x2147483647xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}
