// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: 'payload' has 2 extents
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x 3 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'payload' with 2 extents, but got 3}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x 3 x f8E4M3FN>, <tokens x 1 x f32>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'payload' with 2 extents, but got 1}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x f8E4M3FN>, <tokens x 1 x f32>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'payload' is of a float type
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x i32>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C2) expects 'payload' of a float type, but got 'i32'}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x i32>, <tokens x 1 x f32>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'scales' has 2 extents
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x 3 x f32>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'scales' with 2 extents, but got 3}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x f8E4M3FN>, <tokens x 1 x 3 x f32>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x f32>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C1) expects 'scales' with 2 extents, but got 1}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x f8E4M3FN>, <tokens x f32>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'scales' is of f32
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f16>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C2) expects 'scales' of 'f32', but got 'f16'}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x f8E4M3FN>, <tokens x 1 x f16>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'scales' are those of 'payload'
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x f8E4M3FN>
    %scales = dsrt.allocate : <wanted x 1 x f32>
    %x = dsrt.allocate : <tokens x 6 x bf16>
    // expected-error@+1 {{(C3) expects 'scales' with tokens = tokens, but got wanted}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x f8E4M3FN>, <wanted x 1 x f32>, <tokens x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: 'x' has 2 extents
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    %x = dsrt.allocate : <tokens x 6 x 3 x bf16>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 3}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x f8E4M3FN>, <tokens x 1 x f32>, <tokens x 6 x 3 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C1: not one less
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    %x = dsrt.allocate : <tokens x bf16>
    // expected-error@+1 {{(C1) expects 'x' with 2 extents, but got 1}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x f8E4M3FN>, <tokens x 1 x f32>, <tokens x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C2: 'x' is of a float type
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    %x = dsrt.allocate : <tokens x 6 x i32>
    // expected-error@+1 {{(C2) expects 'x' of a float type, but got 'i32'}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x f8E4M3FN>, <tokens x 1 x f32>, <tokens x 6 x i32>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'tokens' of 'x' are those of 'payload'
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    %x = dsrt.allocate : <wanted x 6 x bf16>
    // expected-error@+1 {{(C3) expects 'x' with tokens = tokens, but got wanted}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x f8E4M3FN>, <tokens x 1 x f32>, <wanted x 6 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}

// -----

// C3: 'columns' of 'x' are those of 'payload'
#act = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  dsrt.entry @prefill {
  ^bb0(%tokens: !dsrt.buffer<tokens x i32>, %batch: !dsrt.batch, %wanted: !dsrt.buffer<wanted x i32>, %cache: !dsrt.cache<2x6xbf16>):
    %payload = dsrt.allocate : <tokens x 6 x f8E4M3FN>
    %scales = dsrt.allocate : <tokens x 1 x f32>
    %x = dsrt.allocate : <tokens x 7 x bf16>
    // expected-error@+1 {{(C3) expects 'x' with columns = 6, but got 7}}
    dsrt.quantize %payload, %scales, %x module("m") {format = #act} : <tokens x 6 x f8E4M3FN>, <tokens x 1 x f32>, <tokens x 7 x bf16>
    %result = dsrt.allocate : <wanted x 8 x f32>
    dsrt.return %result : <wanted x 8 x f32>
  }
}
