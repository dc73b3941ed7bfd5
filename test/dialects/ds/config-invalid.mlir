// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: vocabulary is positive
// expected-error@+1 {{(C1) expects a positive vocabulary within 31 bits, but got 0}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 0, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>} {}

// -----

// C1: hidden_size is positive
// expected-error@+1 {{(C1) expects a positive hidden_size within 31 bits, but got 0}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 0, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>} {}

// -----

// C1: layers is positive
// expected-error@+1 {{(C1) expects a positive layers within 31 bits, but got 0}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 0, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>} {}

// -----

// C1: heads is positive
// expected-error@+1 {{(C1) expects a positive heads within 31 bits, but got 0}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 0, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>} {}

// -----

// C1: kv_lora_rank is positive
// expected-error@+1 {{(C1) expects a positive kv_lora_rank within 31 bits, but got 0}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 0, rope_head_dim = 2, max_positions = 16>} {}

// -----

// C1: rope_head_dim is positive
// expected-error@+1 {{(C1) expects a positive rope_head_dim within 31 bits, but got 0}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 0, max_positions = 16>} {}

// -----

// C1: max_positions is positive
// expected-error@+1 {{(C1) expects a positive max_positions within 31 bits, but got 0}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 0>} {}

// -----

// C1: not negative
// expected-error@+1 {{(C1) expects a positive vocabulary within 31 bits, but got -1}}
module attributes {test.it = #ds.config<family = v3, vocabulary = -1, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>} {}

// -----

// C1: 2^31 is too large
// expected-error@+1 {{(C1) expects a positive hidden_size within 31 bits, but got 2147483648}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 2147483648, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>} {}

// -----

// C1: experts are not negative
// expected-error@+1 {{(C1) expects experts of 0 or above within 31 bits, but got -1}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16, experts = -1>} {}

// -----

// C1: nor 2^31
// expected-error@+1 {{(C1) expects experts of 0 or above within 31 bits, but got 2147483648}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16, experts = 2147483648, experts_per_token = 1>} {}

// -----

// C2: at most all experts
// expected-error@+1 {{(C2) expects 1 .. 8 experts a token, but got 9}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16, experts = 8, experts_per_token = 9>} {}

// -----

// C2: at least one
// expected-error@+1 {{(C2) expects 1 .. 8 experts a token, but got 0}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16, experts = 8>} {}

// -----

// C2: none where there are none
// expected-error@+1 {{(C2) expects 0 .. 0 experts a token, but got 1}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16, experts_per_token = 1>} {}

// -----

// C2: not negative
// expected-error@+1 {{(C2) expects 0 .. 0 experts a token, but got -1}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16, experts_per_token = -1>} {}

// -----

// a number has 64 bits
// expected-error@+2 {{integer value too large}}
// expected-error@+1 {{failed to parse DS_ConfigAttr parameter 'layers'}}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 99999999999999999999999, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>} {}

// -----

// families have names
// expected-error@+2 {{expected one of [v2, v3] for model family, got: v5}}
// expected-error@+1 {{failed to parse DS_ConfigAttr parameter 'family'}}
module attributes {test.it = #ds.config<family = v5, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>} {}
