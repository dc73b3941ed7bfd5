// Weights: as they are stored, and what they go through.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // C3: as it is stored
  // CHECK: dsrt.weight @w0 : tensor<4xbf16> from "norm" stored(bf16) use(vector)
  dsrt.weight @w0 : tensor<4xbf16> from "norm" stored(bf16) use(vector)
  // rounded
  // CHECK: dsrt.weight @w1 : tensor<8x4xf16> from "table" stored(f32) through([bf16, f16]) use(rows)
  dsrt.weight @w1 : tensor<8x4xf16> from "table" stored(f32) through([bf16, f16]) use(rows)
  // C2: quantised on the way
  // CHECK: dsrt.weight @w2 : tensor<6x4xf8E4M3FN> from "w" stored(bf16) through([#tile_128x128_f8E4M3FN]) use(matmul)
  dsrt.weight @w2 : tensor<6x4xf8E4M3FN> from "w" stored(bf16) through([#wt]) use(matmul)
  // C3: quantised in the checkpoint
  // CHECK: dsrt.weight @w3 : tensor<6x4xf8E4M3FN> from "w" scales "w_scale_inv" stored(#tile_128x128_f8E4M3FN) use(matmul)
  dsrt.weight @w3 : tensor<6x4xf8E4M3FN> from "w" scales "w_scale_inv" stored(#wt) use(matmul)
  // dequantised
  // CHECK: dsrt.weight @w4 : tensor<6x4xf32> from "w" scales "w_scale_inv" stored(#tile_128x128_f8E4M3FN) through([f32]) use("matmul|rows")
  dsrt.weight @w4 : tensor<6x4xf32> from "w" scales "w_scale_inv" stored(#wt) through([f32]) use("matmul|rows")
  // C4: experts, C5: from the third on
  // CHECK: dsrt.weight @w5 : tensor<2x6x4xbf16> from "experts.{e}.w" stored(bf16) use(matmul) {first_expert = 2 : i64}
  dsrt.weight @w5 : tensor<2x6x4xbf16> from "experts.{e}.w" stored(bf16) use(matmul) {first_expert = 2 : i64}
  // C4: just below 2^60 values
  // CHECK: dsrt.weight @w6 : tensor<1152921504606846975xbf16> from "w" stored(bf16) use(vector)
  dsrt.weight @w6 : tensor<1152921504606846975xbf16> from "w" stored(bf16) use(vector)
}
