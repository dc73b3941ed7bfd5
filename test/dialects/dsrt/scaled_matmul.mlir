// dsrt.scaled_matmul: y = (payload * scales) (weight * weight scales)^T: summed in F32, promoted every `promote` of K, rounded to Y.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // CHECK: dsrt.scaled_matmul %{{.*}}, %{{.*}}, %{{.*}}, @weight module("m") {activation = #tile_1x128_f8E4M3FN, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x f32>
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
