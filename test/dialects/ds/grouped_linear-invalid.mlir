// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: the weight is [count, n, k]: count
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<7x6x4xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 8x6x4, but got 'tensor<7x6x4xbf16>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(0, 8) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: n
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<8x5x4xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 8x6x4, but got 'tensor<8x5x4xbf16>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(0, 8) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: k
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<8x6x5xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 8x6x4, but got 'tensor<8x6x5xbf16>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(0, 8) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: eight experts have nine offsets
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x4xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<8xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects experts first .. first + count inside of the offsets, but got 0 + 8 in 'tensor<8xi32>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(0, 8) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<8xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: experts 1 .. 8 have ten
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x4xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects experts first .. first + count inside of the offsets, but got 1 + 8 in 'tensor<9xi32>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(1, 8) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: the first is not negative
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x4xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects experts first .. first + count inside of the offsets, but got -1 + 8 in 'tensor<9xi32>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(-1, 8) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: there is an expert
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x4xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects experts first .. first + count inside of the offsets, but got 0 + 0 in 'tensor<9xi32>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(0, 0) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: sums do not overflow
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x4xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects experts first .. first + count inside of the offsets, but got 9223372036854775807 + 1 in 'tensor<9xi32>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(9223372036854775807, 1) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: nor does the other term
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x4xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<9xi32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects experts first .. first + count inside of the offsets, but got 1 + 9223372036854775807 in 'tensor<9xi32>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(1, 9223372036854775807) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// offsets have a static extent
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x4xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?xi32>, tensor<?x8xf32>
    // expected-error@+1 {{operand #1 must be tensor<Nxi32>, but got 'tensor<?xi32>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(0, 8) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: init has the type of the result: columns
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x4xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %init, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<9xi32>, tensor<?x5xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects init of 'tensor<?x6xbf16>', but got 'tensor<?x5xbf16>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(0, 8) init(%init) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>, tensor<?x5xbf16>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: element type
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<8x6x4xbf16> from "experts.{e}.w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %offsets, %init, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<9xi32>, tensor<?x6xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects init of 'tensor<?x6xbf16>', but got 'tensor<?x6xf32>'}}
    %y = ds.grouped_linear %x, %offsets, @w experts(0, 8) init(%init) module("ffn.experts.[0-7].up_proj") : (tensor<?x4xbf16>, tensor<9xi32>, tensor<?x6xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
