// Operations that treat each row or element by itself: embedding, cast, add, slice_columns, swiglu. Arithmetic is in F32 and a result is
// rounded once. Elements of dense operands are taken eight a thread, whatever the rows are; rows that are only copied, in the largest
// units that their addresses and lengths allow.
#include "runtime/backend/cuda/Elements.cuh"
#include "runtime/backend/cuda/Gate.cuh"
#include "runtime/backend/cuda/Launch.cuh"
#include "runtime/backend/cuda/Parts.h"

namespace dsrt::cuda {

namespace {

constexpr int threads = 256;

/// y[i] = fn(x[i], ...) for `count` elements; vectors where all bases are aligned.
template <int32_t Y, int32_t X, typename Fn, typename... Operands>
__global__ void __launch_bounds__(threads) mapElements(void *y, int64_t count, bool aligned, Fn fn, Operands... operands) {
  waitForPrevious();
  allowNext();
  int64_t vector = blockIdx.x * int64_t(threads) + threadIdx.x, begin = vector * vectorColumns;
  if (aligned && begin + vectorColumns <= count) {
    auto apply = [&](const auto &...vectors) {
      float results[vectorColumns];
#pragma unroll
      for (int i = 0; i < vectorColumns; ++i)
        results[i] = fn(vectors[i]...);
      storeVector<Y>(y, vector, Vector<Y>(results));
    };
    apply(loadVector<X>(operands, vector)...);
    return;
  }
  for (int64_t i = begin; i < min(begin + vectorColumns, count); ++i)
    store<Y>(y, i, fn(load<X>(operands, i)...));
}

template <int32_t Y, int32_t X, typename Fn, typename... Operands>
Status map(State &state, void *y, int64_t count, Fn fn, const Operands *...operands) {
  if (count > 0)
    launch(state.stream, {blocksFor(count, int64_t(threads) * vectorColumns), threads}, mapElements<Y, X, Fn, decltype(operands)...>, y,
           count, isAligned(y) && (isAligned(operands) && ...), fn, operands...);
  return {};
}

struct Identity {
  __device__ float operator()(float x) const { return x; }
};
struct Sum {
  __device__ float operator()(float a, float b) const { return a + b; }
};
struct Gate {
  __device__ float operator()(float gate, float up) const { return gated(gate, up); }
};

template <int32_t T>
__global__ void __launch_bounds__(threads)
    embeddingKernel(void *y, const int32_t *ids, WeightRows table, int64_t tokens, int64_t vocabulary, FaultReport fault) {
  waitForPrevious();
  allowNext();
  int64_t item = blockIdx.x * int64_t(threads) + threadIdx.x, token = quotient(item, table.cols), column = item - token * table.cols;
  if (token >= tokens)
    return;
  int32_t id = ids[token];
  if (id < 0 || id >= vocabulary)
    return fault.raise(FaultKind::tokenId, id, token, vocabulary);
  store<T>(y, item, table.at(id, column));
}

/// A copy whose rows are `units` units of `unitBytes`, done by `blocks` blocks: first the first `slab` units of all rows, then the next
/// ones.
struct UnitCopy {
  RowCopy rows;
  int64_t units, slab;
  int unitBytes;
  unsigned blocks;
};
struct UnitCopies {
  UnitCopy copies[2];
};

constexpr int unitsOfThread = 4;
constexpr int64_t slabBytes = 8 << 20;

template <typename Unit> __device__ void copyUnits(const UnitCopy &copy, int64_t block, const FaultReport &fault, FaultKind kind) {
  Unit held[unitsOfThread];
  int64_t targets[unitsOfThread];
#pragma unroll
  for (int i = 0; i < unitsOfThread; ++i) {
    int64_t item = (block * unitsOfThread + i) * threads + threadIdx.x, part = quotient(item, copy.slab);
    int64_t slab = copy.slab == copy.units ? 0 : quotient(part, copy.rows.rows), row = part - slab * copy.rows.rows,
            unit = item - part * copy.slab + slab * copy.slab;
    targets[i] = -1;
    if (unit >= copy.units || row >= copy.rows.rows)
      continue;
    int64_t from = row;
    if (copy.rows.index) {
      int32_t index = copy.rows.index[row];
      from = index < 0 ? -1 : quotient(index, copy.rows.divisor);
      if (from < 0 || from >= copy.rows.bound) {
        fault.raise(kind, index, row, copy.rows.bound);
        continue;
      }
    }
    targets[i] = row * copy.rows.yStride + unit * int64_t(sizeof(Unit));
    held[i] =
        *reinterpret_cast<const Unit *>(static_cast<const char *>(copy.rows.x) + from * copy.rows.xStride + unit * int64_t(sizeof(Unit)));
  }
#pragma unroll
  for (int i = 0; i < unitsOfThread; ++i)
    if (targets[i] >= 0) // leaves the cache to rows that are read again
      __stcs(reinterpret_cast<Unit *>(static_cast<char *>(copy.rows.y) + targets[i]), held[i]);
}

__global__ void __launch_bounds__(threads) copyRowsKernel(UnitCopies copies, FaultReport fault, FaultKind kind) {
  waitForPrevious();
  allowNext();
  bool first = blockIdx.x < copies.copies[0].blocks;
  const UnitCopy &copy = first ? copies.copies[0] : copies.copies[1];
  int64_t block = first ? blockIdx.x : blockIdx.x - copies.copies[0].blocks;
  switch (copy.unitBytes) {
  case 16:
    return copyUnits<uint4>(copy, block, fault, kind);
  case 8:
    return copyUnits<uint2>(copy, block, fault, kind);
  case 4:
    return copyUnits<uint32_t>(copy, block, fault, kind);
  case 2:
    return copyUnits<unsigned short>(copy, block, fault, kind);
  default:
    return copyUnits<unsigned char>(copy, block, fault, kind);
  }
}

} // namespace

Status copyRows(State &state, const RowCopy *copies, int count, FaultReport fault, FaultKind kind) {
  UnitCopies all = {};
  unsigned blocks = 0;
  for (int i = 0; i < count; ++i) {
    const RowCopy &rows = copies[i];
    uint64_t bits = reinterpret_cast<uintptr_t>(rows.y) | reinterpret_cast<uintptr_t>(rows.x) | uint64_t(rows.rowBytes) |
                    uint64_t(rows.yStride) | uint64_t(rows.xStride) | 16;
    int unit = int(bits & (~bits + 1));
    int64_t units = rows.rowBytes / unit, slabs = 1;
    // Rows that are read several times, by blocks far apart, stay in the second-level cache only where a slab of all of them fits it.
    if (rows.rows > rows.bound)
      slabs = std::clamp<int64_t>(rows.bound * rows.rowBytes / slabBytes, 1, std::max<int64_t>(units / 64, 1));
    int64_t slab = std::max<int64_t>((units + slabs - 1) / slabs, 1);
    slabs = (units + slab - 1) / slab;
    all.copies[i] = {rows, units, slab, unit, blocksFor(slabs * rows.rows * slab, threads * unitsOfThread)};
    blocks += all.copies[i].blocks;
  }
  if (blocks > 0)
    launch(state.stream, {blocks, threads}, copyRowsKernel, all, fault, kind);
  return {};
}

Status addElements(State &state, void *y, const void *a, const void *b, int64_t elements, int32_t type) {
  if (Status status = expectActivation("elements", type); !status.ok())
    return status;
  return withActivation(type, [&](auto t) { return map<t(), t()>(state, y, elements, Sum(), a, b); });
}

Status gateElements(State &state, void *y, const void *gate, const void *up, int64_t elements, int32_t type) {
  if (Status status = expectActivation("elements", type); !status.ok())
    return status;
  return withActivation(type, [&](auto t) { return map<t(), t()>(state, y, elements, Gate(), gate, up); });
}

int32_t ops::embedding(dsrt_context *context, int32_t site, void *y, const int32_t *ids, const dsrt_weight *table, int64_t tokens,
                       int64_t hidden, int64_t vocabulary, int32_t type_T) {
  return guarded(context, "embedding", [&](State &state) -> Status {
    if (Status status = expectActivation("a result", type_T); !status.ok())
      return status;
    if (Status status = expectRows(table, vocabulary, hidden); !status.ok())
      return status;
    FaultReport fault = state.faults.of(DSRT_OP_embedding);
    if (table->format.payload == type_T) {
      int64_t bytes = rowBytes(type_T, hidden);
      RowCopy copy = {y, table->data, ids, tokens, bytes, bytes, bytes, 1, vocabulary};
      return copyRows(state, &copy, 1, fault, FaultKind::tokenId);
    }
    if (tokens * hidden == 0)
      return {};
    return withActivation(type_T, [&](auto t) -> Status {
      launch(state.stream, {blocksFor(tokens * hidden, threads), threads}, embeddingKernel<t()>, y, ids, WeightRows(*table), tokens,
             vocabulary, fault);
      return {};
    });
  });
}

int32_t ops::cast(dsrt_context *context, int32_t site, void *y, const void *x, int64_t tokens, int64_t columns, int32_t type_Y,
                  int32_t type_X) {
  return guarded(context, "cast", [&](State &state) -> Status {
    for (int32_t type : {type_Y, type_X})
      if (Status status = expectActivation("elements", type); !status.ok())
        return status;
    return withActivation(type_Y, [&](auto to) {
      return withActivation(type_X, [&](auto from) { return map<to(), from()>(state, y, tokens * columns, Identity(), x); });
    });
  });
}

int32_t ops::add(dsrt_context *context, int32_t site, void *y, const void *a, const void *b, int64_t tokens, int64_t columns,
                 int32_t type_T) {
  return guarded(context, "add", [&](State &state) { return addElements(state, y, a, b, tokens * columns, type_T); });
}

int32_t ops::slice_columns(dsrt_context *context, int32_t site, void *y, const void *x, int64_t tokens, int64_t columns,
                           int64_t source_columns, int32_t type_T, int64_t begin) {
  return guarded(context, "slice_columns", [&](State &state) -> Status {
    int64_t bytes = int64_t(elementBytes(type_T));
    if (bytes == 0)
      return broken("expects elements of whole bytes, but got %s", typeName(type_T).c_str());
    if (begin < 0 || begin > source_columns - columns)
      return broken("expects columns within %lld, but got %lld from column %lld", (long long)source_columns, (long long)columns,
                    (long long)begin);
    RowCopy copy = {
        y,     static_cast<const char *>(x) + begin * bytes, nullptr, tokens, columns * bytes, columns * bytes, source_columns * bytes, 1,
        tokens};
    return copyRows(state, &copy, 1, state.faults.of(DSRT_OP_slice_columns), FaultKind::rowIndex);
  });
}

int32_t ops::swiglu(dsrt_context *context, int32_t site, void *y, const void *gate, const void *up, int64_t rows, int64_t columns,
                    int32_t type_T) {
  return guarded(context, "swiglu", [&](State &state) { return gateElements(state, y, gate, up, rows * columns, type_T); });
}

} // namespace dsrt::cuda
