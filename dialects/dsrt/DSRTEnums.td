// Enumerations of the dsrt dialect.
#ifndef DSRT_ENUMS_TD
#define DSRT_ENUMS_TD

include "mlir/IR/EnumAttr.td"

def DSRT_WeightUse : I32BitEnumAttr<"WeightUse", "what a weight is read for, as dsrt_weight_use",
    [I32BitEnumAttrCaseBit<"matmul", 0>, I32BitEnumAttrCaseBit<"rows", 1>, I32BitEnumAttrCaseBit<"vector", 2>]> {
  let cppNamespace = "::mlir::dsrt";
  let separator = "|";
}

#endif
