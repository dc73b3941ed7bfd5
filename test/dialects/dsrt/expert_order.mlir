// dsrt.expert_order: sorts the (token, choice) pairs by expert, stably: order[i] is a pair, offsets[e] the first of expert e.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %order = dsrt.allocate : <tokens*3 x i32>
    %offsets = dsrt.allocate : <9 x i32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    // CHECK: dsrt.expert_order %{{.*}}, %{{.*}}, %{{.*}} module("m") : <tokens*3 x i32>, <9 x i32>, <tokens x 3 x i32>
    dsrt.expert_order %order, %offsets, %experts module("m") : <tokens*3 x i32>, <9 x i32>, <tokens x 3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
