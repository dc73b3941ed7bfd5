// The products as the operations ask for them: any element types and tiles of the table. `multiply` chooses the kernel. Host code.
#pragma once

#include "runtime/backend/cuda/gemm/Gemm.h"

namespace dsrt::cuda {

/// A matrix in the device's memory, row major, rows of four-bit types padded to whole bytes; its value is payload times scale.
struct Operand {
  int32_t type = DSRT_F32;       ///< F32, BF16, F16, F8E4M3 or F4E2M1
  const void *data = nullptr;    ///< [matrices, rows, k]
  const float *scales = nullptr; ///< [matrices, ceil(rows / tileRows), ceil(k / tileCols)]; null where not scaled
  int32_t tileRows = 1;          ///< 0: all rows of a matrix
  int32_t tileCols = 0;          ///< 0: all of K
};

/// For each side: y[rows, n] = x[rows, k] weight^T, summed in F32 and rounded once to yType; each row of x has its own row of scales.
struct Multiplication {
  int32_t yType = DSRT_F32; ///< F32, BF16 or F16
  Operand x;                ///< one matrix
  int64_t rows = 0, k = 0;
  int64_t experts = 1;              ///< matrices of each weight; 1 where dense
  const int32_t *offsets = nullptr; ///< [experts + 1] on the device: expert e's rows of x and y; other rows are left alone. Null: dense
  int64_t promote = 0;              ///< K elements after which a partial sum in less than F32 must join the total; 0: at tiles' ends
  struct {
    void *y = nullptr;
    Operand weight;
    int64_t n = 0;
  } sides[2] = {};
  int sideCount = 1;
};

/// Queues a product, by the kernel that choiceOf (Algorithms.h) says.
Status multiply(State &state, const Multiplication &product);

/// The product in the terms of the fast kernels; false where it is none of theirs: E4M3 in tiles of 1x128 by 128x128 promoted every 128
/// or at tiles' ends, or BF16 or FP16.
bool asProduct(const Multiplication &product, Product &result);

/// Few rows, dense or an expert, of any operands: the weight is streamed (FewRows.cu).
bool fewRowsTakes(const Multiplication &product);
cudaError_t runFewRows(State &state, const Multiplication &product);

/// What no other kernel takes, and everything that any other does (Generic.cu).
cudaError_t runGeneric(State &state, const Multiplication &product);

} // namespace dsrt::cuda
