// Buffers by hand: sizes at the largest call, alignment, what shares memory and what may not.
//
// RUN: ds-opt %s --dsrt-plan-memory --dsrt-verify-memory | FileCheck %s
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=deepseek_v3" --ds-to-dsrt --dsrt-plan-memory > %t.1
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=deepseek_v3" --ds-to-dsrt --dsrt-plan-memory > %t.2
// RUN: diff %t.1 %t.2
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=deepseek_v3" --ds-to-dsrt="max-tokens=64" --dsrt-plan-memory | FileCheck %s --check-prefix=SMALL

// What the small model needs: a change is a change of the planner, of the scratch, or of the graph, and should be on purpose.
// SMALL: dsrt.entry @prefill arena(4580352)
// SMALL: dsrt.entry @decode arena(222208)

dsrt.program @p vocabulary(10) limits(#dsrt.limits<tokens = 10, sequences = 3, length = 16, wanted = 5>) {
  dsrt.weight @table : tensor<10x6xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @head : tensor<10x6xbf16> from "head" stored(bf16) use(matmul)
  // 10 tokens x 6 x 2 bytes are 120, aligned 128; 5 wanted are 60, aligned 64; 5 x 10 logits of 4 bytes are 200, aligned 256.
  // CHECK-LABEL: dsrt.entry @prefill arena(384)
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    // CHECK: %[[A:.*]] = dsrt.allocate at(0) : <tokens x 6 x bf16>
    // CHECK: dsrt.embedding %[[A]]
    %a = dsrt.allocate : !dsrt.buffer<tokens x 6 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 6 x bf16>, !dsrt.buffer<tokens x i32>
    // An operand and a result of one call do not share.
    // CHECK: %[[B:.*]] = dsrt.allocate at(128)
    // CHECK: dsrt.add %[[B]], %[[A]], %[[A]]
    %b = dsrt.allocate : !dsrt.buffer<tokens x 6 x bf16>
    dsrt.add %b, %a, %a module("1") : !dsrt.buffer<tokens x 6 x bf16>, !dsrt.buffer<tokens x 6 x bf16>, !dsrt.buffer<tokens x 6 x bf16>
    // The first buffer is used once more, below, so it stays.
    // CHECK: %[[C:.*]] = dsrt.allocate at(256)
    // CHECK: dsrt.add %[[C]], %[[B]], %[[B]]
    %c = dsrt.allocate : !dsrt.buffer<tokens x 6 x bf16>
    dsrt.add %c, %b, %b module("2") : !dsrt.buffer<tokens x 6 x bf16>, !dsrt.buffer<tokens x 6 x bf16>, !dsrt.buffer<tokens x 6 x bf16>
    // The second is dead: its place is taken.
    // CHECK: %[[D:.*]] = dsrt.allocate at(128)
    // CHECK: dsrt.add %[[D]], %[[A]], %[[C]]
    %d = dsrt.allocate : !dsrt.buffer<tokens x 6 x bf16>
    dsrt.add %d, %a, %c module("3") : !dsrt.buffer<tokens x 6 x bf16>, !dsrt.buffer<tokens x 6 x bf16>, !dsrt.buffer<tokens x 6 x bf16>
    // CHECK: %[[E:.*]] = dsrt.allocate at(0) : <wanted x 6 x bf16>
    %e = dsrt.allocate : !dsrt.buffer<wanted x 6 x bf16>
    dsrt.gather_rows %e, %d, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 6 x bf16>, !dsrt.buffer<tokens x 6 x bf16>, !dsrt.buffer<wanted x i32>
    // All but the wanted rows are dead by now.
    // CHECK: %[[L:.*]] = dsrt.allocate at(64) : <wanted x 10 x f32>
    %l = dsrt.allocate : !dsrt.buffer<wanted x 10 x f32>
    dsrt.linear %l, %e, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 10 x f32>, !dsrt.buffer<wanted x 6 x bf16>
    // Nothing touches this one, so it may lie anywhere inside.
    // CHECK: dsrt.allocate at(0) : <tokens x i32>
    %unused = dsrt.allocate : !dsrt.buffer<tokens x i32>
    dsrt.return %l : !dsrt.buffer<wanted x 10 x f32>
  }

  // A decode call holds one token a row: 3 x 6 x 2 bytes are 36, aligned 64; 3 rows of logits 120, aligned 128.
  // CHECK-LABEL: dsrt.entry @decode arena(256)
  dsrt.entry @decode {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    // CHECK: dsrt.allocate at(0) : <tokens x 6 x bf16>
    // CHECK: dsrt.allocate at(64) : <wanted x 6 x bf16>
    // The gap of 64 bytes that the first buffer leaves is too small for the logits.
    // CHECK: dsrt.allocate at(128) : <wanted x 10 x f32>
    %a = dsrt.allocate : !dsrt.buffer<tokens x 6 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 6 x bf16>, !dsrt.buffer<tokens x i32>
    %e = dsrt.allocate : !dsrt.buffer<wanted x 6 x bf16>
    dsrt.gather_rows %e, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 6 x bf16>, !dsrt.buffer<tokens x 6 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate : !dsrt.buffer<wanted x 10 x f32>
    dsrt.linear %l, %e, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 10 x f32>, !dsrt.buffer<wanted x 6 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 10 x f32>
  }
}

// Rows of four-bit payloads begin at a byte: 100 rows of 3 are 200 bytes, aligned 256; packed without gaps they would be 150, aligned 192.
dsrt.program @four_bits vocabulary(1) limits(#dsrt.limits<tokens = 100, sequences = 100, length = 100, wanted = 100>) {
  dsrt.weight @table : tensor<10x3xbf16> from "table" stored(bf16) use(rows)
  // CHECK-LABEL: dsrt.entry @prefill
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    // CHECK: dsrt.allocate at(0) : <tokens x 3 x bf16>
    %a = dsrt.allocate : !dsrt.buffer<tokens x 3 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 3 x bf16>, !dsrt.buffer<tokens x i32>
    // CHECK: dsrt.allocate at(640) : <tokens x 3 x f4E2M1FN>
    %q = dsrt.allocate : !dsrt.buffer<tokens x 3 x f4E2M1FN>
    // CHECK: dsrt.allocate at(896) : <tokens x 1 x f32>
    %s = dsrt.allocate : !dsrt.buffer<tokens x 1 x f32>
    dsrt.quantize %q, %s, %a module("q") {format = #ds.quant<payload = f4E2M1FN, tile = 1x32, scale = ue8m0, rule = mx, rounding = nearest>} : !dsrt.buffer<tokens x 3 x f4E2M1FN>, !dsrt.buffer<tokens x 1 x f32>, !dsrt.buffer<tokens x 3 x bf16>
    %l = dsrt.allocate : !dsrt.buffer<wanted x 1 x f32>
    dsrt.gather_rows %l, %s, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 1 x f32>, !dsrt.buffer<tokens x 1 x f32>, !dsrt.buffer<wanted x i32>
    dsrt.return %l : !dsrt.buffer<wanted x 1 x f32>
  }
}
