// The passes that decide precision and make it explicit.
#ifndef DS_PRECISION_PASSES_TD
#define DS_PRECISION_PASSES_TD

include "mlir/Pass/PassBase.td"

def ResolvePrecisionPass : Pass<"ds-resolve-precision", "::mlir::ModuleOp"> {
  let summary = "decides the precision of every module, and gives operations their dtypes";
  let description = [{
    Collects the modules of each `ds.model` through `ModulePrecisionInterface`, decides them under the model's policy and the options of the
    pass (design/PRECISION.md; the policy is the weaker of the two), and writes the decisions back: activations and the cache get the
    activation dtype, each module's operation its `#ds.precision` with the reason, the model the policy that led there. Grouped operations are
    split into runs of experts that are decided alike. Every finding is emitted at its place, all of them before the pass fails.

    The options are those of the one option table (`passes/precision/OptionTable.cpp`), named as on the command line of ds-compile; `recipe`
    is short for `precision-recipe`, and `precision-config` reads a precision file.

    Before, and after `--ds-resolve-precision="recipe=deepseek_v3"`:

    ```mlir
    %1 = ds.linear %0, @q_a module("blocks.0.attn.q_a_proj") : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
    ```
    ```mlir
    %1 = ds.linear %0, @q_a module("blocks.0.attn.q_a_proj")
           precision(<compute = f8E4M3FN, by = "recipe deepseek_v3", lhs = #act, rhs = #wt, storage = bf16>)
           : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
    ```
  }];
}

def VerifyPrecisionPass : Pass<"ds-verify-precision", "::mlir::ModuleOp"> {
  let summary = "checks that every module has a precision, and that operations and parameters agree with it";
  let description = [{
    Closes both halves of the phase. (P3) and (P4) are checked only with `legal`, after legalisation.

    - (P1) every operation of a module has a precision, the same one in each entry point.
    - (P2) low precision names the formats of both operands, its compute dtype is the payload of the first, and the module can run in
      it; any other compute dtype is f32, bf16 or f16.
    - (P3) the module's parameter is resident in what the product takes: the format `rhs`, or the compute dtype.
    - (P4) what the operation computes is explicit in it: its activations have the compute dtype, or the payload of `lhs`.

    It changes nothing. What it refuses:

    ```mlir
    // error: 'ds.linear' op (P4) expects activations of f16, but got bf16
    %1 = ds.linear %0, @q_a module("blocks.0.attn.q_a_proj") precision(<compute = f16, by = "override">)
           : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
    ```
  }];
  let options = [Option<"legal", "legal", "bool", "false", "after legalisation: (P3) and (P4) as well">];
}

def LegalizePrecisionPass : Pass<"ds-legalize-precision", "::mlir::ModuleOp"> {
  let summary = "makes casts, quantisation and scaled products explicit";
  let description = [{
    Each operation of a module becomes explicit in its precision (`ModulePrecisionInterface::legalizePrecision`): operands are cast to the
    compute dtype, or quantised; low-bit products become scaled products; parameters say in which format they are resident. Each product
    quantises its own operand, before the dispatch to experts where there is one; equal quantisations are one after CSE.

    Before and after:

    ```mlir
    ds.param @q_a : tensor<128x256xbf16> from "model.layers.0.self_attn.q_a_proj.weight"
    %1 = ds.linear %0, @q_a module("blocks.0.attn.q_a_proj")
           precision(<compute = f8E4M3FN, by = "recipe deepseek_v3", lhs = #act, rhs = #wt, storage = bf16>)
           : (tensor<?x256xbf16>) -> tensor<?x128xbf16>
    ```
    ```mlir
    ds.param @q_a : tensor<128x256xbf16> from "model.layers.0.self_attn.q_a_proj.weight" resident(#wt)
    %q, %s = ds.quantize %0 quant(#act) : (tensor<?x256xbf16>) -> (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>)
    %1 = ds.scaled_matmul %q, %s, @q_a lhs(#act) rhs(#wt) promote(128) module("blocks.0.attn.q_a_proj") precision(...)
           : (tensor<?x256xf8E4M3FN>, tensor<?x2xf32>) -> tensor<?x128xbf16>
    ```
  }];
}

def VerifyTargetPass : Pass<"ds-verify-target", "::mlir::ModuleOp"> {
  let summary = "checks that a target runs a legalised model";
  let description = [{
    Judges every operation by the target's table of kernels (`passes/precision/Targets.cpp`) and refuses those that it cannot run (DS1016),
    or can only emulate (DS1050) unless `allow-fallback` is given or emulation is the target's own way, as on cpu. What is emulated under
    `allow-fallback` is a remark each. The plan depends on no target: this pass changes nothing.

    ```mlir
    // error: [DS1050] target 'cuda-sm90' runs scaled_matmul emulated alone, and --allow-fallback is not given: blocks.0.attn.q_a_proj
    // note: format: f4E2M1FN by f4E2M1FN, but kernels take ...
    %1 = ds.scaled_matmul %q, %s, @q_a lhs(#nvfp4) rhs(#nvfp4) promote(16) module("blocks.0.attn.q_a_proj") ...
    ```
  }];
  let options = [Option<"target", "target", "std::string", "\"cpu\"", "cpu or cuda-sm90">,
                 Option<"allowFallback", "allow-fallback", "bool", "false", "what the target only emulates is listed, not refused">];
}

#endif
