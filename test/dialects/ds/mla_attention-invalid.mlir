// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: q has heads * (nope + rope) columns: one less
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x11xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects 12 query columns for 2 heads of 4 + 2, but got 11}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x11xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: one more
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x13xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects 12 query columns for 2 heads of 4 + 2, but got 13}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x13xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: the result has heads * value columns: one less
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects 8 result columns for 2 heads of 4, but got 7}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x7xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: one more
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects 8 result columns for 2 heads of 4, but got 9}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x9xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: kv_b_proj has heads * (nope + value) rows
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @kv_b : tensor<15x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects @kv_b to be 16x4, but got 'tensor<15x4xbf16>'}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: and the columns of the latent
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @kv_b : tensor<16x5xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects @kv_b to be 16x4, but got 'tensor<16x5xbf16>'}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: it is a parameter of the model
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) refers to @kv_b, which is no ds.param}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C4: the layer is not negative
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C4) expects a layer in 0 .. 1, but got -1}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(-1) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C4: two layers are 0 and 1
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C4) expects a layer in 0 .. 1, but got 2}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(2) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: sizes are positive: heads
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects a positive number of heads within 31 bits, but got 0}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(0, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: nope
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects a positive number of nope within 31 bits, but got 0}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 0, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: rope
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects a positive number of rope within 31 bits, but got 0}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 0, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: value
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects a positive number of value within 31 bits, but got 0}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 0) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: negative ones would multiply to positive columns
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects a positive number of heads within 31 bits, but got -2}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(-2, nope = -4, rope = -2, value = -4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: sizes fit into 31 bits, so that their products do not overflow
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects a positive number of heads within 31 bits, but got 2147483648}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2147483648, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: rope leaves columns of the cache to the latent
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects rope below the cache's width of 6, but got 6}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 6, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C6: the scale is positive
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C6) expects a scale that is finite and positive in F32, but got 0.0}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.0) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C6: in F32 as well
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C6) expects a scale that is finite and positive in F32, but got 7.0}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(7.0e-46) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C7: decode quantises nothing
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C7) expects `activation` in prefill only: decode quantises nothing}}
    %y = ds.mla_attention decode %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") activation(#act) : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C8: the result has the element type of q
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C8) expects a result of 'bf16', but got 'f32'}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C9: latents are not NF4
#nf4 = #ds.quant<payload = nf4, tile = 1xall, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @kv_b : tensor<16x4xbf16> from "kv_b"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %q, %logits = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C9) expects no `activation` of nf4, which is a format of parameters}}
    %y = ds.mla_attention prefill %q, %cache, %batch, @kv_b layer(0) heads(2, nope = 4, rope = 2, value = 4) scale(0.5) module("attn.kv_b_proj") activation(#nf4) : (tensor<?x12xbf16>, !ds.kv_cache<2x6xbf16>, !ds.batch) -> tensor<?x8xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
