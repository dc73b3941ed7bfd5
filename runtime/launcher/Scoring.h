// --score: how well the model predicts given text.
#pragma once

#include "runtime/launcher/Session.h"
#include "runtime/support/Json.h"

namespace dsrt {

/// -ln p(token) in nats of the softmax over `logits` F32 [count]: log-sum-exp in F64.
double crossEntropy(const float *logits, int64_t count, int32_t token);

/// Kullback-Leibler divergence of two distributions in nats: the sum over tokens of p (ln p - ln q), where p is the softmax over
/// `reference` and q that over `logits`, both F32 [count], finite. In F64; never below 0.
double divergence(const float *reference, const float *logits, int64_t count);

struct Score {
  std::vector<double> nll; ///< of each row: the mean over its positions 0 .. length - 2 of -ln p(next token)
  double mean = 0;         ///< over rows
  double perplexity = 0;   ///< exp(mean)

  /// {"nll": [...], "mean": ..., "perplexity": ...}
  Json json() const;
};

/// Rows have at least two tokens.
Expected<Score> score(Session &session, const TokenRows &rows, Phase phase);

} // namespace dsrt
