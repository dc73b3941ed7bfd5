// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: entry points have two names
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects the name 'prefill' or 'decode', but got 'main'}}
  ds.func @main(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// a name stands once
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{see existing symbol definition here}}
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
  // expected-error@+1 {{redefinition of symbol named 'prefill'}}
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: parameters and functions alone
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C2) stands in a ds.model, which expects ds.param and ds.func alone}}
  llvm.func @f()
}

// -----

// C3: the layers of the configuration
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C3) expects a cache of 2x6, as the configuration says, but got '!ds.kv_cache<3x6xbf16>'}}
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<3x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C3: kv_lora_rank + rope_head_dim
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C3) expects a cache of 2x6, as the configuration says, but got '!ds.kv_cache<2x5xbf16>'}}
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x5xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C4: the vocabulary of the configuration
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C4) expects logits of 8 columns, the vocabulary of the configuration, but got 'tensor<?x9xf32>'}}
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x9xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x9xf32>
    ds.return %logits : tensor<?x9xf32>
  }
}

// -----

// C5: both entry points have one cache
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-note@+1 {{@prefill is here}}
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
  // expected-error@+1 {{(C5) expects the type of the other entry point, }}
  ds.func @decode(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xf32>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// a model has a configuration
// expected-error@+1 {{expected 'config'}}
ds.model @m {
}

// -----

// and a body
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
// expected-error@+1 {{expected '{' to begin a region}}
ds.model @m config(#config)
