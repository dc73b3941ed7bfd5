// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'y' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @table : tensor<8x4xbf16> from "table" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x 3 x bf16>
    %ids = dsrt.allocate : <tokens x i32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 3}}
    dsrt.embedding %y, %ids, @table module("m") : <tokens x 4 x 3 x bf16>, <tokens x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @table : tensor<8x4xbf16> from "table" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x bf16>
    %ids = dsrt.allocate : <tokens x i32>
    // expected-error@+1 {{(C1) expects 'y' with 2 extents, but got 1}}
    dsrt.embedding %y, %ids, @table module("m") : <tokens x bf16>, <tokens x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'y' is of a float type
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @table : tensor<8x4xbf16> from "table" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x i32>
    %ids = dsrt.allocate : <tokens x i32>
    // expected-error@+1 {{(C2) expects 'y' of a float type, but got 'i32'}}
    dsrt.embedding %y, %ids, @table module("m") : <tokens x 4 x i32>, <tokens x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'ids' has 1 extent
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @table : tensor<8x4xbf16> from "table" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %ids = dsrt.allocate : <tokens x 3 x i32>
    // expected-error@+1 {{(C1) expects 'ids' with 1 extents, but got 2}}
    dsrt.embedding %y, %ids, @table module("m") : <tokens x 4 x bf16>, <tokens x 3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'ids' is of i32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @table : tensor<8x4xbf16> from "table" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %ids = dsrt.allocate : <tokens x i8>
    // expected-error@+1 {{(C2) expects 'ids' of 'i32', but got 'i8'}}
    dsrt.embedding %y, %ids, @table module("m") : <tokens x 4 x bf16>, <tokens x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'ids' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @table : tensor<8x4xbf16> from "table" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %ids = dsrt.allocate : <wanted x i32>
    // expected-error@+1 {{(C3) expects 'ids' with tokens = tokens, but got wanted}}
    dsrt.embedding %y, %ids, @table module("m") : <tokens x 4 x bf16>, <wanted x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'table' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @table : tensor<8x4x3xbf16> from "table" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %ids = dsrt.allocate : <tokens x i32>
    // expected-error@+1 {{(C1) expects 'table' with 2 extents, but got 3}}
    dsrt.embedding %y, %ids, @table module("m") : <tokens x 4 x bf16>, <tokens x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @table : tensor<8xbf16> from "table" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %ids = dsrt.allocate : <tokens x i32>
    // expected-error@+1 {{(C1) expects 'table' with 2 extents, but got 1}}
    dsrt.embedding %y, %ids, @table module("m") : <tokens x 4 x bf16>, <tokens x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'hidden' of 'table' are those of 'y'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @table : tensor<8x5xbf16> from "table" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %ids = dsrt.allocate : <tokens x i32>
    // expected-error@+1 {{(C3) expects 'table' with hidden = 4, but got 5}}
    dsrt.embedding %y, %ids, @table module("m") : <tokens x 4 x bf16>, <tokens x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C4: 'table' is a weight of the program
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @table : tensor<8x4xbf16> from "table" stored(bf16) use(rows)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %y = dsrt.allocate : <tokens x 4 x bf16>
    %ids = dsrt.allocate : <tokens x i32>
    // expected-error@+1 {{(C4) refers to @prefill, which is no dsrt.weight}}
    dsrt.embedding %y, %ids, @prefill module("m") : <tokens x 4 x bf16>, <tokens x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
