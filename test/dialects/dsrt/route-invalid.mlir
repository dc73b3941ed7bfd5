// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'weights' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C1) expects 'weights' with 2 extents, but got 3}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x 3 x f32>, <tokens x 3 x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x f32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C1) expects 'weights' with 2 extents, but got 1}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x f32>, <tokens x 3 x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'weights' is of f32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f16>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C2) expects 'weights' of 'f32', but got 'f16'}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f16>, <tokens x 3 x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'experts' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C1) expects 'experts' with 2 extents, but got 3}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x 3 x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C1) expects 'experts' with 2 extents, but got 1}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'experts' is of i32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x i8>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C2) expects 'experts' of 'i32', but got 'i8'}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i8>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'experts' are those of 'weights'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <wanted x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C3) expects 'experts' with tokens = tokens, but got wanted}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <wanted x 3 x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'top_k' of 'experts' are those of 'weights'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 4 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C3) expects 'experts' with top_k = 3, but got 4}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 4 x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'logits' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x 3 x f32>
    // expected-error@+1 {{(C1) expects 'logits' with 2 extents, but got 3}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <tokens x 8 x 3 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <tokens x f32>
    // expected-error@+1 {{(C1) expects 'logits' with 2 extents, but got 1}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <tokens x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'logits' is of f32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f16>
    // expected-error@+1 {{(C2) expects 'logits' of 'f32', but got 'f16'}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <tokens x 8 x f16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'logits' are those of 'weights'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <wanted x 8 x f32>
    // expected-error@+1 {{(C3) expects 'logits' with tokens = tokens, but got wanted}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <wanted x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'bias' has 1 extent
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8x3xf32> from "bias" stored(f32) use(matmul)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C1) expects 'bias' with 1 extents, but got 2}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'bias' is of f32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf16> from "bias" stored(f16) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C2) expects 'bias' of 'f32', but got 'f16'}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'expert_count' of 'bias' are those of 'logits'
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<9xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C3) expects 'bias' with expert_count = 8, but got 9}}
    dsrt.route %weights, %experts, %logits bias @bias module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C4: 'bias' is a weight of the program
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.weight @bias : tensor<8xf32> from "bias" stored(f32) use(vector)
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %weights = dsrt.allocate : <tokens x 3 x f32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    %logits = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C4) refers to @prefill, which is no dsrt.weight}}
    dsrt.route %weights, %experts, %logits bias @prefill module("m") {groups = 1 : i64, normalize = 1 : i64, scaling = 5.000000e-01 : f32, scoring = 1 : i64, selection = 1 : i64, top_groups = 1 : i64} : <tokens x 3 x f32>, <tokens x 3 x i32>, <tokens x 8 x f32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
