// Stochastic rounding is keyed by the run's seed, the module and the operand. The keys are those that Python's xxhash gives for
// "5 22 blocks.0.attn.q_a_proj 10 activation" and the like: they are a part of what an artifact means.
//
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=nano_train_deepseek_v3 rounding-seed=5 module-compute-dtype-override=blocks.1.ffn.experts.3.gate_proj=bf16" | FileCheck %s
// RUN: ds-opt %root/test/Inputs/small.mlir --ds-precision-pipeline="recipe=nano_train_deepseek_v3 rounding-seed=5" | FileCheck %s --check-prefix=WHOLE

// CHECK-DAG: #[[QA:.*]] = #ds.quant<{{.*}}, rounding = stochastic, seed = 9641190922803677839>
// CHECK-DAG: #[[QW:.*]] = #ds.quant<{{.*}}, rounding = stochastic, seed = 5924513706608149142>
// CHECK-DAG: #[[GA:.*]] = #ds.quant<{{.*}}, rounding = stochastic, seed = 620740038851945704>
// CHECK-DAG: #[[GW:.*]] = #ds.quant<{{.*}}, rounding = stochastic, seed = 15300683899789351090>
// CHECK-DAG: #[[UA:.*]] = #ds.quant<{{.*}}, rounding = stochastic, seed = 11030847533495672486>
// CHECK-DAG: #[[UW:.*]] = #ds.quant<{{.*}}, rounding = stochastic, seed = 14315594880458900433>

// A precision says the seed of the run; a parameter is made with the key.
// CHECK: ds.param @blocks.0.attn.q_a_proj.weight {{.*}} resident(#[[QW]])
// CHECK: ds.param @"blocks.1.ffn.experts.[0-2].gate_proj.weight" {{.*}} resident(#[[GW]])
// CHECK: ds.param @"blocks.1.ffn.experts.[4-7].gate_proj.weight" {{.*}} resident(#[[GW]])
// CHECK-LABEL: ds.func @prefill
// CHECK: %[[P:.*]], %[[S:.*]] = ds.quantize %[[N:.*]] quant(#[[QA]])
// CHECK: ds.scaled_matmul %[[P]], %[[S]], @blocks.0.attn.q_a_proj.weight lhs(#[[QA]]) rhs(#[[QW]])
// The next product quantises the same input anew.
// CHECK: ds.quantize %[[N]] quant
// CHECK: ds.scaled_matmul {{.*}} @blocks.0.attn.kv_a_proj.weight
// A stack that was split rounds as the whole does.
// CHECK: ds.grouped_scaled_matmul {{.*}} @"blocks.1.ffn.experts.[0-2].gate_proj.weight" experts(0, 3) lhs(#[[GA]]) rhs(#[[GW]])
// CHECK: ds.grouped_scaled_matmul {{.*}} @"blocks.1.ffn.experts.[4-7].gate_proj.weight" experts(4, 4) {{.*}} lhs(#[[GA]]) rhs(#[[GW]])
// CHECK: ds.grouped_scaled_matmul {{.*}} @blocks.1.ffn.experts.up_proj.weight experts(0, 8) lhs(#[[UA]]) rhs(#[[UW]])
// CHECK-LABEL: ds.func @decode
// CHECK: ds.scaled_matmul {{.*}} @blocks.0.attn.q_a_proj.weight lhs(#[[QA]]) rhs(#[[QW]])

// WHOLE-DAG: #[[GA:.*]] = #ds.quant<{{.*}}, rounding = stochastic, seed = 620740038851945704>
// WHOLE-DAG: #[[GW:.*]] = #ds.quant<{{.*}}, rounding = stochastic, seed = 15300683899789351090>
// WHOLE: ds.grouped_scaled_matmul {{.*}} @blocks.1.ffn.experts.gate_proj.weight experts(0, 8) lhs(#[[GA]]) rhs(#[[GW]])
