// Matrix products of the CPU backend: linear, scaled_matmul and their grouped forms (dsrt_ops.def).
//
//   y[m, n] = sum over k of (x[m, k] * sx) * (w[n, k] * sw),   rounded once to y's dtype
//
// Order of summation, the same for every M, every thread count, prepared and unprepared weights. K is cut into segments at
// every tile boundary of either operand and at multiples of `promote`; plain operands, and those whose scales span all of K where
// `promote` is 0, at multiples of 256. A segment's products are summed in F32 in the order of k; then
// total = fma(segment, sx * sw, total), in the order of the segments (DeepSeek-V3, section 3.3.2). Instruction sets differ
// inside a segment by F32 rounding only: fused multiply-add, portable code without, or the BF16 dot product, which takes two k at a
// time and reads and writes denormals as 0 (E4M3 and E2M1 have none of them in BF16).
//
// Work is split over fixed panels of the result, never over K: any number of threads gives the same bits, and a row's
// bits do not depend on the rows beside it. NaN and infinite payloads and scales propagate as in IEEE arithmetic.
#pragma once

#include "runtime/support/Status.h"

#include <string>
#include <vector>

namespace dsrt::cpu {

/// The left-hand side [m, k], row major.
struct Lhs {
  int32_t dtype = DSRT_F32;      ///< f32, bf16, f16, E4M3 or E2M1
  const void *data = nullptr;    ///< [m, k]; rows of E2M1 are padded to whole bytes
  int64_t ld = 0;                ///< elements from row to row, at least k
  const float *scales = nullptr; ///< [ceil(m / tileRows), ceil(k / tileCols)], null where plain
  int64_t scale_ld = 0;          ///< scales from tile row to tile row
  int32_t tileCols = 0;          ///< columns of a tile, 0: all of K
  int32_t tileRows = 1;          ///< rows of a tile, 0: all rows
  int64_t promote = 128;         ///< scaled products: K elements after which a partial sum joins the total, 0: see above
};

/// y[m, n] = x w[expert]^T for y of f32, bf16 or f16, `ldy` elements from row to row (n = w.rows, k = w.cols). The weight is f32,
/// bf16, f16, E4M3 or E2M1, with scales of any tile or none, prepared or not. Any m, n, k from 0; k = 0 gives zeros. x and y must not
/// overlap. DSRT_REJECTED for types or extents that do not fit; the errors of `selectIsa` for DSRT_CPU_ISA.
Status multiply(int threads, int32_t yDtype, void *y, int64_t ldy, const Lhs &x, const dsrt_weight &w, int64_t expert, int64_t m);

/// For each expert e of w: rows offsets[first + e] .. offsets[first + e + 1] of y = those rows of x times w[e]^T; other rows of y are
/// left as they are. `offsets` has `bounds` entries, at least first + w.experts + 1; those read must rise from 0 at least to
/// `rows`, the rows of x and y, at most.
Status multiplyGrouped(int threads, int32_t yDtype, void *y, int64_t ldy, const Lhs &x, const dsrt_weight &w, const int32_t *offsets,
                       int64_t bounds, int64_t first, int64_t rows);

/// Packs a weight whose use is DSRT_USE_MATMUL alone into panels (Panels.h), which all kernels of this library read. `released`
/// says whether the weight now lives in the panels alone: then w.data is null, and the caller frees what it held. Other
/// weights are left as they are. DSRT_OUT_OF_MEMORY, or DSRT_REJECTED for a payload that no product takes.
Status prepareWeight(int threads, dsrt_weight &w, bool &released);

/// Frees what prepareWeight made.
void releaseWeight(dsrt_weight &w);

/// The instruction sets that this processor runs, best last: "portable", "avx2", "avx512", "avx512bf16".
std::vector<std::string> availableIsas();

/// Chooses the kernels of later calls: a name of the above, or empty for DSRT_CPU_ISA, else the best. DSRT_USAGE for an unknown
/// name, DSRT_UNAVAILABLE for one that this processor does not run. Not to be called while products are running.
Status selectIsa(const std::string &name);

/// The name of the kernels in use, or why there are none.
Expected<std::string> selectedIsa();

} // namespace dsrt::cpu
