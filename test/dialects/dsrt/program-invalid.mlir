// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1 of the limits: tokens are positive
// expected-error@+1 {{(C1) expects positive limits within 31 bits, but got tokens = 0}}
dsrt.program @p vocabulary(8) limits(<tokens = 0, sequences = 2, length = 8, wanted = 4>) {
}

// -----

// C1 of the limits: sequences are positive
// expected-error@+1 {{(C1) expects positive limits within 31 bits, but got sequences = 0}}
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 0, length = 8, wanted = 4>) {
}

// -----

// C1 of the limits: length are positive
// expected-error@+1 {{(C1) expects positive limits within 31 bits, but got length = 0}}
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 0, wanted = 4>) {
}

// -----

// C1 of the limits: wanted are positive
// expected-error@+1 {{(C1) expects positive limits within 31 bits, but got wanted = 0}}
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 0>) {
}

// -----

// C1: within 31 bits
// expected-error@+1 {{(C1) expects positive limits within 31 bits, but got length = 2147483648}}
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 2147483648, wanted = 4>) {
}

// -----

// C1: not negative
// expected-error@+1 {{(C1) expects positive limits within 31 bits, but got tokens = -1}}
dsrt.program @p vocabulary(8) limits(<tokens = -1, sequences = 2, length = 8, wanted = 4>) {
}

// -----

// C2 of the limits: a row has a token
// expected-error@+1 {{(C2) expects at most tokens = 4 sequences, but got 5}}
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 5, length = 8, wanted = 4>) {
}

// -----

// C2: at most all tokens are wanted
// expected-error@+1 {{(C2) expects at most tokens = 4 wanted, but got 5}}
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 5>) {
}

// -----

// C1 of dsrt.program: the vocabulary is positive
// expected-error@+1 {{(C1) expects a positive vocabulary within 31 bits, but got 0}}
dsrt.program @p vocabulary(0) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
}

// -----

// C1: not negative
// expected-error@+1 {{(C1) expects a positive vocabulary within 31 bits, but got -1}}
dsrt.program @p vocabulary(-1) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
}

// -----

// C1: within 31 bits
// expected-error@+1 {{(C1) expects a positive vocabulary within 31 bits, but got 2147483648}}
dsrt.program @p vocabulary(2147483648) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
}

// -----

// C2: weights and entry points alone
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) stands in a dsrt.program, which expects dsrt.weight and dsrt.entry alone}}
  llvm.func @f()
}

// -----

// a name stands once
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-note@+1 {{see existing symbol definition here}}
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
  // expected-error@+1 {{redefinition of symbol named 'prefill'}}
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1 of dsrt.entry: two names
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C1) expects the name 'prefill' or 'decode', but got 'main'}}
  dsrt.entry @main {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: four arguments: not three
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) expects arguments !dsrt.buffer<tokens x i32>, !dsrt.batch, !dsrt.buffer<wanted x i32> and !dsrt.cache}}
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: not five
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) expects arguments !dsrt.buffer<tokens x i32>, !dsrt.batch, !dsrt.buffer<wanted x i32> and !dsrt.cache}}
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>, %more: !dsrt.batch):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: token ids are I32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) expects arguments !dsrt.buffer<tokens x i32>, !dsrt.batch, !dsrt.buffer<wanted x i32> and !dsrt.cache}}
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x f32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: one a token
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) expects arguments !dsrt.buffer<tokens x i32>, !dsrt.batch, !dsrt.buffer<wanted x i32> and !dsrt.cache}}
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens*2 x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: not wanted ones
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) expects arguments !dsrt.buffer<tokens x i32>, !dsrt.batch, !dsrt.buffer<wanted x i32> and !dsrt.cache}}
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<wanted x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: in one extent
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) expects arguments !dsrt.buffer<tokens x i32>, !dsrt.batch, !dsrt.buffer<wanted x i32> and !dsrt.cache}}
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x 1 x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: the batch
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) expects arguments !dsrt.buffer<tokens x i32>, !dsrt.batch, !dsrt.buffer<wanted x i32> and !dsrt.cache}}
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !ds.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: wanted tokens
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) expects arguments !dsrt.buffer<tokens x i32>, !dsrt.batch, !dsrt.buffer<wanted x i32> and !dsrt.cache}}
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<tokens x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: the cache
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) expects arguments !dsrt.buffer<tokens x i32>, !dsrt.batch, !dsrt.buffer<wanted x i32> and !dsrt.cache}}
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !ds.kv_cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: calls alone
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    // expected-error@+1 {{(C3) stands in a dsrt.entry, which expects dsrt.allocate and calls, and dsrt.return at its end}}
    %x = builtin.unrealized_conversion_cast to i32
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// dsrt.return at its end
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    // expected-error@+1 {{block with no terminator}}
    %result = dsrt.allocate : <wanted x 8 x f32>
  }
}

// -----

// C4: the arena is not negative
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C4) expects an arena of 0 bytes or more, but got -1}}
  dsrt.entry @prefill arena(-1) {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1 of dsrt.allocate: the offset is not negative
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    // expected-error@+1 {{(C1) expects an offset of 0 or above, but got -1}}
    %result = dsrt.allocate at(-1) : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// it stands in an entry
// expected-error@+1 {{'dsrt.allocate' op expects parent op 'dsrt.entry'}}
%x = dsrt.allocate : <tokens x f32>

// -----

// C1 of dsrt.return: logits are F32
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 8 x bf16>
    // expected-error@+1 {{(C1) expects an allocated '!dsrt.buffer<wanted x 8 x f32>', but got '!dsrt.buffer<wanted x 8 x bf16>'}}
    dsrt.return %result : <wanted x 8 x bf16>
  }
}

// -----

// C1 of dsrt.return: as wide as the vocabulary: one more
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 9 x f32>
    // expected-error@+1 {{(C1) expects an allocated '!dsrt.buffer<wanted x 8 x f32>', but got '!dsrt.buffer<wanted x 9 x f32>'}}
    dsrt.return %result : <wanted x 9 x f32>
  }
}

// -----

// C1 of dsrt.return: one less
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x 7 x f32>
    // expected-error@+1 {{(C1) expects an allocated '!dsrt.buffer<wanted x 8 x f32>', but got '!dsrt.buffer<wanted x 7 x f32>'}}
    dsrt.return %result : <wanted x 7 x f32>
  }
}

// -----

// C1 of dsrt.return: of wanted tokens
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <tokens x 8 x f32>
    // expected-error@+1 {{(C1) expects an allocated '!dsrt.buffer<wanted x 8 x f32>', but got '!dsrt.buffer<tokens x 8 x f32>'}}
    dsrt.return %result : <tokens x 8 x f32>
  }
}

// -----

// C1 of dsrt.return: once
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted*2 x 8 x f32>
    // expected-error@+1 {{(C1) expects an allocated '!dsrt.buffer<wanted x 8 x f32>', but got '!dsrt.buffer<wanted*2 x 8 x f32>'}}
    dsrt.return %result : <wanted*2 x 8 x f32>
  }
}

// -----

// C1 of dsrt.return: a matrix
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = dsrt.allocate : <wanted x f32>
    // expected-error@+1 {{(C1) expects an allocated '!dsrt.buffer<wanted x 8 x f32>', but got '!dsrt.buffer<wanted x f32>'}}
    dsrt.return %result : <wanted x f32>
  }
}

// -----

// C1: of the arena
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %result = builtin.unrealized_conversion_cast to !dsrt.buffer<wanted x 8 x f32>
    // expected-error@+1 {{(C1) expects an allocated '!dsrt.buffer<wanted x 8 x f32>', but got '!dsrt.buffer<wanted x 8 x f32>'}}
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C5 of a call: it writes to the arena, not to what it was given
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %offsets = dsrt.allocate : <9 x i32>
    %experts = dsrt.allocate : <tokens x 3 x i32>
    // expected-error@+1 {{(C5) expects 'order' to be a dsrt.allocate, because it is written}}
    dsrt.expert_order %tokens, %offsets, %experts module("m") : <tokens x i32>, <9 x i32>, <tokens x 3 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
