// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: there is a head
%x, %cos, %sin = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x1xf32>, tensor<?x1xf32>
// expected-error@+1 {{(C1) expects columns that 0 heads divide, but got 12}}
%y = ds.rope %x, %cos, %sin heads(0) begin(4) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>

// -----

// C1: not minus one
%x, %cos, %sin = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x1xf32>, tensor<?x1xf32>
// expected-error@+1 {{(C1) expects columns that -2 heads divide, but got 12}}
%y = ds.rope %x, %cos, %sin heads(-2) begin(4) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>

// -----

// C1: heads divide the columns
%x, %cos, %sin = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x1xf32>, tensor<?x1xf32>
// expected-error@+1 {{(C1) expects columns that 5 heads divide, but got 12}}
%y = ds.rope %x, %cos, %sin heads(5) begin(4) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>

// -----

// C2: from column 5 on a pair does not fit into a head of 6
%x, %cos, %sin = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x1xf32>, tensor<?x1xf32>
// expected-error@+1 {{(C2) expects 2 columns from 5 on in a head of 6}}
%y = ds.rope %x, %cos, %sin heads(2) begin(5) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>

// -----

// C2: nor do four pairs from 0 on
%x, %cos3, %sin3 = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x4xf32>, tensor<?x4xf32>
// expected-error@+1 {{(C2) expects 8 columns from 0 on in a head of 6}}
%y = ds.rope %x, %cos3, %sin3 heads(2) begin(0) module("attn.rope") : tensor<?x12xbf16>, tensor<?x4xf32>

// -----

// C2: begin is not negative
%x, %cos, %sin = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x1xf32>, tensor<?x1xf32>
// expected-error@+1 {{(C2) expects 2 columns from -1 on in a head of 6}}
%y = ds.rope %x, %cos, %sin heads(2) begin(-1) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>

// -----

// C2: sums do not overflow
%x, %cos, %sin = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x1xf32>, tensor<?x1xf32>
// expected-error@+1 {{(C2) expects 2 columns from 9223372036854775807 on in a head of 6}}
%y = ds.rope %x, %cos, %sin heads(2) begin(9223372036854775807) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>

// -----

// x and result have one type
%x, %cos, %sin = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x1xf32>, tensor<?x1xf32>
// expected-error@+1 {{failed to verify that all of {x, result} have same type}}
%y = "ds.rope"(%x, %cos, %sin) <{heads = 2 : i64, begin = 0 : i64, path = "p"}> : (tensor<?x12xbf16>, tensor<?x1xf32>, tensor<?x1xf32>) -> tensor<?x12xf32>

// -----

// cosine and sine have one type
%x, %cos, %sin3 = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x1xf32>, tensor<?x3xf32>
// expected-error@+1 {{failed to verify that all of {cosine, sine} have same type}}
%y = "ds.rope"(%x, %cos, %sin3) <{heads = 2 : i64, begin = 0 : i64, path = "p"}> : (tensor<?x12xbf16>, tensor<?x1xf32>, tensor<?x3xf32>) -> tensor<?x12xbf16>
