// ds-verify-target: another target takes other formats, --allow-fallback makes remarks of refusals, and the IR does not change.
//
// RUN: not ds-opt %s --ds-verify-target="target=cuda-sm90" 2>&1 | FileCheck %s --check-prefix=REFUSED
// RUN: ds-opt %s --ds-verify-target="target=cuda-sm90 allow-fallback" -o %t 2>&1 | FileCheck %s --check-prefix=LISTED
// RUN: ds-opt %s | diff %t -
// RUN: ds-opt %s --ds-verify-target="allow-fallback" -o /dev/null 2>&1 | FileCheck %s --check-prefix=UNUSED
// RUN: ds-opt %s --ds-verify-target="target=cpu" -o /dev/null 2>&1 | count 0
//
// REFUSED:      verify-target.mlir:[[#]]:{{.*}} error: [DS1050] target 'cuda-sm90' runs quantize emulated alone, and --allow-fallback is not given: first
// REFUSED:      note: rounding: stochastic rounding, but kernels take nearest rounding
// REFUSED:      note: what would run: --allow-fallback (own kernel, rounding in integer arithmetic), --fp8-rounding nearest or --target=cpu
// REFUSED:      error: [DS1050] target 'cuda-sm90' runs scaled_matmul emulated alone, and --allow-fallback is not given: last
// REFUSED:      note: tile: tiles of 1x128 by 1xall, but kernels take 1x128 by 128x128 or 1xall or allxall by 1xall or allxall
//
// LISTED: remark: target 'cuda-sm90' emulates quantize (own kernel, rounding in integer arithmetic): first
// LISTED: note: rounding: stochastic rounding, but kernels take nearest rounding
// LISTED: remark: target 'cuda-sm90' emulates scaled_matmul (own kernel, payloads widened and scaled to F32 on CUDA cores): last
//
// UNUSED: warning: [DS1150] --allow-fallback has no effect: target 'cpu' emulates low precision by itself

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = stochastic, seed = 7>
#wt = #ds.quant<payload = f8E4M3FN, tile = 1xall, scale = f32, rule = amax, rounding = nearest>
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(#wt)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("first") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %p, %s = ds.quantize %x quant(#act) : (tensor<?x256xbf16>) -> (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>)
    %l = ds.scaled_matmul %p, %s, @h lhs(#act) rhs(#wt) promote(128) logits module("last") : (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}
