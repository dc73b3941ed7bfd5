// The three steps of mla_decode on the device, and what passes between them: the absorbed queries, and for each part of a token's
// context the attended latent with the maximum and the sum of its softmax.
//
// A token's context is cut into tiles of 32 positions, and its tiles into `splits` parts of equal extent (the last ones may be empty):
// the number comes from the host, from extents alone, and the parts from the position that the device holds, so that a captured
// graph serves every position.
#pragma once

#include "runtime/backend/cuda/Operations.h"

#include <cuda_bf16.h>

namespace dsrt::cuda {

struct DecodeCall {
  void *y;       ///< [tokens, heads, value], of `type`
  const void *q; ///< [tokens, heads, nope + rope], of `type`
  int32_t type;

  const void *weight; ///< kv_b: [heads, nope + value, latent], of format.payload; the first nope rows of a head are its keys
  const float *scales;
  dsrt_quant format;

  const void *cache; ///< [slots, layers, positions, latent + rope], of `cacheType`
  int32_t cacheType;
  int32_t slotCount, layers, layer, positions;
  const int32_t *slots, *starts; ///< [tokens], on the device: slot, and position of the token itself

  int32_t tokens, heads, nope, rope, value, latent;
  float softmaxScale; ///< times log2(e): all exponentials are powers of two

  int32_t splits;
  bool queriesSplit; ///< absorbed queries are BF16, queriesHigh + queriesLow; otherwise F32, queries
  float *queries;    ///< [tokens, heads, latent]
  __nv_bfloat16 *queriesHigh, *queriesLow;
  float *attended; ///< [tokens, splits, heads, latent]: sums of 2^(score - maximum) * latent
  float2 *sums;    ///< [tokens, splits, heads]: maximum score times softmaxScale, and the sum of 2^(score - maximum)
};

constexpr int decodeTile = 32; ///< positions

/// The tiles of a split of a context, and how many splits are not empty.
struct DecodePart {
  int begin, end; ///< tiles
  int used;       ///< splits

  __host__ __device__ DecodePart(int length, int splits, int split) {
    int tiles = (length + decodeTile - 1) / decodeTile, each = (tiles + splits - 1) / splits;
    used = (tiles + each - 1) / each;
    begin = split * each, end = begin + each < tiles ? begin + each : tiles;
  }
};

// Each queues one step. The ones on tensor cores take the shapes and types for which `takes...` is true; the plain ones take all.
cudaError_t absorbPlain(State &, const DecodeCall &);
cudaError_t attendPlain(State &, const DecodeCall &);
cudaError_t projectPlain(State &, const DecodeCall &);

bool takesProjections(const DecodeCall &); ///< BF16 queries, and a weight of BF16 or of scaled E4M3
cudaError_t absorb(State &, const DecodeCall &);
cudaError_t project(State &, const DecodeCall &);

bool takesAttention(const DecodeCall &);       ///< BF16 queries and cache, a latent of up to 512 columns
int64_t attentionBlocks(const DecodeCall &);   ///< that one split makes
int attentionBlocksAtOnce(const DecodeCall &); ///< on a multiprocessor
cudaError_t attend(State &, const DecodeCall &);

bool takesManyHeads(const DecodeCall &); ///< of the shapes and types of takesAttention those for which wgmma is faster
int64_t manyHeadsBlocks(const DecodeCall &);
cudaError_t attendManyHeads(State &, const DecodeCall &);

} // namespace dsrt::cuda
