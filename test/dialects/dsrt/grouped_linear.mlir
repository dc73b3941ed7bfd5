// dsrt.grouped_linear: rows offsets[first + e] .. offsets[first + e + 1] of y = linear of those rows of x with weight[e], for each e; other rows are left as they are.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // CHECK: dsrt.grouped_linear %{{.*}}, %{{.*}}, %{{.*}}, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x bf16>, <9 x i32>
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
