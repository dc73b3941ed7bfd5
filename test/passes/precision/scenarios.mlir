// The scenarios of the precision document on an .mlir file: resolved, legalised, verified.
//
// A is the recipe and one norm in FP16, B the final norm in FP32 and the head in BF16, C a rule for all q_a_norm.
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=deepseek_v3 module-compute-dtype-override=blocks.0.attn.q_a_norm=fp16" | FileCheck %s --check-prefixes=FP8,A
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=deepseek_v3 module-compute-dtype-override=final_norm=fp32 module-compute-dtype-override=lm_head=bf16" | FileCheck %s --check-prefixes=FP8,B
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=deepseek_v3 module-compute-dtype-rule=.*q_a_norm=fp16" | FileCheck %s --check-prefixes=FP8,C
// RUN: ds-compile %root/test/Inputs/small.json --precision-recipe deepseek_v3 --module-compute-dtype-override blocks.0.attn.q_a_norm=fp16 --compile-to=legal | FileCheck %s --check-prefixes=FP8,A
// RUN: ds-compile %root/test/Inputs/small.mlir --precision-recipe deepseek_v3 --module-compute-dtype-override final_norm=fp32 --module-compute-dtype-override lm_head=bf16 --compile-to=legal | FileCheck %s --check-prefixes=FP8,B
// RUN: ds-compile %root/test/Inputs/small.mlir --precision-recipe deepseek_v3 --module-compute-dtype-rule '.*q_a_norm=fp16' --compile-to=legal | FileCheck %s --check-prefixes=FP8,C

// A: policy(<overrides = {"blocks.0.attn.q_a_norm" = f16}, precision_recipe = deepseek_v3>)
// A: ds.param @blocks.0.attn.q_a_norm.weight {{.*}} resident(f16)
// A: ds.param @blocks.1.attn.q_a_norm.weight {{.*}} resident(bf16)
// B: policy(<overrides = {"final_norm" = f32, "lm_head" = bf16}, precision_recipe = deepseek_v3>)
// B: ds.param @final_norm.weight {{.*}} resident(f32)
// B: ds.param @lm_head.weight {{.*}} resident(bf16)
// C: policy(<module_compute_dtype_rule = [".*q_a_norm=fp16"], precision_recipe = deepseek_v3>)
// C: ds.param @blocks.0.attn.q_a_norm.weight {{.*}} resident(f16)
// C: ds.param @blocks.1.attn.q_a_norm.weight {{.*}} resident(f16)

// FP8: %[[QA:.*]] = ds.scaled_matmul {{.*}} module("blocks.0.attn.q_a_proj")
// A: %[[CAST:.*]] = ds.cast %[[QA]] module("blocks.0.attn.q_a_norm") : (tensor<?x128xbf16>) -> tensor<?x128xf16>
// A-NEXT: %[[N:.*]] = ds.rms_norm %[[CAST]], @blocks.0.attn.q_a_norm.weight {{.*}} precision(<compute = f16, by = "override", storage = bf16>) : (tensor<?x128xf16>) -> tensor<?x128xf16>
// A-NEXT: %[[D:.*]] = ds.cast %[[N]] module("blocks.0.attn.q_a_norm") : (tensor<?x128xf16>) -> tensor<?x128xbf16>
// A-NEXT: ds.quantize %[[D]]
// A: ds.rms_norm {{.*}} module("blocks.1.attn.q_a_norm") precision(<compute = bf16, by = "recipe deepseek_v3: high precision"
// A: ds.func @decode
// A: ds.rms_norm {{.*}} module("blocks.0.attn.q_a_norm") precision(<compute = f16, by = "override"
// B: ds.rms_norm {{.*}} module("blocks.0.attn.q_a_norm") precision(<compute = bf16
// B: ds.cast {{.*}} module("final_norm") : (tensor<?x256xbf16>) -> tensor<?x256xf32>
// B-NEXT: ds.rms_norm {{.*}} module("final_norm") precision(<compute = f32, by = "override"
// B-NEXT: %[[BACK:.*]] = ds.cast {{.*}} module("final_norm") : (tensor<?x256xf32>) -> tensor<?x256xbf16>
// B-NEXT: ds.linear %[[BACK]], @lm_head.weight logits module("lm_head") precision(<compute = bf16, by = "override"
// C: ds.rms_norm {{.*}} module("blocks.0.attn.q_a_norm") precision(<compute = f16, by = "rule 1 '.*q_a_norm=fp16'"
// C: ds.rms_norm {{.*}} module("blocks.0.attn.kv_a_norm") precision(<compute = bf16
// C: ds.rms_norm {{.*}} module("blocks.1.attn.q_a_norm") precision(<compute = f16, by = "rule 1 '.*q_a_norm=fp16'"
