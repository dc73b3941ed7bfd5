// Mixture of experts: routing, ordering of (token, choice) pairs by expert, gathering of rows, and the weighted sum. Nothing waits for the
// host: how many pairs an expert has stays on the device.
#include "runtime/backend/cuda/Elements.cuh"
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/Order.cuh"
#include "runtime/backend/cuda/Parts.h"
#include "runtime/backend/cuda/Route.cuh"

namespace dsrt::cuda {

namespace {

constexpr int teamMost = 256;

__device__ float biasOf(const RouteOperands &o) {
  int expert = int(threadIdx.x) % o.team;
  return o.bias && expert < o.experts ? o.bias[expert] : 0;
}

/// A block a token. Shared memory: sharedWords.
__global__ void __launch_bounds__(teamMost) routeKernel(RouteOperands o) {
  extern __shared__ uint32_t shared[];
  float bias = biasOf(o);
  waitForPrevious();
  allowNext();
  routeToken(o, blockIdx.x, true, bias, shared, nullptr);
}

/// One block: `pairs` is at most pairsOfBlock.
__global__ void __launch_bounds__(pairsOfBlock)
    orderSmall(int32_t *order, int32_t *offsets, const int32_t *experts, int pairs, int topK, int expertCount, FaultReport fault) {
  extern __shared__ uint32_t shared[];
  waitForPrevious();
  allowNext();
  orderInBlock(order, offsets, experts, pairs, topK, expertCount, fault, shared);
}

/// A block an expert, which finds its pairs itself: how many come before them, and each warp's part of them.
__global__ void __launch_bounds__(1024)
    orderLarge(int32_t *order, int32_t *offsets, const int32_t *experts, int pairs, int topK, int expertCount, FaultReport fault) {
  __shared__ int32_t equalOfWarps[32], lessOfWarps[32];
  waitForPrevious();
  allowNext();
  int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  int32_t expert = int32_t(blockIdx.x), less = 0, equal = 0;
  int segment = (pairs - 1) / 1024 * 32 + 32, begin = min(warp * segment, pairs), end = min(begin + segment, pairs); // the warp's own
#pragma unroll 8
  for (int pair = begin + lane; pair < end; pair += 32) {
    int32_t found = experts[pair];
    less += uint32_t(found) < uint32_t(expert);
    equal += found == expert;
  }
  less = __reduce_add_sync(~0u, less), equal = __reduce_add_sync(~0u, equal);
  if (lane == 0)
    equalOfWarps[warp] = equal, lessOfWarps[warp] = less;
  __syncthreads();
  int32_t first = __reduce_add_sync(~0u, lessOfWarps[lane]);
  int32_t before = __reduce_add_sync(~0u, lane < warp ? equalOfWarps[lane] : 0), all = __reduce_add_sync(~0u, equalOfWarps[lane]);
  if (threadIdx.x == 0) {
    offsets[expert] = first;
    if (expert == expertCount - 1)
      offsets[expertCount] = first + all;
  }
  if (expert == 0)
    for (int pair = begin + lane; pair < end; pair += 32)
      if (uint32_t(experts[pair]) >= uint32_t(expertCount))
        fault.raise(FaultKind::expert, experts[pair], pair / topK, expertCount);
  if (equal == 0)
    return;
  int32_t place = first + before;
#pragma unroll 4
  for (int from = begin; from < end; from += 32) {
    bool mine = from + lane < end && experts[from + lane] == expert;
    uint32_t mask = __ballot_sync(~0u, mine);
    if (mine)
      order[place + __popc(mask & ((1u << lane) - 1))] = from + lane;
    place += __popc(mask);
  }
}

/// The experts of a few tokens, a team each, then the order of all pairs, in one block.
__global__ void __launch_bounds__(1024) routeOrderSmall(RouteOperands o, int tokens, int32_t *order, int32_t *offsets, FaultReport fault) {
  extern __shared__ uint32_t memory[];
  uint32_t *shared = memory;
  float bias = biasOf(o);
  waitForPrevious();
  allowNext();
  int team = int(threadIdx.x) / o.team;
  // The choices stand before the memory that both parts use in turn.
  int pairs = tokens * o.topK;
  int32_t *choices = reinterpret_cast<int32_t *>(shared);
  shared += pairs;
  routeToken(o, team, team < tokens, bias, shared + team * o.sharedWords, choices + team * o.topK);
  __syncthreads();
  orderInBlock(order, offsets, choices, pairs, o.topK, o.experts, fault, shared);
}

constexpr int threads = 256, scannedRows = 2048, choicesHeld = 4;

__global__ void __launch_bounds__(threads) invertOrder(int32_t *positions, const int32_t *order, int64_t rows) {
  waitForPrevious();
  allowNext();
  int64_t row = blockIdx.x * int64_t(threads) + threadIdx.x;
  if (row < rows && order[row] >= 0 && order[row] < rows)
    positions[order[row]] = int32_t(row);
}

struct CombineOperands {
  void *y;
  const void *x, *b; ///< b: null, or what is added to the rounded sum
  const float *weights;
  const int32_t *order, *positions; ///< positions: order's inverse, or null where rows are few: then each block looks for its own
  int64_t hidden, rows, topK;
  bool aligned;
  FaultReport fault;
};

/// A block has 8 * threads columns of one token. Shared memory: topK positions.
template <int32_t T> __global__ void __launch_bounds__(threads) combineKernel(CombineOperands o) {
  extern __shared__ int32_t position[];
  int64_t token = blockIdx.x, firstPair = token * o.topK;
  int topK = int(o.topK);
  int64_t column = (blockIdx.y * int64_t(threads) + threadIdx.x) * vectorColumns;
  int64_t vectors = o.hidden / vectorColumns, vector = column / vectorColumns;
  waitForPrevious();
  allowNext();
  Vector<T> others; // under way while the order is read
  if (o.b && o.aligned && column < o.hidden)
    others = loadVector<T>(o.b, token * vectors + vector);
  if (o.positions) {
    for (int c = threadIdx.x; c < topK; c += threads)
      position[c] = o.positions[firstPair + c];
  } else {
    for (int c = threadIdx.x; c < topK; c += threads)
      position[c] = -1;
    __syncthreads();
    for (int row = threadIdx.x; row < o.rows; row += threads)
      if (int64_t choice = o.order[row] - firstPair; choice >= 0 && choice < topK)
        atomicMax(position + choice, row); // one row, or the last of several where the order is none
  }
  __syncthreads();
  // A pair without a row says also that another one has two, as there are as many rows as pairs. What is no position of the pair was left
  // by whoever had the workspace before.
  bool missing = false;
  for (int c = threadIdx.x; c < topK; c += threads) {
    bool found = position[c] >= 0 && position[c] < o.rows;
    if (!found || (o.positions && o.order[position[c]] != firstPair + c)) {
      o.fault.raise(FaultKind::missingPair, 0, firstPair + c, o.rows);
      missing = true;
    }
  }
  if (__syncthreads_or(missing) || column >= o.hidden)
    return;
  const float *weights = o.weights + firstPair;
  if (!o.aligned) {
    for (int64_t i = column; i < min(column + vectorColumns, o.hidden); ++i) {
      float sum = 0;
      for (int c = 0; c < topK; ++c)
        sum += weights[c] * load<T>(o.x, position[c] * o.hidden + i);
      store<T>(o.y, token * o.hidden + i, o.b ? rounded<T>(sum) + load<T>(o.b, token * o.hidden + i) : sum);
    }
    return;
  }
  float sums[vectorColumns] = {};
  for (int begin = 0; begin < topK; begin += choicesHeld) {
    Vector<T> held[choicesHeld];
#pragma unroll
    for (int j = 0; j < choicesHeld; ++j)
      if (begin + j < topK)
        held[j] = loadVector<T>(o.x, position[begin + j] * vectors + vector);
#pragma unroll
    for (int j = 0; j < choicesHeld; ++j)
      if (begin + j < topK) {
        float weight = weights[begin + j];
#pragma unroll
        for (int i = 0; i < vectorColumns; ++i)
          sums[i] += weight * held[j][i];
      }
  }
  Vector<T> result(sums);
  if (o.b) {
#pragma unroll
    for (int i = 0; i < vectorColumns; ++i)
      sums[i] = result[i] + others[i];
    result = Vector<T>(sums);
  }
  storeVector<T>(o.y, token * vectors + vector, result);
}

Status combineRows(State &state, dsrt_op op, void *y, const void *x, const float *weights, const int32_t *order, const void *b,
                   int64_t tokens, int64_t hidden, int64_t rows, int64_t top_k, int32_t type) {
  if (Status status = expectActivation("elements", type); !status.ok())
    return status;
  if (rows != tokens * top_k)
    return broken("expects a row for each of %lld pairs, but got %lld", (long long)(tokens * top_k), (long long)rows);
  if (tokens == 0 || hidden == 0)
    return {};
  CombineOperands o = {y, x, b, weights, order, nullptr, hidden, rows, top_k, false, state.faults.of(op)};
  o.aligned = hidden % vectorColumns == 0 && isAligned(y) && isAligned(x) && isAligned(b);
  size_t shared = size_t(top_k) * sizeof(int32_t);
  if (int64_t(shared) > state.sharedBytesPerBlock || size_t(rows) * sizeof(int32_t) > state.workspaceBytes)
    return broken("expects fewer pairs, but got %lld of %lld choices a token", (long long)rows, (long long)top_k);
  if (rows > scannedRows) {
    int32_t *positions = static_cast<int32_t *>(state.workspace);
    launch(state.stream, {blocksFor(rows, threads), threads}, invertOrder, positions, order, rows);
    o.positions = positions;
  }
  return withActivation(type, [&](auto t) -> Status {
    dim3 grid(unsigned(tokens), blocksFor(hidden, threads * vectorColumns));
    launch(state.stream, {grid, threads, shared}, combineKernel<t()>, o);
    return {};
  });
}

/// Fills the operands of a route that the host can check.
Status prepareRoute(State &state, RouteOperands &o, float *weights, int32_t *experts, const float *logits, const dsrt_weight *bias,
                    int64_t top_k, int64_t expert_count, int64_t scoring, int64_t selection, int64_t groups, int64_t top_groups,
                    int64_t normalize, float scaling) {
  if (Status status = expectRouting(bias, top_k, expert_count, scoring, selection, groups, top_groups); !status.ok())
    return status;
  bool grouped = selection != DSRT_SELECTION_GREEDY, noaux = selection == DSRT_SELECTION_NOAUX_TC;
  int64_t words = 2 * expert_count + 2 * (grouped ? groups : 0) + std::max(top_k, top_groups);
  if (words * 4 > state.sharedBytesPerBlock)
    return broken("expects experts whose scores fit a block's shared memory, but got %lld", (long long)expert_count);
  o = {weights,
       experts,
       logits,
       bias ? static_cast<const float *>(bias->data) : nullptr,
       int(expert_count),
       int(top_k),
       int(groups),
       int(top_groups),
       int(std::min<int64_t>(teamMost, (expert_count + 31) / 32 * 32)),
       int(words),
       scoring == DSRT_SCORING_SIGMOID,
       grouped,
       noaux,
       normalize != 0,
       scaling};
  return {};
}

void launchRoute(State &state, const RouteOperands &o, int64_t tokens) {
  if (tokens > 0)
    launch(state.stream, {unsigned(tokens), unsigned(o.team), size_t(o.sharedWords) * 4}, routeKernel, o);
}

Status orderPairs(State &state, FaultReport fault, int32_t *order, int32_t *offsets, const int32_t *experts, int64_t pairs, int64_t bounds,
                  int64_t tokens, int64_t top_k) {
  if (pairs != tokens * top_k || bounds < 1)
    return broken("expects %lld pairs and at least one bound, but got %lld pairs and %lld bounds", (long long)(tokens * top_k),
                  (long long)pairs, (long long)bounds);
  int64_t expertCount = bounds - 1;
  if (pairs <= pairsOfBlock && expertCount <= expertsOfBlock)
    launch(state.stream, {1, pairsOfBlock, orderBytes(int(pairs), int(expertCount))}, orderSmall, order, offsets, experts, int(pairs),
           int(top_k), int(expertCount), fault);
  else if (expertCount == 0 || pairs > INT32_MAX)
    return broken("expects experts and pairs that 32 bits count, but got %lld and %lld", (long long)expertCount, (long long)pairs);
  else
    launch(state.stream, {unsigned(expertCount), 1024}, orderLarge, order, offsets, experts, int(pairs), int(top_k), int(expertCount),
           fault);
  return {};
}

RowCopy copyOf(void *y, const void *x, const int32_t *index, int64_t rows, int64_t columns, int64_t tokens, int32_t type, int64_t divisor) {
  int64_t bytes = rowBytes(type, columns);
  return {y, x, index, rows, bytes, bytes, bytes, divisor, tokens};
}

Status expectGather(int32_t type, int64_t divisor) {
  if (rowBytes(type, 1) == 0 || divisor < 1)
    return broken("expects elements and a divisor from 1, but got %s and %lld", typeName(type).c_str(), (long long)divisor);
  return {};
}

} // namespace

int32_t ops::route(dsrt_context *context, int32_t site, float *weights, int32_t *experts, const float *logits, const dsrt_weight *bias,
                   int64_t tokens, int64_t top_k, int64_t expert_count, int64_t scoring, int64_t selection, int64_t groups,
                   int64_t top_groups, int64_t normalize, float scaling) {
  return guarded(context, "route", [&](State &state) -> Status {
    RouteOperands o;
    if (Status status = prepareRoute(state, o, weights, experts, logits, bias, top_k, expert_count, scoring, selection, groups, top_groups,
                                     normalize, scaling);
        !status.ok())
      return status;
    launchRoute(state, o, tokens);
    return {};
  });
}

int32_t ops::expert_order(dsrt_context *context, int32_t site, int32_t *order, int32_t *offsets, const int32_t *experts, int64_t pairs,
                          int64_t bounds, int64_t tokens, int64_t top_k) {
  return guarded(context, "expert_order", [&](State &state) {
    return orderPairs(state, state.faults.of(DSRT_OP_expert_order), order, offsets, experts, pairs, bounds, tokens, top_k);
  });
}

int32_t ops::route_order(dsrt_context *context, int32_t site, float *weights, int32_t *experts, int32_t *order, int32_t *offsets,
                         const float *logits, const dsrt_weight *bias, int64_t tokens, int64_t top_k, int64_t pairs, int64_t bounds,
                         int64_t expert_count, int64_t scoring, int64_t selection, int64_t groups, int64_t top_groups, int64_t normalize,
                         float scaling) {
  return guarded(context, "route_order", [&](State &state) -> Status {
    RouteOperands o;
    if (Status status = prepareRoute(state, o, weights, experts, logits, bias, top_k, expert_count, scoring, selection, groups, top_groups,
                                     normalize, scaling);
        !status.ok())
      return status;
    FaultReport fault = state.faults.of(DSRT_OP_route_order);
    int64_t threads = std::max(tokens * o.team, (pairs + 31) / 32 * 32);
    if (tokens > 0 && threads <= 1024 && pairs == tokens * top_k && bounds == expert_count + 1 && expert_count <= expertsOfBlock) {
      size_t shared = size_t(pairs) * 4 + std::max(size_t(threads / o.team) * o.sharedWords * 4, orderBytes(int(pairs), int(expert_count)));
      if (int64_t(shared) <= state.sharedBytesPerBlock) {
        launch(state.stream, {1, unsigned(threads), shared}, routeOrderSmall, o, int(tokens), order, offsets, fault);
        return {};
      }
    }
    launchRoute(state, o, tokens);
    return orderPairs(state, fault, order, offsets, experts, pairs, bounds, tokens, top_k);
  });
}

int32_t ops::gather_rows(dsrt_context *context, int32_t site, void *y, const void *x, const int32_t *index, int64_t rows, int64_t columns,
                         int64_t tokens, int32_t type_T, int64_t divisor) {
  return guarded(context, "gather_rows", [&](State &state) -> Status {
    if (Status status = expectGather(type_T, divisor); !status.ok())
      return status;
    RowCopy copy = copyOf(y, x, index, rows, columns, tokens, type_T, divisor);
    return copyRows(state, &copy, 1, state.faults.of(DSRT_OP_gather_rows), FaultKind::rowIndex);
  });
}

int32_t ops::gather_quantized(dsrt_context *context, int32_t site, void *y_payload, float *y_scales, const void *payload,
                              const float *scales, const int32_t *index, int64_t rows, int64_t columns, int64_t tiles, int64_t tokens,
                              int32_t type_P, int64_t divisor) {
  return guarded(context, "gather_quantized", [&](State &state) -> Status {
    if (Status status = expectGather(type_P, divisor); !status.ok())
      return status;
    RowCopy copies[] = {copyOf(y_payload, payload, index, rows, columns, tokens, type_P, divisor),
                        copyOf(y_scales, scales, index, rows, tiles, tokens, DSRT_F32, divisor)};
    return copyRows(state, copies, 2, state.faults.of(DSRT_OP_gather_quantized), FaultKind::rowIndex);
  });
}

int32_t ops::combine(dsrt_context *context, int32_t site, void *y, const void *x, const float *weights, const int32_t *order,
                     int64_t tokens, int64_t hidden, int64_t rows, int64_t top_k, int32_t type_T) {
  return guarded(context, "combine", [&](State &state) {
    return combineRows(state, DSRT_OP_combine, y, x, weights, order, nullptr, tokens, hidden, rows, top_k, type_T);
  });
}

int32_t ops::combine_add(dsrt_context *context, int32_t site, void *y, const void *x, const float *weights, const int32_t *order,
                         const void *b, int64_t tokens, int64_t hidden, int64_t rows, int64_t top_k, int32_t type_T) {
  return guarded(context, "combine_add", [&](State &state) {
    return combineRows(state, DSRT_OP_combine_add, y, x, weights, order, b, tokens, hidden, rows, top_k, type_T);
  });
}

} // namespace dsrt::cuda
