// Passes on dsrt that decide where things are.
#ifndef DS_OPTIMIZE_PASSES_TD
#define DS_OPTIMIZE_PASSES_TD

include "mlir/Pass/PassBase.td"

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
