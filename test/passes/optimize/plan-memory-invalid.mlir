// An arena beyond 63 bits is refused, not wrapped around.
// RUN: ds-opt %s --dsrt-plan-memory --verify-diagnostics

dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    // expected-error@+1 {{makes the arena larger than memory can be; lower --max-tokens}}
    %a = dsrt.allocate : <tokens x 576460752303423488 x bf16>
    %b = dsrt.allocate : <tokens x 576460752303423488 x bf16>
    dsrt.cast %b, %a module("m") : <tokens x 576460752303423488 x bf16>, <tokens x 576460752303423488 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
