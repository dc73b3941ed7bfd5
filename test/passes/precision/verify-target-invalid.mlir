// What ds-verify-target refuses: an operand that no kernel of the cpu takes, at its operation. (The table by itself: LegalityTest.cpp.)
//
// RUN: ds-opt %s --ds-verify-target --split-input-file --verify-diagnostics
// RUN: not ds-opt %root/test/Inputs/small.mlir --ds-verify-target="target=cdua" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: expects the target cpu or cuda-sm90, but got 'cdua'
// RUN: not ds-opt %root/test/Inputs/small.mlir --ds-verify-target 2>&1 | FileCheck %s --check-prefix=EARLY
// EARLY: error: 'ds.embedding' op expects explicit precision, but its parameter has no resident format
// EARLY: note: run the passes of --ds-precision-pipeline first

// Tiles of any size are taken.
#act = #ds.quant<payload = f8E4M3FN, tile = 1x64, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 64x64, scale = f32, rule = amax, rounding = nearest>
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(#wt)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %p, %s = ds.quantize %x quant(#act) : (tensor<?x256xbf16>) -> (tensor<?x256xf8E4M3FN>, tensor<?x4xf32>)
    %l = ds.scaled_matmul %p, %s, @h lhs(#act) rhs(#wt) promote(64) logits module("lm_head") : (tensor<?x256xf8E4M3FN>, tensor<?x4xf32>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// E5M2 is for gradients: quantisation makes it, products do not take it.
#e5m2 = #ds.quant<payload = f8E5M2, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(#wt)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %p, %s = ds.quantize %x quant(#e5m2) : (tensor<?x256xbf16>) -> (tensor<?x256xf8E5M2>, tensor<?x2xf32>)
    // expected-error@+4 {{[DS1016] target 'cpu' cannot run scaled_matmul of lm_head}}
    // expected-note@+3 {{format: f8E5M2 by f8E4M3FN, but kernels take f32 by f32, bf16 by bf16 or f16 by f16}}
    // expected-note@+2 {{format: emulation: f8E5M2 by f8E4M3FN, but kernels take f8E4M3FN/f4E2M1FN by f8E4M3FN/f4E2M1FN}}
    // expected-note@+1 {{what would run: --fp8-activation-granularity tile_1x128 --fp8-weight-granularity block_128x128}}
    %l = ds.scaled_matmul %p, %s, @h lhs(#e5m2) rhs(#wt) promote(128) logits module("lm_head") : (tensor<?x256xf8E5M2>, tensor<?x2xf32>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}
