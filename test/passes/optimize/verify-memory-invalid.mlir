// (M1) to (M3) of dsrt-verify-memory, each violated alone by a plan written by hand, beside plans that hold.
//
// RUN: ds-opt %s --dsrt-verify-memory --split-input-file --verify-diagnostics

// A plan that holds, with memory that is used again.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %b = dsrt.allocate at(640) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.add %b, %a, %a module("add") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>
    %c = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.add %c, %b, %b module("add") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %c, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M1) an offset that 64 does not divide.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    // expected-error@+1 {{'dsrt.allocate' op (M1) expects an offset that 64 divides, with the buffer inside of the arena's 4096 bytes, but got 32}}
    %a = dsrt.allocate at(32) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M1) a buffer that ends behind the arena: logits from 3200 on take 640.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(3776) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    // expected-error@+1 {{'dsrt.allocate' op (M1) expects an offset that 64 divides, with the buffer inside of the arena's 3776 bytes, but got 3200}}
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M1) one that ends where it ends is inside.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(3840) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M1) an offset so large that the end overflows.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    // expected-error@+1 {{(M1) expects an offset that 64 divides}}
    %a = dsrt.allocate at(9223372036854775744) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M1) no offset.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    // expected-error@+1 {{'dsrt.allocate' op (M1) has no offset: run --dsrt-plan-memory first}}
    %a = dsrt.allocate : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M1) no arena.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  // expected-error@+1 {{'dsrt.entry' op (M1) has no arena: run --dsrt-plan-memory first}}
  dsrt.entry @prefill  {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M2) a result over an operand of the same call.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %b = dsrt.allocate at(576) : !dsrt.buffer<tokens x 32 x bf16>
    // expected-error@+1 {{'dsrt.add' op (M2) writes 'y' over another operand of the same call}}
    dsrt.add %b, %a, %a module("add") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %b, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M2) two results of one call over each other.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %q = dsrt.allocate at(640) : !dsrt.buffer<tokens x 32 x f8E4M3FN>
    %s = dsrt.allocate at(640) : !dsrt.buffer<tokens x 1 x f32>
    // expected-error@+1 {{'dsrt.quantize' op (M2) writes 'payload' over another operand of the same call}}
    dsrt.quantize %q, %s, %a module("q") {format = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>} : !dsrt.buffer<tokens x 32 x f8E4M3FN>, !dsrt.buffer<tokens x 1 x f32>, !dsrt.buffer<tokens x 32 x bf16>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M2) what is read later has been overwritten: at its end, from its beginning, as a whole.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %b = dsrt.allocate at(640) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %b, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %c = dsrt.allocate at(576) : !dsrt.buffer<tokens x 32 x bf16>
    // expected-note@+1 {{it was overwritten here}}
    dsrt.embedding %c, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %d = dsrt.allocate at(1920) : !dsrt.buffer<tokens x 32 x bf16>
    // expected-error@+1 {{'dsrt.add' op (M2) reads 'b', whose memory another buffer has taken}}
    dsrt.add %d, %c, %b module("add") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %d, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M2) the same, where the later buffer begins inside of the earlier.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %b = dsrt.allocate at(576) : !dsrt.buffer<tokens x 32 x bf16>
    // expected-note@+1 {{it was overwritten here}}
    dsrt.embedding %b, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %d = dsrt.allocate at(1920) : !dsrt.buffer<tokens x 32 x bf16>
    // expected-error@+1 {{'dsrt.add' op (M2) reads 'b', whose memory another buffer has taken}}
    dsrt.add %d, %b, %a module("add") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %d, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M2) the logits.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    %b = dsrt.allocate at(3200) : !dsrt.buffer<tokens x 32 x bf16>
    // expected-note@+1 {{it was overwritten here}}
    dsrt.embedding %b, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    // expected-error@+1 {{'dsrt.return' op (M2) reads 'logits', whose memory another buffer has taken}}
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// A group in two runs, in place.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @router : tensor<4x32xbf16> from "router" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(16384) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %e = dsrt.allocate at(0) : !dsrt.buffer<tokens x 2 x i32>
    %rw = dsrt.allocate at(128) : !dsrt.buffer<tokens x 2 x f32>
    %rl = dsrt.allocate at(256) : !dsrt.buffer<tokens x 4 x f32>
    %a = dsrt.allocate at(8192) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    dsrt.linear %rl, %a, @router module("router") {round = 0 : i64} : !dsrt.buffer<tokens x 4 x f32>, !dsrt.buffer<tokens x 32 x bf16>
    dsrt.route %rw, %e, %rl module("route") {groups = 1 : i64, normalize = 0 : i64, scaling = 1.0 : f32, scoring = 0 : i64, selection = 0 : i64, top_groups = 1 : i64} : !dsrt.buffer<tokens x 2 x f32>, !dsrt.buffer<tokens x 2 x i32>, !dsrt.buffer<tokens x 4 x f32>
    %r = dsrt.allocate at(512) : !dsrt.buffer<tokens*2 x i32>
    %o = dsrt.allocate at(640) : !dsrt.buffer<5 x i32>
    dsrt.expert_order %r, %o, %e module("order") : !dsrt.buffer<tokens*2 x i32>, !dsrt.buffer<5 x i32>, !dsrt.buffer<tokens x 2 x i32>
    %x = dsrt.allocate at(1024) : !dsrt.buffer<tokens*2 x 32 x bf16>
    dsrt.gather_rows %x, %a, %r module("dispatch") {divisor = 2 : i64} : !dsrt.buffer<tokens*2 x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens*2 x i32>
    %y = dsrt.allocate at(4096) : !dsrt.buffer<tokens*2 x 32 x bf16>
    dsrt.grouped_linear %y, %x, %o, @experts module("experts") {first = 0 : i64, round = 1 : i64} : !dsrt.buffer<tokens*2 x 32 x bf16>, !dsrt.buffer<tokens*2 x 32 x bf16>, !dsrt.buffer<5 x i32>
    dsrt.grouped_linear %y, %x, %o, @experts module("experts") {first = 2 : i64, round = 1 : i64} : !dsrt.buffer<tokens*2 x 32 x bf16>, !dsrt.buffer<tokens*2 x 32 x bf16>, !dsrt.buffer<5 x i32>
    %w = dsrt.allocate at(12800) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(13440) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M2) the rows of the first run are gone when the second writes.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @router : tensor<4x32xbf16> from "router" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(16384) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %e = dsrt.allocate at(0) : !dsrt.buffer<tokens x 2 x i32>
    %rw = dsrt.allocate at(128) : !dsrt.buffer<tokens x 2 x f32>
    %rl = dsrt.allocate at(256) : !dsrt.buffer<tokens x 4 x f32>
    %a = dsrt.allocate at(8192) : !dsrt.buffer<tokens x 32 x bf16>
    dsrt.embedding %a, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    dsrt.linear %rl, %a, @router module("router") {round = 0 : i64} : !dsrt.buffer<tokens x 4 x f32>, !dsrt.buffer<tokens x 32 x bf16>
    dsrt.route %rw, %e, %rl module("route") {groups = 1 : i64, normalize = 0 : i64, scaling = 1.0 : f32, scoring = 0 : i64, selection = 0 : i64, top_groups = 1 : i64} : !dsrt.buffer<tokens x 2 x f32>, !dsrt.buffer<tokens x 2 x i32>, !dsrt.buffer<tokens x 4 x f32>
    %r = dsrt.allocate at(512) : !dsrt.buffer<tokens*2 x i32>
    %o = dsrt.allocate at(640) : !dsrt.buffer<5 x i32>
    dsrt.expert_order %r, %o, %e module("order") : !dsrt.buffer<tokens*2 x i32>, !dsrt.buffer<5 x i32>, !dsrt.buffer<tokens x 2 x i32>
    %x = dsrt.allocate at(1024) : !dsrt.buffer<tokens*2 x 32 x bf16>
    dsrt.gather_rows %x, %a, %r module("dispatch") {divisor = 2 : i64} : !dsrt.buffer<tokens*2 x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens*2 x i32>
    %y = dsrt.allocate at(4096) : !dsrt.buffer<tokens*2 x 32 x bf16>
    dsrt.grouped_linear %y, %x, %o, @experts module("experts") {first = 0 : i64, round = 1 : i64} : !dsrt.buffer<tokens*2 x 32 x bf16>, !dsrt.buffer<tokens*2 x 32 x bf16>, !dsrt.buffer<5 x i32>
    %z = dsrt.allocate at(4096) : !dsrt.buffer<tokens x 32 x bf16>
    // expected-note@+1 {{it was overwritten here}}
    dsrt.embedding %z, %ids, @table module("table") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x i32>
    // expected-error@+1 {{'dsrt.grouped_linear' op (M2) writes to 'y', whose memory another buffer has taken}}
    dsrt.grouped_linear %y, %x, %o, @experts module("experts") {first = 2 : i64, round = 1 : i64} : !dsrt.buffer<tokens*2 x 32 x bf16>, !dsrt.buffer<tokens*2 x 32 x bf16>, !dsrt.buffer<5 x i32>
    %w = dsrt.allocate at(12800) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %a, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(13440) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M3) nothing has been written.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 32 x bf16>
    %b = dsrt.allocate at(640) : !dsrt.buffer<tokens x 32 x bf16>
    // expected-error@+1 {{'dsrt.add' op (M3) reads 'a', which nothing has written}}
    dsrt.add %b, %a, %a module("add") : !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>
    %w = dsrt.allocate at(2560) : !dsrt.buffer<wanted x 32 x bf16>
    dsrt.gather_rows %w, %b, %wanted module("wanted") {divisor = 1 : i64} : !dsrt.buffer<wanted x 32 x bf16>, !dsrt.buffer<tokens x 32 x bf16>, !dsrt.buffer<wanted x i32>
    %l = dsrt.allocate at(3200) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.linear %l, %w, @head module("lm_head") {round = 0 : i64} : !dsrt.buffer<wanted x 16 x f32>, !dsrt.buffer<wanted x 32 x bf16>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

// (M3) logits that nothing has written.
dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.weight @table : tensor<16x32xbf16> from "table" stored(bf16) use(rows)
  dsrt.weight @experts : tensor<2x32x32xbf16> from "experts.{e}" stored(bf16) use(matmul)
  dsrt.weight @head : tensor<16x32xbf16> from "head" stored(bf16) use(matmul)
  dsrt.entry @prefill arena(4096) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x8xbf16>):
    %l = dsrt.allocate at(0) : !dsrt.buffer<wanted x 16 x f32>
    // expected-error@+1 {{'dsrt.return' op (M3) reads 'logits', which nothing has written}}
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}
