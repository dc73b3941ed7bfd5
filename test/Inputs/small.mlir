// Two blocks, one dense and one of experts, as imported from small.json: what the tests of passes and tools run on.
module {
  ds.model @deepseek config(<family = v3, vocabulary = 512, hidden_size = 256, layers = 2, heads = 2, kv_lora_rank = 128, rope_head_dim = 32, max_positions = 1024, experts = 8, experts_per_token = 2>) {
    ds.param @token_embeddings.weight : tensor<512x256xbf16> from "model.embed_tokens.weight"
    ds.param @blocks.0.attn_norm.weight : tensor<256xbf16> from "model.layers.0.input_layernorm.weight"
    ds.param @blocks.0.attn.q_a_proj.weight : tensor<128x256xbf16> from "model.layers.0.self_attn.q_a_proj.weight"
    ds.param @blocks.0.attn.q_a_norm.weight : tensor<128xbf16> from "model.layers.0.self_attn.q_a_layernorm.weight"
    ds.param @blocks.0.attn.q_b_proj.weight : tensor<192x128xbf16> from "model.layers.0.self_attn.q_b_proj.weight"
    ds.param @blocks.0.attn.kv_a_proj.weight : tensor<160x256xbf16> from "model.layers.0.self_attn.kv_a_proj_with_mqa.weight"
    ds.param @blocks.0.attn.kv_a_norm.weight : tensor<128xbf16> from "model.layers.0.self_attn.kv_a_layernorm.weight"
    ds.param @blocks.0.attn.kv_b_proj.weight : tensor<256x128xbf16> from "model.layers.0.self_attn.kv_b_proj.weight"
    ds.param @blocks.0.attn.out_proj.weight : tensor<256x128xbf16> from "model.layers.0.self_attn.o_proj.weight"
    ds.param @blocks.0.ffn_norm.weight : tensor<256xbf16> from "model.layers.0.post_attention_layernorm.weight"
    ds.param @blocks.0.ffn.gate_proj.weight : tensor<320x256xbf16> from "model.layers.0.mlp.gate_proj.weight"
    ds.param @blocks.0.ffn.up_proj.weight : tensor<320x256xbf16> from "model.layers.0.mlp.up_proj.weight"
    ds.param @blocks.0.ffn.down_proj.weight : tensor<256x320xbf16> from "model.layers.0.mlp.down_proj.weight"
    ds.param @blocks.1.attn_norm.weight : tensor<256xbf16> from "model.layers.1.input_layernorm.weight"
    ds.param @blocks.1.attn.q_a_proj.weight : tensor<128x256xbf16> from "model.layers.1.self_attn.q_a_proj.weight"
    ds.param @blocks.1.attn.q_a_norm.weight : tensor<128xbf16> from "model.layers.1.self_attn.q_a_layernorm.weight"
    ds.param @blocks.1.attn.q_b_proj.weight : tensor<192x128xbf16> from "model.layers.1.self_attn.q_b_proj.weight"
    ds.param @blocks.1.attn.kv_a_proj.weight : tensor<160x256xbf16> from "model.layers.1.self_attn.kv_a_proj_with_mqa.weight"
    ds.param @blocks.1.attn.kv_a_norm.weight : tensor<128xbf16> from "model.layers.1.self_attn.kv_a_layernorm.weight"
    ds.param @blocks.1.attn.kv_b_proj.weight : tensor<256x128xbf16> from "model.layers.1.self_attn.kv_b_proj.weight"
    ds.param @blocks.1.attn.out_proj.weight : tensor<256x128xbf16> from "model.layers.1.self_attn.o_proj.weight"
    ds.param @blocks.1.ffn_norm.weight : tensor<256xbf16> from "model.layers.1.post_attention_layernorm.weight"
    ds.param @blocks.1.ffn.router.weight : tensor<8x256xbf16> from "model.layers.1.mlp.gate.weight"
    ds.param @blocks.1.ffn.router.e_score_correction_bias : tensor<8xf32> from "model.layers.1.mlp.gate.e_score_correction_bias"
    ds.param @blocks.1.ffn.experts.gate_proj.weight : tensor<8x128x256xbf16> from "model.layers.1.mlp.experts.{e}.gate_proj.weight"
    ds.param @blocks.1.ffn.experts.up_proj.weight : tensor<8x128x256xbf16> from "model.layers.1.mlp.experts.{e}.up_proj.weight"
    ds.param @blocks.1.ffn.experts.down_proj.weight : tensor<8x256x128xbf16> from "model.layers.1.mlp.experts.{e}.down_proj.weight"
    ds.param @blocks.1.ffn.shared_experts.gate_proj.weight : tensor<128x256xbf16> from "model.layers.1.mlp.shared_experts.gate_proj.weight"
    ds.param @blocks.1.ffn.shared_experts.up_proj.weight : tensor<128x256xbf16> from "model.layers.1.mlp.shared_experts.up_proj.weight"
    ds.param @blocks.1.ffn.shared_experts.down_proj.weight : tensor<256x128xbf16> from "model.layers.1.mlp.shared_experts.down_proj.weight"
    ds.param @final_norm.weight : tensor<256xbf16> from "model.norm.weight"
    ds.param @lm_head.weight : tensor<512x256xbf16> from "lm_head.weight"
    ds.func @prefill(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x160xbf16>) -> tensor<?x512xf32> {
      %cosine, %sine = ds.rope_table %batch rope(<dims = 32, theta = 10000.0>) : tensor<?x16xf32>, tensor<?x16xf32>
      %0 = ds.embedding %tokens, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
      %1 = ds.rms_norm %0, @blocks.0.attn_norm.weight eps(1.0e-06) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
      %2 = ds.linear %1, @blocks.0.attn.q_a_proj.weight module("blocks.0.attn.q_a_proj") : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
      %3 = ds.rms_norm %2, @blocks.0.attn.q_a_norm.weight eps(1.0e-06) module("blocks.0.attn.q_a_norm") : (tensor<?x128xbf16>) -> tensor<?x128xbf16>
      %4 = ds.linear %3, @blocks.0.attn.q_b_proj.weight module("blocks.0.attn.q_b_proj") : (tensor<?x128xbf16>) -> tensor<?x192xbf16>
      %5 = ds.rope %4, %cosine, %sine heads(2) begin(64) module("blocks.0.attn.rope") : tensor<?x192xbf16>, tensor<?x16xf32>
      %6 = ds.linear %1, @blocks.0.attn.kv_a_proj.weight module("blocks.0.attn.kv_a_proj") : (tensor<?x256xbf16>) -> tensor<?x160xbf16>
      %7 = ds.slice_columns %6 begin(0) module("blocks.0.attn.kv_split") : (tensor<?x160xbf16>) -> tensor<?x128xbf16>
      %8 = ds.rms_norm %7, @blocks.0.attn.kv_a_norm.weight eps(1.0e-06) module("blocks.0.attn.kv_a_norm") : (tensor<?x128xbf16>) -> tensor<?x128xbf16>
      %9 = ds.slice_columns %6 begin(128) module("blocks.0.attn.kv_split") : (tensor<?x160xbf16>) -> tensor<?x32xbf16>
      %10 = ds.rope %9, %cosine, %sine heads(1) begin(0) module("blocks.0.attn.rope") : tensor<?x32xbf16>, tensor<?x16xf32>
      ds.cache_append %cache, %8, %10, %batch layer(0) module("blocks.0.attn.cache") : !ds.kv_cache<2x160xbf16>, tensor<?x128xbf16>, tensor<?x32xbf16>
      %11 = ds.mla_attention prefill %5, %cache, %batch, @blocks.0.attn.kv_b_proj.weight layer(0) heads(2, nope = 64, rope = 32, value = 64) scale(0.10206207261596577) module("blocks.0.attn.kv_b_proj") : (tensor<?x192xbf16>, !ds.kv_cache<2x160xbf16>, !ds.batch) -> tensor<?x128xbf16>
      %12 = ds.linear %11, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x128xbf16>) -> tensor<?x256xbf16>
      %13 = ds.add %0, %12 module("blocks.0.attn.residual") : tensor<?x256xbf16>
      %14 = ds.rms_norm %13, @blocks.0.ffn_norm.weight eps(1.0e-06) module("blocks.0.ffn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
      %15 = ds.linear %14, @blocks.0.ffn.gate_proj.weight module("blocks.0.ffn.gate_proj") : (tensor<?x256xbf16>) -> tensor<?x320xbf16>
      %16 = ds.linear %14, @blocks.0.ffn.up_proj.weight module("blocks.0.ffn.up_proj") : (tensor<?x256xbf16>) -> tensor<?x320xbf16>
      %17 = ds.swiglu %15, %16 module("blocks.0.ffn.swiglu") : tensor<?x320xbf16>
      %18 = ds.linear %17, @blocks.0.ffn.down_proj.weight module("blocks.0.ffn.down_proj") : (tensor<?x320xbf16>) -> tensor<?x256xbf16>
      %19 = ds.add %13, %18 module("blocks.0.ffn.residual") : tensor<?x256xbf16>
      %20 = ds.rms_norm %19, @blocks.1.attn_norm.weight eps(1.0e-06) module("blocks.1.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
      %21 = ds.linear %20, @blocks.1.attn.q_a_proj.weight module("blocks.1.attn.q_a_proj") : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
      %22 = ds.rms_norm %21, @blocks.1.attn.q_a_norm.weight eps(1.0e-06) module("blocks.1.attn.q_a_norm") : (tensor<?x128xbf16>) -> tensor<?x128xbf16>
      %23 = ds.linear %22, @blocks.1.attn.q_b_proj.weight module("blocks.1.attn.q_b_proj") : (tensor<?x128xbf16>) -> tensor<?x192xbf16>
      %24 = ds.rope %23, %cosine, %sine heads(2) begin(64) module("blocks.1.attn.rope") : tensor<?x192xbf16>, tensor<?x16xf32>
      %25 = ds.linear %20, @blocks.1.attn.kv_a_proj.weight module("blocks.1.attn.kv_a_proj") : (tensor<?x256xbf16>) -> tensor<?x160xbf16>
      %26 = ds.slice_columns %25 begin(0) module("blocks.1.attn.kv_split") : (tensor<?x160xbf16>) -> tensor<?x128xbf16>
      %27 = ds.rms_norm %26, @blocks.1.attn.kv_a_norm.weight eps(1.0e-06) module("blocks.1.attn.kv_a_norm") : (tensor<?x128xbf16>) -> tensor<?x128xbf16>
      %28 = ds.slice_columns %25 begin(128) module("blocks.1.attn.kv_split") : (tensor<?x160xbf16>) -> tensor<?x32xbf16>
      %29 = ds.rope %28, %cosine, %sine heads(1) begin(0) module("blocks.1.attn.rope") : tensor<?x32xbf16>, tensor<?x16xf32>
      ds.cache_append %cache, %27, %29, %batch layer(1) module("blocks.1.attn.cache") : !ds.kv_cache<2x160xbf16>, tensor<?x128xbf16>, tensor<?x32xbf16>
      %30 = ds.mla_attention prefill %24, %cache, %batch, @blocks.1.attn.kv_b_proj.weight layer(1) heads(2, nope = 64, rope = 32, value = 64) scale(0.10206207261596577) module("blocks.1.attn.kv_b_proj") : (tensor<?x192xbf16>, !ds.kv_cache<2x160xbf16>, !ds.batch) -> tensor<?x128xbf16>
      %31 = ds.linear %30, @blocks.1.attn.out_proj.weight module("blocks.1.attn.out_proj") : (tensor<?x128xbf16>) -> tensor<?x256xbf16>
      %32 = ds.add %19, %31 module("blocks.1.attn.residual") : tensor<?x256xbf16>
      %33 = ds.rms_norm %32, @blocks.1.ffn_norm.weight eps(1.0e-06) module("blocks.1.ffn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
      %34 = ds.linear %33, @blocks.1.ffn.router.weight logits module("blocks.1.ffn.router") : (tensor<?x256xbf16>) -> tensor<?x8xf32>
      %weights, %experts = ds.route %34 bias(@blocks.1.ffn.router.e_score_correction_bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 2, groups = 4, top_groups = 2, normalize = true, scaling = 2.5>) module("blocks.1.ffn.route") : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
      %order, %offsets = ds.expert_order %experts module("blocks.1.ffn.order") : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
      %35 = ds.dispatch %33, %order choices(2) module("blocks.1.ffn.dispatch") : (tensor<?x256xbf16>, tensor<?xi32>) -> tensor<?x256xbf16>
      %36 = ds.grouped_linear %35, %offsets, @blocks.1.ffn.experts.gate_proj.weight experts(0, 8) module("blocks.1.ffn.experts.[0-7].gate_proj") : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
      %37 = ds.grouped_linear %35, %offsets, @blocks.1.ffn.experts.up_proj.weight experts(0, 8) module("blocks.1.ffn.experts.[0-7].up_proj") : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
      %38 = ds.swiglu %36, %37 module("blocks.1.ffn.experts.swiglu") : tensor<?x128xbf16>
      %39 = ds.grouped_linear %38, %offsets, @blocks.1.ffn.experts.down_proj.weight experts(0, 8) module("blocks.1.ffn.experts.[0-7].down_proj") : (tensor<?x128xbf16>, tensor<9xi32>) -> tensor<?x256xbf16>
      %40 = ds.combine %39, %weights, %order module("blocks.1.ffn.combine") : (tensor<?x256xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x256xbf16>
      %41 = ds.linear %33, @blocks.1.ffn.shared_experts.gate_proj.weight module("blocks.1.ffn.shared_experts.gate_proj") : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
      %42 = ds.linear %33, @blocks.1.ffn.shared_experts.up_proj.weight module("blocks.1.ffn.shared_experts.up_proj") : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
      %43 = ds.swiglu %41, %42 module("blocks.1.ffn.shared_experts.swiglu") : tensor<?x128xbf16>
      %44 = ds.linear %43, @blocks.1.ffn.shared_experts.down_proj.weight module("blocks.1.ffn.shared_experts.down_proj") : (tensor<?x128xbf16>) -> tensor<?x256xbf16>
      %45 = ds.add %40, %44 module("blocks.1.ffn.shared_experts.add") : tensor<?x256xbf16>
      %46 = ds.add %32, %45 module("blocks.1.ffn.residual") : tensor<?x256xbf16>
      %47 = ds.take_rows %46, %wanted module("wanted") : tensor<?x256xbf16>, tensor<?xi32>
      %48 = ds.rms_norm %47, @final_norm.weight eps(1.0e-06) module("final_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
      %49 = ds.linear %48, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
      ds.return %49 : tensor<?x512xf32>
    }
    ds.func @decode(%tokens: tensor<?xi32>, %batch: !ds.batch, %wanted: tensor<?xi32>, %cache: !ds.kv_cache<2x160xbf16>) -> tensor<?x512xf32> {
      %cosine, %sine = ds.rope_table %batch rope(<dims = 32, theta = 10000.0>) : tensor<?x16xf32>, tensor<?x16xf32>
      %0 = ds.embedding %tokens, @token_embeddings.weight module("token_embeddings") : (tensor<?xi32>) -> tensor<?x256xbf16>
      %1 = ds.rms_norm %0, @blocks.0.attn_norm.weight eps(1.0e-06) module("blocks.0.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
      %2 = ds.linear %1, @blocks.0.attn.q_a_proj.weight module("blocks.0.attn.q_a_proj") : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
      %3 = ds.rms_norm %2, @blocks.0.attn.q_a_norm.weight eps(1.0e-06) module("blocks.0.attn.q_a_norm") : (tensor<?x128xbf16>) -> tensor<?x128xbf16>
      %4 = ds.linear %3, @blocks.0.attn.q_b_proj.weight module("blocks.0.attn.q_b_proj") : (tensor<?x128xbf16>) -> tensor<?x192xbf16>
      %5 = ds.rope %4, %cosine, %sine heads(2) begin(64) module("blocks.0.attn.rope") : tensor<?x192xbf16>, tensor<?x16xf32>
      %6 = ds.linear %1, @blocks.0.attn.kv_a_proj.weight module("blocks.0.attn.kv_a_proj") : (tensor<?x256xbf16>) -> tensor<?x160xbf16>
      %7 = ds.slice_columns %6 begin(0) module("blocks.0.attn.kv_split") : (tensor<?x160xbf16>) -> tensor<?x128xbf16>
      %8 = ds.rms_norm %7, @blocks.0.attn.kv_a_norm.weight eps(1.0e-06) module("blocks.0.attn.kv_a_norm") : (tensor<?x128xbf16>) -> tensor<?x128xbf16>
      %9 = ds.slice_columns %6 begin(128) module("blocks.0.attn.kv_split") : (tensor<?x160xbf16>) -> tensor<?x32xbf16>
      %10 = ds.rope %9, %cosine, %sine heads(1) begin(0) module("blocks.0.attn.rope") : tensor<?x32xbf16>, tensor<?x16xf32>
      ds.cache_append %cache, %8, %10, %batch layer(0) module("blocks.0.attn.cache") : !ds.kv_cache<2x160xbf16>, tensor<?x128xbf16>, tensor<?x32xbf16>
      %11 = ds.mla_attention decode %5, %cache, %batch, @blocks.0.attn.kv_b_proj.weight layer(0) heads(2, nope = 64, rope = 32, value = 64) scale(0.10206207261596577) module("blocks.0.attn.kv_b_proj") : (tensor<?x192xbf16>, !ds.kv_cache<2x160xbf16>, !ds.batch) -> tensor<?x128xbf16>
      %12 = ds.linear %11, @blocks.0.attn.out_proj.weight module("blocks.0.attn.out_proj") : (tensor<?x128xbf16>) -> tensor<?x256xbf16>
      %13 = ds.add %0, %12 module("blocks.0.attn.residual") : tensor<?x256xbf16>
      %14 = ds.rms_norm %13, @blocks.0.ffn_norm.weight eps(1.0e-06) module("blocks.0.ffn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
      %15 = ds.linear %14, @blocks.0.ffn.gate_proj.weight module("blocks.0.ffn.gate_proj") : (tensor<?x256xbf16>) -> tensor<?x320xbf16>
      %16 = ds.linear %14, @blocks.0.ffn.up_proj.weight module("blocks.0.ffn.up_proj") : (tensor<?x256xbf16>) -> tensor<?x320xbf16>
      %17 = ds.swiglu %15, %16 module("blocks.0.ffn.swiglu") : tensor<?x320xbf16>
      %18 = ds.linear %17, @blocks.0.ffn.down_proj.weight module("blocks.0.ffn.down_proj") : (tensor<?x320xbf16>) -> tensor<?x256xbf16>
      %19 = ds.add %13, %18 module("blocks.0.ffn.residual") : tensor<?x256xbf16>
      %20 = ds.rms_norm %19, @blocks.1.attn_norm.weight eps(1.0e-06) module("blocks.1.attn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
      %21 = ds.linear %20, @blocks.1.attn.q_a_proj.weight module("blocks.1.attn.q_a_proj") : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
      %22 = ds.rms_norm %21, @blocks.1.attn.q_a_norm.weight eps(1.0e-06) module("blocks.1.attn.q_a_norm") : (tensor<?x128xbf16>) -> tensor<?x128xbf16>
      %23 = ds.linear %22, @blocks.1.attn.q_b_proj.weight module("blocks.1.attn.q_b_proj") : (tensor<?x128xbf16>) -> tensor<?x192xbf16>
      %24 = ds.rope %23, %cosine, %sine heads(2) begin(64) module("blocks.1.attn.rope") : tensor<?x192xbf16>, tensor<?x16xf32>
      %25 = ds.linear %20, @blocks.1.attn.kv_a_proj.weight module("blocks.1.attn.kv_a_proj") : (tensor<?x256xbf16>) -> tensor<?x160xbf16>
      %26 = ds.slice_columns %25 begin(0) module("blocks.1.attn.kv_split") : (tensor<?x160xbf16>) -> tensor<?x128xbf16>
      %27 = ds.rms_norm %26, @blocks.1.attn.kv_a_norm.weight eps(1.0e-06) module("blocks.1.attn.kv_a_norm") : (tensor<?x128xbf16>) -> tensor<?x128xbf16>
      %28 = ds.slice_columns %25 begin(128) module("blocks.1.attn.kv_split") : (tensor<?x160xbf16>) -> tensor<?x32xbf16>
      %29 = ds.rope %28, %cosine, %sine heads(1) begin(0) module("blocks.1.attn.rope") : tensor<?x32xbf16>, tensor<?x16xf32>
      ds.cache_append %cache, %27, %29, %batch layer(1) module("blocks.1.attn.cache") : !ds.kv_cache<2x160xbf16>, tensor<?x128xbf16>, tensor<?x32xbf16>
      %30 = ds.mla_attention decode %24, %cache, %batch, @blocks.1.attn.kv_b_proj.weight layer(1) heads(2, nope = 64, rope = 32, value = 64) scale(0.10206207261596577) module("blocks.1.attn.kv_b_proj") : (tensor<?x192xbf16>, !ds.kv_cache<2x160xbf16>, !ds.batch) -> tensor<?x128xbf16>
      %31 = ds.linear %30, @blocks.1.attn.out_proj.weight module("blocks.1.attn.out_proj") : (tensor<?x128xbf16>) -> tensor<?x256xbf16>
      %32 = ds.add %19, %31 module("blocks.1.attn.residual") : tensor<?x256xbf16>
      %33 = ds.rms_norm %32, @blocks.1.ffn_norm.weight eps(1.0e-06) module("blocks.1.ffn_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
      %34 = ds.linear %33, @blocks.1.ffn.router.weight logits module("blocks.1.ffn.router") : (tensor<?x256xbf16>) -> tensor<?x8xf32>
      %weights, %experts = ds.route %34 bias(@blocks.1.ffn.router.e_score_correction_bias) routing(<scoring = sigmoid, selection = noaux_tc, experts = 8, top_k = 2, groups = 4, top_groups = 2, normalize = true, scaling = 2.5>) module("blocks.1.ffn.route") : (tensor<?x8xf32>) -> (tensor<?x2xf32>, tensor<?x2xi32>)
      %order, %offsets = ds.expert_order %experts module("blocks.1.ffn.order") : (tensor<?x2xi32>) -> (tensor<?xi32>, tensor<9xi32>)
      %35 = ds.dispatch %33, %order choices(2) module("blocks.1.ffn.dispatch") : (tensor<?x256xbf16>, tensor<?xi32>) -> tensor<?x256xbf16>
      %36 = ds.grouped_linear %35, %offsets, @blocks.1.ffn.experts.gate_proj.weight experts(0, 8) module("blocks.1.ffn.experts.[0-7].gate_proj") : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
      %37 = ds.grouped_linear %35, %offsets, @blocks.1.ffn.experts.up_proj.weight experts(0, 8) module("blocks.1.ffn.experts.[0-7].up_proj") : (tensor<?x256xbf16>, tensor<9xi32>) -> tensor<?x128xbf16>
      %38 = ds.swiglu %36, %37 module("blocks.1.ffn.experts.swiglu") : tensor<?x128xbf16>
      %39 = ds.grouped_linear %38, %offsets, @blocks.1.ffn.experts.down_proj.weight experts(0, 8) module("blocks.1.ffn.experts.[0-7].down_proj") : (tensor<?x128xbf16>, tensor<9xi32>) -> tensor<?x256xbf16>
      %40 = ds.combine %39, %weights, %order module("blocks.1.ffn.combine") : (tensor<?x256xbf16>, tensor<?x2xf32>, tensor<?xi32>) -> tensor<?x256xbf16>
      %41 = ds.linear %33, @blocks.1.ffn.shared_experts.gate_proj.weight module("blocks.1.ffn.shared_experts.gate_proj") : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
      %42 = ds.linear %33, @blocks.1.ffn.shared_experts.up_proj.weight module("blocks.1.ffn.shared_experts.up_proj") : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
      %43 = ds.swiglu %41, %42 module("blocks.1.ffn.shared_experts.swiglu") : tensor<?x128xbf16>
      %44 = ds.linear %43, @blocks.1.ffn.shared_experts.down_proj.weight module("blocks.1.ffn.shared_experts.down_proj") : (tensor<?x128xbf16>) -> tensor<?x256xbf16>
      %45 = ds.add %40, %44 module("blocks.1.ffn.shared_experts.add") : tensor<?x256xbf16>
      %46 = ds.add %32, %45 module("blocks.1.ffn.residual") : tensor<?x256xbf16>
      %47 = ds.take_rows %46, %wanted module("wanted") : tensor<?x256xbf16>, tensor<?xi32>
      %48 = ds.rms_norm %47, @final_norm.weight eps(1.0e-06) module("final_norm") : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
      %49 = ds.linear %48, @lm_head.weight logits module("lm_head") : (tensor<?x256xbf16>) -> tensor<?x512xf32>
      ds.return %49 : tensor<?x512xf32>
    }
  }
}

