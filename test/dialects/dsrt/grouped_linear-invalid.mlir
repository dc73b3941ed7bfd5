// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'y' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x 3 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 3}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x 3 x f32>, <tokens*3 x 4 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 1}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x f32>, <tokens*3 x 4 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'y' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x i32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C2) expects 'y' of a float type, but got 'i32'}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x i32>, <tokens*3 x 4 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'x' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x 3 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 3}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x 3 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*3 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 1}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'x' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x i32>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C2) expects 'x' of a float type, but got 'i32'}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x i32>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'rows' of 'x' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*4 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C3) expects 'x' with rows = tokens*3, but got tokens*4}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*4 x 4 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'offsets' has 1 extent
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x 3 x i32>
    // expected-error@+1 {{(C1) expects 'offsets' with 1 extents, but got 2}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x bf16>, <9 x 3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'offsets' is of i32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x i8>
    // expected-error@+1 {{(C2) expects 'offsets' of 'i32', but got 'i8'}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x bf16>, <9 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C1) expects 'weight' with 3 extents, but got 2}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'weight' is of the type of 'x'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xf16> from "weight" stored(f16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C2) expects 'weight' of 'bf16', but got 'f16'}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'n' of 'weight' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x7x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C3) expects 'weight' with n = 6, but got 7}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'k' of 'weight' are those of 'x'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x5xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C3) expects 'weight' with k = 4, but got 5}}
    dsrt.grouped_linear %y, %x, %offsets, @weight module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C4: 'weight' is a weight of the program
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @weight : tensor<8x6x4xbf16> from "weight" stored(bf16) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens*3 x 6 x f32>
    %x = dsrt.allocate : <tokens*3 x 4 x bf16>
    %offsets = dsrt.allocate : <9 x i32>
    // expected-error@+1 {{(C4) refers to @prefill, which is no dsrt.weight}}
    dsrt.grouped_linear %y, %x, %offsets, @prefill module("m") {first = 1 : i64, round = 1 : i64} : <tokens*3 x 6 x f32>, <tokens*3 x 4 x bf16>, <9 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
