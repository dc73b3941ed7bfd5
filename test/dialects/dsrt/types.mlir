// Buffers, batch and cache.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

// C1, C2: one extent, of one value
// CHECK: !dsrt.buffer<1 x f32>
%b2 = builtin.unrealized_conversion_cast to !dsrt.buffer<1 x f32>
// Rows of the batch
// CHECK: !dsrt.buffer<tokens x 4 x bf16>
%b5 = builtin.unrealized_conversion_cast to !dsrt.buffer<tokens x 4 x bf16>
// three rows a token
// CHECK: !dsrt.buffer<tokens*3 x 6 x f16>
%b8 = builtin.unrealized_conversion_cast to !dsrt.buffer<tokens*3 x 6 x f16>
// rows whose logits are wanted
// CHECK: !dsrt.buffer<wanted x 8 x f8E4M3FN>
%b11 = builtin.unrealized_conversion_cast to !dsrt.buffer<wanted x 8 x f8E4M3FN>
// CHECK: !dsrt.buffer<2 x 3 x 4 x f8E5M2>
%b13 = builtin.unrealized_conversion_cast to !dsrt.buffer<2 x 3 x 4 x f8E5M2>
// CHECK: !dsrt.buffer<tokens x 5 x f4E2M1FN>
%b14 = builtin.unrealized_conversion_cast to !dsrt.buffer<tokens x 5 x f4E2M1FN>
// CHECK: !dsrt.buffer<wanted*2 x i32>
%b15 = builtin.unrealized_conversion_cast to !dsrt.buffer<wanted*2 x i32>
// C2: the largest
// CHECK: !dsrt.buffer<9223372036854775807 x i8>
%b18 = builtin.unrealized_conversion_cast to !dsrt.buffer<9223372036854775807 x i8>
// CHECK: !dsrt.buffer<tokens*9223372036854775807 x i8>
%b20 = builtin.unrealized_conversion_cast to !dsrt.buffer<tokens*9223372036854775807 x i8>
// CHECK: !dsrt.batch, !dsrt.cache<1x1xf32>, !dsrt.cache<2147483647x2147483647xbf16>, !dsrt.cache<61x576xf16>
%batch, %c0, %c1, %c2 = builtin.unrealized_conversion_cast to !dsrt.batch, !dsrt.cache<1x1xf32>, !dsrt.cache<2147483647x2147483647xbf16>, !dsrt.cache<61x576xf16>
