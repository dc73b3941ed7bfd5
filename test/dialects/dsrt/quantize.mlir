// dsrt.quantize: payload and scales of x, tile by tile.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    // CHECK: dsrt.quantize %{{.*}}, %{{.*}}, %{{.*}} module("m") {format = #tile_1x128_f8E4M3FN} : <tokens x 6 x f8E4M3FN>, <tokens x 1 x f32>, <tokens x 6 x bf16>
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x f8E4M3FN>, <tokens x 1 x f32>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
