// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'y' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x 3 x bf16>
    %a = dsrt.allocate : <tokens x 6 x bf16>
    %b = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 3}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x 3 x bf16>, <tokens x 6 x bf16>, <tokens x 6 x bf16>
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
    %a = dsrt.allocate : <tokens x 6 x bf16>
    %b = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 1}}
    dsrt.add %y, %a, %b module("m") : <tokens x bf16>, <tokens x 6 x bf16>, <tokens x 6 x bf16>
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
    %a = dsrt.allocate : <tokens x 6 x bf16>
    %b = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C2) expects 'y' of a float type, but got 'i32'}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x i32>, <tokens x 6 x bf16>, <tokens x 6 x bf16>
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
    %b = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C5) expects 'y' to be no other operand, because it is written}}
    dsrt.add %y, %y, %b module("m") : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'a' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %a = dsrt.allocate : <tokens x 6 x 3 x bf16>
    %b = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'a' with 2 extents, but got 3}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <tokens x 6 x 3 x bf16>, <tokens x 6 x bf16>
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
    %a = dsrt.allocate : <tokens x bf16>
    %b = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'a' with 2 extents, but got 1}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <tokens x bf16>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'a' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %a = dsrt.allocate : <tokens x 6 x i32>
    %b = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C2) expects 'a' of a float type, but got 'i32'}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <tokens x 6 x i32>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'a' is of the type of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %a = dsrt.allocate : <tokens x 6 x f16>
    %b = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C2) expects 'a' of 'bf16', but got 'f16'}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <tokens x 6 x f16>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'a' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %a = dsrt.allocate : <wanted x 6 x bf16>
    %b = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C3) expects 'a' with tokens = tokens, but got wanted}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <wanted x 6 x bf16>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'columns' of 'a' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %a = dsrt.allocate : <tokens x 7 x bf16>
    %b = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C3) expects 'a' with columns = 6, but got 7}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <tokens x 7 x bf16>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'b' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %a = dsrt.allocate : <tokens x 6 x bf16>
    %b = dsrt.allocate : <tokens x 6 x 3 x bf16>
    // expected-error@+1 {{(C1) expects 'b' with 2 extents, but got 3}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 6 x 3 x bf16>
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
    %a = dsrt.allocate : <tokens x 6 x bf16>
    %b = dsrt.allocate : <tokens x bf16>
    // expected-error@+1 {{(C1) expects 'b' with 2 extents, but got 1}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'b' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %a = dsrt.allocate : <tokens x 6 x bf16>
    %b = dsrt.allocate : <tokens x 6 x i32>
    // expected-error@+1 {{(C2) expects 'b' of a float type, but got 'i32'}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 6 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'b' is of the type of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %a = dsrt.allocate : <tokens x 6 x bf16>
    %b = dsrt.allocate : <tokens x 6 x f16>
    // expected-error@+1 {{(C2) expects 'b' of 'bf16', but got 'f16'}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 6 x f16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'b' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %a = dsrt.allocate : <tokens x 6 x bf16>
    %b = dsrt.allocate : <wanted x 6 x bf16>
    // expected-error@+1 {{(C3) expects 'b' with tokens = tokens, but got wanted}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <wanted x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'columns' of 'b' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 6 x bf16>
    %a = dsrt.allocate : <tokens x 6 x bf16>
    %b = dsrt.allocate : <tokens x 7 x bf16>
    // expected-error@+1 {{(C3) expects 'b' with columns = 6, but got 7}}
    dsrt.add %y, %a, %b module("m") : <tokens x 6 x bf16>, <tokens x 6 x bf16>, <tokens x 7 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
