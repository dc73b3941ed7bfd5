// Token distances are kept as sums of squares: rows and the whole are sums of them.
#include "runtime/launcher/Comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>

using namespace dsrt;

void Distance::add(const float *a, const float *b, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    double apart = double(a[i]) - double(b[i]);
    difference += apart * apart;
    reference += double(b[i]) * double(b[i]);
  }
}

void Distance::add(const Distance &other) { difference += other.difference, reference += other.reference; }

double Distance::value() const {
  if (reference == 0)
    return difference == 0 ? 0 : std::numeric_limits<double>::infinity();
  return std::sqrt(difference / reference);
}

Comparison::Comparison(const float *reference, int64_t length, int64_t vocabulary, const TokenRows &rows)
    : reference(reference), length(length), vocabulary(vocabulary) {
  for (const std::vector<int32_t> &row : rows)
    tokens.emplace_back(row.size());
}

void Comparison::add(int64_t row, int64_t position, const float *logits) {
  tokens[row][position].add(logits, reference + (row * length + position) * vocabulary, vocabulary);
}

double Comparison::whole() const {
  Distance sum;
  for (const std::vector<Distance> &row : tokens)
    for (const Distance &token : row)
      sum.add(token);
  return sum.value();
}

Json Comparison::json(double tolerance) const {
  Json byRow = Json::array(), byToken = Json::array();
  std::vector<double> all;
  for (const std::vector<Distance> &row : tokens) {
    Distance sum;
    Json distances = Json::array();
    for (const Distance &token : row) {
      sum.add(token);
      distances.push_back(token.value());
      all.push_back(token.value());
    }
    byRow.push_back(sum.value());
    byToken.push_back(std::move(distances));
  }
  // Of an even number the mean of the two in the middle.
  std::sort(all.begin(), all.end());
  double median = all.empty() ? 0 : (all[(all.size() - 1) / 2] + all[all.size() / 2]) / 2;
  return {{"distance", whole()}, {"median", median}, {"rows", byRow}, {"tokens", byToken}, {"tolerance", tolerance}};
}
