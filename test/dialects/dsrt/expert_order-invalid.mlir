// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'order' has 1 extent
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %order = dsrt.allocate : <tokens*3 x 3 x i32>
    %offsets = dsrt.allocate : <9 x i32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    // expected-error@+1 {{(C1) expects 'order' with 1 extents, but got 2}}
    dsrt.expert_order %order, %offsets, %experts module("m") : <tokens*3 x 3 x i32>, <9 x i32>, <tokens x 3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'order' is of i32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %order = dsrt.allocate : <tokens*3 x i8>
    %offsets = dsrt.allocate : <9 x i32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    // expected-error@+1 {{(C2) expects 'order' of 'i32', but got 'i8'}}
    dsrt.expert_order %order, %offsets, %experts module("m") : <tokens*3 x i8>, <9 x i32>, <tokens x 3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'offsets' has 1 extent
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %order = dsrt.allocate : <tokens*3 x i32>
    %offsets = dsrt.allocate : <9 x 3 x i32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    // expected-error@+1 {{(C1) expects 'offsets' with 1 extents, but got 2}}
    dsrt.expert_order %order, %offsets, %experts module("m") : <tokens*3 x i32>, <9 x 3 x i32>, <tokens x 3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'offsets' is of i32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %order = dsrt.allocate : <tokens*3 x i32>
    %offsets = dsrt.allocate : <9 x i8>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    // expected-error@+1 {{(C2) expects 'offsets' of 'i32', but got 'i8'}}
    dsrt.expert_order %order, %offsets, %experts module("m") : <tokens*3 x i32>, <9 x i8>, <tokens x 3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'experts' has 2 extents
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %order = dsrt.allocate : <tokens*3 x i32>
    %offsets = dsrt.allocate : <9 x i32>
    %experts = dsrt.allocate : <tokens x 3 x 3 x i32>
    // expected-error@+1 {{(C1) expects 'experts' with 2 extents, but got 3}}
    dsrt.expert_order %order, %offsets, %experts module("m") : <tokens*3 x i32>, <9 x i32>, <tokens x 3 x 3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %order = dsrt.allocate : <tokens*3 x i32>
    %offsets = dsrt.allocate : <9 x i32>
    %experts = dsrt.allocate : <tokens x i32>
    // expected-error@+1 {{(C1) expects 'experts' with 2 extents, but got 1}}
    dsrt.expert_order %order, %offsets, %experts module("m") : <tokens*3 x i32>, <9 x i32>, <tokens x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'experts' is of i32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %order = dsrt.allocate : <tokens*3 x i32>
    %offsets = dsrt.allocate : <9 x i32>
    %experts = dsrt.allocate : <tokens x 3 x i8>
    // expected-error@+1 {{(C2) expects 'experts' of 'i32', but got 'i8'}}
    dsrt.expert_order %order, %offsets, %experts module("m") : <tokens*3 x i32>, <9 x i32>, <tokens x 3 x i8>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
