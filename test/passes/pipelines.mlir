// The pipelines of ds-opt: their passes, their options, and what the phases make of the small model together.
//
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=deepseek_v3" --ds-runtime-pipeline="max-tokens=64" --ds-llvm-pipeline -mlir-print-ir-before-all -mlir-disable-threading -o /dev/null 2>&1 | grep 'IR Dump Before' | FileCheck %s --check-prefix=PASSES
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=deepseek_v3" | FileCheck %s --check-prefix=LEGAL
// RUN: not ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="fp8 bf16" 2>&1 | FileCheck %s --check-prefix=FLAGS
// RUN: not ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="no-such-option=1" 2>&1 | FileCheck %s --check-prefix=UNKNOWN

// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=deepseek_v3" --ds-runtime-pipeline="max-tokens=64" --dump-pass-pipeline -o /dev/null 2>&1 | FileCheck %s --check-prefix=OPTIONS
// OPTIONS:      ds-resolve-precision{{.*}}recipe={deepseek_v3}
// OPTIONS-NEXT: ds-verify-precision{legal=false},
// OPTIONS-NEXT: ds-legalize-precision,
// OPTIONS-NEXT: cse,
// OPTIONS-NEXT: ds-verify-precision{legal=true},
// OPTIONS-NEXT: ds-verify-target{allow-fallback=false target=cpu},
// OPTIONS-NEXT: ds-to-dsrt{{.*}}max-tokens=64
// OPTIONS-NEXT: dsrt-fuse{{.*}},
// OPTIONS-NEXT: dsrt-plan-memory,
// OPTIONS-NEXT: dsrt-verify-memory

// PASSES:      ResolvePrecisionPass
// PASSES-NEXT: VerifyPrecisionPass
// PASSES-NEXT: LegalizePrecisionPass
// PASSES-NEXT: CSE
// PASSES-NEXT: VerifyPrecisionPass
// PASSES-NEXT: VerifyTargetPass
// PASSES-NEXT: DSToDSRTPass
// PASSES-NEXT: FusePass
// PASSES-NEXT: PlanMemoryPass
// PASSES-NEXT: VerifyMemoryPass
// PASSES-NEXT: DSRTToLLVMPass
// PASSES-NOT:  Pass

// One quantisation serves all products of a value: q_a_proj and kv_a_proj; gate and up; routed and shared experts.
// LEGAL:     %[[P:.*]], %[[S:.*]] = ds.quantize {{.*}} (tensor<?x256xbf16>)
// LEGAL:     ds.scaled_matmul %[[P]], %[[S]], @blocks.0.attn.q_a_proj.weight
// LEGAL:     ds.scaled_matmul %[[P]], %[[S]], @blocks.0.attn.kv_a_proj.weight
// LEGAL:     ds.rms_norm {{.*}} module("blocks.1.ffn_norm")
// LEGAL:     %[[EP:.*]], %[[ES:.*]] = ds.quantize
// LEGAL-NEXT: %[[DP:.*]] = ds.dispatch %[[EP]]
// LEGAL-NEXT: %[[DS:.*]] = ds.dispatch %[[ES]]
// LEGAL-NOT: ds.quantize
// LEGAL:     ds.grouped_scaled_matmul %[[DP]], %[[DS]], {{.*}}.gate_proj.weight
// LEGAL-NOT: ds.quantize
// LEGAL:     ds.grouped_scaled_matmul %[[DP]], %[[DS]], {{.*}}.up_proj.weight
// LEGAL:     ds.scaled_matmul %[[EP]], %[[ES]], @blocks.1.ffn.shared_experts.gate_proj.weight
// LEGAL-NOT: ds.linear
// LEGAL:     ds.linear {{.*}} module("lm_head")

// FLAGS:   error: [DS1001] --bf16 and --fp8: at most one of --fp32, --bf16, --fp16, --fp8 and --fp4
// UNKNOWN: no such option no-such-option
