// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'y' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x 3 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 3}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x 3 x bf16>, <tokens*3 x 4 x bf16>, <tokens x 3 x f32>, <tokens*3 x i32>
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
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 1}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x bf16>, <tokens*3 x 4 x bf16>, <tokens x 3 x f32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'y' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x i32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C2) expects 'y' of a float type, but got 'i32'}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x i32>, <tokens*3 x 4 x bf16>, <tokens x 3 x f32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'x' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x 3 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 3}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x 3 x bf16>, <tokens x 3 x f32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 1}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x bf16>, <tokens x 3 x f32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'x' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x i32>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C2) expects 'x' of a float type, but got 'i32'}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x i32>, <tokens x 3 x f32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'x' is of the type of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x f16>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C2) expects 'x' of 'bf16', but got 'f16'}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x f16>, <tokens x 3 x f32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'hidden' of 'x' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 5 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C3) expects 'x' with hidden = 4, but got 5}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 5 x bf16>, <tokens x 3 x f32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'weights' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C1) expects 'weights' with 2 extents, but got 3}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x bf16>, <tokens x 3 x 3 x f32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %weights = dsrt.allocate : <tokens x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C1) expects 'weights' with 2 extents, but got 1}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x bf16>, <tokens x f32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'weights' is of f32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x f16>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C2) expects 'weights' of 'f32', but got 'f16'}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x bf16>, <tokens x 3 x f16>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'weights' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %weights = dsrt.allocate : <wanted x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C3) expects 'weights' with tokens = tokens, but got wanted}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x bf16>, <wanted x 3 x f32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'order' has 1 extent
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x 3 x i32>
    // expected-error@+1 {{(C1) expects 'order' with 1 extents, but got 2}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x bf16>, <tokens x 3 x f32>, <tokens*3 x 3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'order' is of i32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*3 x i8>
    // expected-error@+1 {{(C2) expects 'order' of 'i32', but got 'i8'}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x bf16>, <tokens x 3 x f32>, <tokens*3 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'rows' of 'order' are those of 'x'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %order = dsrt.allocate : <tokens*4 x i32>
    // expected-error@+1 {{(C3) expects 'order' with rows = tokens*3, but got tokens*4}}
    dsrt.combine %y, %x, %weights, %order module("m") : <tokens x 4 x bf16>, <tokens*3 x 4 x bf16>, <tokens x 3 x f32>, <tokens*4 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
