// The types of ds, and which tensors are rows of tokens.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

// C1, C2 of the cache: least and largest sizes, each dtype
// CHECK: !ds.batch, !ds.kv_cache<1x1xf32>, !ds.kv_cache<2147483647x2147483647xbf16>, !ds.kv_cache<61x576xf16>
%batch, %c0, %c1, %c2 = builtin.unrealized_conversion_cast to !ds.batch, !ds.kv_cache<1x1xf32>, !ds.kv_cache<2147483647x2147483647xbf16>, !ds.kv_cache<61x576xf16>

// Rows have 1 .. 2^31 - 1 columns.
%x, %y = builtin.unrealized_conversion_cast to tensor<?x1xf32>, tensor<?x2147483647xf16>
// CHECK: ds.add {{.*}} : tensor<?x1xf32>
%a = ds.add %x, %x module("p") : tensor<?x1xf32>
// CHECK: ds.add {{.*}} : tensor<?x2147483647xf16>
%b = ds.add %y, %y module("p") : tensor<?x2147483647xf16>
