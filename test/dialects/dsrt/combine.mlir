// dsrt.combine: y[t] = sum over choices c in order of weights[t, c] * x[position of pair (t, c)]: in F32, rounded to T.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // CHECK: dsrt.combine %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x bf16>, <tokens x 3 x f32>, <tokens*3 x i32>
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x bf16>, <tokens x 3 x f32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
