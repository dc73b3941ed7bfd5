// Legalisation makes precision explicit: casts, ds.quantize (before dispatch), ds.scaled_matmul and its grouped form, and the format in
// which each parameter is resident. What is legal stays as it is. (That one quantisation serves all: pipelines.mlir.)
//
// RUN: ds-opt %s --ds-legalize-precision > %t && FileCheck %s < %t
// RUN: ds-opt %t --ds-verify-precision="legal=true" --ds-legalize-precision | diff %t -

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#channel = #ds.quant<payload = f8E4M3FN, tile = 1xall, scale = f32, rule = amax, rounding = nearest>
#powers = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = power_of_two, rounding = nearest>
#wide = #ds.precision<compute = bf16, by = "run policy", storage = bf16>
#low = #ds.precision<compute = f8E4M3FN, by = "recipe", lhs = #act, rhs = #wt, storage = bf16>

ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  // Resident in what the product takes.
  // CHECK: ds.param @table : tensor<512x256xbf16> from "table" resident(bf16){{$}}
  // CHECK: ds.param @norm : tensor<256xbf16> from "norm" resident(f32){{$}}
  // CHECK: ds.param @a : tensor<128x256xbf16> from "a" resident(#tile_128x128_f8E4M3FN){{$}}
  // CHECK: ds.param @b : tensor<160x256xbf16> from "b" resident(#tile_128x128_f8E4M3FN
  // CHECK: ds.param @c : tensor<64x256xbf16> from "c" resident(f32){{$}}
  ds.param @table : tensor<512x256xbf16> from "table"
  ds.param @norm : tensor<256xbf16> from "norm"
  ds.param @a : tensor<128x256xbf16> from "a"
  ds.param @b : tensor<160x256xbf16> from "b"
  ds.param @c : tensor<64x256xbf16> from "c"
  ds.param @kv : tensor<384x128xbf16> from "kv"
  ds.param @router : tensor<8x256xbf16> from "router"
  ds.param @gate : tensor<8x128x256xbf16> from "gate.{e}"
  ds.param @up : tensor<8x128x256xbf16> from "up.{e}"
  ds.param @down : tensor<8x256x128xbf16> from "down.{e}"
  // The storage step stands between where it changes values: BF16 values through F16, not F32; low-bit storage always.
  // CHECK: ds.param @via_f16 : tensor<64x256xbf16> from "via_f16" via(f16) resident(bf16){{$}}
  // CHECK: ds.param @via_f32 : tensor<64x256xbf16> from "via_f32" resident(bf16){{$}}
  // CHECK: ds.param @via_fp8 : tensor<64x256xbf16> from "via_fp8" via(#tile_1xall_f8E4M3FN) resident(#tile_128x128_f8E4M3FN){{$}}
  // Stored in FP8: taken as it is by FP8 products of its kind, whatever the params dtype; rounded to the dtype of others.
  // CHECK: ds.param @stored_low : {{.*}} stored(#tile_128x128_f8E4M3FN) resident(#tile_128x128_f8E4M3FN){{$}}
  // So are scales that were made by another rule: they are values of the same kind.
  // CHECK: ds.param @stored_powers : {{.*}} stored(#[[POWERS:.*]]) resident(#[[POWERS]]){{$}}
  // CHECK: ds.param @stored_wide : {{.*}} stored(#tile_128x128_f8E4M3FN) via(f16) resident(bf16){{$}}
  ds.param @via_f16 : tensor<64x256xbf16> from "via_f16"
  ds.param @via_f32 : tensor<64x256xbf16> from "via_f32"
  ds.param @via_fp8 : tensor<64x256xbf16> from "via_fp8"
  ds.param @stored_low : tensor<64x256xf8E4M3FN> from "stored_low" scales "stored_low_scale_inv" stored(#wt)
  ds.param @stored_powers : tensor<64x256xf8E4M3FN> from "stored_powers" scales "stored_powers_scale_inv" stored(#powers)
  ds.param @stored_wide : tensor<64x256xf8E4M3FN> from "stored_wide" scales "stored_wide_scale_inv" stored(#wt)

  // CHECK-LABEL: ds.func @prefill
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    // CHECK: %[[X:.*]] = ds.embedding
    %x = ds.embedding %ids, @table module("token_embeddings") precision(#wide) : (tensor<?xi32>) -> tensor<?x256xbf16>

    // A norm in F32: operand and result are cast.
    // CHECK-NEXT: %[[XF:.*]] = ds.cast %[[X]] module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xf32>
    // CHECK-NEXT: %[[NF:.*]] = ds.rms_norm %[[XF]], @norm {{.*}} : (tensor<?x256xf32>) -> tensor<?x256xf32>
    // CHECK-NEXT: %[[N:.*]] = ds.cast %[[NF]] module("blocks.0.attn_norm") : (tensor<?x256xf32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @norm eps(1.0e-6) module("blocks.0.attn_norm") precision(#ds.precision<compute = f32, by = "override", storage = bf16>) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>

    // Each product has its operands' formats: 1x128 on the left, 128x128 on the right.
    // CHECK-NEXT: %[[P:.*]], %[[S:.*]] = ds.quantize %[[N]] quant(#tile_1x128_f8E4M3FN) : (tensor<?x256xbf16>) -> (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>)
    // CHECK-NEXT: ds.scaled_matmul %[[P]], %[[S]], @a lhs(#tile_1x128_f8E4M3FN) rhs(#tile_128x128_f8E4M3FN) promote(128) module("blocks.0.attn.q_a_proj") precision({{.*}}) : (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x128xbf16>
    // CHECK-NEXT: %[[BP:.*]], %[[BS:.*]] = ds.quantize %[[N]]
    // CHECK-NEXT: ds.scaled_matmul %[[BP]], %[[BS]], @b {{.*}} module("blocks.0.attn.kv_a_proj")
    %a = ds.linear %n, @a module("blocks.0.attn.q_a_proj") precision(#low) : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
    %b = ds.linear %n, @b module("blocks.0.attn.kv_a_proj") precision(#low) : (tensor<?x256xbf16>) -> tensor<?x160xbf16>

    // A product in F32: its operand is cast, its result it rounds itself.
    // CHECK-NEXT: %[[NC:.*]] = ds.cast %[[N]] module("c") : (tensor<?x256xbf16>) -> tensor<?x256xf32>
    // CHECK-NEXT: ds.linear %[[NC]], @c module("c") {{.*}} : (tensor<?x256xf32>) -> tensor<?x64xbf16>
    %c = ds.linear %n, @c module("c") precision(#ds.precision<compute = f32, by = "override", storage = bf16>) : (tensor<?x256xbf16>) -> tensor<?x64xbf16>

    // Prefill quantises latents itself; decode, below, quantises nothing.
    // CHECK-NEXT: ds.mla_attention prefill {{.*}} module("blocks.0.attn.kv_b_proj") activation(#tile_1x128_f8E4M3FN
    %y = ds.mla_attention prefill %n, %cache, %batch, @kv layer(0) heads(2, nope = 96, rope = 32, value = 96) scale(0.1) module("blocks.0.attn.kv_b_proj") precision(#low) : (tensor<?x256xbf16>, !ds.kv_cache<1x160xbf16>, !ds.batch) -> tensor<?x192xbf16>

    // CHECK-NEXT: ds.linear %[[N]], @router logits module("blocks.0.ffn.router") {{.*}} : (tensor<?x256xbf16>) -> tensor<?x8xf32>
    %l = ds.linear %n, @router logits module("blocks.0.ffn.router") precision(#wide) : (tensor<?x256xbf16>) -> tensor<?x8xf32>
    %w, %e = ds.route %l routing(<scoring = softmax, selection = greedy, experts = 8, top_k = 2>) module("blocks.0.ffn.route") : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    // CHECK:      %[[ORDER:.*]], %[[OFFSETS:.*]] = ds.expert_order
    %order, %offsets = ds.expert_order %e module("blocks.0.ffn.order") : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)

    // Experts take payload and scales of the tokens, dispatched: dispatch carries no wider values, and nothing is quantised twice.
    // CHECK-NEXT: %[[TP:.*]], %[[TS:.*]] = ds.quantize %[[N]]
    // CHECK-NEXT: %[[DP:.*]] = ds.dispatch %[[TP]], %[[ORDER]] choices(2) module("blocks.0.ffn.dispatch") : (tensor<?x256xf8E4M3FN>, tensor<?xi32>) -> tensor<?x256xf8E4M3FN>
    // CHECK-NEXT: %[[DS:.*]] = ds.dispatch %[[TS]], %[[ORDER]] choices(2) module("blocks.0.ffn.dispatch") : (tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x2xf32>
    // CHECK-NEXT: %[[TP2:.*]], %[[TS2:.*]] = ds.quantize %[[N]]
    // CHECK-NEXT: %[[DP2:.*]] = ds.dispatch %[[TP2]], %[[ORDER]]
    // CHECK-NEXT: %[[DS2:.*]] = ds.dispatch %[[TS2]], %[[ORDER]]
    // CHECK-NEXT: ds.dispatch %[[N]]
    // CHECK-NEXT: %[[G:.*]] = ds.grouped_scaled_matmul %[[DP]], %[[DS]], %[[OFFSETS]], @gate experts(0, 8) lhs(#tile_1x128_f8E4M3FN) rhs(#tile_128x128_f8E4M3FN) promote(128) module("blocks.0.ffn.experts.[0-7].gate_proj")
    // CHECK-NEXT: %[[U:.*]] = ds.grouped_scaled_matmul %[[DP2]], %[[DS2]], %[[OFFSETS]], @up experts(0, 8)
    // CHECK-NEXT: %[[H:.*]] = ds.swiglu %[[G]], %[[U]]
    // CHECK-NEXT: %[[HP:.*]], %[[HS:.*]] = ds.quantize %[[H]]
    // CHECK-NEXT: ds.grouped_scaled_matmul %[[HP]], %[[HS]], %[[OFFSETS]], @down experts(0, 8)
    %d = ds.dispatch %n, %order choices(2) module("blocks.0.ffn.dispatch") : (tensor<?x256xbf16>, tensor<?xi32>) -> tensor<?x256xbf16>
    %g = ds.grouped_linear %d, %offsets, @gate experts(0, 8) module("blocks.0.ffn.experts.[0-7].gate_proj") precision(#low) : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
    %u = ds.grouped_linear %d, %offsets, @up experts(0, 8) module("blocks.0.ffn.experts.[0-7].up_proj") precision(#low) : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
    %h = ds.swiglu %g, %u module("blocks.0.ffn.experts.swiglu") : tensor<?x128xbf16>
    %o = ds.grouped_linear %h, %offsets, @down experts(0, 8) module("blocks.0.ffn.experts.[0-7].down_proj") precision(#low) : (tensor<?x128xbf16>, tensor<9xi32>) -> tensor<?x256xbf16>

    %1 = ds.linear %n, @via_f16 module("v1") precision(#ds.precision<compute = bf16, by = "run policy", storage = f16>) : (tensor<?x256xbf16>) -> tensor<?x64xbf16>
    %2 = ds.linear %n, @via_f32 module("v2") precision(#ds.precision<compute = bf16, by = "run policy", storage = f32>) : (tensor<?x256xbf16>) -> tensor<?x64xbf16>
    %3 = ds.linear %n, @via_fp8 module("v3") precision(#ds.precision<compute = f8E4M3FN, by = "recipe", lhs = #act, rhs = #wt, storage = #channel>) : (tensor<?x256xbf16>) -> tensor<?x64xbf16>
    %4 = ds.linear %n, @stored_low module("v4") precision(#ds.precision<compute = f8E4M3FN, by = "recipe", lhs = #act, rhs = #wt, storage = f16>) : (tensor<?x256xbf16>) -> tensor<?x64xbf16>
    %6 = ds.linear %n, @stored_powers module("v6") precision(#low) : (tensor<?x256xbf16>) -> tensor<?x64xbf16>
    %5 = ds.linear %n, @stored_wide module("v5") precision(#ds.precision<compute = bf16, by = "override", storage = f16>) : (tensor<?x256xbf16>) -> tensor<?x64xbf16>
    %r = ds.linear %x, @table logits module("lm_head") precision(#wide) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %r : tensor<?x512xf32>
  }

  // CHECK-LABEL: ds.func @decode
  // CHECK-NOT:   activation
  // CHECK:       ds.mla_attention decode
  // CHECK-NOT:   activation
  // CHECK:       ds.return
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @table module("token_embeddings") precision(#wide) : (tensor<?xi32>) -> tensor<?x256xbf16>
    %y = ds.mla_attention decode %x, %cache, %batch, @kv layer(0) heads(2, nope = 96, rope = 32, value = 96) scale(0.1) module("blocks.0.attn.kv_b_proj") precision(#low) : (tensor<?x256xbf16>, !ds.kv_cache<1x160xbf16>, !ds.batch) -> tensor<?x192xbf16>
    %l = ds.linear %x, @router logits module("blocks.0.ffn.router") precision(#wide) : (tensor<?x256xbf16>) -> tensor<?x8xf32>
    %r = ds.linear %x, @table logits module("lm_head") precision(#wide) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %r : tensor<?x512xf32>
  }
}
