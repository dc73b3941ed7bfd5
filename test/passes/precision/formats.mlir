// What the flags of formats become in the IR, and a tied embedding that is held twice.
//
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="fp4" | FileCheck %s --check-prefix=NVFP4
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="fp4 fp4-format=mxfp4" | FileCheck %s --check-prefix=MXFP4
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="fp8 fp8-activation-granularity=tensor fp8-weight-granularity=channel" | FileCheck %s --check-prefix=TENSOR
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="fp8 fp8-scale-format=ue8m0 fp8-amax-floor=0.5" | FileCheck %s --check-prefix=UE8M0
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="fp8 fp4-param persistent-scale-granularity=per_tensor" | FileCheck %s --check-prefix=NF4
// RUN: sed "/ds.param @lm_head.weight/d; s/@lm_head.weight/@token_embeddings.weight/" %root/test/Inputs/small.mlir > %t.mlir
// RUN: ds-opt %t.mlir --ds-precision-pipeline="module-compute-dtype-override=lm_head=fp32" | FileCheck %s --check-prefix=TWO
// RUN: ds-opt %t.mlir --ds-precision-pipeline | FileCheck %s --check-prefix=ONE

// NVFP4-DAG: #[[ACT:tile_1x16_f4E2M1FN_e4m3_row]] = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = row>
// NVFP4-DAG: #[[WT:tile_1x16_f4E2M1FN_e4m3_tensor]] = #ds.quant<payload = f4E2M1FN, tile = 1x16, scale = e4m3, rule = amax, rounding = nearest, outer = tensor>
// NVFP4:     ds.param @blocks.0.attn.q_a_proj.weight : tensor<128x256xbf16> {{.*}} resident(#[[WT]])
// NVFP4:     ds.scaled_matmul {{.*}} @blocks.0.attn.q_a_proj.weight lhs(#[[ACT]]) rhs(#[[WT]]) promote(16)
// NVFP4:     ds.mla_attention prefill {{.*}} activation(#[[ACT]])
// Rows of an outer scale of their own are dispatched, and need no experts.
// NVFP4-NOT: ds.quantize {{.*}} experts

// MXFP4: #[[MX:tile_1x32_f4E2M1FN_ue8m0_mx]] = #ds.quant<payload = f4E2M1FN, tile = 1x32, scale = ue8m0, rule = mx, rounding = nearest>
// MXFP4: ds.dispatch {{.*}} tensor<?x256xf4E2M1FN>
// MXFP4: ds.grouped_scaled_matmul {{.*}} lhs(#[[MX]]) rhs(#[[MX]]) promote(32)

// TENSOR: ds.expert_order
// TENSOR: ds.quantize {{.*}} quant(#tile_allxall_f8E4M3FN) : (tensor<?x256xbf16>) -> (tensor<?x256xf8E4M3FN>, tensor<?x1xf32>)
// TENSOR: ds.dispatch
// TENSOR: ds.quantize {{.*}} experts(%{{.*}}) quant(#tile_allxall_f8E4M3FN)
// TENSOR: ds.grouped_scaled_matmul {{.*}} @blocks.1.ffn.experts.down_proj.weight experts(0, 8) lhs(#tile_allxall_f8E4M3FN) rhs(#tile_1xall_f8E4M3FN)

// UE8M0-DAG: #tile_1x128_f8E4M3FN_ue8m0 = #ds.quant<payload = f8E4M3FN, tile = 1x128, scale = ue8m0, rule = power_of_two, rounding = nearest, floor = 0.5>
// UE8M0-DAG: #tile_128x128_f8E4M3FN_ue8m0 =

// NF4: ds.param @blocks.0.attn.q_a_proj.weight {{.*}} via(#tile_allxall_nf4) resident(#tile_128x128_f8E4M3FN)

// TWO: ds.param @token_embeddings.weight {{.*}} resident(bf16)
// TWO: ds.param @lm_head.weight : tensor<512x256xbf16> from "model.embed_tokens.weight" resident(f32)
// TWO: ds.linear {{.*}}, @lm_head.weight logits module("lm_head")
// TWO: ds.func @decode
// TWO: ds.embedding {{.*}}, @token_embeddings.weight
// TWO: ds.linear {{.*}}, @lm_head.weight logits module("lm_head")

// ONE:     ds.linear {{.*}}, @token_embeddings.weight logits module("lm_head")
// ONE-NOT: @lm_head.weight
