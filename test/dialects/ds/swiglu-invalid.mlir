// RUN: ds-opt %s --verify-diagnostics --split-input-file

// operands and result have one type: the second operand
%gate, %up = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x5xbf16>
// expected-error@+1 {{requires the same type for all operands and results}}
%y = "ds.swiglu"(%gate, %up) <{path = "p"}> : (tensor<?x4xbf16>, tensor<?x5xbf16>) -> tensor<?x4xbf16>

// -----

// the result
%gate, %up = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x4xbf16>
// expected-error@+1 {{requires the same type for all operands and results}}
%y = "ds.swiglu"(%gate, %up) <{path = "p"}> : (tensor<?x4xbf16>, tensor<?x4xbf16>) -> tensor<?x4xf32>

// -----

// payloads have to be scaled first
%gate, %up = builtin.unrealized_conversion_cast to tensor<?x4xf8E4M3FN>, tensor<?x4xf8E4M3FN>
// expected-error@+1 {{operand #0 must be tensor<?xN> of f32, bf16 or f16, but got 'tensor<?x4xf8E4M3FN>'}}
%y = ds.swiglu %gate, %up module("p") : tensor<?x4xf8E4M3FN>
