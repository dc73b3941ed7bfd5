// A residual.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

%a, %b = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x4xbf16>

// CHECK: %{{.*}} = ds.add %{{.*}}, %{{.*}} module("blocks.0.ffn") : tensor<?x4xbf16>
%y = ds.add %a, %b module("blocks.0.ffn") : tensor<?x4xbf16>
