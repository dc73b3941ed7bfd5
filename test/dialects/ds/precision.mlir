// The precision of a module: a dtype alone, or a low-bit product.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>

// CHECK: module attributes {test.it = #ds.precision<compute = bf16, by = "default">}
module attributes {test.it = #ds.precision<compute = bf16, by = "default">} {}
// C2: each dtype of storage
// CHECK: module attributes {test.it = #ds.precision<compute = f32, by = "rule 2", storage = f32>}
module attributes {test.it = #ds.precision<compute = f32, by = "rule 2", storage = f32>} {}
// CHECK: module attributes {test.it = #ds.precision<compute = f32, by = "rule 2", storage = bf16>}
module attributes {test.it = #ds.precision<compute = f32, by = "rule 2", storage = bf16>} {}
// CHECK: module attributes {test.it = #ds.precision<compute = f32, by = "rule 2", storage = f16>}
module attributes {test.it = #ds.precision<compute = f32, by = "rule 2", storage = f16>} {}
// CHECK: module attributes {test.it = #ds.precision<compute = f8E4M3FN, by = "recipe deepseek_v3", lhs = #tile_1x128_f8E4M3FN, rhs = #tile_128x128_f8E4M3FN, storage = #tile_128x128_f8E4M3FN>}
module attributes {test.it = #ds.precision<compute = f8E4M3FN, by = "recipe deepseek_v3", lhs = #act, rhs = #wt, storage = #wt>} {}
