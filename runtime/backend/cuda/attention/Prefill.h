// Latent attention with the latent expanded (mla_prefill): what its parts hand to each other. The host cuts the context of a call into
// segments (Prefill.cpp); of each chunk of them the latents are gathered (PrefillLatents.cu), expanded to keys and values by a product, and
// attended to: PrefillFlash.cu where its shapes allow, else PrefillExact.cu.
#pragma once

#include "runtime/backend/Checks.h"
#include "runtime/backend/cuda/Operations.h"

#include <cstdint>

namespace dsrt::cuda {

/// Positions of a tile of queries or of context. Segments begin at multiples of it in their row's own positions and fill whole tiles of the
/// expanded rows, so that a token's sums depend neither on the other rows of the call nor on where the call starts.
inline constexpr int prefillTile = 128;

/// Positions [begin, begin + count) of a row's context, expanded to the rows `at` and following of the chunk, zeros up to the next tile.
struct PrefillSegment {
  int32_t offset, start, tokens; ///< of the row: its first token in the call, that one's position, its tokens
  int32_t slot;                  ///< of the cache
  int32_t begin, count, at;
};

/// The segments of a chunk: passed to kernels by value, so that nothing has to be copied to the device beforehand.
struct PrefillSegments {
  static constexpr int most = 48;
  int32_t count;
  PrefillSegment items[most];
};

/// The queries of a segment's row that stand in tile `tile` of the row's own positions.
struct PrefillTile {
  uint16_t segment, tile;
};

/// Launches of attention to a chunk, at most: of PrefillTiles::most tiles each.
inline constexpr int prefillLaunches = 256;

struct PrefillTiles {
  static constexpr int most = 512;
  int32_t count;
  PrefillTile items[most]; ///< the longest contexts first
};

/// One chunk's attention. All memory is the device's.
struct PrefillAttention {
  MlaShape shape;
  int32_t type;         ///< of y, q and expanded
  void *y;              ///< [tokens, heads * value]
  const void *q;        ///< [tokens, heads * (nope + rope)]
  const void *expanded; ///< [expandedRows, heads * (nope + value)]: of each head keys, then values
  /// [tokens, heads, value + 2], F32: result so far, running maximum and sum of queries whose context goes on in the next chunk
  float *states;
  int64_t tokens, expandedRows, layer;
  const dsrt_cache *cache;
  float softmaxScale;
  int32_t *counter; ///< 0 before the launch, and the launch's own
};

/// Any shape that expectMla takes, F32 arithmetic throughout.
cudaError_t runExactAttention(State &state, const PrefillAttention &attention, const PrefillSegments &segments, const PrefillTiles &tiles);

/// Heads of 128 + 64 query and 128 value columns in BF16 or FP16, the cache of the same type: on the tensor cores.
bool flashTakes(const PrefillAttention &attention);
cudaError_t runFlashAttention(State &state, const PrefillAttention &attention, const PrefillSegments &segments, const PrefillTiles &tiles);

/// The latents of a chunk's segments as the product with kv_b takes them, a row each position; zeros where tiles are not filled.
struct PrefillLatents {
  int64_t latent, layer;
  int64_t rows; ///< of the chunk: whole tiles
  const dsrt_cache *cache;
  int32_t *counters; ///< [prefillLaunches]: set to 0 beside, for the attention that follows
};

/// rows: [rows, latent] of `type`.
cudaError_t gatherLatents(State &state, const PrefillLatents &latents, const PrefillSegments &segments, void *rows, int32_t type);

/// amax: one F32.
cudaError_t clearAmax(State &state, float *amax);
/// amax: the largest finite magnitude so far, raised to that of these segments' latents.
cudaError_t raiseAmax(State &state, const PrefillLatents &latents, const PrefillSegments &segments, float *amax);

/// payload: [rows, latent] of format.payload; scales: [rows, tiles], F32; amax: of the whole operand where the format has tile_rows 0.
cudaError_t quantizeLatents(State &state, const PrefillLatents &latents, const PrefillSegments &segments, const dsrt_quant &format,
                            const float *amax, void *payload, float *scales);

} // namespace dsrt::cuda
