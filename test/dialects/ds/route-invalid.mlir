// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: as many logits as experts: one less
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @bias : tensor<8xf32> from "bias"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %l, %logits = builtin.unrealized_conversion_cast to tensor<?x7xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects 8 logits, but got 7}}
    %w, %e = ds.route %l bias(@bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x7xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: one more
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @bias : tensor<8xf32> from "bias"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %l, %logits = builtin.unrealized_conversion_cast to tensor<?x9xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects 8 logits, but got 9}}
    %w, %e = ds.route %l bias(@bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x9xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: top_k weights
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @bias : tensor<8xf32> from "bias"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %l, %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects results of 3 columns, but got 4}}
    %w, %e = ds.route %l bias(@bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xf32>) -> (tensor<?x4xf32>, tensor<?x3xi32>)
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: top_k experts
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @bias : tensor<8xf32> from "bias"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %l, %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects results of 3 columns, but got 2}}
    %w, %e = ds.route %l bias(@bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x2xi32>)
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: noaux_tc has a bias
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %l, %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects a bias exactly where the selection is noaux_tc, but the selection is noaux_tc}}
    %w, %e = ds.route %l routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: greedy has none
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @bias : tensor<8xf32> from "bias"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %l, %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects a bias exactly where the selection is noaux_tc, but the selection is greedy}}
    %w, %e = ds.route %l bias(@bias) routing(<scoring = softmax, selection = greedy, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: one value an expert
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @bias : tensor<7xf32> from "bias"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %l, %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects a bias of 8 values, but got 'tensor<7xf32>'}}
    %w, %e = ds.route %l bias(@bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: in one extent
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @bias : tensor<1x8xf32> from "bias"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %l, %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects a bias of 8 values, but got 'tensor<1x8xf32>'}}
    %w, %e = ds.route %l bias(@bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: that is a parameter
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %l, %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) refers to @bias, which is no ds.param}}
    %w, %e = ds.route %l bias(@bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xf32>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// logits are F32
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @bias : tensor<8xf32> from "bias"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %l, %logits = builtin.unrealized_conversion_cast to tensor<?x8xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{operand #0 must be tensor<?xN> of f32, but got 'tensor<?x8xbf16>'}}
    %w, %e = ds.route %l bias(@bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 3>) module("ffn.route") : (tensor<?x8xbf16>) -> (tensor<?x3xf32>, tensor<?x3xi32>)
    ds.return %logits : tensor<?x8xf32>
  }
}
