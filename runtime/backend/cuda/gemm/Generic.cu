// The product of any operands of the table, on CUDA cores: what no other kernel takes. Tiles of x and of the weight are decoded and scaled
// into shared memory as F32 and multiplied there; sums of 32 of K join the total, which is at least as often as any promotion asks.
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/gemm/Decode.cuh"
#include "runtime/backend/cuda/gemm/RowTile.cuh"

namespace dsrt::cuda {

namespace {

constexpr int threads = 256, tileN = 64, tileK = 32;

/// A block computes TileRows x 64 of y; a thread TileRows / 16 x 4.
template <int TileRows> __global__ void __launch_bounds__(threads) multiplyTiles(__grid_constant__ const Arguments a) {
  constexpr int perThread = TileRows / 16;
  __shared__ alignas(16) float xTile[tileK][TileRows + 4], weightTile[tileK][tileN + 4];
  waitForPrevious();
  allowNext();
  const RowTile tile = tileOfBlock<TileRows>(a.offsets, a.experts, a.rows, blockIdx.y);
  if (tile.expert < 0)
    return;
  const int64_t column = int64_t(blockIdx.x) * tileN;
  int rowOf = int(threadIdx.x / 16) * perThread, columnOf = int(threadIdx.x % 16) * 4;
  float total[perThread][4] = {};
  for (int64_t k = 0; k < a.x.k; k += tileK) {
    // Neighbouring threads take neighbouring rows, so that they store to different banks.
    for (int item = int(threadIdx.x); item < TileRows * (tileK / 8); item += threads) {
      int row = item % TileRows, part = item / TileRows * 8;
      float values[8] = {};
      if (tile.begin + row < tile.end)
        loadEight(a.x, 0, tile.begin + row, k + part, values);
#pragma unroll
      for (int i = 0; i < 8; ++i)
        xTile[part + i][row] = values[i];
    }
    for (int item = int(threadIdx.x); item < tileN * (tileK / 8); item += threads) {
      int row = item % tileN, part = item / tileN * 8;
      float values[8] = {};
      if (column + row < a.n)
        loadEight(a.weight, tile.expert, column + row, k + part, values);
#pragma unroll
      for (int i = 0; i < 8; ++i)
        weightTile[part + i][row] = values[i];
    }
    __syncthreads();
    float sum[perThread][4] = {};
#pragma unroll 8
    for (int i = 0; i < tileK; ++i) {
      float4 w = *reinterpret_cast<const float4 *>(&weightTile[i][columnOf]);
#pragma unroll
      for (int r = 0; r < perThread; ++r) {
        float x = xTile[i][rowOf + r];
        sum[r][0] = fmaf(x, w.x, sum[r][0]), sum[r][1] = fmaf(x, w.y, sum[r][1]);
        sum[r][2] = fmaf(x, w.z, sum[r][2]), sum[r][3] = fmaf(x, w.w, sum[r][3]);
      }
    }
#pragma unroll
    for (int r = 0; r < perThread; ++r)
#pragma unroll
      for (int c = 0; c < 4; ++c)
        total[r][c] += sum[r][c];
    __syncthreads();
  }
#pragma unroll
  for (int r = 0; r < perThread; ++r)
#pragma unroll
    for (int c = 0; c < 4; ++c)
      if (tile.begin + rowOf + r < tile.end && column + columnOf + c < a.n)
        storeRounded(a.y, a.yType, (tile.begin + rowOf + r) * a.n + column + columnOf + c, total[r][c]);
}

template <int TileRows> cudaError_t launchTiles(State &state, const Arguments &a) {
  int64_t tiles = mostTiles(a.rows, a.offsets ? a.experts : 1, TileRows);
  LaunchShape shape = {.grid = dim3(unsigned((a.n + tileN - 1) / tileN), unsigned(tiles)), .block = dim3(threads)};
  return launch(state.stream, shape, multiplyTiles<TileRows>, a);
}

} // namespace

cudaError_t runGeneric(State &state, const Multiplication &product) {
  for (int side = 0; side < product.sideCount; ++side) {
    if (product.rows == 0 || product.sides[side].n == 0)
      continue;
    Arguments arguments = argumentsOf(product, side);
    bool few = product.rows <= 16 * product.experts;
    if (cudaError_t error = few ? launchTiles<16>(state, arguments) : launchTiles<64>(state, arguments); error != cudaSuccess)
      return error;
  }
  return cudaSuccess;
}

} // namespace dsrt::cuda
