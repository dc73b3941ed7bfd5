// The pass from ds to dsrt, with the options that say what the memory plan holds.
#ifndef DS_TO_DSRT_PASSES_TD
#define DS_TO_DSRT_PASSES_TD

include "mlir/Pass/PassBase.td"

def DSToDSRTPass : Pass<"ds-to-dsrt", "::mlir::ModuleOp"> {
  let summary = "one call of the runtime for each operation of ds";
  let description = [{
    Replaces each `ds.model` by a `dsrt.program`: values become buffers whose extents are those of the call (tokens, wanted) times constants,
    parameters become weights with the formats that they go through, operations become calls. Expects legalised precision: what is not
    explicit is an error at its operation.

    Before and after:

    ```mlir
    ds.param @w : tensor<128x256xbf16> from "model.w" resident(bf16)
    %1 = ds.linear %0, @w module("blocks.0.attn.q_a_proj") : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
    ```
    ```mlir
    dsrt.weight @w : tensor<128x256xbf16> from "model.w" stored(bf16) use(matmul)
    %1 = dsrt.allocate : !dsrt.buffer<tokens x 128 x bf16>
    dsrt.linear %1, %0, @w ...
    ```
  }];
  let dependentDialects = ["::mlir::dsrt::DSRTDialect"];
  let options = [
    Option<"maxTokens", "max-tokens", "int64_t", "0", "tokens in one call (2048)">,
    Option<"maxSequences", "max-sequences", "int64_t", "0", "rows of a call (64, or max-tokens)">,
    Option<"maxLength", "max-length", "int64_t", "0", "positions of a row (4096, or the model's)">
  ];
}

#endif
