// dsrt.gather_rows: y[i] = x[index[i] / divisor].
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %index = dsrt.allocate : <tokens*3 x i32>
    // CHECK: dsrt.gather_rows %{{.*}}, %{{.*}}, %{{.*}} module("m") {divisor = 1 : i64} : <tokens*3 x 6 x bf16>, <tokens x 6 x bf16>, <tokens*3 x i32>
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x 6 x bf16>, <tokens x 6 x bf16>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
