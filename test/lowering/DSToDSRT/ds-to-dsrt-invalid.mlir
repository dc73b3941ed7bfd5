// What ds-to-dsrt refuses: precision that is not explicit, and limits that cannot be.
//
// RUN: ds-opt %s --ds-to-dsrt --split-input-file --verify-diagnostics
// RUN: not ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline --ds-to-dsrt="max-length=1025" 2>&1 | FileCheck %s --check-prefix=LENGTH
// RUN: not ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline --ds-to-dsrt="max-tokens=8 max-sequences=9" 2>&1 | FileCheck %s --check-prefix=ROWS
// RUN: not ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline --ds-to-dsrt="max-tokens=-1" 2>&1 | FileCheck %s --check-prefix=TOKENS
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline --ds-to-dsrt="max-length=1024 max-tokens=8 max-sequences=8" -o /dev/null

// LENGTH: small.mlir:3:3: error: 'ds.model' op expects max-length of at most 1024, the positions of the model, but got 1025
// ROWS:   small.mlir:3:3: error: 'ds.model' op expects max-sequences of at most max-tokens = 8, but got 9
// TOKENS: small.mlir:3:3: error: 'ds.model' op expects max-tokens in 1 .. 2147483647, but got -1

// No resident format.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e"
  ds.param @h : tensor<512x256xbf16> from "h"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    // expected-error@+2 {{'ds.embedding' op expects explicit precision, but @e has no resident format}}
    // expected-note@+1 {{run the passes of --ds-precision-pipeline first}}
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// Low precision that is only noted.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @q : tensor<256x256xbf16> from "q" resident(#ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+2 {{'ds.linear' op expects explicit precision, but low precision is only noted on it}}
    // expected-note@+1 {{run the passes of --ds-precision-pipeline first}}
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// The same of attention in prefill.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @q : tensor<256x128xbf16> from "q" resident(#ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+2 {{'ds.mla_attention' op expects explicit precision, but low precision is only noted on it}}
    // expected-note@+1 {{run the passes of --ds-precision-pipeline first}}
    %y = ds.mla_attention prefill %x, %cache, %batch, @q layer(0) heads(2, nope = 96, rope = 32, value = 32) scale(0.1) module("blocks.0.attn.kv_b_proj") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>, !ds.kv_cache<1x160xbf16>, !ds.batch) -> tensor<?x64xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// The same of a group.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @r : tensor<8x256xbf16> from "r" resident(bf16)
  ds.param @g : tensor<8x128x256xbf16> from "g.{e}" resident(#ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %r = ds.linear %x, @r logits module("blocks.0.ffn.router") : (tensor<?x256xbf16>) -> tensor<?x8xf32>
    %w, %c = ds.route %r routing(<scoring = softmax, selection = greedy, experts = 8, top_k = 2>) module("route") : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %o, %b = ds.expert_order %c module("order") : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
    %d = ds.dispatch %x, %o choices(2) module("dispatch") : (tensor<?x256xbf16>, tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+2 {{'ds.grouped_linear' op expects explicit precision, but low precision is only noted on it}}
    // expected-note@+1 {{run the passes of --ds-precision-pipeline first}}
    %g = ds.grouped_linear %d, %b, @g experts(0, 8) module("g") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// Rows are written in place: nobody else may look at what was there before.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @r : tensor<8x256xbf16> from "r" resident(bf16)
  ds.param @g : tensor<4x128x256xbf16> from "g.{e}" resident(bf16)
  ds.param @h2 : tensor<4x128x256xbf16> from "h2.{e}" resident(bf16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %r = ds.linear %x, @r logits module("blocks.0.ffn.router") : (tensor<?x256xbf16>) -> tensor<?x8xf32>
    %w, %c = ds.route %r routing(<scoring = softmax, selection = greedy, experts = 8, top_k = 2>) module("route") : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %o, %b = ds.expert_order %c module("order") : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
    %d = ds.dispatch %x, %o choices(2) module("dispatch") : (tensor<?x256xbf16>, tensor<?xi32>) -> tensor<?x256xbf16>
    %g = ds.grouped_linear %d, %b, @g experts(0, 4) module("g") : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
    // expected-error@+1 {{'ds.grouped_linear' op expects `init` to have no other use, because its rows are written in place}}
    %k = ds.grouped_linear %d, %b, @h2 experts(4, 4) init(%g) module("k") : (tensor<?x256xbf16>, tensor<9xi32>, tensor<?x128xbf16>) -> tensor<?x128xbf16>
    %z = ds.swiglu %g, %k module("swiglu") : tensor<?x128xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// One entry point of two.
// expected-error@+1 {{'ds.model' op expects a ds.func @decode: an artifact has both entry points}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}
