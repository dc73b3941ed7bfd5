// What the modules of a graph must be before precision can be resolved: each once in an entry point, the same ones in both, and the
// path of a grouped operation that of its experts.
//
// RUN: ds-opt %s --ds-resolve-precision --split-input-file --verify-diagnostics

// One module twice in an entry point.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e"
  ds.param @h : tensor<512x256xbf16> from "h"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{module 'token_embeddings' stands twice in one entry point}}
    %y = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// A module that only the second entry point has.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e"
  ds.param @h : tensor<512x256xbf16> from "h"
  ds.param @q : tensor<256x256xbf16> from "q"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{module 'blocks.0.attn.q_proj' is not in @prefill: entry points hold the same modules}}
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// A module that only the first has.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e"
  ds.param @h : tensor<512x256xbf16> from "h"
  ds.param @q : tensor<256x256xbf16> from "q"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
  // expected-error@+1 {{has 2 of the 3 module operations of @prefill: entry points hold the same modules}}
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// The path of a group that is not its experts'.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e"
  ds.param @h : tensor<512x256xbf16> from "h"
  ds.param @r : tensor<8x256xbf16> from "r"
  ds.param @g : tensor<8x128x256xbf16> from "g.{e}"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %r = ds.linear %x, @r logits module("blocks.0.ffn.router") : (tensor<?x256xbf16>) -> tensor<?x8xf32>
    %w, %c = ds.route %r routing(<scoring = softmax, selection = greedy, experts = 8, top_k = 2>) module("route") : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %o, %b = ds.expert_order %c module("order") : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
    %d = ds.dispatch %x, %o choices(2) module("dispatch") : (tensor<?x256xbf16>, tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{expects the path blocks.0.ffn.experts.[0-7].up_proj for experts 0 .. 7, but got blocks.0.ffn.experts.[0-6].up_proj}}
    %g = ds.grouped_linear %d, %b, @g experts(0, 8) module("blocks.0.ffn.experts.[0-6].up_proj") : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}
