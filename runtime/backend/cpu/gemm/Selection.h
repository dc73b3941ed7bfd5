// The instruction set in use, chosen once at run time (Isa.cpp).
#pragma once

#include "runtime/backend/cpu/gemm/Kernels.h"
#include "runtime/support/Status.h"

namespace dsrt::cpu {

/// The kernels of later calls, never null; or why there are none (Gemm.h, selectIsa).
Expected<const Kernels *> selectedKernels();

} // namespace dsrt::cpu
