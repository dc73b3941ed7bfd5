// dsrt.linear: y = x weight^T: summed in F32, rounded to X where `round` is 1, then to Y.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %x = dsrt.allocate : <tokens x 4 x bf16>
    // CHECK: dsrt.linear %{{.*}}, %{{.*}}, @weight module("m") {round = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x bf16>
    dsrt.linear %y, %x, @weight module("m") {round = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
