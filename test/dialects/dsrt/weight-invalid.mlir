// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: a text is no format
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C1) expects f32, bf16, f16 or a #ds.quant to be stored, but got "bf16"}}
  dsrt.weight @w : tensor<4xbf16> from "w" stored("bf16") use(vector)
}

// -----

// C1: a payload alone is none
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C1) expects f32, bf16, f16 or a #ds.quant to be stored, but got f8E4M3FN}}
  dsrt.weight @w : tensor<4xf8E4M3FN> from "w" stored(f8E4M3FN) use(vector)
}

// -----

// C1: nor is F64
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C1) expects f32, bf16, f16 or a #ds.quant to be stored, but got f64}}
  dsrt.weight @w : tensor<4xf64> from "w" stored(f64) use(vector)
}

// -----

// C1: it goes through formats
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C1) expects f32, bf16, f16 or #ds.quant to go through, but got i32}}
  dsrt.weight @w : tensor<4xbf16> from "w" stored(bf16) through([i32, bf16]) use(vector)
}

// -----

// C2: the element type is what is stored
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) expects elements of 'bf16', as is resident, but got 'f32'}}
  dsrt.weight @w : tensor<4xf32> from "w" stored(bf16) use(vector)
}

// -----

// C2: or what it goes through last
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C2) expects elements of 'f32', as is resident, but got 'bf16'}}
  dsrt.weight @w : tensor<4xbf16> from "w" stored(bf16) through([bf16, f32]) use(vector)
}

// -----

// C3: a format has scales
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C3) expects `scales` exactly where a #ds.quant is stored}}
  dsrt.weight @w : tensor<6x4xf8E4M3FN> from "w" stored(#wt) use(matmul)
}

// -----

// C3: a dtype has none
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C3) expects `scales` exactly where a #ds.quant is stored}}
  dsrt.weight @w : tensor<6x4xbf16> from "w" scales "s" stored(bf16) use(matmul)
}

// -----

// C4: one extent at least
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C4) expects 1 to 3 positive extents, of fewer than 2^60 values, but got 'tensor<bf16>'}}
  dsrt.weight @w : tensor<bf16> from "w" stored(bf16) use(vector)
}

// -----

// C4: three at most
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C4) expects 1 to 3 positive extents, of fewer than 2^60 values, but got 'tensor<2x2x2x2xbf16>'}}
  dsrt.weight @w : tensor<2x2x2x2xbf16> from "w" stored(bf16) use(vector)
}

// -----

// C4: positive ones
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C4) expects 1 to 3 positive extents, of fewer than 2^60 values, but got 'tensor<6x0xbf16>'}}
  dsrt.weight @w : tensor<6x0xbf16> from "w" stored(bf16) use(vector)
}

// -----

// C4: of fewer than 2^60 values
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C4) expects 1 to 3 positive extents, of fewer than 2^60 values, but got 'tensor<1152921504606846976xbf16>'}}
  dsrt.weight @w : tensor<1152921504606846976xbf16> from "w" stored(bf16) use(vector)
}

// -----

// C4: counted without overflow
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C4) expects 1 to 3 positive extents, of fewer than 2^60 values, but got 'tensor<4294967296x4294967296xbf16>'}}
  dsrt.weight @w : tensor<4294967296x4294967296xbf16> from "w" stored(bf16) use(vector)
}

// -----

// C5: the first expert is not negative
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C5) expects first_expert of 0 or above, but got -1}}
  dsrt.weight @w : tensor<2x6x4xbf16> from "experts.{e}.w" stored(bf16) use(matmul) {first_expert = -1 : i64}
}

// -----

// C6: it has a use
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+1 {{(C6) expects a use: a weight that no call reads is none}}
  "dsrt.weight"() <{sym_name = "w", type = tensor<4xbf16>, from = "w", stored = bf16, use = 0 : i32}> : () -> ()
}

// -----

// uses have names
dsrt.program @p vocabulary(8) limits(<tokens = 4, sequences = 2, length = 8, wanted = 4>) {
  // expected-error@+2 {{expected one of [matmul, rows, vector] for what a weight is read for, as dsrt_weight_use, got: all}}
  // expected-error@+1 {{invalid value for property use}}
  dsrt.weight @w : tensor<4xbf16> from "w" stored(bf16) use(all)
}

// -----

// weights stand in a program
// expected-error@+1 {{'dsrt.weight' op expects parent op 'dsrt.program'}}
dsrt.weight @w : tensor<4xbf16> from "w" stored(bf16) use(vector)
