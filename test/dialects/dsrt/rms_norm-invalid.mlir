// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'y' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x 3 x bf16>
    %x = dsrt.allocate : <tokens x 4 x bf16>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 3}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x 3 x bf16>, <tokens x 4 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x bf16>
    %x = dsrt.allocate : <tokens x 4 x bf16>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 1}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x bf16>, <tokens x 4 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'y' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x i32>
    %x = dsrt.allocate : <tokens x 4 x bf16>
    // expected-error@+1 {{(C2) expects 'y' of a float type, but got 'i32'}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x i32>, <tokens x 4 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C5: 'y' is written, and no other operand
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    // expected-error@+1 {{(C5) expects 'y' to be no other operand, because it is written}}
    dsrt.rms_norm %y, %y, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x 4 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'x' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens x 4 x 3 x bf16>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 3}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x 4 x 3 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens x bf16>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 1}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'x' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens x 4 x i32>
    // expected-error@+1 {{(C2) expects 'x' of a float type, but got 'i32'}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x 4 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'x' is of the type of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens x 4 x f16>
    // expected-error@+1 {{(C2) expects 'x' of 'bf16', but got 'f16'}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x 4 x f16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'x' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <wanted x 4 x bf16>
    // expected-error@+1 {{(C3) expects 'x' with tokens = tokens, but got wanted}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <wanted x 4 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'hidden' of 'x' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens x 5 x bf16>
    // expected-error@+1 {{(C3) expects 'x' with hidden = 4, but got 5}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x 5 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'weight' has 1 extent
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4x3xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens x 4 x bf16>
    // expected-error@+1 {{(C1) expects 'weight' with 1 extents, but got 2}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x 4 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'weight' is of the type of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xf16> from "weight" stored(f16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens x 4 x bf16>
    // expected-error@+1 {{(C2) expects 'weight' of 'bf16', but got 'f16'}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x 4 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'hidden' of 'weight' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<5xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens x 4 x bf16>
    // expected-error@+1 {{(C3) expects 'weight' with hidden = 4, but got 5}}
    dsrt.rms_norm %y, %x, @weight module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x 4 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C4: 'weight' is a weight of the program
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<4xbf16> from "weight" stored(bf16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %x = dsrt.allocate : <tokens x 4 x bf16>
    // expected-error@+1 {{(C4) refers to @prefill, which is no dsrt.weight}}
    dsrt.rms_norm %y, %x, @prefill module("m") {eps = 5.000000e-01 : f32} : <tokens x 4 x bf16>, <tokens x 4 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
