// Columns of a matrix.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

%x = builtin.unrealized_conversion_cast to tensor<?x6xbf16>

// C1: all
// CHECK: %{{.*}} = ds.slice_columns %{{.*}} begin(0) module("attn.kv_split") : (tensor<?x6xbf16>) -> tensor<?x6xbf16>
%y0 = ds.slice_columns %x begin(0) module("attn.kv_split") : (tensor<?x6xbf16>) -> tensor<?x6xbf16>
// C1: the last
// CHECK: %{{.*}} = ds.slice_columns %{{.*}} begin(5) module("attn.kv_split") : (tensor<?x6xbf16>) -> tensor<?x1xbf16>
%y1 = ds.slice_columns %x begin(5) module("attn.kv_split") : (tensor<?x6xbf16>) -> tensor<?x1xbf16>
