// dsrt.cache_append: writes latent and rotated key of each token to its slot and position of one layer.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %latent = dsrt.allocate : <tokens x 4 x bf16>
    %key = dsrt.allocate : <tokens x 2 x bf16>
    // CHECK: dsrt.cache_append %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} module("m") {layer = 1 : i64} : <2x6xbf16>, <tokens x 4 x bf16>, <tokens x 2 x bf16>
    dsrt.cache_append %cache, %latent, %key, %batch module("m") {layer = 1 : i64} : <2x6xbf16>, <tokens x 4 x bf16>, <tokens x 2 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
