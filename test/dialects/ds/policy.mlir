// The policy: settings as keywords, strings, numbers and lists, and overrides as dtypes by path.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

// CHECK: module attributes {test.it = #ds.policy<>}
module attributes {test.it = #ds.policy<>} {}
// CHECK: module attributes {test.it = #ds.policy<activation_dtype = bf16, overrides = {"blocks.0.attn.q_a_norm" = f16, "lm_head" = f32}, precision_recipe = deepseek_v3>}
module attributes {test.it = #ds.policy<activation_dtype = bf16, overrides = {"blocks.0.attn.q_a_norm" = f16, "lm_head" = f32}, precision_recipe = deepseek_v3>} {}
// Keys and values that are no keywords are strings.
// CHECK: module attributes {test.it = #ds.policy<"a key" = "a value", compute_lowbit_exclude = [".*router", ".*lm_head"], fp8_amax_floor = 1.250000e-01 : f64, seed = 7 : i64, strict = true>}
module attributes {test.it = #ds.policy<"a key" = "a value", compute_lowbit_exclude = [".*router", ".*lm_head"], fp8_amax_floor = 1.250000e-01 : f64, seed = 7 : i64, strict = true>} {}
// The text "true" stays a text.
// CHECK: module attributes {test.it = #ds.policy<strict = "true">}
module attributes {test.it = #ds.policy<strict = "true">} {}
// A recipe that is not built in, field by field. "true" in quotes is a text.
// CHECK: module attributes {test.it = #ds.policy<precision_recipe = mine, recipes = {"it's" = {}, mine = {comm_quant = true, high_precision = ["norm$", "^lm_head$"], mode = fp8, source = "true"}}>}
module attributes {test.it = #ds.policy<precision_recipe = mine, recipes = {mine = {mode = fp8, high_precision = ["norm$", "^lm_head$"], comm_quant = true, source = "true"}, "it's" = {}}>} {}
