// The sizes of a model.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

// CHECK: module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>}
module attributes {test.it = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>} {}
// CHECK: module attributes {test.it = #ds.config<family = v2, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16, experts = 64, experts_per_token = 6>}
module attributes {test.it = #ds.config<family = v2, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16, experts = 64, experts_per_token = 6>} {}
// C1: the least and the largest sizes; C2: every expert
// CHECK: module attributes {test.it = #ds.config<family = v3, vocabulary = 1, hidden_size = 1, layers = 1, heads = 1, kv_lora_rank = 1, rope_head_dim = 1, max_positions = 1, experts = 1, experts_per_token = 1>}
module attributes {test.it = #ds.config<family = v3, vocabulary = 1, hidden_size = 1, layers = 1, heads = 1, kv_lora_rank = 1, rope_head_dim = 1, max_positions = 1, experts = 1, experts_per_token = 1>} {}
// CHECK: module attributes {test.it = #ds.config<family = v3, vocabulary = 2147483647, hidden_size = 2147483647, layers = 2147483647, heads = 2147483647, kv_lora_rank = 2147483647, rope_head_dim = 2147483647, max_positions = 2147483647, experts = 2147483647, experts_per_token = 2147483647>}
module attributes {test.it = #ds.config<family = v3, vocabulary = 2147483647, hidden_size = 2147483647, layers = 2147483647, heads = 2147483647, kv_lora_rank = 2147483647, rope_head_dim = 2147483647, max_positions = 2147483647, experts = 2147483647, experts_per_token = 2147483647>} {}
