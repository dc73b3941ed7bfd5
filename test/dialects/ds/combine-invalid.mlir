// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: the same columns
%x, %weights, %order = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x3xf32>, tensor<?xi32>
// expected-error@+1 {{(C1) expects a result of 4 columns of 'bf16', but got 'tensor<?x5xbf16>'}}
%y = ds.combine %x, %weights, %order module("ffn.combine") : (tensor<?x4xbf16>, tensor<?x3xf32>, tensor<?xi32>) -> tensor<?x5xbf16>

// -----

// C1: the same element type
%x, %weights, %order = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x3xf32>, tensor<?xi32>
// expected-error@+1 {{(C1) expects a result of 4 columns of 'bf16', but got 'tensor<?x4xf16>'}}
%y = ds.combine %x, %weights, %order module("ffn.combine") : (tensor<?x4xbf16>, tensor<?x3xf32>, tensor<?xi32>) -> tensor<?x4xf16>
