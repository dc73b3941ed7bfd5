// dsrt.swiglu: y = silu(gate) * up: in F32, rounded to T once.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x bf16>
    // CHECK: dsrt.swiglu %{{.*}}, %{{.*}}, %{{.*}} module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
