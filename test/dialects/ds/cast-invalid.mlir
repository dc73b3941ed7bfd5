// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: the same columns
%x = builtin.unrealized_conversion_cast to tensor<?x4xbf16>
// expected-error@+1 {{(C1) expects 4 columns, but got 5}}
%y = ds.cast %x module("attn_norm") : (tensor<?x4xbf16>) -> tensor<?x5xf32>

// -----

// payloads come from ds.quantize
%x = builtin.unrealized_conversion_cast to tensor<?x4xbf16>
// expected-error@+1 {{result #0 must be tensor<?xN> of f32, bf16 or f16, but got 'tensor<?x4xf8E4M3FN>'}}
%y = ds.cast %x module("attn_norm") : (tensor<?x4xbf16>) -> tensor<?x4xf8E4M3FN>
