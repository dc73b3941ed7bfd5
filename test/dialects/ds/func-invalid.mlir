// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: four arguments: not three
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi32>, %a1: !ds.batch, %a2: tensor<?xi32>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: not five
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi32>, %a1: !ds.batch, %a2: tensor<?xi32>, %a3: !ds.kv_cache<2x6xbf16>, %a4: !ds.batch) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: token ids are I32
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi64>, %a1: !ds.batch, %a2: tensor<?xi32>, %a3: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: of any number
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<4xi32>, %a1: !ds.batch, %a2: tensor<?xi32>, %a3: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: in one extent
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?x1xi32>, %a1: !ds.batch, %a2: tensor<?xi32>, %a3: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: the batch
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi32>, %a1: tensor<?xi32>, %a2: tensor<?xi32>, %a3: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: wanted tokens are I32
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi32>, %a1: !ds.batch, %a2: tensor<?xf32>, %a3: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: the cache
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi32>, %a1: !ds.batch, %a2: tensor<?xi32>, %a3: tensor<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: logits are F32
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi32>, %a1: !ds.batch, %a2: tensor<?xi32>, %a3: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xbf16> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: as wide as the vocabulary
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi32>, %a1: !ds.batch, %a2: tensor<?xi32>, %a3: !ds.kv_cache<2x6xbf16>) -> tensor<?x?xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: of any number of tokens
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi32>, %a1: !ds.batch, %a2: tensor<?xi32>, %a3: !ds.kv_cache<2x6xbf16>) -> tensor<4x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: a matrix
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi32>, %a1: !ds.batch, %a2: tensor<?xi32>, %a3: !ds.kv_cache<2x6xbf16>) -> tensor<?xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: one result: not none
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi32>, %a1: !ds.batch, %a2: tensor<?xi32>, %a3: !ds.kv_cache<2x6xbf16>) {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1: not two
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects (tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache) -> tensor<?xVxf32>, but got}}
  ds.func @prefill(%a0: tensor<?xi32>, %a1: !ds.batch, %a2: tensor<?xi32>, %a3: !ds.kv_cache<2x6xbf16>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
    ds.return %logits : tensor<?x8xf32>
  }
}

// -----

// C1 of ds.return: the operand has the type of the result
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %logits = builtin.unrealized_conversion_cast to tensor<?x9xf32>
    // expected-error@+1 {{(C1) expects operands of 'tensor<?x8xf32>', but got 'tensor<?x9xf32>'}}
    ds.return %logits : tensor<?x9xf32>
  }
}

// -----

// it ends a ds.func
%logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
// expected-error@+1 {{'ds.return' op expects parent op 'ds.func'}}
ds.return %logits : tensor<?x8xf32>

// -----

// a ds.func ends with it
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    // expected-error@+1 {{block with no terminator}}
    %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
  }
}

// -----

// a ds.func has a body
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{region #0 ('body') failed to verify constraint: region with 1 blocks}}
  ds.func @prefill(tensor<?xi32>, !ds.batch, tensor<?xi32>, !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32>
}

// -----

// it stands in a model
// expected-error@+1 {{'ds.func' op expects parent op 'ds.model'}}
ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
  %logits = builtin.unrealized_conversion_cast to tensor<?x8xf32>
  ds.return %logits : tensor<?x8xf32>
}
