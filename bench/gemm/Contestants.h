// The contestants: this project's products and oneDNN's, each with weights prepared in its own layout before the clock starts, and
// copied so often that going round the copies finds none of them in a cache.
#pragma once

#include "bench/gemm/Operands.h"

#include <memory>
#include <string>

namespace bench {

class Contestant {
public:
  virtual ~Contestant() = default;
  virtual void run() = 0; ///< one product with the next copy of the weights
  virtual const void *result() const = 0;
  std::string implementation; ///< as its library names it
  int64_t copies = 1;
};

/// The result is BF16 for operands of BF16 and E4M3, else F32. `coldBytes`: the least that all copies take together.
std::unique_ptr<Contestant> ours(const Operands &operands, int threads, int64_t coldBytes);

/// oneDNN takes BF16 and F32.
std::unique_ptr<Contestant> oneDnn(const Operands &operands, int threads, int64_t coldBytes);

std::string oneDnnVersion();

inline int32_t resultType(int32_t operandType) { return operandType == DSRT_F32 ? DSRT_F32 : DSRT_BF16; }

} // namespace bench
