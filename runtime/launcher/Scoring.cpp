// Rows are run whole, last token and all, so that what is scored are the logits that --logits-out would write.
#include "runtime/launcher/Scoring.h"

#include <algorithm>
#include <cmath>

using namespace dsrt;

/// ln of the sum over exp(logits[i]).
static double logSumExp(const float *logits, int64_t count) {
  double largest = *std::max_element(logits, logits + count), sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += std::exp(logits[i] - largest);
  return std::log(sum) + largest;
}

double dsrt::crossEntropy(const float *logits, int64_t count, int32_t token) { return logSumExp(logits, count) - logits[token]; }

double dsrt::divergence(const float *reference, const float *logits, int64_t count) {
  double ofReference = logSumExp(reference, count), ofLogits = logSumExp(logits, count), sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    double lnP = reference[i] - ofReference, lnQ = logits[i] - ofLogits;
    sum += std::exp(lnP) * (lnP - lnQ);
  }
  return std::max(sum, 0.0); // equal distributions differ by the rounding of the sum
}

Json Score::json() const { return {{"nll", nll}, {"mean", mean}, {"perplexity", perplexity}}; }

Expected<Score> dsrt::score(Session &session, const TokenRows &rows, Phase phase) {
  Score result;
  result.nll.resize(rows.size());
  int64_t vocabulary = session.manifest().vocabulary;
  Status status = session.forward(rows, Wanted::All, phase, [&](int64_t row, int64_t position, const float *logits) -> Status {
    if (position + 1 < int64_t(rows[row].size()))
      result.nll[row] += crossEntropy(logits, vocabulary, rows[row][position + 1]);
    return {};
  });
  if (!status.ok())
    return status;
  for (size_t row = 0; row < rows.size(); ++row) {
    result.nll[row] /= double(rows[row].size() - 1);
    result.mean += result.nll[row];
  }
  result.mean /= double(rows.size());
  result.perplexity = std::exp(result.mean);
  return result;
}
