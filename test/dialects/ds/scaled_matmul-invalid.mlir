// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: the payload has the columns of the weight
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<6x129xbf16> from "w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x130xf8E4M3FN>, tensor<?x2xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 6x130, but got 'tensor<6x129xbf16>'}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) module("attn.q_a_proj") : (tensor<?x130xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: the result has its rows
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<6x129xbf16> from "w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 7x129, but got 'tensor<6x129xbf16>'}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x7xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: the weight is a parameter of the model
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) refers to @w, which is no ds.param}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: ceil(129 / 128) scales: one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<6x129xbf16> from "w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x1xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects 2 scale columns for K = 129 in tiles of 128, but got 1}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x1xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: one more
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<6x129xbf16> from "w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x3xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects 2 scale columns for K = 129 in tiles of 128, but got 3}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x3xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: the payload is that of lhs
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<6x129xbf16> from "w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E5M2>, tensor<?x2xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects a payload of 'f8E4M3FN', but got 'f8E5M2'}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E5M2>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: the parameter is resident in the format rhs: it is not resident
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{it is resident as}}
  ds.param @w : tensor<6x129xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects @w resident as #ds.quant<}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: it is resident in a dtype
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{it is resident as bf16}}
  ds.param @w : tensor<6x129xbf16> from "w" resident(bf16)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects @w resident as #ds.quant<}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: it is resident in other tiles
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{it is resident as #ds.quant<payload = f8E4M3FN, tile = 1x128}}
  ds.param @w : tensor<6x129xbf16> from "w" resident(#act)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects @w resident as #ds.quant<}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C4: promote is positive
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<6x129xbf16> from "w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C4) expects a positive promotion, but got 0}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(0) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C4: not negative
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<6x129xbf16> from "w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C4) expects a positive promotion, but got -1}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(-1) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: logits are F32
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<6x129xbf16> from "w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects logits in f32, but got 'bf16'}}
    %y = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) logits module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
