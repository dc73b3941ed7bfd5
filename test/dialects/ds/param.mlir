// Parameters: as they are stored, and as they are resident.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>

ds.model @m config(#config) {
  // C1: one extent
  // CHECK: ds.param @p0 : tensor<4xbf16> from "model.norm.weight"
  ds.param @p0 : tensor<4xbf16> from "model.norm.weight"
  // C1: two
  // CHECK: ds.param @p1 : tensor<6x4xf32> from "w"
  ds.param @p1 : tensor<6x4xf32> from "w"
  // C1: three, where the name stands for experts
  // CHECK: ds.param @p2 : tensor<8x6x4xf16> from "experts.{e}.w"
  ds.param @p2 : tensor<8x6x4xf16> from "experts.{e}.w"
  // C1: the least, and just below 2^60 values
  // CHECK: ds.param @p3 : tensor<1x1xbf16> from "w"
  ds.param @p3 : tensor<1x1xbf16> from "w"
  // CHECK: ds.param @p4 : tensor<1152921504606846975xbf16> from "w"
  ds.param @p4 : tensor<1152921504606846975xbf16> from "w"
  // C2, C3: a payload with its scales
  // CHECK: ds.param @p5 : tensor<128x256xf8E4M3FN> from "w" scales "w_scale_inv" stored(#tile_128x128_f8E4M3FN)
  ds.param @p5 : tensor<128x256xf8E4M3FN> from "w" scales "w_scale_inv" stored(#wt)
  // C7: those of experts
  // CHECK: ds.param @p6 : tensor<2x128x256xf8E4M3FN> from "experts.{e}.w" scales "experts.{e}.w_scale_inv" stored(#tile_128x128_f8E4M3FN) {first_expert = 3 : i64}
  ds.param @p6 : tensor<2x128x256xf8E4M3FN> from "experts.{e}.w" scales "experts.{e}.w_scale_inv" stored(#wt) {first_expert = 3 : i64}
  // C5: resident in each dtype
  // CHECK: ds.param @p7 : tensor<4xf32> from "w" resident(f32)
  ds.param @p7 : tensor<4xf32> from "w" resident(f32)
  // CHECK: ds.param @p8 : tensor<4xf32> from "w" resident(bf16)
  ds.param @p8 : tensor<4xf32> from "w" resident(bf16)
  // CHECK: ds.param @p9 : tensor<4xf32> from "w" resident(f16)
  ds.param @p9 : tensor<4xf32> from "w" resident(f16)
  // C6: rounded on the way to a format
  // CHECK: ds.param @p10 : tensor<6x4xf32> from "w" via(bf16) resident(#tile_128x128_f8E4M3FN)
  ds.param @p10 : tensor<6x4xf32> from "w" via(bf16) resident(#wt)
  // CHECK: ds.param @p11 : tensor<6x4xf32> from "w" via(#tile_1x128_f8E4M3FN) resident(bf16)
  ds.param @p11 : tensor<6x4xf32> from "w" via(#act) resident(bf16)
}
