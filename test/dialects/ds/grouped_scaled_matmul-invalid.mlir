// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: the payload has the columns of the weight
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x130xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 8x6x130, but got 'tensor<8x6x129xbf16>'}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 8) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x130xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
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
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 8x7x129, but got 'tensor<8x6x129xbf16>'}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 8) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>) -> tensor<?x7xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: the weight has the experts
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 7x6x129, but got 'tensor<8x6x129xbf16>'}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 7) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: ceil(129 / 128) scales: one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x1xf32>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects 2 scale columns for K = 129 in tiles of 128, but got 1}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 8) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x1xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: one more
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x3xf32>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects 2 scale columns for K = 129 in tiles of 128, but got 3}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 8) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x3xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: the payload is that of lhs
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E5M2>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects a payload of 'f8E4M3FN', but got 'f8E5M2'}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 8) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E5M2>, tensor<?x2xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: the parameter is resident in the format rhs
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{it is resident as bf16}}
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(bf16)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects @w resident as #ds.quant<}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 8) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C4: promote is positive
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C4) expects a positive promotion, but got 0}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 8) lhs(#act) rhs(#wt) promote(0) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: eight experts have nine offsets
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<8xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects experts first .. first + count inside of the offsets, but got 0 + 8 in 'tensor<8xi32>'}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 8) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<8xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: experts 1 .. 8 have ten
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects experts first .. first + count inside of the offsets, but got 1 + 8 in 'tensor<9xi32>'}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(1, 8) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: the first is not negative
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects experts first .. first + count inside of the offsets, but got -1 + 8 in 'tensor<9xi32>'}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(-1, 8) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C5: there is an expert
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C5) expects experts first .. first + count inside of the offsets, but got 0 + 0 in 'tensor<9xi32>'}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 0) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C6: init has the type of the result
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x129xbf16> from "experts.{e}.w" resident(#wt)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %offsets, %init, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x6xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C6) expects init of 'tensor<?x6xbf16>', but got 'tensor<?x6xf32>'}}
    %y = ds.grouped_scaled_matmul %p, %s, %offsets, @w experts(0, 8) init(%init) lhs(#act) rhs(#wt) promote(128) module("ffn.experts.[0-7].up_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<9xi32>, tensor<?x6xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
