// Rows in the order of their experts.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

%x, %order, %payload = builtin.unrealized_conversion_cast to tensor<?x4xbf16>, tensor<?xi32>, tensor<?x4xf8E4M3FN>

// CHECK: %{{.*}} = ds.dispatch %{{.*}}, %{{.*}} choices(3) module("ffn.dispatch") : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x4xbf16>
%y0 = ds.dispatch %x, %order choices(3) module("ffn.dispatch") : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x4xbf16>
// C2: one choice a token
// CHECK: %{{.*}} = ds.dispatch %{{.*}}, %{{.*}} choices(1) module("ffn.dispatch") : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x4xbf16>
%y1 = ds.dispatch %x, %order choices(1) module("ffn.dispatch") : (tensor<?x4xbf16>, tensor<?xi32>) -> tensor<?x4xbf16>
// Payloads are dispatched as they are.
// CHECK: %{{.*}} = ds.dispatch %{{.*}}, %{{.*}} choices(3) module("ffn.dispatch") : (tensor<?x4xf8E4M3FN>, tensor<?xi32>) -> tensor<?x4xf8E4M3FN>
%y2 = ds.dispatch %payload, %order choices(3) module("ffn.dispatch") : (tensor<?x4xf8E4M3FN>, tensor<?xi32>) -> tensor<?x4xf8E4M3FN>
