// --compare: distance of logits to reference logits.
#pragma once

#include "runtime/launcher/Session.h"
#include "runtime/support/Json.h"

namespace dsrt {

/// ||a - b|| / ||b|| over pairs that are added one by one, in F64. 0 where all are equal; infinite where b is all zero and a is not.
class Distance {
public:
  void add(const float *a, const float *b, int64_t count);
  void add(const Distance &other);
  double value() const;

private:
  double difference = 0, reference = 0; ///< sums of squares
};

/// Distances between logits and a reference [batch, length, vocabulary], padding of ragged rows left out.
class Comparison {
public:
  /// \param reference  F32 [rows, length, vocabulary], kept alive by the caller
  Comparison(const float *reference, int64_t length, int64_t vocabulary, const TokenRows &rows);

  void add(int64_t row, int64_t position, const float *logits);

  double whole() const;
  /// Whether the whole distance is at most `tolerance`; never where it is not a number.
  bool within(double tolerance) const { return whole() <= tolerance; }
  /// {"distance": whole, "median": over tokens, "rows": [...], "tokens": [[...]...], "tolerance": ...}; infinite distances are null.
  Json json(double tolerance) const;

private:
  const float *reference;
  int64_t length, vocabulary;
  std::vector<std::vector<Distance>> tokens;
};

} // namespace dsrt
