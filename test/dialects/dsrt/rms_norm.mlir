// dsrt.rms_norm: y = x / sqrt(mean(x^2) + eps) * weight: all in F32, rounded to T once.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens x 4 x bf16>
    // CHECK: dsrt.rms_norm %{{.*}}, %{{.*}}, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x 4 x bf16>
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x 4 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
