// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: the table has as many columns as the result: one more
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @table : tensor<8x4xbf16> from "table"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects a table of 5 columns, but got 'tensor<8x4xbf16>'}}
    %x = ds.embedding %tokens, @table module("e") : (tensor<?xi32>) -> tensor<?x5xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: one less
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @table : tensor<8x4xbf16> from "table"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects a table of 3 columns, but got 'tensor<8x4xbf16>'}}
    %x = ds.embedding %tokens, @table module("e") : (tensor<?xi32>) -> tensor<?x3xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: a table has two extents
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @table : tensor<4xbf16> from "table"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    // expected-error@+1 {{(C1) expects a table of 4 columns, but got 'tensor<4xbf16>'}}
    %x = ds.embedding %tokens, @table module("e") : (tensor<?xi32>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: the table is a parameter of the model
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    // expected-error@+1 {{(C1) refers to @nowhere, which is no ds.param}}
    %x = ds.embedding %tokens, @nowhere module("e") : (tensor<?xi32>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: a function is no parameter
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    // expected-error@+1 {{(C1) refers to @prefill, which is no ds.param}}
    %x = ds.embedding %tokens, @prefill module("e") : (tensor<?xi32>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: the table has a row for each token id: one less
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @table : tensor<7x4xbf16> from "table"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects a table of 8 rows, the vocabulary of the configuration, but got 'tensor<7x4xbf16>'}}
    %x = ds.embedding %tokens, @table module("e") : (tensor<?xi32>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C2: the table has a row for each token id: one more
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @table : tensor<9x4xbf16> from "table"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    // expected-error@+1 {{(C2) expects a table of 8 rows, the vocabulary of the configuration, but got 'tensor<9x4xbf16>'}}
    %x = ds.embedding %tokens, @table module("e") : (tensor<?xi32>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// token ids are a vector
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.param @table : tensor<8x4xbf16> from "table"
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %ids, %logits = builtin.unrealized_conversion_cast to tensor<?x1xi32>, tensor<?x8xf32>
    // expected-error@+1 {{operand #0 must be tensor<?xi32>, but got 'tensor<?x1xi32>'}}
    %x = ds.embedding %ids, @table module("e") : (tensor<?x1xi32>) -> tensor<?x4xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
