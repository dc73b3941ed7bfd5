// Product of a quantised activation with a quantised weight.
// RUN: ds-opt %s | ds-opt | FileCheck %s
// RUN: ds-opt %s --mlir-print-op-generic | ds-opt | FileCheck %s

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#pow2 = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = ue8m0, rule = power_of_two, rounding = nearest>
#mxfp4 = #ds.quant<payload = f4E2M1FN, tile = 1x32, scale = ue8m0, rule = mx, rounding = nearest>
#nf4 = #ds.quant<payload = nf4, tile = 1xall, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>

ds.model @m config(#config) {
  ds.param @w : tensor<6x129xbf16> from "w" resident(#wt)
  ds.param @pow2 : tensor<6x129xbf16> from "w" resident(#pow2)
  ds.param @fp4 : tensor<6x129xbf16> from "w" resident(#mxfp4)
  ds.param @nf4 : tensor<6x129xbf16> from "w" resident(#nf4)
  ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x6xbf16>) -> tensor<?x8xf32> {
    %p, %s, %logits = builtin.unrealized_conversion_cast to tensor<?x129xf8E4M3FN>, tensor<?x2xf32>, tensor<?x8xf32>
    %p4, %s4 = builtin.unrealized_conversion_cast to tensor<?x129xf4E2M1FN>, tensor<?x5xf32>
    // CHECK: %{{.*}} = ds.scaled_matmul %{{.*}}, %{{.*}}, @w lhs(#tile_1x128_f8E4M3FN) rhs(#tile_128x128_f8E4M3FN) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    %y0 = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    // C4: promoted after each product
    // CHECK: %{{.*}} = ds.scaled_matmul %{{.*}}, %{{.*}}, @w lhs(#tile_1x128_f8E4M3FN) rhs(#tile_128x128_f8E4M3FN) promote(1) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    %y1 = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(1) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    // CHECK: %{{.*}} = ds.scaled_matmul %{{.*}}, %{{.*}}, @w lhs(#tile_1x128_f8E4M3FN) rhs(#tile_128x128_f8E4M3FN) promote(128) logits module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xf32>
    %y2 = ds.scaled_matmul %p, %s, @w lhs(#act) rhs(#wt) promote(128) logits module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xf32>
    // C3: an F32 convention takes power-of-two scales as they are
    // CHECK: %{{.*}} = ds.scaled_matmul %{{.*}}, %{{.*}}, @pow2 lhs(#tile_1x128_f8E4M3FN) rhs(#tile_128x128_f8E4M3FN) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    %y3 = ds.scaled_matmul %p, %s, @pow2 lhs(#act) rhs(#wt) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    // C3: each operand has a format of its own: FP4 weights by FP8 activations, by FP4 ones, NF4 weights
    // CHECK: %{{.*}} = ds.scaled_matmul %{{.*}}, %{{.*}}, @fp4 lhs(#tile_1x128_f8E4M3FN) rhs(#tile_1x32_f4E2M1FN_ue8m0_mx) promote(32)
    %y4 = ds.scaled_matmul %p, %s, @fp4 lhs(#act) rhs(#mxfp4) promote(32) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    // CHECK: %{{.*}} = ds.scaled_matmul %{{.*}}, %{{.*}}, @fp4 lhs(#tile_1x32_f4E2M1FN_ue8m0_mx) rhs(#tile_1x32_f4E2M1FN_ue8m0_mx) promote(32)
    %y5 = ds.scaled_matmul %p4, %s4, @fp4 lhs(#mxfp4) rhs(#mxfp4) promote(32) module("attn.q_a_proj") : (tensor<?x129xf4E2M1FN>, tensor<?x5xf32>) -> tensor<?x6xbf16>
    // CHECK: %{{.*}} = ds.scaled_matmul %{{.*}}, %{{.*}}, @nf4 lhs(#tile_1x128_f8E4M3FN) rhs(#tile_1xall_nf4) promote(128)
    %y6 = ds.scaled_matmul %p, %s, @nf4 lhs(#act) rhs(#nf4) promote(128) module("attn.q_a_proj") : (tensor<?x129xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x6xbf16>
    ds.return %logits : tensor<?x8xf32>
  }
}
