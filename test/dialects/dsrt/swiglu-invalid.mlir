// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'y' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x 3 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 3}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x 3 x bf16>, <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 1}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x bf16>, <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'y' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x i32>
    %gate = dsrt.allocate : <tokens*3 x 6 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x bf16>
    // expected-error@+1 {{(C2) expects 'y' of a float type, but got 'i32'}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x i32>, <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C5: 'y' is written, and no other operand
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x bf16>
    // expected-error@+1 {{(C5) expects 'y' to be no other operand, because it is written}}
    dsrt.swiglu %y, %y, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'gate' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x 3 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'gate' with 2 extents, but got 3}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x 3 x bf16>, <tokens*3 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'gate' with 2 extents, but got 1}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x bf16>, <tokens*3 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'gate' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x i32>
    %up = dsrt.allocate : <tokens*3 x 6 x bf16>
    // expected-error@+1 {{(C2) expects 'gate' of a float type, but got 'i32'}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x i32>, <tokens*3 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'gate' is of the type of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x f16>
    %up = dsrt.allocate : <tokens*3 x 6 x bf16>
    // expected-error@+1 {{(C2) expects 'gate' of 'bf16', but got 'f16'}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x f16>, <tokens*3 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'rows' of 'gate' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*4 x 6 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x bf16>
    // expected-error@+1 {{(C3) expects 'gate' with rows = tokens*3, but got tokens*4}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*4 x 6 x bf16>, <tokens*3 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'columns' of 'gate' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 7 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x bf16>
    // expected-error@+1 {{(C3) expects 'gate' with columns = 6, but got 7}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 7 x bf16>, <tokens*3 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'up' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x 3 x bf16>
    // expected-error@+1 {{(C1) expects 'up' with 2 extents, but got 3}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>, <tokens*3 x 6 x 3 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x bf16>
    %up = dsrt.allocate : <tokens*3 x bf16>
    // expected-error@+1 {{(C1) expects 'up' with 2 extents, but got 1}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>, <tokens*3 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'up' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x i32>
    // expected-error@+1 {{(C2) expects 'up' of a float type, but got 'i32'}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>, <tokens*3 x 6 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'up' is of the type of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x bf16>
    %up = dsrt.allocate : <tokens*3 x 6 x f16>
    // expected-error@+1 {{(C2) expects 'up' of 'bf16', but got 'f16'}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>, <tokens*3 x 6 x f16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'rows' of 'up' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x bf16>
    %up = dsrt.allocate : <tokens*4 x 6 x bf16>
    // expected-error@+1 {{(C3) expects 'up' with rows = tokens*3, but got tokens*4}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>, <tokens*4 x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'columns' of 'up' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %gate = dsrt.allocate : <tokens*3 x 6 x bf16>
    %up = dsrt.allocate : <tokens*3 x 7 x bf16>
    // expected-error@+1 {{(C3) expects 'up' with columns = 6, but got 7}}
    dsrt.swiglu %y, %gate, %up module("m") : <tokens*3 x 6 x bf16>, <tokens*3 x 6 x bf16>, <tokens*3 x 7 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
