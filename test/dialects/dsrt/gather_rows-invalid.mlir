// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'y' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x 3 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %index = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 3}}
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x 6 x 3 x bf16>, <tokens x 6 x bf16>, <tokens*3 x i32>
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
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %index = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 1}}
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x bf16>, <tokens x 6 x bf16>, <tokens*3 x i32>
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
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %index = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C2) expects 'y' of a float type, but got 'i32'}}
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x 6 x i32>, <tokens x 6 x bf16>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'x' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x 3 x bf16>
    %index = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 3}}
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x 6 x bf16>, <tokens x 6 x 3 x bf16>, <tokens*3 x i32>
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
    %x = dsrt.allocate : <tokens x bf16>
    %index = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 1}}
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x 6 x bf16>, <tokens x bf16>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'x' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x i32>
    %index = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C2) expects 'x' of a float type, but got 'i32'}}
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x 6 x bf16>, <tokens x 6 x i32>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'x' is of the type of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x f16>
    %index = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C2) expects 'x' of 'bf16', but got 'f16'}}
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x 6 x bf16>, <tokens x 6 x f16>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'columns' of 'x' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %x = dsrt.allocate : <tokens x 7 x bf16>
    %index = dsrt.allocate : <tokens*3 x i32>
    // expected-error@+1 {{(C3) expects 'x' with columns = 6, but got 7}}
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x 6 x bf16>, <tokens x 7 x bf16>, <tokens*3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'index' has 1 extent
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %index = dsrt.allocate : <tokens*3 x 3 x i32>
    // expected-error@+1 {{(C1) expects 'index' with 1 extents, but got 2}}
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x 6 x bf16>, <tokens x 6 x bf16>, <tokens*3 x 3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'index' is of i32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %index = dsrt.allocate : <tokens*3 x i8>
    // expected-error@+1 {{(C2) expects 'index' of 'i32', but got 'i8'}}
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x 6 x bf16>, <tokens x 6 x bf16>, <tokens*3 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'rows' of 'index' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x bf16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    %index = dsrt.allocate : <tokens*4 x i32>
    // expected-error@+1 {{(C3) expects 'index' with rows = tokens*3, but got tokens*4}}
    dsrt.gather_rows %y, %x, %index module("m") {divisor = 1 : i64} : <tokens*3 x 6 x bf16>, <tokens x 6 x bf16>, <tokens*4 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
