// The second rounding of a product whose compute type is narrower than, or other than, its result's.
#pragma once

#include "runtime/backend/cuda/Operations.h"

namespace dsrt::cuda {

/// Rounds y [rows, n] in place through `through`, BF16 or F16: F32 values to it and back; where yType is the other of the two, y holds
/// values of `through` and gets them converted. With offsets, [experts + 1] on the device, the rows offsets[0] .. offsets[experts] alone.
cudaError_t roundRows(State &state, int32_t through, int32_t yType, void *y, int64_t rows, int64_t n, const int32_t *offsets,
                      int64_t experts);

} // namespace dsrt::cuda
