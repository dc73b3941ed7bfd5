// From dsrt to the LLVM dialect (Passes.td). The only place of the compiler that knows the runtime's symbols.
#pragma once

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Pass/Pass.h"

namespace dsmlir {

#define GEN_PASS_DECL
#define GEN_PASS_REGISTRATION
#include "lowering/DSRTToLLVM/Passes.h.inc"

} // namespace dsmlir
