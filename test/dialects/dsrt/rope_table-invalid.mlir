// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'cosine' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %cosine = dsrt.allocate : <tokens x 2 x 3 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C1) expects 'cosine' with 2 extents, but got 3}}
    dsrt.rope_table %cosine, %sine, %batch module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x 2 x 3 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %cosine = dsrt.allocate : <tokens x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C1) expects 'cosine' with 2 extents, but got 1}}
    dsrt.rope_table %cosine, %sine, %batch module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'cosine' is of f32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %cosine = dsrt.allocate : <tokens x 2 x f16>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C2) expects 'cosine' of 'f32', but got 'f16'}}
    dsrt.rope_table %cosine, %sine, %batch module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x 2 x f16>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C5: 'cosine' is written, and no other operand
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C5) expects 'cosine' to be no other operand, because it is written}}
    dsrt.rope_table %cosine, %cosine, %batch module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'sine' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x 3 x f32>
    // expected-error@+1 {{(C1) expects 'sine' with 2 extents, but got 3}}
    dsrt.rope_table %cosine, %sine, %batch module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x 2 x f32>, <tokens x 2 x 3 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x f32>
    // expected-error@+1 {{(C1) expects 'sine' with 2 extents, but got 1}}
    dsrt.rope_table %cosine, %sine, %batch module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x 2 x f32>, <tokens x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'sine' is of f32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f16>
    // expected-error@+1 {{(C2) expects 'sine' of 'f32', but got 'f16'}}
    dsrt.rope_table %cosine, %sine, %batch module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x 2 x f32>, <tokens x 2 x f16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'sine' are those of 'cosine'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <wanted x 2 x f32>
    // expected-error@+1 {{(C3) expects 'sine' with tokens = tokens, but got wanted}}
    dsrt.rope_table %cosine, %sine, %batch module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x 2 x f32>, <wanted x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'pairs' of 'sine' are those of 'cosine'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 3 x f32>
    // expected-error@+1 {{(C3) expects 'sine' with pairs = 2, but got 3}}
    dsrt.rope_table %cosine, %sine, %batch module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x 2 x f32>, <tokens x 3 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C5: 'sine' is written, and no other operand
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C5) expects 'cosine' to be no other operand, because it is written}}
    dsrt.rope_table %sine, %sine, %batch module("m") {inverse_frequencies = array<f32: 1.000000e+00, 5.000000e-01>, scale = 5.000000e-01 : f32} : <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
