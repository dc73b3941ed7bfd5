// DS1140: what a checkpoint stores in low precision is quantised again, and no flag asks for it.
//
// RUN: ds-opt %s --ds-resolve-precision --split-input-file --verify-diagnostics

// Blocks of 64x64 under FP8: nothing asks for other ones.
#stored = #ds.quant<payload = f8E4M3FN, tile = 64x64, scale = f32, rule = amax, rounding = nearest>
// expected-warning@+3 {{[DS1140] 2 parameters are dequantised from f8E4M3FN:64x64:f32:amax:nearest and quantised again to f8E4M3FN:128x128:f32:amax:nearest}}
// expected-note@+2 {{of blocks.0.attn.{q_proj,out_proj}}}
// expected-note@+1 {{say so with --fp8-weight-granularity or --fp8-scale-format, or compute in the format that is stored}}
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xf8E4M3FN> from "q" scales "q_s" stored(#stored)
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xf8E4M3FN> from "o" scales "o_s" stored(#stored)
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %q = ds.linear %x, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// Asked for.
#stored = #ds.quant<payload = f8E4M3FN, tile = 64x64, scale = f32, rule = amax, rounding = nearest>
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, fp8_weight_granularity = block_128x128>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xf8E4M3FN> from "q" scales "q_s" stored(#stored)
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xf8E4M3FN> from "o" scales "o_s" stored(#stored)
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %q = ds.linear %x, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// So are other scales.
#stored = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, fp8_scale_format = ue8m0>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xf8E4M3FN> from "q" scales "q_s" stored(#stored)
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xf8E4M3FN> from "o" scales "o_s" stored(#stored)
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %q = ds.linear %x, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// FP4 is asked for by flags alone.
#stored = #ds.quant<payload = f8E4M3FN, tile = 64x64, scale = f32, rule = amax, rounding = nearest>
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp4>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xf8E4M3FN> from "q" scales "q_s" stored(#stored)
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xf8E4M3FN> from "o" scales "o_s" stored(#stored)
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %q = ds.linear %x, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// So is low-bit storage.
#stored = #ds.quant<payload = f8E4M3FN, tile = 64x64, scale = f32, rule = amax, rounding = nearest>
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8, fp4_param = true>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xf8E4M3FN> from "q" scales "q_s" stored(#stored)
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xf8E4M3FN> from "o" scales "o_s" stored(#stored)
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %q = ds.linear %x, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// The format of the checkpoint itself: nothing is rounded.
#stored = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xf8E4M3FN> from "q" scales "q_s" stored(#stored)
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xf8E4M3FN> from "o" scales "o_s" stored(#stored)
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %q = ds.linear %x, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// F32 scales that are powers of two are F32 scales.
#stored = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = ue8m0, rule = power_of_two, rounding = nearest>
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = fp8>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xf8E4M3FN> from "q" scales "q_s" stored(#stored)
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xf8E4M3FN> from "o" scales "o_s" stored(#stored)
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %q = ds.linear %x, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}

// -----

// High precision: dequantised.
#stored = #ds.quant<payload = f8E4M3FN, tile = 64x64, scale = f32, rule = amax, rounding = nearest>
ds.model @m config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 1, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 64>)
    policy(<mode = bf16>) {
  ds.param @token_embeddings.weight : tensor<512x256xbf16> from "embed"
  ds.param @blocks.0.attn.q_proj.weight : tensor<256x256xf8E4M3FN> from "q" scales "q_s" stored(#stored)
  ds.param @blocks.0.attn.out_proj.weight : tensor<256x256xf8E4M3FN> from "o" scales "o_s" stored(#stored)
  ds.param @lm_head.weight : tensor<512x256xbf16> from "head"
  ds.func @prefill(%ids: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<1x160xbf16>) -> tensor<?x512xf32> {
    %x = ds.embedding %ids, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
    %q = ds.linear %x, @blocks.0.attn.q_proj.weight module("blocks.0.attn.q_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %o = ds.linear %q, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
    %l = ds.linear %o, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
    ds.return %l : tensor<?x512xf32>
  }
}
