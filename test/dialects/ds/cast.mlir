// Rounds to another dtype.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

%x = builtin.unrealized_conversion_cast to tensor<?x4xbf16>

// CHECK: %{{.*}} = ds.cast %{{.*}} module("attn_norm") : (tensor<?x4xbf16>) -> tensor<?x4xf32>
%y0 = ds.cast %x module("attn_norm") : (tensor<?x4xbf16>) -> tensor<?x4xf32>
// CHECK: %{{.*}} = ds.cast %{{.*}} module("attn_norm") : (tensor<?x4xbf16>) -> tensor<?x4xf16>
%y1 = ds.cast %x module("attn_norm") : (tensor<?x4xbf16>) -> tensor<?x4xf16>
