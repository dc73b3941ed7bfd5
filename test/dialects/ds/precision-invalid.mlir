// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: computes in floats
// expected-error@+1 {{(C1) expects a float dtype to compute in, but got 'i32'}}
module attributes {test.it = #ds.precision<compute = i32, by = "x">} {}

// -----

// C1: in one of them
// expected-error@+1 {{(C1) expects a float dtype to compute in, but got 'tensor<4xf32>'}}
module attributes {test.it = #ds.precision<compute = tensor<4xf32>, by = "x">} {}

// -----

// C2: a payload alone is no format
// expected-error@+1 {{(C2) expects a storage of f32, bf16, f16 or a #ds.quant, but got f8E4M3FN}}
module attributes {test.it = #ds.precision<compute = f32, by = "x", storage = f8E4M3FN>} {}

// -----

// C2: nor is F64
// expected-error@+1 {{(C2) expects a storage of f32, bf16, f16 or a #ds.quant, but got f64}}
module attributes {test.it = #ds.precision<compute = f32, by = "x", storage = f64>} {}

// -----

// C2: nor a string
// expected-error@+1 {{(C2) expects a storage of f32, bf16, f16 or a #ds.quant, but got "bf16"}}
module attributes {test.it = #ds.precision<compute = f32, by = "x", storage = "bf16">} {}

// -----

// who decided is said
// expected-error@+1 {{struct is missing required parameter: by}}
module attributes {test.it = #ds.precision<compute = f32>} {}
