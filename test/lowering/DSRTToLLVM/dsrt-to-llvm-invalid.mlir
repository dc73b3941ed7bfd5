// RUN: ds-opt %s --dsrt-to-llvm --split-input-file --verify-diagnostics

dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  // expected-error@+1 {{'dsrt.entry' op expects a planned arena: run --dsrt-plan-memory first}}
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x24xbf16>):
    %l = dsrt.allocate at(0) : !dsrt.buffer<wanted x 16 x f32>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}

// -----

dsrt.program @p vocabulary(16) limits(#dsrt.limits<tokens = 10, sequences = 10, length = 16, wanted = 10>) {
  dsrt.entry @prefill arena(640) {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<1x24xbf16>):
    // expected-error@+1 {{'dsrt.allocate' op expects an offset: run --dsrt-plan-memory first}}
    %l = dsrt.allocate : !dsrt.buffer<wanted x 16 x f32>
    dsrt.return %l : !dsrt.buffer<wanted x 16 x f32>
  }
}
