// dsrt.rope: rotates the interleaved pairs (2i, 2i+1) that start at column begin of each head; other columns are copied.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // CHECK: dsrt.rope %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 2 x f32>, <tokens x 2 x f32>
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
