// silu(gate) * up.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

%gate, %up = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?x4xbf16>

// CHECK: %{{.*}} = ds.swiglu %{{.*}}, %{{.*}} module("blocks.0.ffn") : tensor<?x4xbf16>
%y = ds.swiglu %gate, %up module("blocks.0.ffn") : tensor<?x4xbf16>
