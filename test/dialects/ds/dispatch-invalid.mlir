// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: the same columns
%x, %order = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?xi32>
// expected-error@+1 {{(C1) expects a result of 4 columns of 'bf16', but got 'tensor<?x5xbf16>'}}
%y = ds.dispatch %x, %order choices(3) module("ffn.dispatch") : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x5xbf16>

// -----

// C1: the same element type
%x, %order = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?xi32>
// expected-error@+1 {{(C1) expects a result of 4 columns of 'bf16', but got 'tensor<?x4xf32>'}}
%y = ds.dispatch %x, %order choices(3) module("ffn.dispatch") : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x4xf32>

// -----

// C2: choices are positive
%x, %order = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?xi32>
// expected-error@+1 {{(C2) expects a positive number of choices, but got 0}}
%y = ds.dispatch %x, %order choices(0) module("ffn.dispatch") : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x4xbf16>

// -----

// C2: not negative
%x, %order = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?xi32>
// expected-error@+1 {{(C2) expects a positive number of choices, but got -1}}
%y = ds.dispatch %x, %order choices(-1) module("ffn.dispatch") : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x4xbf16>
