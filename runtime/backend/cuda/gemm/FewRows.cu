// Products of few rows on CUDA cores, for any operands of the table: the router in F32, four-bit weights in decode. Bound by the bytes of
// the weight, which is read once for eight rows.
//
// A block computes up to Rows rows of Channels channels: its warps share K, each lane sums eight neighbouring elements of every 2048, and
// the sums are added in a fixed order, over the lanes and then over the warps.
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/gemm/Decode.cuh"
#include "runtime/backend/cuda/gemm/RowTile.cuh"

namespace dsrt::cuda {

namespace {

constexpr int warps = 8, threads = 32 * warps;

/// Ahead: pieces of eight elements a channel that each lane loads before it uses them, of a dense product's weights already while the
/// kernel before this one ends.
template <int32_t WeightType, int Rows, int Channels, int Ahead>
__global__ void __launch_bounds__(threads) multiplyFewRows(__grid_constant__ const Arguments a) {
  const int lane = int(threadIdx.x % 32), warp = int(threadIdx.x / 32);
  const int64_t channel = int64_t(blockIdx.x) * Channels;
  const int channels = int(min(int64_t(Channels), a.n - channel));
  if (a.offsets != nullptr)
    waitForPrevious();
  const RowTile tile = tileOfBlock<Rows>(a.offsets, a.experts, a.rows, blockIdx.y);
  if (tile.expert < 0)
    return;
  const int rows = int(min(int64_t(Rows), tile.end - tile.begin));
  float sum[Rows][Channels] = {};
  for (int64_t begin = 0; begin < a.x.k; begin += threads * 8 * Ahead) {
    float w[Ahead][Channels][8] = {};
#pragma unroll
    for (int p = 0; p < Ahead; ++p)
#pragma unroll
      for (int c = 0; c < Channels; ++c)
        if (c < channels)
          loadEight<WeightType>(a.weight, tile.expert, channel + c, begin + (p * threads + int(threadIdx.x)) * 8, w[p][c]);
    if (begin == 0) {
      if (a.offsets == nullptr)
        waitForPrevious();
      allowNext();
    }
#pragma unroll
    for (int r = 0; r < Rows; ++r) {
      if (r >= rows)
        break;
#pragma unroll
      for (int p = 0; p < Ahead; ++p) {
        float x[8];
        loadEight(a.x, 0, tile.begin + r, begin + (p * threads + int(threadIdx.x)) * 8, x);
#pragma unroll
        for (int c = 0; c < Channels; ++c)
#pragma unroll
          for (int i = 0; i < 8; ++i)
            sum[r][c] = fmaf(x[i], w[p][c][i], sum[r][c]);
      }
    }
  }
  __shared__ float sums[warps][Rows][Channels];
#pragma unroll
  for (int r = 0; r < Rows; ++r)
#pragma unroll
    for (int c = 0; c < Channels; ++c) {
#pragma unroll
      for (int step = 16; step > 0; step /= 2)
        sum[r][c] += __shfl_xor_sync(~0u, sum[r][c], step);
      if (lane == 0)
        sums[warp][r][c] = sum[r][c];
    }
  __syncthreads();
  if (int(threadIdx.x) >= Rows * Channels)
    return;
  int r = int(threadIdx.x) / Channels, c = int(threadIdx.x) % Channels;
  if (r >= rows || c >= channels)
    return;
  float total = 0;
#pragma unroll
  for (int part = 0; part < warps; ++part)
    total += sums[part][r][c];
  storeRounded(a.y, a.yType, (tile.begin + r) * a.n + channel + c, total);
}

template <int32_t WeightType, int Rows, int Channels, int Ahead> cudaError_t launchFewRows(State &state, const Arguments &a) {
  int64_t tiles = mostTiles(a.rows, a.offsets ? a.experts : 1, Rows);
  LaunchShape shape = {.grid = dim3(unsigned((a.n + Channels - 1) / Channels), unsigned(tiles)), .block = dim3(threads)};
  return launch(state.stream, shape, multiplyFewRows<WeightType, Rows, Channels, Ahead>, a);
}

template <int32_t WeightType> cudaError_t launchOf(State &state, const Arguments &a) {
  // Rows of one expert, at the least; few channels a block where there are few rows, so that the blocks fill the device.
  int64_t rows = a.offsets ? (a.rows + a.experts - 1) / a.experts : a.rows;
  if (rows == 1)
    return launchFewRows<WeightType, 1, 2, 4>(state, a);
  if (rows <= 4)
    return launchFewRows<WeightType, 4, 2, 2>(state, a);
  return launchFewRows<WeightType, 8, 4, 1>(state, a);
}

} // namespace

bool fewRowsTakes(const Multiplication &product) { return product.k > 0 && product.rows <= 32 * product.experts && product.rows <= 65535; }

cudaError_t runFewRows(State &state, const Multiplication &product) {
  for (int side = 0; side < product.sideCount; ++side) {
    if (product.rows == 0 || product.sides[side].n == 0)
      continue;
    Arguments arguments = argumentsOf(product, side);
    auto launchFor = [&]() {
      switch (arguments.weight.type) {
      case DSRT_F32:
        return launchOf<DSRT_F32>(state, arguments);
      case DSRT_BF16:
        return launchOf<DSRT_BF16>(state, arguments);
      case DSRT_F16:
        return launchOf<DSRT_F16>(state, arguments);
      case DSRT_F8E4M3:
        return launchOf<DSRT_F8E4M3>(state, arguments);
      default:
        return launchOf<DSRT_F4E2M1>(state, arguments);
      }
    };
    if (cudaError_t error = launchFor(); error != cudaSuccess)
      return error;
  }
  return cudaSuccess;
}

} // namespace dsrt::cuda
