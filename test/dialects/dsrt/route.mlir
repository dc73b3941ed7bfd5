// dsrt.route: the experts of each token and their weights, in F32; ties go to the lower index.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // CHECK: dsrt.route %{{.*}}, %{{.*}}, %{{.*}} bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <tokens x 8 x f32>
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <tokens x 8 x f32>
    // CHECK: dsrt.route %{{.*}}, %{{.*}}, %{{.*}} module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <tokens x 8 x f32>
    dsrt.route %weights, %experts, %logits module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
