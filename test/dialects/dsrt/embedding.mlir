// dsrt.embedding: y[t] = table[ids[t]], rounded to T.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @table : tensor<8x4xbf16> from "table" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %ids = dsrt.allocate : <tokens x i32>
    // CHECK: dsrt.embedding %{{.*}}, %{{.*}}, @table module("m") : <tokens x 4 x bf16>, <tokens x i32>
    dsrt.embedding %y, %ids, @table module("m") : <tokens x 4 x bf16>, <tokens x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
