// What resolution writes to the graph, on the small model: reasons, formats, activation dtypes, the policy. The findings are in
// resolve-precision-invalid.mlir and resolve-precision-findings.test, the decisions themselves in ResolutionTest.cpp.
//
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-resolve-precision | FileCheck %s --check-prefix=DEFAULT
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-resolve-precision="recipe=deepseek_v3" | FileCheck %s --check-prefix=RECIPE
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-resolve-precision="fp32" | FileCheck %s --check-prefix=FP32
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-resolve-precision="fp8 activation-dtype=fp32 fp8-scale-format=ue8m0 fp8-amax-floor=0.5 compute-lowbit-include=attn.out_proj" | FileCheck %s --check-prefix=FLAGS
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-resolve-precision="module-compute-dtype-rule=.*norm=fp32 module-compute-dtype-rule=final_norm=fp16" | FileCheck %s --check-prefix=RULES

// Without a word: BF16, and no policy.
// DEFAULT:     ds.model @deepseek
// DEFAULT-NOT: policy
// DEFAULT:     ds.embedding {{.*}} module("token_embeddings") precision(<compute = bf16, by = "run policy", storage = bf16>) : (tensor<?xi32>) -> tensor<?x256xbf16>

// The recipe: linear modules in FP8, each operand with its format; the others not, and why.
// RECIPE-DAG: #tile_1x128_f8E4M3FN = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = f32, rule = amax, rounding = nearest>
// RECIPE-DAG: #tile_128x128_f8E4M3FN = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = f32, rule = amax, rounding = nearest>
// RECIPE: policy(<precision_recipe = deepseek_v3>)
// RECIPE: ds.embedding {{.*}} precision(<compute = bf16, by = "recipe deepseek_v3: high precision", storage = bf16>)
// RECIPE: ds.linear {{.*}} module("blocks.0.attn.q_a_proj") precision(<compute = f8E4M3FN, by = "recipe deepseek_v3", lhs = #tile_1x128_f8E4M3FN, rhs = #tile_128x128_f8E4M3FN, storage = bf16>) : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
// RECIPE: ds.rms_norm {{.*}} module("blocks.0.attn.q_a_norm") precision(<compute = bf16, by = "recipe deepseek_v3: high precision"
// RECIPE: ds.mla_attention prefill {{.*}} module("blocks.0.attn.kv_b_proj") precision(<compute = f8E4M3FN, by = "recipe deepseek_v3"
// RECIPE: ds.linear {{.*}} logits module("blocks.1.ffn.router") precision(<compute = bf16, by = "recipe deepseek_v3: high precision"
// RECIPE: ds.grouped_linear {{.*}} experts(0, 8) module("blocks.1.ffn.experts.[0-7].gate_proj") precision(<compute = f8E4M3FN, by = "recipe deepseek_v3"
// RECIPE: ds.linear {{.*}} logits module("lm_head") precision(<compute = bf16, by = "recipe deepseek_v3: high precision"
// RECIPE: ds.func @decode
// RECIPE: ds.mla_attention decode {{.*}} module("blocks.0.attn.kv_b_proj") precision(<compute = f8E4M3FN, by = "recipe deepseek_v3"

// The activation dtype is that of all activations and of the cache; the logits, the router's and the rope table are F32 anyway.
// FP32: ds.func @prefill({{.*}} !ds.kv_cache<2x160xf32>) -> tensor<?x512xf32>
// FP32: ds.embedding {{.*}} -> tensor<?x256xf32>
// FP32: ds.slice_columns {{.*}} : (tensor<?x160xf32>) -> tensor<?x128xf32>
// FP32: ds.cache_append {{.*}} : !ds.kv_cache<2x160xf32>, tensor<?x128xf32>, tensor<?x32xf32>
// FP32: ds.add {{.*}} : tensor<?x256xf32>
// FP32: ds.dispatch {{.*}} -> tensor<?x256xf32>
// FP32: ds.func @decode({{.*}} !ds.kv_cache<2x160xf32>)

// FLAGS-DAG: #tile_1x128_f8E4M3FN_ue8m0 = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = ue8m0, rule = power_of_two, rounding = nearest, floor = 0.5>
// FLAGS-DAG: #tile_128x128_f8E4M3FN_ue8m0 = #ds.quant<payload = f8E4M3FN, tile = 128x128, scale = ue8m0, rule = power_of_two, rounding = nearest, floor = 0.5>
// FLAGS: policy(<activation_dtype = fp32, compute_lowbit_include = ["attn.out_proj"], fp8 = true, fp8_amax_floor = "0.5", fp8_scale_format = ue8m0>)
// FLAGS: ds.linear {{.*}} module("blocks.0.attn.q_a_proj") precision(<compute = f32, by = "run policy", storage = bf16>) : (tensor<?x256xf32>) -> tensor<?x128xf32>
// FLAGS: ds.linear {{.*}} module("blocks.0.attn.out_proj") precision(<compute = f8E4M3FN, by = "mode fp8, include 'attn.out_proj'", lhs = #tile_1x128_f8E4M3FN_ue8m0, rhs = #tile_128x128_f8E4M3FN_ue8m0,

// The last rule that matches wins.
// RULES: ds.rms_norm {{.*}} module("blocks.0.attn_norm") precision(<compute = f32, by = "rule 1 '.*norm=fp32'", storage = bf16>) : (tensor<?x256xbf16>) -> tensor<?x256xbf16>
// RULES: ds.rms_norm {{.*}} module("final_norm") precision(<compute = f16, by = "rule 2 'final_norm=fp16'"
