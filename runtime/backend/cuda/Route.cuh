// The experts of one token, scored by a team of threads and chosen by its first warp (DeepSeek-V2, arXiv 2405.04434, section 2.2;
// DeepSeek-V3, arXiv 2412.19437, section 2.1.2). Exponentials are those of F64 rounded to F32 and sums go in the order of the experts, as
// on the CPU: scores that are equal or close rank alike on both.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

namespace dsrt::cuda {

struct RouteOperands {
  float *weights;      ///< [tokens, topK]
  int32_t *chosen;     ///< [tokens, topK]
  const float *logits; ///< [tokens, experts]
  const float *bias;   ///< [experts] or null
  int experts, topK, groups, topGroups;
  int team;        ///< threads of a token: whole warps
  int sharedWords; ///< of a token: scores and ranks of experts, ranks of groups and which are in, choices
  bool sigmoid, grouped, noaux, normalize;
  float scaling;
};

/// Values as numbers that order as they do; NaN ranks with infinity, so that a NaN score is chosen and shows in the result; 0 is below all.
__device__ inline uint32_t rankOf(float value) {
  uint32_t bits = __float_as_uint(isnan(value) ? INFINITY : value + 0.f); // -0 becomes 0
  return bits >> 31 ? ~bits : bits | 0x80000000;
}

/// The indices of the `count` largest ranks in falling order, ties to the lower index. All lanes of a warp call it.
/// Held: ranks that a lane keeps in registers, where 32 * Held of them are enough; 0: they stay in shared memory, and those that are
/// chosen become 0.
template <int Held> __device__ void chooseLargest(uint32_t *ranks, int size, int count, int32_t *indices) {
  int lane = threadIdx.x % 32;
  uint32_t held[Held > 0 ? Held : 1];
#pragma unroll
  for (int r = 0; r < Held; ++r)
    held[r] = lane + 32 * r < size ? ranks[lane + 32 * r] : 0;
  for (int choice = 0; choice < count; ++choice) {
    uint32_t best = 0;
    int index = INT32_MAX;
#pragma unroll
    for (int r = 0; r < Held; ++r)
      best = max(best, held[r]);
    for (int i = lane; Held == 0 && i < size; i += 32)
      if (ranks[i] > best)
        best = ranks[i], index = i;
    uint32_t largest = __reduce_max_sync(~0u, best);
#pragma unroll
    for (int r = Held - 1; r >= 0; --r)
      index = held[r] == largest ? lane + 32 * r : index;
    int winner = __reduce_min_sync(~0u, best == largest ? index : INT32_MAX);
#pragma unroll
    for (int r = 0; r < Held; ++r)
      held[r] = winner == lane + 32 * r ? 0 : held[r];
    if (lane == 0) {
      indices[choice] = winner;
      if (Held == 0)
        ranks[winner] = 0;
    }
    if (Held == 0)
      __syncwarp();
  }
  __syncwarp();
}

__device__ inline void chooseLargest(uint32_t *ranks, int size, int count, int32_t *indices) {
  if (size <= 64)
    chooseLargest<2>(ranks, size, count, indices);
  else if (size <= 256)
    chooseLargest<8>(ranks, size, count, indices);
  else
    chooseLargest<0>(ranks, size, count, indices);
}

/// All threads of a block call it, each of `team` threads in turn for a token of its own; a token that is none has `active` false.
/// \param bias     of the expert that is the thread's number in its team, loaded early \param shared  sharedWords of the team's own
/// \param choices  null, or where else the choices go: [topK]
__device__ inline void routeToken(const RouteOperands &o, int64_t token, bool active, float bias, uint32_t *shared, int32_t *choices) {
  int thread = int(threadIdx.x) % o.team, lane = thread % 32, warp = thread / 32, warps = o.team / 32;
  float *scores = reinterpret_cast<float *>(shared);
  uint32_t *ranks = shared + o.experts, *groupRanks = ranks + o.experts, *groupIn = groupRanks + (o.grouped ? o.groups : 0);
  int32_t *chosen = reinterpret_cast<int32_t *>(groupIn + (o.grouped ? o.groups : 0));
  const float *logits = o.logits + token * o.experts;
  int experts = active ? o.experts : 0; // idle teams go through the barriers

  auto rankFrom = [&](int e) { ranks[e] = rankOf(o.bias ? scores[e] + (e == thread ? bias : o.bias[e]) : scores[e]); };
  if (o.sigmoid) {
    for (int e = thread; e < experts; e += o.team) {
      scores[e] = 1 / (1 + float(exp(double(-logits[e]))));
      rankFrom(e);
    }
  } else {
    for (int e = thread; e < experts; e += o.team)
      scores[e] = logits[e];
    __syncthreads();
    float largest = -INFINITY, sum = 0;
    for (int e = lane; e < experts; e += 32)
      largest = fmaxf(largest, scores[e]);
    for (int distance = 16; distance > 0; distance /= 2)
      largest = fmaxf(largest, __shfl_xor_sync(~0u, largest, distance));
    __syncthreads();
    for (int e = thread; e < experts; e += o.team)
      scores[e] = float(exp(double(scores[e] - largest)));
    __syncthreads();
#pragma unroll 16
    for (int e = 0; e < experts; ++e)
      sum += scores[e];
    __syncthreads();
    for (int e = thread; e < experts; e += o.team) {
      scores[e] /= sum;
      rankFrom(e);
    }
  }
  __syncthreads();
  int size = o.grouped ? o.experts / o.groups : 0;
  // A group's score: its largest value (V2), or the sum of its two largest (V3). A warp a group.
  for (int group = warp; o.grouped && active && group < o.groups; group += warps) {
    uint32_t first = 0, second = 0;
    for (int i = lane; i < size; i += 32) {
      uint32_t rank = ranks[group * size + i];
      second = max(second, min(first, rank));
      first = max(first, rank);
    }
    uint32_t largest = __reduce_max_sync(~0u, first);
    bool owner = lane == __ffs(__ballot_sync(~0u, first == largest)) - 1;
    uint32_t next = __reduce_max_sync(~0u, owner ? second : first);
    auto valueOf = [](uint32_t rank) { return __uint_as_float(rank >> 31 ? rank & 0x7fffffff : ~rank); };
    if (lane == 0) {
      groupRanks[group] = rankOf(o.noaux && size > 1 ? valueOf(largest) + valueOf(next) : valueOf(largest));
      groupIn[group] = 0;
    }
  }
  if (o.grouped)
    __syncthreads();
  if (warp != 0 || !active)
    return;
  if (o.grouped) {
    chooseLargest(groupRanks, o.groups, o.topGroups, chosen);
    for (int i = lane; i < o.topGroups; i += 32)
      groupIn[chosen[i]] = 1;
    __syncwarp();
    // Experts of the other groups get minus infinity (V3) or 0 (V2), and in V2 their weight with it.
    for (int e = lane; e < o.experts; e += 32)
      if (!groupIn[e / size]) {
        ranks[e] = rankOf(o.noaux ? -INFINITY : 0);
        if (!o.noaux)
          scores[e] = 0;
      }
    __syncwarp();
  }
  chooseLargest(ranks, o.experts, o.topK, chosen);
  float sum = 0;
#pragma unroll 8
  for (int c = 0; c < o.topK; ++c)
    sum += scores[chosen[c]];
  if (o.sigmoid || o.noaux)
    sum += 1e-20f;
  for (int c = lane; c < o.topK; c += 32) {
    float weight = scores[chosen[c]];
    o.weights[token * o.topK + c] = (o.normalize ? weight / sum : weight) * o.scaling;
    o.chosen[token * o.topK + c] = chosen[c];
    if (choices)
      choices[c] = chosen[c];
  }
}

} // namespace dsrt::cuda
