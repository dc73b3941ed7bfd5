// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: not before the first
%x = builtin.unrealized_conversion_cast to tensor<?x6xbf16>
// expected-error@+1 {{(C1) expects 1 columns from -1 on inside of 6}}
%y = ds.slice_columns %x begin(-1) module("attn.kv_split") : (tensor<?x6xbf16>) -> tensor<?x1xbf16>

// -----

// C1: not after the last
%x = builtin.unrealized_conversion_cast to tensor<?x6xbf16>
// expected-error@+1 {{(C1) expects 1 columns from 6 on inside of 6}}
%y = ds.slice_columns %x begin(6) module("attn.kv_split") : (tensor<?x6xbf16>) -> tensor<?x1xbf16>

// -----

// C1: not across it
%x = builtin.unrealized_conversion_cast to tensor<?x6xbf16>
// expected-error@+1 {{(C1) expects 2 columns from 5 on inside of 6}}
%y = ds.slice_columns %x begin(5) module("attn.kv_split") : (tensor<?x6xbf16>) -> tensor<?x2xbf16>

// -----

// C1: sums do not overflow
%x = builtin.unrealized_conversion_cast to tensor<?x6xbf16>
// expected-error@+1 {{(C1) expects 1 columns from 9223372036854775807 on inside of 6}}
%y = ds.slice_columns %x begin(9223372036854775807) module("attn.kv_split") : (tensor<?x6xbf16>) -> tensor<?x1xbf16>

// -----

// C2: x and result have the same element type
%x = builtin.unrealized_conversion_cast to tensor<?x6xbf16>
// expected-error@+1 {{(C2) expects a result of 'bf16', but got 'f32'}}
%y = ds.slice_columns %x begin(0) module("attn.kv_split") : (tensor<?x6xbf16>) -> tensor<?x6xf32>
