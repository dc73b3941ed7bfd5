// Mixture of experts: routing, ordering of (token, choice) pairs by expert, gathering of rows, and the weighted sum.
#include "runtime/backend/cpu/Parts.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace dsrt::cpu {

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// NaN ranks above everything, so that a NaN score is chosen and shows in the result instead of vanishing.
float rankOf(float value) { return std::isnan(value) ? infinity : value; }

/// The indices of the `count` largest of `values`, in falling order, ties to the lower index.
void topK(const float *values, int64_t size, int64_t count, std::vector<char> &taken, int32_t *indices) {
  std::fill(taken.begin(), taken.begin() + size, 0);
  for (int64_t choice = 0; choice < count; ++choice) {
    int64_t best = -1;
    for (int64_t i = 0; i < size; ++i)
      if (!taken[size_t(i)] && (best < 0 || rankOf(values[i]) > rankOf(values[best])))
        best = i;
    taken[size_t(best)] = 1;
    indices[choice] = int32_t(best);
  }
}

/// Softmax or sigmoid of one token's logits, in F32.
void scoresOf(int64_t scoring, const float *logits, int64_t count, float *scores) {
  if (scoring == DSRT_SCORING_SIGMOID) {
    for (int64_t i = 0; i < count; ++i)
      scores[i] = 1 / (1 + std::exp(-logits[i]));
    return;
  }
  float largest = *std::max_element(logits, logits + count), sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += scores[i] = std::exp(logits[i] - largest);
  for (int64_t i = 0; i < count; ++i)
    scores[i] /= sum;
}

/// A group's score: its largest value, or the sum of its two largest.
float groupScore(const float *values, int64_t count, bool sumOfTwo) {
  float first = -infinity, second = -infinity;
  for (int64_t i = 0; i < count; ++i) {
    float value = rankOf(values[i]);
    if (value > first)
      second = first, first = value;
    else if (value > second)
      second = value;
  }
  return sumOfTwo && count > 1 ? first + second : first;
}

} // namespace

Status chooseExperts(float *weights, int32_t *experts, const float *logits, const dsrt_weight *bias, int64_t tokens, int64_t top_k,
                     int64_t expert_count, int64_t scoring, int64_t selection, int64_t groups, int64_t top_groups, int64_t normalize,
                     float scaling) {
  if (Status status = expectRouting(bias, top_k, expert_count, scoring, selection, groups, top_groups); !status.ok())
    return status;
  bool grouped = selection != DSRT_SELECTION_GREEDY, noaux = selection == DSRT_SELECTION_NOAUX_TC;
  std::vector<float> scores(expert_count), choice(expert_count), groupScores(grouped ? groups : 0);
  std::vector<int32_t> bestGroups(grouped ? top_groups : 0);
  std::vector<char> taken(size_t(std::max(expert_count, groups)));
  for (int64_t token = 0; token < tokens; ++token) {
    scoresOf(scoring, logits + token * expert_count, expert_count, scores.data());
    choice = scores;
    if (bias != nullptr)
      for (int64_t e = 0; e < expert_count; ++e)
        choice[size_t(e)] += static_cast<const float *>(bias->data)[e];
    if (grouped) {
      int64_t size = expert_count / groups;
      for (int64_t g = 0; g < groups; ++g)
        groupScores[size_t(g)] = groupScore(choice.data() + g * size, size, noaux);
      topK(groupScores.data(), groups, top_groups, taken, bestGroups.data());
      // `taken` now says which groups are in. Experts of the others get minus infinity (V3) or 0 (V2), and in V2 their weight with it.
      for (int64_t e = 0; e < expert_count; ++e)
        if (!taken[size_t(e / size)]) {
          choice[size_t(e)] = noaux ? -infinity : 0;
          if (!noaux)
            scores[size_t(e)] = 0;
        }
    }
    int32_t *chosen = experts + token * top_k;
    float *chosenWeights = weights + token * top_k, sum = 0;
    topK(choice.data(), expert_count, top_k, taken, chosen);
    for (int64_t c = 0; c < top_k; ++c)
      sum += chosenWeights[c] = scores[size_t(chosen[c])];
    if (scoring == DSRT_SCORING_SIGMOID || noaux)
      sum += 1e-20f;
    for (int64_t c = 0; c < top_k; ++c) {
      if (normalize)
        chosenWeights[c] /= sum;
      chosenWeights[c] *= scaling;
    }
  }
  return {};
}

int32_t ops::route(dsrt_context *context, int32_t site, float *weights, int32_t *experts, const float *logits, const dsrt_weight *bias,
                   int64_t tokens, int64_t top_k, int64_t expert_count, int64_t scoring, int64_t selection, int64_t groups,
                   int64_t top_groups, int64_t normalize, float scaling) {
  return guarded(context, "route", [&]() {
    return chooseExperts(weights, experts, logits, bias, tokens, top_k, expert_count, scoring, selection, groups, top_groups, normalize,
                         scaling);
  });
}

Status orderPairs(int32_t *order, int32_t *offsets, const int32_t *experts, int64_t pairs, int64_t bounds, int64_t tokens, int64_t top_k) {
  if (pairs != tokens * top_k || bounds < 1)
    return broken("expects %lld pairs and at least one bound, but got %lld pairs and %lld bounds", (long long)(tokens * top_k),
                  (long long)pairs, (long long)bounds);
  std::fill(offsets, offsets + bounds, 0);
  for (int64_t pair = 0; pair < pairs; ++pair) {
    if (experts[pair] < 0 || experts[pair] >= bounds - 1)
      return broken("expects experts from 0 to %lld, but got %d at token %lld", (long long)bounds - 2, experts[pair],
                    (long long)(pair / top_k));
    ++offsets[experts[pair] + 1];
  }
  for (int64_t e = 1; e < bounds; ++e)
    offsets[e] += offsets[e - 1];
  std::vector<int32_t> next(offsets, offsets + bounds);
  for (int64_t pair = 0; pair < pairs; ++pair)
    order[next[size_t(experts[pair])]++] = int32_t(pair);
  return {};
}

int32_t ops::expert_order(dsrt_context *context, int32_t site, int32_t *order, int32_t *offsets, const int32_t *experts, int64_t pairs,
                          int64_t bounds, int64_t tokens, int64_t top_k) {
  return guarded(context, "expert_order", [&]() { return orderPairs(order, offsets, experts, pairs, bounds, tokens, top_k); });
}

Status gatherRows(dsrt_context *context, void *y, const void *x, const int32_t *index, int64_t rows, int64_t columns, int64_t tokens,
                  int32_t type, int64_t divisor) {
  int64_t bytes = rowBytes(type, columns);
  if (rowBytes(type, 1) == 0 || divisor < 1)
    return broken("expects elements and a divisor from 1, but got %s and %lld", typeName(type).c_str(), (long long)divisor);
  for (int64_t row = 0; row < rows; ++row)
    if (index[row] < 0 || index[row] / divisor >= tokens)
      return broken("expects rows of %lld, but got index %d by %lld at row %lld", (long long)tokens, index[row], (long long)divisor,
                    (long long)row);
  constexpr int64_t step = 8;
  parallelFor(threadsFor(context, rows * columns), (rows + step - 1) / step, [&](int64_t item) {
    for (int64_t row = item * step; row < std::min(rows, (item + 1) * step); ++row)
      memcpy(static_cast<char *>(y) + row * bytes, static_cast<const char *>(x) + index[row] / divisor * bytes, size_t(bytes));
  });
  return {};
}

int32_t ops::gather_rows(dsrt_context *context, int32_t site, void *y, const void *x, const int32_t *index, int64_t rows, int64_t columns,
                         int64_t tokens, int32_t type_T, int64_t divisor) {
  return guarded(context, "gather_rows", [&]() { return gatherRows(context, y, x, index, rows, columns, tokens, type_T, divisor); });
}

Status combineRows(dsrt_context *context, void *y, const void *x, const float *weights, const int32_t *order, int64_t tokens,
                   int64_t hidden, int64_t rows, int64_t top_k, int32_t type) {
  if (Status status = expectActivation("elements", type); !status.ok())
    return status;
  if (rows != tokens * top_k)
    return broken("expects a row for each of %lld pairs, but got %lld", (long long)(tokens * top_k), (long long)rows);
  std::vector<int32_t> position(size_t(rows), -1);
  for (int64_t row = 0; row < rows; ++row) {
    if (order[row] < 0 || order[row] >= rows || position[size_t(order[row])] >= 0)
      return broken("expects each of %lld pairs once, but got pair %d at row %lld", (long long)rows, order[row], (long long)row);
    position[size_t(order[row])] = int32_t(row);
  }
  parallelFor(threadsFor(context, rows * hidden), tokens, [&](int64_t token) {
    float buffer[chunk], result[chunk];
    for (int64_t begin = 0; begin < hidden; begin += chunk) {
      int64_t count = std::min(chunk, hidden - begin);
      std::fill(result, result + count, 0.f);
      for (int64_t pair = token * top_k; pair < (token + 1) * top_k; ++pair) {
        const float *values = loadF32(x, position[size_t(pair)] * hidden + begin, type, buffer, count);
        for (int64_t i = 0; i < count; ++i)
          result[i] += weights[pair] * values[i];
      }
      fromF32(result, type, at(y, token * hidden + begin, type), size_t(count));
    }
  });
  return {};
}

int32_t ops::combine(dsrt_context *context, int32_t site, void *y, const void *x, const float *weights, const int32_t *order,
                     int64_t tokens, int64_t hidden, int64_t rows, int64_t top_k, int32_t type_T) {
  return guarded(context, "combine", [&]() { return combineRows(context, y, x, weights, order, tokens, hidden, rows, top_k, type_T); });
}

} // namespace dsrt::cpu
