// RUN: ds-opt %s --verify-diagnostics --split-input-file

// C1: a rank of 1 at least
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects a static shape of rank 1 or 2, or 3 where the name holds {e}, of fewer than 2^60 values, but got 'tensor<bf16>'}}
  ds.param @w : tensor<bf16> from "w"
}

// -----

// C1: three extents are those of experts
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects a static shape of rank 1 or 2, or 3 where the name holds {e}, of fewer than 2^60 values, but got 'tensor<8x6x4xbf16>'}}
  ds.param @w : tensor<8x6x4xbf16> from "w"
}

// -----

// C1: experts have three
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects a static shape of rank 1 or 2, or 3 where the name holds {e}, of fewer than 2^60 values, but got 'tensor<6x4xbf16>'}}
  ds.param @w : tensor<6x4xbf16> from "experts.{e}.w"
}

// -----

// C1: not four
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects a static shape of rank 1 or 2, or 3 where the name holds {e}, of fewer than 2^60 values, but got 'tensor<8x6x4x2xbf16>'}}
  ds.param @w : tensor<8x6x4x2xbf16> from "experts.{e}.w"
}

// -----

// C1: a static shape
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects a static shape of rank 1 or 2, or 3 where the name holds {e}, of fewer than 2^60 values, but got 'tensor<?x4xbf16>'}}
  ds.param @w : tensor<?x4xbf16> from "w"
}

// -----

// C1: of positive extents
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects a static shape of rank 1 or 2, or 3 where the name holds {e}, of fewer than 2^60 values, but got 'tensor<0x4xbf16>'}}
  ds.param @w : tensor<0x4xbf16> from "w"
}

// -----

// C1: of fewer than 2^60 values
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects a static shape of rank 1 or 2, or 3 where the name holds {e}, of fewer than 2^60 values, but got 'tensor<1152921504606846976xbf16>'}}
  ds.param @w : tensor<1152921504606846976xbf16> from "w"
}

// -----

// C1: counted without overflow
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects a static shape of rank 1 or 2, or 3 where the name holds {e}, of fewer than 2^60 values, but got 'tensor<4294967296x4294967296xbf16>'}}
  ds.param @w : tensor<4294967296x4294967296xbf16> from "w"
}

// -----

// C1: dense
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C1) expects a static shape of rank 1 or 2, or 3 where the name holds {e}, of fewer than 2^60 values, but got 'tensor<4xbf16, "sparse">'}}
  ds.param @w : tensor<4xbf16, "sparse"> from "w"
}

// -----

// C2: a payload has scales and a format
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C2) expects `stored` and `scales` exactly where the element type is a payload, but got 'f8E4M3FN'}}
  ds.param @w : tensor<6x4xf8E4M3FN> from "w"
}

// -----

// C2: a format
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C2) expects `stored` and `scales` exactly where the element type is a payload, but got 'f8E4M3FN'}}
  ds.param @w : tensor<6x4xf8E4M3FN> from "w" scales "s"
}

// -----

// C2: scales
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C2) expects `stored` and `scales` exactly where the element type is a payload, but got 'f8E4M3FN'}}
  ds.param @w : tensor<6x4xf8E4M3FN> from "w" stored(#wt)
}

// -----

// C2: others have no scales
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C2) expects `stored` and `scales` exactly where the element type is a payload, but got 'bf16'}}
  ds.param @w : tensor<6x4xbf16> from "w" scales "s"
}

// -----

// C2: and no format
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C2) expects `stored` and `scales` exactly where the element type is a payload, but got 'bf16'}}
  ds.param @w : tensor<6x4xbf16> from "w" stored(#wt)
}

// -----

// C3: the payload of the format
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C3) expects a stored payload of 'f8E5M2', but got 'f8E4M3FN'}}
  ds.param @w : tensor<6x4xf8E5M2> from "w" scales "s" stored(#wt)
}

// -----

// C4: the first expert is not negative
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C4) expects first_expert 0, or a positive one where the name holds {e}, but got -1}}
  ds.param @w : tensor<8x6x4xbf16> from "experts.{e}.w" {first_expert = -1 : i64}
}

// -----

// C4: there are no experts
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C4) expects first_expert 0, or a positive one where the name holds {e}, but got 1}}
  ds.param @w : tensor<6x4xbf16> from "w" {first_expert = 1 : i64}
}

// -----

// C5: a payload alone is no format
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C5) expects `resident` to be f32, bf16, f16 or a #ds.quant, but got f8E4M3FN}}
  ds.param @w : tensor<6x4xbf16> from "w" resident(f8E4M3FN)
}

// -----

// C5: F64 is no dtype
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C5) expects `via` to be f32, bf16, f16 or a #ds.quant, but got f64}}
  ds.param @w : tensor<6x4xbf16> from "w" via(f64) resident(bf16)
}

// -----

// C5: nor is a text
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C5) expects `resident` to be f32, bf16, f16 or a #ds.quant, but got "bf16"}}
  ds.param @w : tensor<6x4xbf16> from "w" resident("bf16")
}

// -----

// C6: on the way to what
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C6) expects `resident` beside `via`: a value is rounded on the way to what is resident}}
  ds.param @w : tensor<6x4xf32> from "w" via(bf16)
}

// -----

// C7: scales of experts are named by expert
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C7) expects {e} in the name of the scales exactly where it is in the parameter's, but got 's'}}
  ds.param @w : tensor<2x6x4xf8E4M3FN> from "experts.{e}.w" scales "s" stored(#wt)
}

// -----

// C7: others are not
#wt = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{(C7) expects {e} in the name of the scales exactly where it is in the parameter's, but got '{e}.s'}}
  ds.param @w : tensor<6x4xf8E4M3FN> from "w" scales "{e}.s" stored(#wt)
}

// -----

// integers are no parameters
#config = #ds.config<family = v3, vocabulary = 8, hidden_size = 4, layers = 2, heads = 2, kv_lora_rank = 4, rope_head_dim = 2, max_positions = 16>
ds.model @m config(#config) {
  // expected-error@+1 {{attribute 'type' failed to satisfy constraint}}
  ds.param @w : tensor<6x4xi32> from "w"
}

// -----

// parameters stand in a model
// expected-error@+1 {{'ds.param' op expects parent op 'ds.model'}}
ds.param @w : tensor<4xbf16> from "w"
