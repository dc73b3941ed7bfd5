// Programs, entry points, and buffers of the arena.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

// C2 of the limits: one token a row, each wanted
// CHECK: dsrt.program @p0 vocabulary(8) limits(<tokens = 4, sequences = 4, length = 8, wanted = 4>) {
dsrt.program @p0 vocabulary(8) limits(<tokens = 4, sequences = 4, length = 8, wanted = 4>) {
}
// C1: least
// CHECK: dsrt.program @p1 vocabulary(1) limits(<tokens = 1, sequences = 1, length = 1, wanted = 1>) {
dsrt.program @p1 vocabulary(1) limits(<tokens = 1, sequences = 1, length = 1, wanted = 1>) {
}
// C1: largest
// CHECK: dsrt.program @p2 vocabulary(2147483647) limits(<tokens = 2147483647, sequences = 2147483647, length = 2147483647, wanted = 2147483647>) {
dsrt.program @p2 vocabulary(2147483647) limits(<tokens = 2147483647, sequences = 2147483647, length = 2147483647, wanted = 2147483647>) {
}
// Weights and entry points, before memory is planned and after.
// CHECK: dsrt.program @deepseek
dsrt.program @deepseek vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // CHECK: dsrt.entry @prefill {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
  // CHECK: dsrt.entry @decode arena(128) {
  dsrt.entry @decode arena(128) {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    // CHECK: dsrt.allocate at(64) : <wanted x 8 x f32>
    %result = dsrt.allocate at(64) : <wanted x 8 x f32>
    // CHECK: dsrt.allocate at(0) : <tokens x 4 x bf16>
    %first = dsrt.allocate at(0) : <tokens x 4 x bf16>
    // CHECK: dsrt.return %{{.*}} : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// CHECK: dsrt.entry @decode arena(0) {
dsrt.program @q vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @decode arena(0) {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
