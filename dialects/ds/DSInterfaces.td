// The interfaces through which passes speak to operations, so that no pass holds a list of their names.
#ifndef DS_INTERFACES_TD
#define DS_INTERFACES_TD

include "mlir/IR/OpBase.td"

def ModulePrecisionInterface : OpInterface<"ModulePrecisionInterface"> {
  let cppNamespace = "::mlir::ds";
  let description = "An operation that belongs to a module with parameters: its path, whether it can run in low precision, its precision.";
  let methods = [
    InterfaceMethod<"the module's path; experts as a range: blocks.1.ffn.experts.[0-7].gate_proj", "::llvm::StringRef", "getModulePath", (ins), [{}],
      [{ return $_op.getPath(); }]>,
    InterfaceMethod<"Linear, RMSNorm or Embedding", "::llvm::StringRef", "getModuleType">,
    InterfaceMethod<"whether low-bit kernels exist for this kind of module", "bool", "isLowBitCapable">,
    InterfaceMethod<"the parameter that is multiplied with", "::mlir::FlatSymbolRefAttr", "getModuleParameter">,
    InterfaceMethod<"has it read another parameter of the same shape", "void", "setModuleParameter", (ins "::mlir::FlatSymbolRefAttr":$parameter)>,
    InterfaceMethod<"the resolved precision, null before", "::mlir::ds::PrecisionAttr", "getModulePrecision", (ins), [{}],
      [{ return $_op.getPrecisionAttr(); }]>,
    InterfaceMethod<"sets the resolved precision", "void", "setModulePrecision", (ins "::mlir::ds::PrecisionAttr":$precision), [{}],
      [{ $_op.setPrecisionAttr(precision); }]>,
    InterfaceMethod<"number of experts that one operation stands for, 0 where it is not grouped", "int64_t", "getExpertCount", (ins), [{}],
      [{ return 0; }]>,
    InterfaceMethod<"the first of them", "int64_t", "getFirstExpert", (ins), [{}], [{ return 0; }]>,
    InterfaceMethod<"results whose dtype is the activation dtype (the others keep theirs whatever the policy says)", "bool",
      "resultIsActivation", (ins), [{}], [{ return true; }]>,
    InterfaceMethod<"the element type of the activations that are multiplied, null where the operation rounds them itself", "::mlir::Type",
      "getActivationElement">,
    InterfaceMethod<"the operation that a plan lists for it: what legalisation makes of it", "::llvm::StringRef", "getLegalName",
      (ins "bool":$lowBit), [{}], [{ return $_op->getName().stripDialect(); }]>,
    InterfaceMethod<"makes the operation explicit in its resolved precision: casts, quantisation, formats", "::mlir::LogicalResult",
      "legalizePrecision", (ins "::mlir::RewriterBase &":$rewriter, "::mlir::SymbolTableCollection &":$symbols)>
  ];
}

def RunPolicyInterface : OpInterface<"RunPolicyInterface"> {
  let cppNamespace = "::mlir::ds";
  let description = [{
    An operation without parameters: it computes as the run policy says, in the activation dtype with sums in F32, or in the dtype of its result
    where that is not an activation's.
  }];
  let methods = [
    InterfaceMethod<"its path in the model: blocks.0.attn.rope", "::llvm::StringRef", "getOperationPath", (ins), [{}],
      [{ return $_op.getPath(); }]>,
    InterfaceMethod<[{sums, products and functions of one row (a token, or a token of an expert), a function such as exp counting as one; 0: values
      are moved as they are}], "int64_t", "getFlopsPerRow", (ins), [{}], [{ return 0; }]>
  ];
}

#endif
