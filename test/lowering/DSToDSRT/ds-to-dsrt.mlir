// Every operation of ds becomes its call, with its operands in the table's order, and parameters become weights.
//
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=deepseek_v3 params-dtype=fp16 module-compute-dtype-override=final_norm=fp32 module-compute-dtype-override=blocks.1.ffn.experts.3.gate_proj=bf16" --ds-to-dsrt="max-tokens=64 max-sequences=8 max-length=100" | FileCheck %s
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline --ds-to-dsrt | FileCheck %s --check-prefix=DEFAULT
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline --ds-to-dsrt="max-tokens=16" | FileCheck %s --check-prefix=FEW
// RUN: sed 's/vocabulary = 512/vocabulary = 100000/; s/512xf32/100000xf32/; s/tensor<512x256xbf16>/tensor<100000x256xbf16>/' %root/test/Inputs/small.mlir | ds-opt --ds-precision-pipeline --ds-to-dsrt | FileCheck %s --check-prefix=ROWS
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="fp4 fp4-format=mxfp4" --ds-to-dsrt="max-tokens=3" --dsrt-plan-memory | FileCheck %s --check-prefix=FP4
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="fp8 fp8-activation-granularity=tensor" --ds-to-dsrt | FileCheck %s --check-prefix=TENSOR

// Limits: 2048 tokens, 64 rows, the model's length; few tokens are few rows; logits of a call stay within 64 MiB.
// DEFAULT: dsrt.program @deepseek vocabulary(512) limits(<tokens = 2048, sequences = 64, length = 1024, wanted = 2048>)
// FEW:     limits(<tokens = 16, sequences = 16, length = 1024, wanted = 16>)
// ROWS:    limits(<tokens = 2048, sequences = 64, length = 1024, wanted = 167>)
// CHECK:   limits(<tokens = 64, sequences = 8, length = 100, wanted = 64>)

// Weights: what is stored, what it goes through, what it is used for; in the order of the model.
// CHECK: dsrt.weight @token_embeddings.weight : tensor<512x256xbf16> from "model.embed_tokens.weight" stored(bf16) through([f16, bf16]) use(rows)
// CHECK: dsrt.weight @blocks.0.attn_norm.weight : tensor<256xbf16> {{.*}} use(vector)
// CHECK: dsrt.weight @blocks.0.attn.q_a_proj.weight : tensor<128x256xf8E4M3FN> from "model.layers.0.self_attn.q_a_proj.weight" stored(bf16) through([f16, #tile_128x128_f8E4M3FN]) use(matmul)
// CHECK: dsrt.weight @blocks.0.attn.kv_b_proj.weight : tensor<256x128xf8E4M3FN> {{.*}} use(rows)
// The router's correction bias is F32 whatever the policy says.
// CHECK: dsrt.weight @blocks.1.ffn.router.e_score_correction_bias : tensor<8xf32> {{.*}} stored(f32) use(vector)
// CHECK: dsrt.weight @"blocks.1.ffn.experts.[0-2].gate_proj.weight" : tensor<3x128x256xf8E4M3FN>
// CHECK: dsrt.weight @blocks.1.ffn.experts.3.gate_proj.weight : tensor<1x128x256xbf16> {{.*}} use(matmul) {first_expert = 3 : i64}
// CHECK: dsrt.weight @"blocks.1.ffn.experts.[4-7].gate_proj.weight" : tensor<4x128x256xf8E4M3FN> {{.*}} {first_expert = 4 : i64}
// CHECK: dsrt.weight @final_norm.weight : tensor<256xf32> {{.*}} stored(bf16) through([f16, f32]) use(vector)

// CHECK-LABEL: dsrt.entry @prefill
// CHECK-NEXT: ^bb0(%[[IDS:[a-z0-9]+]]: !dsrt.buffer<tokens x i32>, %[[BATCH:[a-z0-9]+]]: !dsrt.batch, %[[WANTED:[a-z0-9]+]]: !dsrt.buffer<wanted x i32>, %[[CACHE:[a-z0-9]+]]: !dsrt.cache<2x160xbf16>):
// CHECK: dsrt.rope_table %[[COS:[a-z0-9]+]], %[[SIN:[a-z0-9]+]], %[[BATCH]] module("rope_table") {inverse_frequencies = array<f32: 1.000000e+00, {{.*}}, scale = 1.000000e+00 : f32} : <tokens x 16 x f32>, <tokens x 16 x f32>
// CHECK: dsrt.embedding %[[X:[a-z0-9]+]], %[[IDS]], @token_embeddings.weight module("token_embeddings") : <tokens x 256 x bf16>, <tokens x i32>
// CHECK: dsrt.rms_norm %[[N:[a-z0-9]+]], %[[X]], @blocks.0.attn_norm.weight module("blocks.0.attn_norm") {eps = 9.99999997E-7 : f32}
// A quantisation bears the name of the first module that takes it.
// CHECK: dsrt.quantize %[[P:[a-z0-9]+]], %[[S:[a-z0-9]+]], %[[N]] module("blocks.0.attn.q_a_proj") {format = #tile_1x128_f8E4M3FN} : <tokens x 256 x f8E4M3FN>, <tokens x 2 x f32>, <tokens x 256 x bf16>
// CHECK: dsrt.scaled_matmul %{{.*}}, %[[P]], %[[S]], @blocks.0.attn.q_a_proj.weight module("blocks.0.attn.q_a_proj") {activation = #tile_1x128_f8E4M3FN, promote = 128 : i64} : <tokens x 128 x bf16>, <tokens x 256 x f8E4M3FN>, <tokens x 2 x f32>
// CHECK: dsrt.scaled_matmul %[[QB:[a-z0-9]+]], {{.*}} module("blocks.0.attn.q_b_proj")
// CHECK: dsrt.rope %[[Q:[a-z0-9]+]], %[[QB]], %[[COS]], %[[SIN]] module("blocks.0.attn.rope") {begin = 64 : i64, heads = 2 : i64}
// CHECK: dsrt.slice_columns %{{.*}}, %[[KV:[a-z0-9]+]] module("blocks.0.attn.kv_split") {begin = 0 : i64} : <tokens x 128 x bf16>, <tokens x 160 x bf16>
// CHECK: dsrt.rms_norm %[[LATENT:[a-z0-9]+]], %{{.*}}, @blocks.0.attn.kv_a_norm.weight
// CHECK: dsrt.slice_columns %{{.*}}, %[[KV]] module("blocks.0.attn.kv_split") {begin = 128 : i64} : <tokens x 32 x bf16>, <tokens x 160 x bf16>
// CHECK: dsrt.rope %[[KEY:[a-z0-9]+]], %{{.*}}, %[[COS]], %[[SIN]] module("blocks.0.attn.rope") {begin = 0 : i64, heads = 1 : i64}
// CHECK: dsrt.cache_append %[[CACHE]], %[[LATENT]], %[[KEY]], %[[BATCH]] module("blocks.0.attn.cache") {layer = 0 : i64}
// Scratch for 64 tokens: dsrt_mla_prefill_scratch(64, 2, 64, 64, 128).
// CHECK: %[[SCRATCH:[a-z0-9]+]] = dsrt.allocate : <4490240 x i8>
// CHECK: dsrt.mla_prefill %[[Y:[a-z0-9]+]], %[[Q]], @blocks.0.attn.kv_b_proj.weight, %[[CACHE]], %[[BATCH]], %[[SCRATCH]] module("blocks.0.attn.kv_b_proj") {activation = #tile_1x128_f8E4M3FN, heads = 2 : i64, layer = 0 : i64, nope = 64 : i64, rope = 32 : i64, softmax_scale = 0.102062076 : f32, value = 64 : i64}
// CHECK: dsrt.add %{{.*}}, %[[X]], %{{.*}} module("blocks.0.attn.residual")
// CHECK: dsrt.scaled_matmul %[[GATE:[a-z0-9]+]], {{.*}} module("blocks.0.ffn.gate_proj")
// CHECK: dsrt.scaled_matmul %[[UP:[a-z0-9]+]], {{.*}} module("blocks.0.ffn.up_proj")
// CHECK: dsrt.swiglu %{{.*}}, %[[GATE]], %[[UP]] module("blocks.0.ffn.swiglu")

// CHECK: dsrt.mla_prefill {{.*}} {activation = {{.*}} layer = 1 : i64
// CHECK: dsrt.rms_norm %[[F:[a-z0-9]+]], %{{.*}}, @blocks.1.ffn_norm.weight
// Logits are not rounded.
// CHECK: dsrt.linear %[[L:[a-z0-9]+]], %[[F]], @blocks.1.ffn.router.weight module("blocks.1.ffn.router") {round = 0 : i64} : <tokens x 8 x f32>, <tokens x 256 x bf16>
// CHECK: dsrt.route %[[W:[a-z0-9]+]], %[[E:[a-z0-9]+]], %[[L]] bias @blocks.1.ffn.router.e_score_correction_bias module("blocks.1.ffn.route") {groups = 4 : i64, normalize = 1 : i64, scaling = 2.500000e+00 : f32, scoring = 1 : i64, selection = 2 : i64, top_groups = 2 : i64} : <tokens x 2 x f32>, <tokens x 2 x i32>, <tokens x 8 x f32>
// CHECK: dsrt.expert_order %[[ORDER:[a-z0-9]+]], %[[OFFSETS:[a-z0-9]+]], %[[E]] module("blocks.1.ffn.order") : <tokens*2 x i32>, <9 x i32>, <tokens x 2 x i32>
// CHECK: dsrt.quantize %[[EP:[a-z0-9]+]], %[[ES:[a-z0-9]+]], %[[F]] module("blocks.1.ffn.experts.[0-2].gate_proj")
// CHECK: dsrt.gather_rows %[[DP:[a-z0-9]+]], %[[EP]], %[[ORDER]] module("blocks.1.ffn.dispatch") {divisor = 2 : i64} : <tokens*2 x 256 x f8E4M3FN>, <tokens x 256 x f8E4M3FN>, <tokens*2 x i32>
// CHECK: dsrt.gather_rows %[[DS:[a-z0-9]+]], %[[ES]], %[[ORDER]]
// CHECK: dsrt.gather_rows %[[DX:[a-z0-9]+]], %[[F]], %[[ORDER]]
// The runs of a group write their rows into one buffer.
// CHECK: dsrt.grouped_scaled_matmul %[[G:[a-z0-9]+]], %[[DP]], %[[DS]], %[[OFFSETS]], @"blocks.1.ffn.experts.[0-2].gate_proj.weight" module("blocks.1.ffn.experts.[0-2].gate_proj") {activation = {{.*}}, first = 0 : i64, promote = 128 : i64}
// CHECK: dsrt.grouped_linear %[[G]], %[[DX]], %[[OFFSETS]], @blocks.1.ffn.experts.3.gate_proj.weight module("blocks.1.ffn.experts.3.gate_proj") {first = 3 : i64, round = 1 : i64}
// CHECK: dsrt.grouped_scaled_matmul %[[G]], %[[DP]], %[[DS]], %[[OFFSETS]], @"blocks.1.ffn.experts.[4-7].gate_proj.weight" {{.*}} first = 4 : i64
// CHECK: dsrt.grouped_scaled_matmul %[[EO:[a-z0-9]+]], {{.*}}, %[[OFFSETS]], @blocks.1.ffn.experts.down_proj.weight
// CHECK: dsrt.combine %{{.*}}, %[[EO]], %[[W]], %[[ORDER]] module("blocks.1.ffn.combine") : <tokens x 256 x bf16>, <tokens*2 x 256 x bf16>, <tokens x 2 x f32>, <tokens*2 x i32>
// CHECK: dsrt.gather_rows %[[T:[a-z0-9]+]], %{{.*}}, %[[WANTED]] module("wanted") {divisor = 1 : i64} : <wanted x 256 x bf16>, <tokens x 256 x bf16>, <wanted x i32>
// CHECK: dsrt.cast %[[C:[a-z0-9]+]], %[[T]] module("final_norm") : <wanted x 256 x f32>, <wanted x 256 x bf16>
// CHECK: dsrt.rms_norm %{{.*}}, %[[C]], @final_norm.weight
// CHECK: dsrt.linear %[[LOGITS:[a-z0-9]+]], %{{.*}}, @lm_head.weight module("lm_head") {round = 0 : i64} : <wanted x 512 x f32>, <wanted x 256 x bf16>
// CHECK: dsrt.return %[[LOGITS]] : <wanted x 512 x f32>

// Decode: one token a row, so scratch for 8: dsrt_mla_decode_scratch(8, 2, 128).
// CHECK-LABEL: dsrt.entry @decode
// CHECK: %[[SCRATCH:[a-z0-9]+]] = dsrt.allocate : <16512 x i8>
// CHECK: dsrt.mla_decode %{{.*}}, %{{.*}}, @blocks.0.attn.kv_b_proj.weight, %{{.*}}, %{{.*}}, %[[SCRATCH]] module("blocks.0.attn.kv_b_proj") {heads = 2 : i64, layer = 0 : i64, nope = 64 : i64, rope = 32 : i64, softmax_scale = 0.102062076 : f32, value = 64 : i64}

// A product that is not the logits' is rounded to its operands' dtype first.
// DEFAULT: dsrt.linear {{.*}} module("blocks.0.attn.q_a_proj") {round = 1 : i64} : <tokens x 128 x bf16>, <tokens x 256 x bf16>

// Four-bit payloads: buffers whose rows are whole bytes, and the rows of experts as any other. Three tokens' rows of 128 bytes stand in
// 384 bytes of the arena.
// FP4: dsrt.weight @blocks.0.attn.q_a_proj.weight : tensor<128x256xf4E2M1FN> {{.*}} stored(bf16) through([#[[MX:tile_1x32_f4E2M1FN_ue8m0_mx]]]) use(matmul)
// FP4: %[[P:[a-z0-9]+]] = dsrt.allocate at([[AT:[0-9]+]]) : <tokens x 256 x f4E2M1FN>
// FP4: dsrt.quantize %[[P]], %[[S:[a-z0-9]+]], %{{.*}} module("blocks.0.attn.q_a_proj") {format = #[[MX]]} : <tokens x 256 x f4E2M1FN>, <tokens x 8 x f32>, <tokens x 256 x bf16>
// FP4: dsrt.scaled_matmul %{{.*}}, %[[P]], %[[S]], @blocks.0.attn.q_a_proj.weight module("blocks.0.attn.q_a_proj") {activation = #[[MX]], promote = 32 : i64}
// FP4: dsrt.gather_rows %{{.*}} module("blocks.1.ffn.dispatch") {divisor = 2 : i64} : <tokens*2 x 256 x f4E2M1FN>, <tokens x 256 x f4E2M1FN>, <tokens*2 x i32>

// A scale of the tensor: of all tokens before dispatch, of each expert's rows between gate and down.
// TENSOR: dsrt.quantize %[[EP:[a-z0-9]+]], %[[ES:[a-z0-9]+]], %{{.*}} module("blocks.1.ffn.router") {format = #tile_allxall_f8E4M3FN} : <tokens x 256 x f8E4M3FN>, <tokens x 1 x f32>
// TENSOR: dsrt.expert_order %[[ORDER:[a-z0-9]+]], %[[OFFSETS:[a-z0-9]+]]
// TENSOR: dsrt.gather_rows %{{.*}}, %[[ES]], %[[ORDER]]
// TENSOR: dsrt.grouped_quantize %[[HP:[a-z0-9]+]], %[[HS:[a-z0-9]+]], %{{.*}}, %[[OFFSETS]] module("blocks.1.ffn.experts.[0-7].down_proj") {format = #tile_allxall_f8E4M3FN}
// TENSOR: dsrt.grouped_scaled_matmul %{{.*}}, %[[HP]], %[[HS]], %[[OFFSETS]], @blocks.1.ffn.experts.down_proj.weight
