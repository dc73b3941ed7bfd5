// RUN: ds-opt %s --verify-diagnostics --split-input-file

// x and result have one type
%x, %rows = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?xi32>
// expected-error@+1 {{failed to verify that all of {x, result} have same type}}
%y = "ds.take_rows"(%x, %rows) <{path = "wanted"}> : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x5xbf16>

// -----

// rows are a vector of I32
%x, %rows = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?xi64>
// expected-error@+1 {{operand #1 must be tensor<?xi32>, but got 'tensor<?xi64>'}}
%y = ds.take_rows %x, %rows module("wanted") : tensor<?x4xbf16>, tensor<?xi64>
