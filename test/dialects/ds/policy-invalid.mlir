// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: overrides map to dtypes
// expected-error@+1 {{expected non-function type}}
module attributes {test.it = #ds.policy<overrides = {"lm_head" = bf61}>} {}

// -----

// C1: they are a map
// expected-error@+1 {{expected '{'}}
module attributes {test.it = #ds.policy<overrides = bf16>} {}

// -----

// C1: one dtype a path
// expected-error@+1 {{[DS1009] override 'lm_head' has two dtypes, 'bf16' and 'f32': keep one}}
module attributes {test.it = #ds.policy<overrides = {"lm_head" = bf16, "lm_head" = f32}>} {}

// -----

// C1: said once
// expected-error@+1 {{[DS1009] override 'lm_head' stands twice: keep one}}
module attributes {test.it = #ds.policy<overrides = {"lm_head" = bf16, "lm_head" = bf16}>} {}

// -----

// C2: a symbol is no setting
// expected-error@+1 {{(C2) expects 'activation_dtype' to be a keyword, a string, a number or a list of strings, but got @bf16}}
module attributes {test.it = #ds.policy<activation_dtype = @bf16>} {}

// -----

// C2: a map only where overrides are
// expected-error@+1 {{(C2) expects 'activation_dtype' to be a keyword, a string, a number or a list of strings, but got {lm_head = bf16}}}
module attributes {test.it = #ds.policy<activation_dtype = {lm_head = bf16}>} {}

// -----

// C2: lists hold strings
// expected-error@+1 {{(C2) expects 'exclude' to be a keyword, a string, a number or a list of strings, but got ["a", 1]}}
module attributes {test.it = #ds.policy<exclude = ["a", 1]>} {}

// -----

// C2: a typed string is none
// expected-error@+1 {{(C2) expects 'recipe' to be a keyword, a string, a number or a list of strings, but got "x" : i32}}
module attributes {test.it = #ds.policy<recipe = "x" : i32>} {}

// -----

// a setting stands once
// expected-error@+1 {{'seed' stands twice in the policy: keep one}}
module attributes {test.it = #ds.policy<seed = 1, seed = 2>} {}

// -----

// C3: a recipe's fields are keywords, strings, numbers or lists of strings
// expected-error@+1 {{(C3) expects 'mode' to be a keyword, a string, a number or a list of strings, but got @fp8}}
module attributes {test.it = #ds.policy<recipes = {mine = {mode = @fp8}}>} {}

// -----

// expected-error@+1 {{recipe 'mine' stands twice in the policy: keep one}}
module attributes {test.it = #ds.policy<recipes = {mine = {mode = fp8}, mine = {mode = fp4}}>} {}

// -----

// expected-error@+1 {{field 'mode' stands twice in the policy: keep one}}
module attributes {test.it = #ds.policy<recipes = {mine = {mode = fp8, mode = fp4}}>} {}

// -----

// expected-error@+1 {{expected '{'}}
module attributes {test.it = #ds.policy<recipes = {mine = fp8}>} {}
