// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: the weight is [n, k]: n
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<7x4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 6x4, but got 'tensor<7x4xbf16>'}}
    %y = ds.linear %x, @w module("l") : (tensor<?x4xbf16>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: k
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<6x5xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 6x4, but got 'tensor<6x5xbf16>'}}
    %y = ds.linear %x, @w module("l") : (tensor<?x4xbf16>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: not [k, n]
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<4x6xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 6x4, but got 'tensor<4x6xbf16>'}}
    %y = ds.linear %x, @w module("l") : (tensor<?x4xbf16>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: two extents
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<1x6x4xbf16> from "w.{e}"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 6x4, but got 'tensor<1x6x4xbf16>'}}
    %y = ds.linear %x, @w module("l") : (tensor<?x4xbf16>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: the weight is a parameter of the model
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) refers to @w, which is no ds.param}}
    %y = ds.linear %x, @w module("l") : (tensor<?x4xbf16>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: logits are F32
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<6x4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects logits in f32, but got 'bf16'}}
    %y = ds.linear %x, @w logits module("l") : (tensor<?x4xbf16>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
