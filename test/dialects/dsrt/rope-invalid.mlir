// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'y' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x 3 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 3}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x 3 x bf16>, <tokens x 6 x bf16>, <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 1}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x bf16>, <tokens x 6 x bf16>, <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'y' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x i32>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C2) expects 'y' of a float type, but got 'i32'}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x i32>, <tokens x 6 x bf16>, <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C5: 'y' is written, and no other operand
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C5) expects 'y' to be no other operand, because it is written}}
    dsrt.rope %y, %y, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'x' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x 3 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 3}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x 3 x bf16>, <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 1}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x bf16>, <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'x' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x i32>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C2) expects 'x' of a float type, but got 'i32'}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x i32>, <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'x' is of the type of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x f16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C2) expects 'x' of 'bf16', but got 'f16'}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x f16>, <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'x' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <wanted x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C3) expects 'x' with tokens = tokens, but got wanted}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <wanted x 6 x bf16>, <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'columns' of 'x' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 7 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C3) expects 'x' with columns = 6, but got 7}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 7 x bf16>, <tokens x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'cosine' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x 3 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C1) expects 'cosine' with 2 extents, but got 3}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 2 x 3 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C1) expects 'cosine' with 2 extents, but got 1}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'cosine' is of f32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f16>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C2) expects 'cosine' of 'f32', but got 'f16'}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 2 x f16>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'cosine' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <wanted x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f32>
    // expected-error@+1 {{(C3) expects 'cosine' with tokens = tokens, but got wanted}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <wanted x 2 x f32>, <tokens x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'sine' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x 3 x f32>
    // expected-error@+1 {{(C1) expects 'sine' with 2 extents, but got 3}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 2 x f32>, <tokens x 2 x 3 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x f32>
    // expected-error@+1 {{(C1) expects 'sine' with 2 extents, but got 1}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 2 x f32>, <tokens x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'sine' is of f32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 2 x f16>
    // expected-error@+1 {{(C2) expects 'sine' of 'f32', but got 'f16'}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 2 x f32>, <tokens x 2 x f16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'sine' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <wanted x 2 x f32>
    // expected-error@+1 {{(C3) expects 'sine' with tokens = tokens, but got wanted}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 2 x f32>, <wanted x 2 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'pairs' of 'sine' are those of 'cosine'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %cosine = dsrt.allocate : <tokens x 2 x f32>
    %sine = dsrt.allocate : <tokens x 3 x f32>
    // expected-error@+1 {{(C3) expects 'sine' with pairs = 2, but got 3}}
    dsrt.rope %y, %x, %cosine, %sine module("m") {begin = 1 : i64, heads = 1 : i64} : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 2 x f32>, <tokens x 3 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
