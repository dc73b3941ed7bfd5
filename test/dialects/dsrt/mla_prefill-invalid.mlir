// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'y' has 2 extents
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x 3 x bf16>
    %q = dsrt.allocate : <tokens x 12 x bf16>
    %scratch = dsrt.allocate : <64 x i8>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 3}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x 3 x bf16>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x bf16>
    %q = dsrt.allocate : <tokens x 12 x bf16>
    %scratch = dsrt.allocate : <64 x i8>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 1}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x bf16>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'y' is of a float type
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x i32>
    %q = dsrt.allocate : <tokens x 12 x bf16>
    %scratch = dsrt.allocate : <64 x i8>
    // expected-error@+1 {{(C2) expects 'y' of a float type, but got 'i32'}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x i32>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'q' has 2 extents
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %q = dsrt.allocate : <tokens x 12 x 3 x bf16>
    %scratch = dsrt.allocate : <64 x i8>
    // expected-error@+1 {{(C1) expects 'q' with 2 extents, but got 3}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x 3 x bf16>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %q = dsrt.allocate : <tokens x bf16>
    %scratch = dsrt.allocate : <64 x i8>
    // expected-error@+1 {{(C1) expects 'q' with 2 extents, but got 1}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x bf16>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'q' is of a float type
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %q = dsrt.allocate : <tokens x 12 x i32>
    %scratch = dsrt.allocate : <64 x i8>
    // expected-error@+1 {{(C2) expects 'q' of a float type, but got 'i32'}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x i32>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'q' is of the type of 'y'
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %q = dsrt.allocate : <tokens x 12 x f16>
    %scratch = dsrt.allocate : <64 x i8>
    // expected-error@+1 {{(C2) expects 'q' of 'bf16', but got 'f16'}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x f16>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'q' are those of 'y'
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %q = dsrt.allocate : <wanted x 12 x bf16>
    %scratch = dsrt.allocate : <64 x i8>
    // expected-error@+1 {{(C3) expects 'q' with tokens = tokens, but got wanted}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <wanted x 12 x bf16>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'kv_b' has 2 extents
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4x3xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %q = dsrt.allocate : <tokens x 12 x bf16>
    %scratch = dsrt.allocate : <64 x i8>
    // expected-error@+1 {{(C1) expects 'kv_b' with 2 extents, but got 3}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %q = dsrt.allocate : <tokens x 12 x bf16>
    %scratch = dsrt.allocate : <64 x i8>
    // expected-error@+1 {{(C1) expects 'kv_b' with 2 extents, but got 1}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C4: 'kv_b' is a weight of the program
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %q = dsrt.allocate : <tokens x 12 x bf16>
    %scratch = dsrt.allocate : <64 x i8>
    // expected-error@+1 {{(C4) refers to @prefill, which is no dsrt.weight}}
    dsrt.mla_prefill %y, %q, @prefill, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'scratch' has 1 extent
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %q = dsrt.allocate : <tokens x 12 x bf16>
    %scratch = dsrt.allocate : <64 x 3 x i8>
    // expected-error@+1 {{(C1) expects 'scratch' with 1 extents, but got 2}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x 3 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'scratch' is of i8
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @kv_b : tensor<16x4xbf16> from "kv_b" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %q = dsrt.allocate : <tokens x 12 x bf16>
    %scratch = dsrt.allocate : <64 x f16>
    // expected-error@+1 {{(C2) expects 'scratch' of 'i8', but got 'f16'}}
    dsrt.mla_prefill %y, %q, @kv_b, %cache, %batch, %scratch module("m") {activation = #act, heads = 1 : i64, layer = 1 : i64, nope = 1 : i64, rope = 1 : i64, softmax_scale = 5.000000e-01 : f32, value = 1 : i64} : <tokens x 6 x bf16>, <tokens x 12 x bf16>, <2x6xbf16>, <64 x f16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
