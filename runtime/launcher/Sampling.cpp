// Sums are in F64 and in a fixed order, so that a seed gives the same tokens on every machine that computes the same logits.
#include "runtime/launcher/Sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

using namespace dsrt;

/// The finaliser of splitmix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
static uint64_t mix(uint64_t z) {
  z += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

double dsrt::uniformFor(uint64_t seed, uint64_t row, uint64_t step) { return double(mix(mix(mix(seed) ^ row) ^ step) >> 11) * 0x1p-53; }

int32_t Sampler::next(const float *logits, int64_t count, uint64_t row, uint64_t step) {
  if (options.greedy)
    return int32_t(std::max_element(logits, logits + count) - logits); // the first of equal ones

  order.resize(count);
  std::iota(order.begin(), order.end(), 0);
  auto likelier = [&](int32_t a, int32_t b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
  int64_t kept = options.topK > 0 ? std::min(options.topK, count) : count;
  std::partial_sort(order.begin(), order.begin() + kept, order.end(), likelier);

  likelihood.resize(kept);
  double largest = logits[order[0]], sum = 0;
  for (int64_t i = 0; i < kept; ++i)
    sum += likelihood[i] = std::exp((logits[order[i]] - largest) / options.temperature);
  if (options.topP < 1) {
    double covered = 0;
    for (int64_t i = 0; i < kept; ++i)
      if ((covered += likelihood[i]) >= options.topP * sum)
        kept = i + 1;
    sum = covered;
  }
  double drawn = uniformFor(options.seed, row, step) * sum, covered = 0;
  for (int64_t i = 0; i < kept; ++i)
    if ((covered += likelihood[i]) > drawn)
      return order[i];
  return order[kept - 1]; // the sum was rounded up
}
