// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'latent' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %latent = dsrt.allocate : <tokens x 4 x 3 x bf16>
    %key = dsrt.allocate : <tokens x 2 x bf16>
    // expected-error@+1 {{(C1) expects 'latent' with 2 extents, but got 3}}
    dsrt.cache_append %cache, %latent, %key, %batch module("m") {layer = 1 : i64} : <2x6xbf16>, <tokens x 4 x 3 x bf16>, <tokens x 2 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %latent = dsrt.allocate : <tokens x bf16>
    %key = dsrt.allocate : <tokens x 2 x bf16>
    // expected-error@+1 {{(C1) expects 'latent' with 2 extents, but got 1}}
    dsrt.cache_append %cache, %latent, %key, %batch module("m") {layer = 1 : i64} : <2x6xbf16>, <tokens x bf16>, <tokens x 2 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'latent' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %latent = dsrt.allocate : <tokens x 4 x i32>
    %key = dsrt.allocate : <tokens x 2 x bf16>
    // expected-error@+1 {{(C2) expects 'latent' of a float type, but got 'i32'}}
    dsrt.cache_append %cache, %latent, %key, %batch module("m") {layer = 1 : i64} : <2x6xbf16>, <tokens x 4 x i32>, <tokens x 2 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'key' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %latent = dsrt.allocate : <tokens x 4 x bf16>
    %key = dsrt.allocate : <tokens x 2 x 3 x bf16>
    // expected-error@+1 {{(C1) expects 'key' with 2 extents, but got 3}}
    dsrt.cache_append %cache, %latent, %key, %batch module("m") {layer = 1 : i64} : <2x6xbf16>, <tokens x 4 x bf16>, <tokens x 2 x 3 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %latent = dsrt.allocate : <tokens x 4 x bf16>
    %key = dsrt.allocate : <tokens x bf16>
    // expected-error@+1 {{(C1) expects 'key' with 2 extents, but got 1}}
    dsrt.cache_append %cache, %latent, %key, %batch module("m") {layer = 1 : i64} : <2x6xbf16>, <tokens x 4 x bf16>, <tokens x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'key' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %latent = dsrt.allocate : <tokens x 4 x bf16>
    %key = dsrt.allocate : <tokens x 2 x i32>
    // expected-error@+1 {{(C2) expects 'key' of a float type, but got 'i32'}}
    dsrt.cache_append %cache, %latent, %key, %batch module("m") {layer = 1 : i64} : <2x6xbf16>, <tokens x 4 x bf16>, <tokens x 2 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'key' is of the type of 'latent'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %latent = dsrt.allocate : <tokens x 4 x bf16>
    %key = dsrt.allocate : <tokens x 2 x f16>
    // expected-error@+1 {{(C2) expects 'key' of 'bf16', but got 'f16'}}
    dsrt.cache_append %cache, %latent, %key, %batch module("m") {layer = 1 : i64} : <2x6xbf16>, <tokens x 4 x bf16>, <tokens x 2 x f16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'key' are those of 'latent'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %latent = dsrt.allocate : <tokens x 4 x bf16>
    %key = dsrt.allocate : <wanted x 2 x bf16>
    // expected-error@+1 {{(C3) expects 'key' with tokens = tokens, but got wanted}}
    dsrt.cache_append %cache, %latent, %key, %batch module("m") {layer = 1 : i64} : <2x6xbf16>, <tokens x 4 x bf16>, <wanted x 2 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
