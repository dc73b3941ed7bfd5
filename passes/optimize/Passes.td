// Passes on dsrt: which calls are one, and where things are.
#ifndef DS_OPTIMIZE_PASSES_TD
#define DS_OPTIMIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

def FusePass : Pass<"dsrt-fuse", "::mlir::ModuleOp"> {
  let summary = "replaces sequences of calls by one call each";
  let description = [{
    A fused call computes what its parts compute, to the same bits (`dsrt_ops.def`), in one launch and without a round trip through memory
    for each intermediate result. The fusions, in the order in which they are applied:

    | fusion | replaces | by |
    |---|---|---|
    | `residual-norm` | `add`, `rms_norm` | `add_rms_norm` |
    | `norm-quantize` | `rms_norm` or `add_rms_norm`, `quantize` | `rms_norm_quantize`, `add_rms_norm_quantize` |
    | `swiglu-quantize` | `swiglu`, `quantize` or `grouped_quantize` | `swiglu_quantize` |
    | `latent-append` | `slice_columns` (twice), `rms_norm`, `rope`, `cache_append` | `latent_append` |
    | `rope-append` | `rope` of the queries, `latent_append` | `rope_latent_append` |
    | `route-order` | `route`, `expert_order` | `route_order` |
    | `gather-quantized` | `gather_rows` of payload and scales | `gather_quantized` |
    | `combine-add` | `combine`, `add` | `combine_add` |
    | `product-pair` | two products of one operand | `linear_pair`, `scaled_matmul_pair`, `grouped_linear_pair`, `grouped_scaled_matmul_pair` |

    Where a result between the parts is read by another call, the fused call has it as a result of its own, or there is no fusion. Quantisation
    is fused where rows are independent (tiles of one row). The module of a fused call is the list of its parts'.

    Before and after:

    ```mlir
    dsrt.add %sum, %x, %y module("blocks.0.attn.residual") : ...
    dsrt.rms_norm %n, %sum, @blocks.0.ffn_norm.weight module("blocks.0.ffn_norm") {eps = 1.0e-6 : f32} : ...
    ```
    ```mlir
    dsrt.add_rms_norm %sum, %n, %x, %y, @blocks.0.ffn_norm.weight module("blocks.0.attn.residual, blocks.0.ffn_norm") {eps = 1.0e-6 : f32} : ...
    ```
  }];
  let options = [ListOption<"names", "fusions", "std::string", "the fusions that are applied (all)">];
}

def PlanMemoryPass : Pass<"dsrt-plan-memory", "::mlir::ModuleOp"> {
  let summary = "places buffers in a static arena by their live intervals";
  let description = [{
    Gives each `dsrt.allocate` its offset in the arena of its entry point, and the entry its size: buffers that are never live together share
    memory. Sizes are those of the largest call that the limits allow; a decode call holds one token a row. Offsets are multiples of 64.

    Before and after, for 2048 tokens:

    ```mlir
    %a = dsrt.allocate : !dsrt.buffer<tokens x 256 x bf16>
    dsrt.embedding %a, %ids, @table module("token_embeddings") : ...
    ```
    ```mlir
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 256 x bf16>
    dsrt.embedding %a, %ids, @table module("token_embeddings") : ...
    ```
  }];
}

def VerifyMemoryPass : Pass<"dsrt-verify-memory", "::mlir::ModuleOp"> {
  let summary = "checks that no call destroys what a later one reads";
  let description = [{
    Checks a plan by following the bytes of the arena from call to call. It shares nothing with the planner, live intervals included.

    - (M1) every buffer has an offset, a multiple of 64, and lies inside of the arena.
    - (M2) what a call reads is still there: nothing has been written over it since, and the operands of one call do not overlap.
    - (M3) a buffer is written before it is read.

    It changes nothing. What it refuses:

    ```mlir
    %a = dsrt.allocate at(0) : !dsrt.buffer<tokens x 256 x bf16>
    %b = dsrt.allocate at(64) : !dsrt.buffer<tokens x 256 x bf16>
    dsrt.add %b, %a, %a ...  // error: (M2) writes 'y' over 'a', an operand of the same call
    ```
  }];
}

#endif
