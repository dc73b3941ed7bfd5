// dsrt.rope_table: cosine and sine of position times inverse frequency, both times scale.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // CHECK: dsrt.rope_table %{{.*}}, %{{.*}}, %{{.*}} module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x 2 x f32>, <tokens x 2 x f32>
    dsrt.rope_table %cosine, %sine, %batch module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
