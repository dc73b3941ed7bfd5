// From ds, with its precision explicit, to dsrt: each operation becomes a call on buffers.
#pragma once

#include "mlir/Pass/Pass.h"

#include <memory>

namespace dsmlir {

/// What the memory plan holds. 0: not given, the default holds.
struct ProgramLimits {
  int64_t maxTokens = 0;    ///< tokens in one call: 2048
  int64_t maxSequences = 0; ///< rows: the smaller of 64 and maxTokens
  int64_t maxLength = 0;    ///< positions of a row: the smaller of 4096 and the model's
};

/// `ds-to-dsrt`: replaces each ds.model by a dsrt.program. Expects legalised precision; what is not is an error at its operation.
std::unique_ptr<mlir::Pass> createDSToDSRTPass(const ProgramLimits &limits = {});

} // namespace dsmlir
