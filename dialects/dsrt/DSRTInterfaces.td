// The interface of runtime calls.
#ifndef DSRT_INTERFACES_TD
#define DSRT_INTERFACES_TD

include "mlir/IR/OpBase.td"

def DSRT_CallInterface : OpInterface<"CallInterface"> {
  let cppNamespace = "::mlir::dsrt";
  let description = "One call of the runtime: its line of the table, and the module that it is part of.";
  let methods = [
    StaticInterfaceMethod<"the line of dsrt_ops.def", "const ::mlir::dsrt::Signature &", "getSignature", (ins), [{}],
      [{ static const ::mlir::dsrt::Signature &line = ::mlir::dsrt::signature(ConcreteOp::getOperationName()); return line; }]>,
    InterfaceMethod<"the module's path", "::llvm::StringRef", "getModulePath", (ins), [{}], [{ return $_op.getPath(); }]>
  ];
  let verify = "return ::mlir::dsrt::verifyCall($_op);";
}

#endif
