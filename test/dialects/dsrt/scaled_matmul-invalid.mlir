// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'y' has 2 extents
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x 3 x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 3}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x 3 x f32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 1}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x f32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'y' is of a float type
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x i32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C2) expects 'y' of a float type, but got 'i32'}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x i32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'payload' has 2 extents
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x 3 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C1) expects 'payload' with 2 extents, but got 3}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x 3 x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C1) expects 'payload' with 2 extents, but got 1}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'payload' is of a float type
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x i32>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C2) expects 'payload' of a float type, but got 'i32'}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x i32>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'payload' are those of 'y'
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <wanted x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C3) expects 'payload' with tokens = tokens, but got wanted}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <wanted x 4 x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'scales' has 2 extents
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x 3 x f32>
    // expected-error@+1 {{(C1) expects 'scales' with 2 extents, but got 3}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x 3 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x f32>
    // expected-error@+1 {{(C1) expects 'scales' with 2 extents, but got 1}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x f8E4M3FN>, <tokens x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'scales' is of f32
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f16>
    // expected-error@+1 {{(C2) expects 'scales' of 'f32', but got 'f16'}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x f16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'scales' are those of 'y'
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <wanted x 1 x f32>
    // expected-error@+1 {{(C3) expects 'scales' with tokens = tokens, but got wanted}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x f8E4M3FN>, <wanted x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'weight' has 2 extents
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4x3xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C1) expects 'weight' with 2 extents, but got 3}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C1) expects 'weight' with 2 extents, but got 1}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'n' of 'weight' are those of 'y'
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<7x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C3) expects 'weight' with n = 6, but got 7}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'k' of 'weight' are those of 'payload'
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x5xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C3) expects 'weight' with k = 4, but got 5}}
    dsrt.scaled_matmul %y, %payload, %scales, @weight module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C4: 'weight' is a weight of the program
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<6x4xf8E4M3FN> from "weight" stored(bf16) through([#wt]) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x f32>
    %payload = dsrt.allocate : <tokens x 4 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    // expected-error@+1 {{(C4) refers to @prefill, which is no dsrt.weight}}
    dsrt.scaled_matmul %y, %payload, %scales, @prefill module("m") {activation = #act, promote = 1 : i64} : <tokens x 6 x f32>, <tokens x 4 x f8E4M3FN>, <tokens x 1 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
