// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: there is a layer
// expected-error@+1 {{(C1) expects positive layers and width within 31 bits, but got 0 and 576}}
%c = builtin.unrealized_conversion_cast to !ds.kv_cache<0x576xbf16>

// -----

// C1: and a width
// expected-error@+1 {{(C1) expects positive layers and width within 31 bits, but got 61 and 0}}
%c = builtin.unrealized_conversion_cast to !ds.kv_cache<61x0xbf16>

// -----

// C1: layers within 31 bits
// expected-error@+1 {{(C1) expects positive layers and width within 31 bits, but got 2147483648 and 576}}
%c = builtin.unrealized_conversion_cast to !ds.kv_cache<2147483648x576xbf16>

// -----

// C1: the width as well
// expected-error@+1 {{(C1) expects positive layers and width within 31 bits, but got 61 and 2147483648}}
%c = builtin.unrealized_conversion_cast to !ds.kv_cache<61x2147483648xbf16>

// -----

// C2: a payload needs scales
// expected-error@+1 {{(C2) expects elements of f32, bf16 or f16, but got 'f8E4M3FN'}}
%c = builtin.unrealized_conversion_cast to !ds.kv_cache<61x576xf8E4M3FN>

// -----

// C2: integers are no dtype
// expected-error@+1 {{(C2) expects elements of f32, bf16 or f16, but got 'i8'}}
%c = builtin.unrealized_conversion_cast to !ds.kv_cache<61x576xi8>

// -----

// two extents
// expected-error@+1 {{expects layers x width x dtype, but got 1 extents}}
%c = builtin.unrealized_conversion_cast to !ds.kv_cache<576xbf16>

// -----

// not three
// expected-error@+1 {{expects layers x width x dtype, but got 3 extents}}
%c = builtin.unrealized_conversion_cast to !ds.kv_cache<61x576x2xbf16>

// -----

// they are known
// expected-error@+1 {{expected static shape}}
%c = builtin.unrealized_conversion_cast to !ds.kv_cache<?x576xbf16>

// -----

// an extent has 64 bits at most
// expected-error@+1 {{invalid dimension}}
%c = builtin.unrealized_conversion_cast to !ds.kv_cache<99999999999999999999999x576xbf16>

// -----

// rows: how many is not known
%x = builtin.unrealized_conversion_cast to tensor<4x4xf32>
// expected-error@+1 {{operand #0 must be tensor<?xN> of f32, bf16 or f16, but got 'tensor<4x4xf32>'}}
%y = ds.add %x, %x module("p") : tensor<4x4xf32>

// -----

// how wide they are is
%x = builtin.unrealized_conversion_cast to tensor<?x?xf32>
// expected-error@+1 {{operand #0 must be tensor<?xN> of f32, bf16 or f16, but got 'tensor<?x?xf32>'}}
%y = ds.add %x, %x module("p") : tensor<?x?xf32>

// -----

// there is a column
%x = builtin.unrealized_conversion_cast to tensor<?x0xf32>
// expected-error@+1 {{operand #0 must be tensor<?xN> of f32, bf16 or f16, but got 'tensor<?x0xf32>'}}
%y = ds.add %x, %x module("p") : tensor<?x0xf32>

// -----

// no more than 2^31 - 1
%x = builtin.unrealized_conversion_cast to tensor<?x2147483648xf32>
// expected-error@+1 {{operand #0 must be tensor<?xN> of f32, bf16 or f16, but got 'tensor<?x2147483648xf32>'}}
%y = ds.add %x, %x module("p") : tensor<?x2147483648xf32>

// -----

// no encoding
%x = builtin.unrealized_conversion_cast to tensor<?x4xf32, "sparse">
// expected-error@+1 {{operand #0 must be tensor<?xN> of f32, bf16 or f16, but got 'tensor<?x4xf32, "sparse">'}}
%y = ds.add %x, %x module("p") : tensor<?x4xf32, "sparse">

// -----

// a matrix
%x = builtin.unrealized_conversion_cast to tensor<?xf32>
// expected-error@+1 {{operand #0 must be tensor<?xN> of f32, bf16 or f16, but got 'tensor<?xf32>'}}
%y = ds.add %x, %x module("p") : tensor<?xf32>

// -----

// not three extents
%x = builtin.unrealized_conversion_cast to tensor<?x4x4xf32>
// expected-error@+1 {{operand #0 must be tensor<?xN> of f32, bf16 or f16, but got 'tensor<?x4x4xf32>'}}
%y = ds.add %x, %x module("p") : tensor<?x4x4xf32>

// -----

// a float of the runtime
%x = builtin.unrealized_conversion_cast to tensor<?x4xf64>
// expected-error@+1 {{operand #0 must be tensor<?xN> of f32, bf16 or f16, but got 'tensor<?x4xf64>'}}
%y = ds.add %x, %x module("p") : tensor<?x4xf64>
