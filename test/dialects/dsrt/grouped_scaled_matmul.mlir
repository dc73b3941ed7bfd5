// dsrt.grouped_scaled_matmul: scaled_matmul of each expert's rows with that expert's weight; other rows are left as they are.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %payload = dsrt.allocate : <tokens*3 x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens*3 x 1 x f32>
    %offsets = dsrt.allocate : <9 x i32>
    // CHECK: dsrt.grouped_scaled_matmul %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, @weight module("m") {activation = #tile_1x128_f8E4M3FN, first = 1 : i64, promote = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x f8E4M3FN>, <tokens*3 x 1 x f32>, <9 x i32>
    dsrt.grouped_scaled_matmul %y, %payload, %scales, %offsets, @weight module("m") {activation = #act, first = 1 : i64, promote = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x f8E4M3FN>, <tokens*3 x 1 x f32>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
