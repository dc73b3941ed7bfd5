// Each fusion, before and after: what the fused call reads and writes, where it stands, and whose modules it names.
//
// RUN: ds-opt %s --split-input-file --dsrt-fuse | FileCheck %s
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=deepseek_v3" --ds-runtime-pipeline | FileCheck %s --check-prefix=MODEL
// RUN: ds-opt %s --split-input-file --dsrt-fuse="fusions=residual-norm,latent-append" | FileCheck %s --check-prefix=SOME

// Of a whole model, nothing is left of what is fused.
// MODEL-NOT: dsrt.{{swiglu|cache_append|slice_columns|route|expert_order|combine}} %
// MODEL:     dsrt.return
//
// SOME:     dsrt.add_rms_norm %
// SOME-NOT: dsrt.add_rms_norm_quantize
// SOME-NOT: dsrt.rms_norm_quantize
// SOME-NOT: dsrt.swiglu_quantize
// SOME:     dsrt.latent_append
// SOME-NOT: {{rope_latent_append|route_order|gather_quantized|combine_add|_pair}}

// residual-norm. The sum has readers of its own, before and behind.
!x = !dsrt.buffer<tokens x 8 x bf16>
dsrt.program @residual vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @norm : tensor<8xbf16> from "norm" stored(bf16) use(vector)
  // CHECK-LABEL: dsrt.program @residual
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x8xbf16>):
    %a = dsrt.allocate : !x
    %b = dsrt.allocate : !x
    %sum = dsrt.allocate : !x
    %y = dsrt.allocate : !x
    %z = dsrt.allocate : !x
    %logits = dsrt.allocate : <wanted x 8 x f32>
    // CHECK: %[[A:.*]] = dsrt.allocate
    // CHECK: %[[B:.*]] = dsrt.allocate
    // CHECK: %[[SUM:.*]] = dsrt.allocate
    // CHECK: %[[Y:.*]] = dsrt.allocate
    // CHECK: dsrt.add_rms_norm %[[SUM]], %[[Y]], %[[A]], %[[B]], @norm module("residual, norm") {eps = 9.99999997E-7 : f32}
    // CHECK-NEXT: dsrt.add %{{.*}}, %[[SUM]], %[[Y]] module("next")
    dsrt.add %sum, %a, %b module("residual") : !x, !x, !x
    dsrt.rms_norm %y, %sum, @norm module("norm") {eps = 9.99999997E-7 : f32} : !x, !x
    dsrt.add %z, %sum, %y module("next") : !x, !x, !x
    dsrt.return %logits : <wanted x 8 x f32>
  }
}

// -----

// norm-quantize: after an add and alone; the router reads the norm between it and the quantisation, which moves up.
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
!x = !dsrt.buffer<tokens x 8 x bf16>
!p = !dsrt.buffer<tokens x 8 x f8E4M3FN>
!s = !dsrt.buffer<tokens x 1 x f32>
!l = !dsrt.buffer<tokens x 4 x f32>
dsrt.program @quantize vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @norm : tensor<8xbf16> from "norm" stored(bf16) use(vector)
  dsrt.weight @router : tensor<4x8xbf16> from "router" stored(bf16) use(matmul)
  // CHECK-LABEL: dsrt.program @quantize
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x8xbf16>):
    %a = dsrt.allocate : !x
    %b = dsrt.allocate : !x
    %sum = dsrt.allocate : !x
    %y = dsrt.allocate : !x
    // CHECK: %[[P:.*]] = dsrt.allocate : <tokens x 8 x f8E4M3FN>
    // CHECK: %[[S:.*]] = dsrt.allocate : <tokens x 1 x f32>
    // CHECK: dsrt.add_rms_norm_quantize %[[SUM:.*]], %[[Y:.*]], %[[P]], %[[S]], %{{.*}}, %{{.*}}, @norm module("residual, norm, gate") {eps = 9.99999997E-7 : f32, format = #tile_1x128_f8E4M3FN}
    // CHECK: dsrt.linear %[[L:.*]], %[[Y]], @router
    // CHECK: dsrt.rms_norm_quantize %[[N:.*]], %{{.*}}, %{{.*}}, %[[SUM]], @norm module("alone, next")
    // CHECK-NOT: dsrt.quantize
    dsrt.add %sum, %a, %b module("residual") : !x, !x, !x
    dsrt.rms_norm %y, %sum, @norm module("norm") {eps = 9.99999997E-7 : f32} : !x, !x
    %logits = dsrt.allocate : !l
    dsrt.linear %logits, %y, @router module("router") {round = 0 : i64} : !l, !x
    %payload = dsrt.allocate : !p
    %scales = dsrt.allocate : !s
    dsrt.quantize %payload, %scales, %y module("gate") {format = #act} : !p, !s, !x
    %n = dsrt.allocate : !x
    dsrt.rms_norm %n, %sum, @norm module("alone") {eps = 1.0 : f32} : !x, !x
    %payload2 = dsrt.allocate : !p
    %scales2 = dsrt.allocate : !s
    dsrt.quantize %payload2, %scales2, %n module("next") {format = #act} : !p, !s, !x
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// swiglu-quantize, dense and expert by expert: the offsets do not matter, as rows are independent.
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
!x = !dsrt.buffer<tokens*2 x 8 x bf16>
!p = !dsrt.buffer<tokens*2 x 8 x f8E4M3FN>
!s = !dsrt.buffer<tokens*2 x 1 x f32>
dsrt.program @swiglu vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // CHECK-LABEL: dsrt.program @swiglu
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x8xbf16>):
    %gate = dsrt.allocate : !x
    %up = dsrt.allocate : !x
    %offsets = dsrt.allocate : <5 x i32>
    %y = dsrt.allocate : !x
    %p = dsrt.allocate : !p
    %s = dsrt.allocate : !s
    %y2 = dsrt.allocate : !x
    %p2 = dsrt.allocate : !p
    %s2 = dsrt.allocate : !s
    // CHECK: dsrt.swiglu_quantize %{{.*}}, %{{.*}}, %[[G:.*]], %[[U:.*]] module("swiglu, down") {format = #tile_1x128_f8E4M3FN}
    // CHECK: dsrt.swiglu_quantize %{{.*}}, %{{.*}}, %[[G]], %[[U]] module("experts.swiglu, experts.down") {format = #tile_1x128_f8E4M3FN}
    dsrt.swiglu %y, %gate, %up module("swiglu") : !x, !x, !x
    dsrt.quantize %p, %s, %y module("down") {format = #act} : !p, !s, !x
    dsrt.swiglu %y2, %gate, %up module("experts.swiglu") : !x, !x, !x
    dsrt.grouped_quantize %p2, %s2, %y2, %offsets module("experts.down") {format = #act} : !p, !s, !x, <5 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// latent-append: six columns of latent, two of key. Then rope-append, by the same tables; of another table, queries are rotated alone.
!kv = !dsrt.buffer<tokens x 8 x bf16>
!latent = !dsrt.buffer<tokens x 6 x bf16>
!key = !dsrt.buffer<tokens x 2 x bf16>
!table = !dsrt.buffer<tokens x 1 x f32>
dsrt.program @latent vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @norm : tensor<6xbf16> from "norm" stored(bf16) use(vector)
  // CHECK-LABEL: dsrt.program @latent
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x8xbf16>):
    %kv = dsrt.allocate : !kv
    %cosine = dsrt.allocate : !table
    %sine = dsrt.allocate : !table
    %latent = dsrt.allocate : !latent
    %normed = dsrt.allocate : !latent
    %key = dsrt.allocate : !key
    %rotated = dsrt.allocate : !key
    // CHECK: %[[KV:.*]] = dsrt.allocate : <tokens x 8 x bf16>
    // CHECK-NEXT: %[[C:.*]] = dsrt.allocate
    // CHECK-NEXT: %[[S:.*]] = dsrt.allocate
    // CHECK-NEXT: %[[Q:.*]] = dsrt.allocate : <tokens x 6 x bf16>
    // CHECK-NEXT: %[[Y:.*]] = dsrt.allocate : <tokens x 6 x bf16>
    // CHECK-NEXT: dsrt.rope_latent_append %[[Y]], %arg3, %[[Q]], %[[KV]], @norm, %[[C]], %[[S]], %arg1 module("rope, split, norm, cache") {begin = 1 : i64, eps = 1.000000e+00 : f32, heads = 2 : i64, layer = 1 : i64}
    // CHECK: dsrt.rope %
    // CHECK: dsrt.latent_append %arg3, %[[KV]], @norm, %[[C]], %[[S]], %arg1 module("split, norm, rope, cache") {eps = 1.000000e+00 : f32, layer = 0 : i64}
    %q = dsrt.allocate : !latent
    %y = dsrt.allocate : !latent
    dsrt.rope %y, %q, %cosine, %sine module("rope") {begin = 1 : i64, heads = 2 : i64} : !latent, !latent, !table, !table
    dsrt.slice_columns %latent, %kv module("split") {begin = 0 : i64} : !latent, !kv
    dsrt.rms_norm %normed, %latent, @norm module("norm") {eps = 1.0 : f32} : !latent, !latent
    dsrt.slice_columns %key, %kv module("split") {begin = 6 : i64} : !key, !kv
    dsrt.rope %rotated, %key, %cosine, %sine module("rope") {begin = 0 : i64, heads = 1 : i64} : !key, !key, !table, !table
    dsrt.cache_append %cache, %normed, %rotated, %batch module("cache") {layer = 1 : i64} : <2x8xbf16>, !latent, !key
    %cosine2 = dsrt.allocate : !table
    %q2 = dsrt.allocate : !latent
    %latent2 = dsrt.allocate : !latent
    %normed2 = dsrt.allocate : !latent
    %key2 = dsrt.allocate : !key
    %rotated2 = dsrt.allocate : !key
    dsrt.rope %q2, %q, %cosine2, %sine module("rope") {begin = 1 : i64, heads = 2 : i64} : !latent, !latent, !table, !table
    dsrt.slice_columns %latent2, %kv module("split") {begin = 0 : i64} : !latent, !kv
    dsrt.rms_norm %normed2, %latent2, @norm module("norm") {eps = 1.0 : f32} : !latent, !latent
    dsrt.slice_columns %key2, %kv module("split") {begin = 6 : i64} : !key, !kv
    dsrt.rope %rotated2, %key2, %cosine, %sine module("rope") {begin = 0 : i64, heads = 1 : i64} : !key, !key, !table, !table
    dsrt.cache_append %cache, %normed2, %rotated2, %batch module("cache") {layer = 0 : i64} : <2x8xbf16>, !latent, !key
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// route-order, gather-quantized and combine-add, on either side of the sum.
!x = !dsrt.buffer<tokens x 8 x bf16>
!rows = !dsrt.buffer<tokens*2 x 8 x bf16>
!p = !dsrt.buffer<tokens x 8 x f8E4M3FN>
!s = !dsrt.buffer<tokens x 1 x f32>
!prows = !dsrt.buffer<tokens*2 x 8 x f8E4M3FN>
!srows = !dsrt.buffer<tokens*2 x 1 x f32>
!w = !dsrt.buffer<tokens x 2 x f32>
!e = !dsrt.buffer<tokens x 2 x i32>
!o = !dsrt.buffer<tokens*2 x i32>
dsrt.program @experts vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<4xf32> from "bias" stored(f32) use(vector)
  // CHECK-LABEL: dsrt.program @experts
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x8xbf16>):
    %logits = dsrt.allocate : <tokens x 4 x f32>
    %weights = dsrt.allocate : !w
    %experts = dsrt.allocate : !e
    %order = dsrt.allocate : !o
    %offsets = dsrt.allocate : <5 x i32>
    // CHECK: dsrt.route_order %[[W:.*]], %{{.*}}, %[[O:.*]], %{{.*}}, %{{.*}} bias @bias module("route, order") {groups = 2 : i64, normalize = 1 : i64, scaling = 2.500000e+00 : f32, scoring = 1 : i64, selection = 2 : i64, top_groups = 1 : i64}
    dsrt.route %weights, %experts, %logits bias @bias module("route") {groups = 2 : i64, normalize = 1 : i64, scaling = 2.5 : f32, scoring = 1 : i64, selection = 2 : i64, top_groups = 1 : i64} : !w, !e, <tokens x 4 x f32>
    dsrt.expert_order %order, %offsets, %experts module("order") : !o, <5 x i32>, !e
    %p = dsrt.allocate : !p
    %s = dsrt.allocate : !s
    %pg = dsrt.allocate : !prows
    %sg = dsrt.allocate : !srows
    // CHECK: dsrt.gather_quantized %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}}, %[[O]] module("dispatch") {divisor = 2 : i64}
    dsrt.gather_rows %pg, %p, %order module("dispatch") {divisor = 2 : i64} : !prows, !p, !o
    dsrt.gather_rows %sg, %s, %order module("dispatch") {divisor = 2 : i64} : !srows, !s, !o
    %down = dsrt.allocate : !rows
    %combined = dsrt.allocate : !x
    %combined2 = dsrt.allocate : !x
    %shared = dsrt.allocate : !x
    %other = dsrt.allocate : !x
    %y = dsrt.allocate : !x
    %y2 = dsrt.allocate : !x
    // The shared expert runs in between: the fused call stands behind it.
    // CHECK: dsrt.add %[[SHARED:.*]], %{{.*}}, %{{.*}} module("shared")
    // CHECK: dsrt.combine_add %{{.*}}, %[[D:.*]], %[[W]], %[[O]], %[[SHARED]] module("combine, sum")
    // CHECK: dsrt.combine_add %{{.*}}, %[[D]], %[[W]], %[[O]], %[[SHARED]] module("combine2, sum2")
    dsrt.combine %combined, %down, %weights, %order module("combine") : !x, !rows, !w, !o
    dsrt.add %shared, %other, %other module("shared") : !x, !x, !x
    dsrt.add %y, %combined, %shared module("sum") : !x, !x, !x
    dsrt.combine %combined2, %down, %weights, %order module("combine2") : !x, !rows, !w, !o
    dsrt.add %y2, %shared, %combined2 module("sum2") : !x, !x, !x
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// product-pair: q_proj and kv_a_proj, with another call between them; scaled; grouped by expert; both.
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
!x = !dsrt.buffer<tokens x 8 x bf16>
!p = !dsrt.buffer<tokens x 8 x f8E4M3FN>
!s = !dsrt.buffer<tokens x 1 x f32>
!six = !dsrt.buffer<tokens x 6 x bf16>
!two = !dsrt.buffer<tokens x 2 x bf16>
!o = !dsrt.buffer<4 x i32>
dsrt.program @pairs vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @q : tensor<6x8xbf16> from "q" stored(bf16) use(matmul)
  dsrt.weight @kv : tensor<2x8xbf16> from "kv" stored(bf16) use(matmul)
  dsrt.weight @gate : tensor<6x8xf8E4M3FN> from "gate" scales "gs" stored(#wt) use(matmul)
  dsrt.weight @up : tensor<6x8xf8E4M3FN> from "up" scales "us" stored(#wt) use(matmul)
  dsrt.weight @egate : tensor<3x6x8xbf16> from "eg" stored(bf16) use(matmul)
  dsrt.weight @eup : tensor<3x2x8xbf16> from "eu" stored(bf16) use(matmul)
  dsrt.weight @fgate : tensor<3x6x8xf8E4M3FN> from "fg" scales "fgs" stored(#wt) use(matmul)
  dsrt.weight @fup : tensor<3x6x8xf8E4M3FN> from "fu" scales "fus" stored(#wt) use(matmul)
  // CHECK-LABEL: dsrt.program @pairs
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x8xbf16>):
    %x = dsrt.allocate : !x
    %p = dsrt.allocate : !p
    %s = dsrt.allocate : !s
    %offsets = dsrt.allocate : !o
    %q = dsrt.allocate : !six
    // q's result is read before kv_a_proj: the pair stands in the place of the first.
    // CHECK: %[[KV:.*]] = dsrt.allocate : <tokens x 2 x bf16>
    // CHECK: dsrt.linear_pair %[[Q:.*]], %[[KV]], %{{.*}}, @q, @kv module("q_proj, kv_a_proj") {round = 1 : i64}
    // CHECK: dsrt.add %{{.*}}, %[[Q]], %[[Q]]
    dsrt.linear %q, %x, @q module("q_proj") {round = 1 : i64} : !six, !x
    %sum = dsrt.allocate : !six
    dsrt.add %sum, %q, %q module("rope") : !six, !six, !six
    %kv = dsrt.allocate : !two
    dsrt.linear %kv, %x, @kv module("kv_a_proj") {round = 1 : i64} : !two, !x
    // CHECK: dsrt.scaled_matmul_pair %{{.*}}, %{{.*}}, %[[P:.*]], %[[S:.*]], @gate, @up module("gate_proj, up_proj") {activation = #tile_1x128_f8E4M3FN, promote = 128 : i64}
    %g = dsrt.allocate : !six
    %u = dsrt.allocate : !six
    dsrt.scaled_matmul %g, %p, %s, @gate module("gate_proj") {activation = #act, promote = 128 : i64} : !six, !p, !s
    dsrt.scaled_matmul %u, %p, %s, @up module("up_proj") {activation = #act, promote = 128 : i64} : !six, !p, !s
    // CHECK: dsrt.grouped_linear_pair %{{.*}}, %{{.*}}, %{{.*}}, %[[O:.*]], @egate, @eup module("experts.gate, experts.up") {first = 1 : i64, round = 1 : i64}
    %eg = dsrt.allocate : !six
    %eu = dsrt.allocate : !two
    dsrt.grouped_linear %eg, %x, %offsets, @egate module("experts.gate") {first = 1 : i64, round = 1 : i64} : !six, !x, !o
    dsrt.grouped_linear %eu, %x, %offsets, @eup module("experts.up") {first = 1 : i64, round = 1 : i64} : !two, !x, !o
    // CHECK: dsrt.grouped_scaled_matmul_pair %{{.*}}, %{{.*}}, %[[P]], %[[S]], %[[O]], @fgate, @fup module("f.gate, f.up") {activation = #tile_1x128_f8E4M3FN, first = 0 : i64, promote = 128 : i64}
    %fg = dsrt.allocate : !six
    %fu = dsrt.allocate : !six
    dsrt.grouped_scaled_matmul %fg, %p, %s, %offsets, @fgate module("f.gate") {activation = #act, first = 0 : i64, promote = 128 : i64} : !six, !p, !s, !o
    dsrt.grouped_scaled_matmul %fu, %p, %s, %offsets, @fup module("f.up") {activation = #act, first = 0 : i64, promote = 128 : i64} : !six, !p, !s, !o
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
