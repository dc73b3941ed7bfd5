// What is not fused: intermediate results with other readers, calls in between that are in the way, formats and types that do not fit.
//
// RUN: ds-opt %s --split-input-file --dsrt-fuse | FileCheck %s
// RUN: not ds-opt %s --split-input-file --dsrt-fuse="fusions=residual-nrom" 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// UNKNOWN: error: --dsrt-fuse expects residual-norm, norm-quantize, swiglu-quantize, latent-append, rope-append, route-order, gather-quantized, combine-add or product-pair, but got 'residual-nrom'; did you mean 'residual-norm'?

#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wide = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#nvfp4 = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = tensor>
!x = !dsrt.buffer<tokens x 8 x bf16>
!p = !dsrt.buffer<tokens x 8 x f8E4M3FN>
!f = !dsrt.buffer<tokens x 8 x f4E2M1FN>
!s = !dsrt.buffer<tokens x 1 x f32>
dsrt.program @rows vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @norm : tensor<8xbf16> from "norm" stored(bf16) use(vector)
  // CHECK-LABEL: dsrt.program @rows
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x8xbf16>):
    %x = dsrt.allocate : !x
    %n = dsrt.allocate : !x
    %p = dsrt.allocate : !p
    %s = dsrt.allocate : !s
    // A tile spans rows.
    // CHECK: dsrt.rms_norm %
    // CHECK: dsrt.quantize %
    dsrt.rms_norm %n, %x, @norm module("norm") {eps = 1.0 : f32} : !x, !x
    dsrt.quantize %p, %s, %n module("wide") {format = #wide} : !p, !s, !x
    // One scale for the whole tensor.
    %y = dsrt.allocate : !x
    %f = dsrt.allocate : !f
    %fs = dsrt.allocate : !s
    // CHECK: dsrt.swiglu %
    // CHECK: dsrt.quantize %
    dsrt.swiglu %y, %x, %n module("swiglu") : !x, !x, !x
    dsrt.quantize %f, %fs, %y module("tensor") {format = #nvfp4} : !f, !s, !x
    // The result of swiglu is read by another call as well.
    %z = dsrt.allocate : !x
    %p2 = dsrt.allocate : !p
    %s2 = dsrt.allocate : !s
    %other = dsrt.allocate : !x
    // CHECK: dsrt.swiglu %
    // CHECK: dsrt.quantize %
    // CHECK: dsrt.cast
    dsrt.swiglu %z, %x, %n module("swiglu2") : !x, !x, !x
    dsrt.quantize %p2, %s2, %z module("row") {format = #act} : !p, !s, !x
    dsrt.cast %other, %z module("other") : !x, !x
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

#one = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#other = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
!x = !dsrt.buffer<tokens x 8 x bf16>
!y = !dsrt.buffer<tokens x 6 x bf16>
!l = !dsrt.buffer<tokens x 6 x f32>
!p = !dsrt.buffer<tokens x 8 x f8E4M3FN>
!s = !dsrt.buffer<tokens x 1 x f32>
!o = !dsrt.buffer<3 x i32>
dsrt.program @products vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @a : tensor<6x8xbf16> from "a" stored(bf16) use(matmul)
  dsrt.weight @b : tensor<6x8xbf16> from "b" stored(bf16) use(matmul)
  dsrt.weight @c : tensor<6x8xf8E4M3FN> from "c" scales "cs" stored(#one) use(matmul)
  dsrt.weight @d : tensor<6x8xf8E4M3FN> from "d" scales "ds" stored(#other) use(matmul)
  dsrt.weight @g : tensor<1x6x8xbf16> from "g" stored(bf16) use(matmul)
  dsrt.weight @h : tensor<1x6x8xbf16> from "h" stored(bf16) use(matmul)
  // CHECK-LABEL: dsrt.program @products
  // CHECK-NOT: _pair
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x8xbf16>):
    %x = dsrt.allocate : !x
    %p = dsrt.allocate : !p
    %s = dsrt.allocate : !s
    // The router's result is F32, and not rounded.
    %y = dsrt.allocate : !y
    %l = dsrt.allocate : !l
    dsrt.linear %y, %x, @a module("a") {round = 1 : i64} : !y, !x
    dsrt.linear %l, %x, @b module("router") {round = 0 : i64} : !l, !x
    // Weights of different formats.
    %c = dsrt.allocate : !y
    %d = dsrt.allocate : !y
    dsrt.scaled_matmul %c, %p, %s, @c module("c") {activation = #other, promote = 128 : i64} : !y, !p, !s
    dsrt.scaled_matmul %d, %p, %s, @d module("d") {activation = #other, promote = 128 : i64} : !y, !p, !s
    // Two groups of the same result are one after the other, and have other first experts; what is between the two of an expert reads the
    // one's result and writes the other's operand.
    %offsets = dsrt.allocate : !o
    %g = dsrt.allocate : !y
    %h = dsrt.allocate : !y
    dsrt.grouped_linear %g, %x, %offsets, @g module("g.0") {first = 0 : i64, round = 1 : i64} : !y, !x, !o
    dsrt.grouped_linear %g, %x, %offsets, @h module("g.1") {first = 1 : i64, round = 1 : i64} : !y, !x, !o
    %v = dsrt.allocate : !x
    %e = dsrt.allocate : !y
    %f = dsrt.allocate : !y
    dsrt.linear %e, %v, @a module("e") {round = 1 : i64} : !y, !x
    dsrt.cast %h, %e module("reads") : !y, !y
    dsrt.cast %v, %x module("writes") : !x, !x
    dsrt.linear %f, %v, @b module("f") {round = 1 : i64} : !y, !x
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// The key is not one head from column 0; and what is appended is read elsewhere.
!kv = !dsrt.buffer<tokens x 10 x bf16>
!latent = !dsrt.buffer<tokens x 6 x bf16>
!key = !dsrt.buffer<tokens x 4 x bf16>
!table = !dsrt.buffer<tokens x 1 x f32>
dsrt.program @latent vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @norm : tensor<6xbf16> from "norm" stored(bf16) use(vector)
  // CHECK-LABEL: dsrt.program @latent
  // CHECK-NOT: latent_append
  dsrt.entry @prefill {
  ^bb0(%ids: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x10xbf16>):
    %kv = dsrt.allocate : !kv
    %cosine = dsrt.allocate : !table
    %sine = dsrt.allocate : !table
    %latent = dsrt.allocate : !latent
    %normed = dsrt.allocate : !latent
    %key = dsrt.allocate : !key
    %rotated = dsrt.allocate : !key
    dsrt.slice_columns %latent, %kv module("split") {begin = 0 : i64} : !latent, !kv
    dsrt.rms_norm %normed, %latent, @norm module("norm") {eps = 1.0 : f32} : !latent, !latent
    dsrt.slice_columns %key, %kv module("split") {begin = 6 : i64} : !key, !kv
    dsrt.rope %rotated, %key, %cosine, %sine module("rope") {begin = 0 : i64, heads = 2 : i64} : !key, !key, !table, !table
    dsrt.cache_append %cache, %normed, %rotated, %batch module("cache") {layer = 0 : i64} : <2x10xbf16>, !latent, !key
    %latent2 = dsrt.allocate : !latent
    %normed2 = dsrt.allocate : !latent
    %key2 = dsrt.allocate : !key
    %rotated2 = dsrt.allocate : !key
    dsrt.slice_columns %latent2, %kv module("split") {begin = 0 : i64} : !latent, !kv
    dsrt.rms_norm %normed2, %latent2, @norm module("norm") {eps = 1.0 : f32} : !latent, !latent
    dsrt.slice_columns %key2, %kv module("split") {begin = 6 : i64} : !key, !kv
    dsrt.rope %rotated2, %key2, %cosine, %sine module("rope") {begin = 0 : i64, heads = 1 : i64} : !key, !key, !table, !table
    dsrt.cache_append %cache, %normed2, %rotated2, %batch module("cache") {layer = 1 : i64} : <2x10xbf16>, !latent, !key
    dsrt.cast %latent, %normed2 module("reads") : !latent, !latent
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
