// The scales of FP8 products as cuBLASLt reads them (Lt.h).
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/gemm/Lt.h"

namespace dsrt::cuda {

namespace {

constexpr int tile = 32, threads = 256;

/// Blocks of the grid first transpose tiles of 32 rows by 32 of K's blocks, then copy rows of the weight's scales.
__global__ void __launch_bounds__(threads) blockScales(const float *xScales, float *xOut, int64_t rows, int64_t blocks, int64_t rowTiles,
                                                       int64_t blockTiles, const float *weightScales, float *weightOut, int64_t padded) {
  __shared__ float values[tile][tile + 1];
  const int column = int(threadIdx.x % tile), line = int(threadIdx.x / tile);
  waitForPrevious();
  allowNext();
  int64_t number = blockIdx.x;
  if (number >= rowTiles * blockTiles) {
    int64_t row = number - rowTiles * blockTiles;
    for (int64_t i = threadIdx.x; i < padded; i += threads)
      weightOut[row * padded + i] = i < blocks ? weightScales[row * blocks + i] : 0;
    return;
  }
  const int64_t row = number / blockTiles * tile, block = number % blockTiles * tile;
  for (int i = line; i < tile; i += threads / tile)
    if (row + i < rows && block + column < blocks)
      values[i][column] = xScales[(row + i) * blocks + block + column];
  __syncthreads();
  for (int i = line; i < tile; i += threads / tile)
    if (block + i < blocks && row + column < rows)
      xOut[(block + i) * rows + row + column] = values[column][i];
}

__global__ void __launch_bounds__(threads) spreadScales(const float *scales, float *out, int64_t n, int64_t tileRows) {
  waitForPrevious();
  allowNext();
  if (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < n)
    out[i] = scales[i / tileRows];
}

} // namespace

cudaError_t layOutBlockScales(State &state, const float *xScales, float *xOut, int64_t rows, int64_t blocks, const float *weightScales,
                              float *weightOut, int64_t channelBlocks, int64_t paddedBlocks) {
  int64_t rowTiles = (rows + tile - 1) / tile, blockTiles = (blocks + tile - 1) / tile;
  int64_t grid = rowTiles * blockTiles + (weightOut ? channelBlocks : 0);
  return launch(state.stream, {.grid = dim3(unsigned(grid)), .block = dim3(threads)}, blockScales, xScales, xOut, rows, blocks, rowTiles,
                blockTiles, weightScales, weightOut, paddedBlocks);
}

cudaError_t spreadChannelScales(State &state, const float *scales, float *out, int64_t n, int64_t tileRows) {
  return launch(state.stream, {.grid = dim3(unsigned((n + threads - 1) / threads)), .block = dim3(threads)}, spreadScales, scales, out, n,
                tileRows);
}

} // namespace dsrt::cuda
