// Element types and formats of the dialects as the runtime numbers them.
#pragma once

#include "dialects/ds/DS.h"
#include "dsrt/dsrt.h"

namespace dsmlir {

/// f32, bf16, f16, f8E4M3FN, f8E5M2, f4E2M1FN or i32.
dsrt_dtype dtypeOf(mlir::Type type);
dsrt_quant quantOf(mlir::ds::QuantAttr format);

} // namespace dsmlir
