// From logits to the next token: greedy, or drawn from the distribution that temperature, top-k and top-p leave, in this order.
#pragma once

#include <cstdint>
#include <vector>

namespace dsrt {

struct SamplingOptions {
  bool greedy = true;
  double temperature = 1; ///< > 0: logits are divided by it
  int64_t topK = 0;       ///< the k likeliest tokens; 0: all
  double topP = 1;        ///< of those the fewest, likeliest first, whose probabilities sum to at least topP; in (0, 1]
  uint64_t seed = 0;
};

class Sampler {
public:
  explicit Sampler(const SamplingOptions &options) : options(options) {}

  /// The token for `step` (0: the first new token) of `row`. Among equal logits the lower id is the likelier one. What is drawn
  /// depends on seed, row, step and logits alone: neither on other rows nor on the order of calls.
  ///
  /// \param logits  F32 [count], finite; count is at least 1
  int32_t next(const float *logits, int64_t count, uint64_t row, uint64_t step);

private:
  SamplingOptions options;
  std::vector<int32_t> order;     ///< candidates, likeliest first
  std::vector<double> likelihood; ///< unnormalised, of each candidate
};

/// A number of [0, 1) for each (seed, row, step), in steps of 2^-53.
double uniformFor(uint64_t seed, uint64_t row, uint64_t step);

} // namespace dsrt
