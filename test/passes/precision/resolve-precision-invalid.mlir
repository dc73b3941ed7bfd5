// Findings of resolution from the policy in the IR, each with its code, at its place, and with a note at the other side: an error at
// the policy is at the model, one about a module at its operation. Flags and files are in ds-compile's tests.
//
// RUN: ds-opt %s --ds-resolve-precision --split-input-file --verify-diagnostics

// DS1001: two modes.
// expected-error@+1 {{[DS1001] --bf16 and --fp8: at most one of --fp32, --bf16, --fp16, --fp8 and --fp4}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<fp8 = true, bf16 = true>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1001: a recipe, and a mode that is not its own.
// expected-error@+2 {{[DS1001] --precision-recipe deepseek_v3 computes in fp8, but --bf16 asks for another mode}}
// expected-note@+1 {{give --fp8 or no mode, or leave out the recipe}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<precision_recipe = deepseek_v3, mode = bf16>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1002: an override that names no module; the range of blocks.
// expected-error@+2 {{[DS1002] override 'blocks.9.attn.q_proj' matches no module; blocks are 0..0}}
// expected-note@+1 {{did you mean blocks.0.attn.q_proj, blocks.0.attn.out_proj or blocks.0.attn_norm?}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, overrides = {"blocks.9.attn.q_proj" = f16}>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1002: a misspelling.
// expected-error@+2 {{[DS1002] override 'blocks.0.attn.q_prjo' matches no module; did you mean blocks.0.attn.q_proj?}}
// expected-note@+1 {{did you mean blocks.0.attn.q_proj, blocks.0.attn.out_proj or blocks.0.attn_norm?}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, overrides = {"blocks.0.attn.q_prjo" = f16}>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1003: a rule that matches nothing.
// expected-error@+1 {{[DS1003] rule 1 '.*q_c_norm=fp16' matches no module; --list-modules prints all paths}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, module_compute_dtype_rule = [".*q_c_norm=fp16"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1004: a rule on modules that are in low precision, at the first of them, with both other sides.
// expected-note@+4 {{low precision by mode fp8, include '_proj$'}}
// expected-note@+3 {{fp16 by rule 1 '.*attn.*=fp16', which matches 3 modules}}
// expected-note@+2 {{so are 2 modules: blocks.0.attn.q_proj, blocks.0.attn.out_proj}}
// expected-note@+1 {{exclude it from low precision with --compute-lowbit-exclude '.*attn.*', or use an exact override per module}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, compute_lowbit_include = ["_proj$"], module_compute_dtype_rule = [".*attn.*=fp16"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    // expected-error@+1 {{[DS1004] 'blocks.0.attn.q_proj' is selected for fp8 compute and for fp16 by a rule}}
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1005
// expected-error@+1 {{[DS1005] include 'nothing_here' matches no module; --list-modules prints all paths}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, compute_lowbit_include = ["_proj$", "nothing_here"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1006
// expected-error@+1 {{[DS1006] persistent include 'nothing_here' matches no module; --list-modules prints all paths}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, fp8_param = true, persistent_lowbit_include = ["_proj$", "nothing_here"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1007
// expected-error@+2 {{[DS1007] include 'attn' selects blocks.0.attn_norm, a RMSNorm that cannot run in low precision}}
// expected-note@+1 {{narrow the pattern, or leave them out with --compute-lowbit-exclude}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, compute_lowbit_include = ["attn"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1008
// expected-error@+2 {{[DS1008] mode fp8 asks for fp8 compute, but no module is left in it}}
// expected-note@+1 {{widen --compute-lowbit-include, narrow --compute-lowbit-exclude, or drop the mode}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, compute_lowbit_exclude = [".*"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1010: a value out of range, a mode that is none, a flag that is neither true nor false.
// expected-error@+3 {{[DS1010] --fp8-param expects true or false, but got 'perhaps'}}
// expected-error@+2 {{[DS1010] policy: mode expects fp32, bf16, fp16, fp8 or fp4, but got 'fp7'}}
// expected-error@+1 {{[DS1010] --loss-scale-growth-factor expects a number > 1, but got 1.0}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp7, fp16 = true, loss_scale_growth_factor = "1.0", fp8_param = "perhaps">) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1011
// expected-error@+1 {{[DS1011] --module-compute-dtype-rule expects PATTERN=fp32, PATTERN=bf16 or PATTERN=fp16, but got 'attn_norm=fp8'}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, module_compute_dtype_rule = ["attn_norm=fp8"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1012
// expected-error@+1 {{[DS1012] --compute-lowbit-include: '(attn' is no regex: missing ): (attn}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, compute_lowbit_include = ["(attn"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1013
// expected-error@+1 {{[DS1013] --fp8-rounding has nothing to act on: it needs fp8 compute (--fp8, a recipe or --compute-lowbit-mode fp8)}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = bf16, fp8_rounding = stochastic>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1014: a key that is no option.
// expected-error@+1 {{[DS1014] policy: unknown precision option 'fp8_parm'; did you mean --fp8-param?}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, fp8_parm = true>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1015
// expected-error@+1 {{[DS1015] --precision-recipe auto: there is no checkpoint to read: compile a Hugging Face folder or a config.json, or name a recipe}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<precision_recipe = auto>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1016: the CPU does not run FP4 yet.
// expected-error@+3 {{[DS1016] activations of low-bit products: the cpu target runs f8E4M3FN in tiles of 1x128 and 128x128 with f32 or ue8m0 scales and nearest rounding, but got f4E2M1FN in tiles of 1x16 with f8E4M3FN scales and nearest rounding}}
// expected-note@+2 {{use fp8 compute}}
// expected-error@+1 {{[DS1016] weights of low-bit products: the cpu target runs f8E4M3FN in tiles of 1x128 and 128x128 with f32 or ue8m0 scales and nearest rounding, but got f4E2M1FN in tiles of 1x16 with f8E4M3FN scales and nearest rounding}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp4>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1016: nor low-bit storage by channels. DS1140: whose values would be quantised again, to blocks, and nobody asked for the two.
// expected-warning@+5 {{[DS1140] 3 parameters are dequantised from f8E4M3FN:1xall:f32:amax:nearest and quantised again to f8E4M3FN:128x128:f32:amax:nearest}}
// expected-note@+4 {{of blocks.0.attn.{q_proj,out_proj}, lm_head}}
// expected-note@+3 {{say so with --fp8-weight-granularity or --fp8-scale-format, or compute in the format that is stored}}
// expected-error@+2 {{[DS1016] stored parameters: the cpu target runs f8E4M3FN in tiles of 1x128 and 128x128 with f32 or ue8m0 scales and nearest rounding, but got f8E4M3FN in tiles of 1xall with f32 scales and nearest rounding}}
// expected-note@+1 {{leave out --fp8-param, --fp4-param and --persistent-lowbit-mode}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, fp8_param = true>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1101, DS1102: excludes that match nothing, and that exclude nothing.
// expected-warning@+2 {{[DS1101] exclude 'nothing_here' matches no module; --list-modules prints all paths}}
// expected-warning@+1 {{[DS1102] exclude 'attn_norm' excludes nothing: none of its matches is in low precision}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, compute_lowbit_exclude = ["nothing_here", "attn_norm"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1103: a dead rule, with the one that decides.
// expected-warning@+2 {{[DS1103] rule 1 'attn_norm=fp32' is dead: later rules or exact overrides decide all 1 of its modules}}
// expected-note@+1 {{rule 2 'norm=fp16' decides blocks.0.attn_norm}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = bf16, module_compute_dtype_rule = ["attn_norm=fp32", "norm=fp16"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1104
// expected-warning@+1 {{[DS1104] rule 1 'norm=bf16' has no effect: its modules would compute in bf16 anyway}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = bf16, module_compute_dtype_rule = ["norm=bf16"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1105
// expected-warning@+2 {{[DS1105] --compute-lowbit-exclude 'lm_head' is given twice}}
// expected-note@+1 {{the other one is here}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, compute_lowbit_exclude = ["lm_head", "lm_head"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1106
// expected-warning@+2 {{[DS1106] include 'lm_head' selects nothing: every match is taken out again}}
// expected-note@+1 {{excludes, the recipe's high-precision modules and exact overrides come after includes}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, compute_lowbit_include = ["_proj$", "lm_head"], compute_lowbit_exclude = ["lm_head"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1107
// expected-warning@+2 {{[DS1107] --fp8-comm-granularity has no effect: communication is not quantised}}
// expected-note@+1 {{quantise it with --fp8-comm-quant, or leave the granularity out}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, fp8_comm_granularity = tensor>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// DS1108
// expected-warning@+1 {{[DS1108] include 'out_proj' adds nothing: other includes select all of its modules}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, compute_lowbit_include = ["_proj$", "out_proj"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// Strict: a warning is an error.
// expected-error@+1 {{[DS1104] rule 1 'norm=bf16' has no effect: its modules would compute in bf16 anyway}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = bf16, strict_rules = true, module_compute_dtype_rule = ["norm=bf16"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// All findings of a run are reported, not the first alone.
// expected-error@+5 {{[DS1003] rule 1 'zzz=fp16' matches no module; --list-modules prints all paths}}
// expected-error@+4 {{[DS1002] override 'blocks.0.attn.k_proj' matches no module; did you mean blocks.0.attn.q_proj?}}
// expected-note@+3 {{did you mean blocks.0.attn.q_proj, blocks.0.attn.out_proj or blocks.0.attn_norm?}}
// expected-error@+2 {{[DS1002] override 'blocks.0.ffn_norm' matches no module; did you mean blocks.0.attn_norm?}}
// expected-warning@+1 {{[DS1101] exclude 'yyy' matches no module; --list-modules prints all paths}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, overrides = {"blocks.0.attn.k_proj" = f16, "blocks.0.ffn_norm" = f32}, module_compute_dtype_rule = ["zzz=fp16"], compute_lowbit_exclude = ["yyy"]>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "norm"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xbf16> from "q"
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xbf16> from "o"
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %n = ds.rms_norm %x, @blocks.0.attn_norm.weight eps(1.0e-6) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %q = ds.linear %n, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}
