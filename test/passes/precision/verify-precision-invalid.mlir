// (P1) to (P4) of ds-verify-precision, each violated alone. The first model of the file holds all of them.
//
// RUN: ds-opt %s --ds-verify-precision="legal=true" --split-input-file --verify-diagnostics

// Nothing to complain of.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @q : tensor<256x256xbf16> from "q" resident(#ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    %p, %s = ds.quantize %x quant(<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>) : (tensor<?x256xbf16>) -> (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>)
    %q = ds.scaled_matmul %p, %s, @q lhs(<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>) rhs(<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>) promote(128) module("blocks.0.attn.q_proj") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    %p, %s = ds.quantize %x quant(<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>) : (tensor<?x256xbf16>) -> (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>)
    %q = ds.scaled_matmul %p, %s, @q lhs(<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>) rhs(<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>) promote(128) module("blocks.0.attn.q_proj") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P1) no precision.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op (P1) has no resolved precision: run --ds-resolve-precision first}}
    %l = ds.linear %x, @h logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P1) another precision in the other entry point.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-note@+1 {{the other entry point has #ds.precision<compute = bf16, by = "test">}}
    %l = ds.linear %x, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op (P1) expects one precision for module 'lm_head'}}
    %l = ds.linear %x, @h logits module("lm_head") precision(<compute = bf16, by = "another reason">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P2) one format of two.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @q : tensor<256x256xbf16> from "q" resident(bf16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op (P2) expects formats of both operands, but got #ds.precision<compute = f8E4M3FN}}
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P2) the other format of two.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @q : tensor<256x256xbf16> from "q" resident(bf16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op (P2) expects formats of both operands, but got #ds.precision<compute = f8E4M3FN}}
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") precision(<compute = f8E4M3FN, by = "test", rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P2) a compute dtype that is not the payload.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @q : tensor<256x256xbf16> from "q" resident(bf16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op (P2) expects the compute dtype 'f8E4M3FN', the payload of `lhs`, but got 'f8E5M2'}}
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") precision(<compute = f8E5M2, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P2) a low compute dtype without formats.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @q : tensor<256x256xbf16> from "q" resident(bf16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op (P2) expects f32, bf16 or f16 without formats, but got 'f8E4M3FN'}}
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") precision(<compute = f8E4M3FN, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P2) a module that cannot run in low precision.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @n : tensor<256xbf16> from "n" resident(bf16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.rms_norm' op (P2) expects a module that can run in low precision, but got RMSNorm}}
    %n = ds.rms_norm %x, @n eps(1.0e-6) module("final_norm") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %n, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P3) resident in another dtype.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  // expected-note@+1 {{it is resident as f16}}
  ds.param @q : tensor<256x256xbf16> from "q" resident(f16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op (P3) computes in 'bf16', but its parameter is not resident for that}}
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P3) resident in no format.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  // expected-note@+1 {{it has no resident format}}
  ds.param @q : tensor<256x256xbf16> from "q"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op (P3) computes in 'bf16', but its parameter is not resident for that}}
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P3) in dtype where the product takes a format: legalisation was skipped.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  // expected-note@+1 {{it is resident as bf16}}
  ds.param @q : tensor<256x256xbf16> from "q" resident(bf16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op (P3) computes in 'f8E4M3FN', but its parameter is not resident for that}}
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P3) in tiles that are not those of `rhs`.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  // expected-note@+1 {{it is resident as #ds.quant<payload = f8E4M3FN, tile = 1x128}}
  ds.param @q : tensor<256x128xbf16> from "q" resident(#ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.mla_attention' op (P3) computes in 'f8E4M3FN', but its parameter is not resident for that}}
    %y = ds.mla_attention decode %x, %cache, %batch, @q layer(0) heads(2, nope = 96, rope = 32, value = 32) scale(0.1) module("blocks.0.attn.kv_b_proj") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>, !ds.kv_cache<1x160xbf16>, !ds.batch) -> tensor<?x64xbf16>
    %l = ds.linear %x, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P4) low precision that is only noted.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @q : tensor<256x256xbf16> from "q" resident(#ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op (P4) expects activations of 'f8E4M3FN', but got 'bf16'}}
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P4) a cast is missing.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @q : tensor<256x256xbf16> from "q" resident(f32)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.linear' op (P4) expects activations of 'f32', but got 'bf16'}}
    %q = ds.linear %x, @q module("blocks.0.attn.q_proj") precision(<compute = f32, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %q, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P4) the same of a norm.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @n : tensor<256xbf16> from "n" resident(f32)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.rms_norm' op (P4) expects activations of 'f32', but got 'bf16'}}
    %n = ds.rms_norm %x, @n eps(1.0e-6) module("final_norm") precision(<compute = f32, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %n, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P4) attention that quantises nothing in prefill; in decode that is right.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @kv : tensor<256x128xbf16> from "kv" resident(#ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.mla_attention' op (P4) expects activations of 'f8E4M3FN', but got 'bf16'}}
    %y = ds.mla_attention prefill %x, %cache, %batch, @kv layer(0) heads(2, nope = 96, rope = 32, value = 32) scale(0.1) module("blocks.0.attn.kv_b_proj") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>, !ds.kv_cache<1x160xbf16>, !ds.batch) -> tensor<?x64xbf16>
    %l = ds.linear %x, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
  ds.func @decode(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    %y = ds.mla_attention decode %x, %cache, %batch, @kv layer(0) heads(2, nope = 96, rope = 32, value = 32) scale(0.1) module("blocks.0.attn.kv_b_proj") precision(<compute = f8E4M3FN, by = "test", lhs = <payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>, rhs = <payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>>) : (tensor<?x256xbf16>, !ds.kv_cache<1x160xbf16>, !ds.batch) -> tensor<?x64xbf16>
    %l = ds.linear %x, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// (P4) a grouped product.
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64, experts = 8, experts_per_token = 2>) {
  ds.param @e : tensor<512x256xbf16> from "e" resident(bf16)
  ds.param @h : tensor<512x256xbf16> from "h" resident(bf16)
  ds.param @r : tensor<8x256xbf16> from "r" resident(bf16)
  ds.param @g : tensor<8x128x256xbf16> from "g.{e}" resident(f16)
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @e module("token_embeddings") precision(<compute = bf16, by = "test">) : (tensor<?xi32>) -> tensor<?x256xbf16>
    %r = ds.linear %x, @r logits module("blocks.0.ffn.router") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x8xf32>
    %w, %c = ds.route %r routing(<scoring = softmax, selection = greedy, experts = 8, top_k = 2>) module("route") : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
    %o, %b = ds.expert_order %c module("order") : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
    %d = ds.dispatch %x, %o choices(2) module("dispatch") : (tensor<?x256xbf16>, tensor<?xi32>) -> tensor<?x256xbf16>
    // expected-error@+1 {{'ds.grouped_linear' op (P4) expects activations of 'f16', but got 'bf16'}}
    %g = ds.grouped_linear %d, %b, @g experts(0, 8) module("blocks.0.ffn.experts.[0-7].up_proj") precision(<compute = f16, by = "test">) : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
    %l = ds.linear %x, @h logits module("lm_head") precision(<compute = bf16, by = "test">) : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}
