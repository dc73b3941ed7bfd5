// Rotates pairs of columns of each head.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

%x, %cos, %sin, %cos3, %sin3 = builtin.unrealized_conversion_cast to tensor<?x12xbf16>, tensor<?x1xf32>, tensor<?x1xf32>, tensor<?x3xf32>, tensor<?x3xf32>

// C2: the last columns of each head
// CHECK: %{{.*}} = ds.rope %{{.*}}, %{{.*}}, %{{.*}} heads(2) begin(4) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>
%y0 = ds.rope %x, %cos, %sin heads(2) begin(4) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>
// C2: the first
// CHECK: %{{.*}} = ds.rope %{{.*}}, %{{.*}}, %{{.*}} heads(2) begin(0) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>
%y1 = ds.rope %x, %cos, %sin heads(2) begin(0) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>
// C2: a whole head
// CHECK: %{{.*}} = ds.rope %{{.*}}, %{{.*}}, %{{.*}} heads(2) begin(0) module("attn.rope") : tensor<?x12xbf16>, tensor<?x3xf32>
%y2 = ds.rope %x, %cos3, %sin3 heads(2) begin(0) module("attn.rope") : tensor<?x12xbf16>, tensor<?x3xf32>
// C1: one head
// CHECK: %{{.*}} = ds.rope %{{.*}}, %{{.*}}, %{{.*}} heads(1) begin(10) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>
%y3 = ds.rope %x, %cos, %sin heads(1) begin(10) module("attn.rope") : tensor<?x12xbf16>, tensor<?x1xf32>
