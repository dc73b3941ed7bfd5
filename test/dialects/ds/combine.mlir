// Sums the rows of the chosen experts.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

%x, %weights, %order = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x3xf32>, tensor<?xi32>

// CHECK: %{{.*}} = ds.combine %{{.*}}, %{{.*}}, %{{.*}} module("ffn.combine") : (tensor<?x4xbf16>, tensor<?x3xf32>, tensor<?xi32>) -> tensor<?x4xbf16>
%y = ds.combine %x, %weights, %order module("ffn.combine") : (tensor<?x4xbf16>, tensor<?x3xf32>, tensor<?xi32>) -> tensor<?x4xbf16>
