// dsrt.mla_prefill: latent attention with the latent expanded: keys and values are kv_b_proj of the cached latent, causal, softmax in F32.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %q = dsrt.allocate : <tokens x 12 x bf16>
    %scratch = dsrt.allocate : <64 x i8>
    // CHECK: dsrt.mla_prefill %{{.*}}, %{{.*}}, @kv_b, %{{.*}}, %{{.*}}, %{{.*}} module("m") {activation = #tile_1x128_f8E4M3FN, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x i8>
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x i8>
    // CHECK: dsrt.mla_prefill %{{.*}}, %{{.*}}, @kv_b, %{{.*}}, %{{.*}}, %{{.*}} module("m") {heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x i8>
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
