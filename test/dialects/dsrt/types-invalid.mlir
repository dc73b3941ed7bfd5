// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: there is an extent
// expected-error@+1 {{(C1) expects an extent at least}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<f32>

// -----

// sizes of a call are tokens and wanted
// expected-error@+1 {{expected non-function type}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<rows x f32>

// -----

// C2: extents are positive
// expected-error@+1 {{(C2) expects positive extents, but got 0}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<0 x f32>

// -----

// C2: not negative
// expected-error@+1 {{(C2) expects positive extents, but got -1}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<tokens x -1 x f32>

// -----

// C2: factors as well
// expected-error@+1 {{(C2) expects positive extents, but got 0}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<tokens*0 x f32>

// -----

// an extent has 64 bits at most
// expected-error@+1 {{integer value too large}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<99999999999999999999999 x f32>

// -----

// so has a factor
// expected-error@+1 {{integer value too large}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<tokens*99999999999999999999999 x f32>

// -----

// a factor is a number
// expected-error@+1 {{expected integer value}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<tokens*tokens x f32>

// -----

// extents stand before the type
// expected-error@+1 {{expected 'x'}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<4 f32>

// -----

// a type stands after them
// expected-error@+1 {{expected non-function type}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<4 x >

// -----

// C3: F64 is no type of the runtime
// expected-error@+1 {{(C3) expects elements of f32, bf16, f16, f8E4M3FN, f8E5M2, f4E2M1FN, i32 or i8, but got 'f64'}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<4 x f64>

// -----

// C3: nor are integers but two
// expected-error@+1 {{(C3) expects elements of f32, bf16, f16, f8E4M3FN, f8E5M2, f4E2M1FN, i32 or i8, but got 'i64'}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<4 x i64>

// -----

// C3: NF4 is a format of parameters
// expected-error@+1 {{(C3) expects elements of f32, bf16, f16, f8E4M3FN, f8E5M2, f4E2M1FN, i32 or i8, but got 'i4'}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<4 x i4>

// -----

// C3: no tensors
// expected-error@+1 {{(C3) expects elements of f32, bf16, f16, f8E4M3FN, f8E5M2, f4E2M1FN, i32 or i8, but got 'tensor<4xf32>'}}
%x = builtin.unrealized_conversion_cast to !dsrt.buffer<4 x tensor<4xf32>>

// -----

// C1 of the cache: there is a layer
// expected-error@+1 {{(C1) expects positive layers and width within 31 bits, but got 0 and 576}}
%x = builtin.unrealized_conversion_cast to !dsrt.cache<0x576xbf16>

// -----

// C1: within 31 bits
// expected-error@+1 {{(C1) expects positive layers and width within 31 bits, but got 61 and 2147483648}}
%x = builtin.unrealized_conversion_cast to !dsrt.cache<61x2147483648xbf16>

// -----

// C2 of the cache: a dtype
// expected-error@+1 {{(C2) expects elements of f32, bf16 or f16, but got 'i8'}}
%x = builtin.unrealized_conversion_cast to !dsrt.cache<61x576xi8>

// -----

// two extents
// expected-error@+1 {{expects layers x width x dtype, but got 1 extents}}
%x = builtin.unrealized_conversion_cast to !dsrt.cache<61xbf16>
