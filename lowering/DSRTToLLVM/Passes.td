// The pass from dsrt to the LLVM dialect.
#ifndef DSRT_TO_LLVM_PASSES_TD
#define DSRT_TO_LLVM_PASSES_TD

include "mlir/Pass/PassBase.td"

def DSRTToLLVMPass : Pass<"dsrt-to-llvm", "::mlir::ModuleOp"> {
  let summary = "calls of the runtime in the LLVM dialect, a check after each";
  let description = [{
    Replaces each `dsrt.program`, whose memory is planned, by functions of the LLVM dialect: an entry point becomes a function `dsrt_prefill`
    or `dsrt_decode` (dsrt.h, dsrt_entry), an operation a call of `dsrt_<operation>`. A call that returns another code than 0 ends the
    function with that code.

    Before and after:

    ```mlir
    %1 = dsrt.allocate at(4096) : !dsrt.buffer<tokens x 256 x bf16>
    dsrt.add %1, %0, %0 module("blocks.0.attn.residual") : ...
    ```
    ```mlir
    %1 = llvm.getelementptr %arena[%c4096] : (!llvm.ptr, i64) -> !llvm.ptr, i8
    %code = llvm.call @dsrt_add(%context, %site, %1, %0, %0, %tokens, %c256, %bf16) : (...) -> i32
    %failed = llvm.icmp "ne" %code, %c0 : i32
    llvm.cond_br %failed, ^exit(%code : i32), ^next
    ```
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

#endif
