// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: the weight has one value a column: one more
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<5xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 4, but got 'tensor<5xbf16>'}}
    %y = ds.rms_norm %x, @w eps(1.0e-6) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: one less
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<3xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 4, but got 'tensor<3xbf16>'}}
    %y = ds.rms_norm %x, @w eps(1.0e-6) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: a row is no vector
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{the parameter is here}}
  ds.param @w : tensor<1x4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects @w to be 4, but got 'tensor<1x4xbf16>'}}
    %y = ds.rms_norm %x, @w eps(1.0e-6) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
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
    %y = ds.rms_norm %x, @w eps(1.0e-6) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: result and operand have the same columns
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects 4 columns, but got 5}}
    %y = ds.rms_norm %x, @w eps(1.0e-6) module("n") : (tensor<?x4xbf16>) -> tensor<?x5xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: eps is positive
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects an eps that is finite and positive in F32, but got 0.0}}
    %y = ds.rms_norm %x, @w eps(0.0) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: an integer is a number too
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects an eps that is finite and positive in F32, but got 0.0}}
    %y = ds.rms_norm %x, @w eps(0) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: not negative
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects an eps that is finite and positive in F32, but got -}}
    %y = ds.rms_norm %x, @w eps(-1.0e-6) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: in F32 this is 0
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects an eps that is finite and positive in F32, but got 7.0}}
    %y = ds.rms_norm %x, @w eps(7.0e-46) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: in F32 this is infinite
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects an eps that is finite and positive in F32, but got 3.5}}
    %y = ds.rms_norm %x, @w eps(3.5e38) module("n") : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: infinity
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects an eps that is finite and positive in F32, but got}}
    %y = "ds.rms_norm"(%x) <{weight = @w, eps = 0x7FF0000000000000 : f64, path = "n"}> : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: no number
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @w : tensor<4xbf16> from "w"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %x, %logits = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x8xf32>
    // expected-error@+1 {{(C3) expects an eps that is finite and positive in F32, but got}}
    %y = "ds.rms_norm"(%x) <{weight = @w, eps = 0x7FF8000000000000 : f64, path = "n"}> : (tensor<?x4xbf16>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
