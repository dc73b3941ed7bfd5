// From dsrt to the LLVM dialect: an entry point becomes a function `dsrt_prefill` or `dsrt_decode` (dsrt.h, dsrt_entry), an
// operation a call of `dsrt_<operation>`. The only place of the compiler that knows the runtime's symbols.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dsmlir {

/// `dsrt-to-llvm`: replaces each dsrt.program, whose memory is planned, by functions of the LLVM dialect.
std::unique_ptr<mlir::Pass> createDSRTToLLVMPass();

} // namespace dsmlir
