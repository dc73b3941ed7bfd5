// Operations that treat each row or element by itself: embedding, cast, add, slice_columns, rms_norm, swiglu. Arithmetic is in
// F32 and a result is rounded once; elements are converted in chunks on the stack.
#include "runtime/backend/cpu/Parts.h"

#include "runtime/numerics/Quantize.h"
#include "runtime/numerics/Versions.h"

#include <cmath>
#include <cstring>

namespace dsrt::cpu {

namespace {

/// Elements of a work item of an element-wise loop.
constexpr int64_t block = 16 * chunk;

/// Calls fn(begin, count) for chunks of [0, elements) that partition it.
template <typename Fn> void forChunks(int threads, int64_t elements, Fn &&fn) {
  parallelFor(threads, (elements + block - 1) / block, [&](int64_t item) {
    int64_t end = std::min(elements, (item + 1) * block);
    for (int64_t begin = item * block; begin < end; begin += chunk)
      fn(begin, std::min(chunk, end - begin));
  });
}

/// Rows of a work item, of rows of this many columns.
int64_t rowsAnItem(int64_t columns) { return std::max<int64_t>(1, block / std::max<int64_t>(columns, 1)); }

template <typename Fn> void forRows(int threads, int64_t rows, int64_t columns, Fn &&fn) {
  int64_t step = rowsAnItem(columns);
  parallelFor(threads, (rows + step - 1) / step, [&](int64_t item) {
    for (int64_t row = item * step; row < std::min(rows, (item + 1) * step); ++row)
      fn(row);
  });
}

DSRT_VERSIONS void sum(const float *a, const float *b, float *y, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    y[i] = a[i] + b[i];
}

/// Adds squares to 16 partial sums; element i of the row goes to sum i mod 16, as `chunk` is a multiple of 16.
DSRT_VERSIONS void addSquares(const float *x, int64_t count, float *partial) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (int64_t lane = 0; lane < 16; ++lane)
      partial[lane] += x[i + lane] * x[i + lane];
  for (int64_t lane = 0; i < count; ++i, ++lane)
    partial[lane] += x[i] * x[i];
}

DSRT_VERSIONS void scaleBy(const float *x, const float *weight, float factor, float *y, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    y[i] = x[i] * factor * weight[i];
}

} // namespace

int32_t ops::embedding(dsrt_context *context, int32_t site, void *y, const int32_t *ids, const dsrt_weight *table, int64_t tokens,
                       int64_t hidden, int64_t vocabulary, int32_t type_T) {
  return guarded(context, "embedding", [&]() -> Status {
    if (Status status = expectActivation("a result", type_T); !status.ok())
      return status;
    if (Status status = expectRows(table, vocabulary, hidden); !status.ok())
      return status;
    for (int64_t token = 0; token < tokens; ++token)
      if (ids[token] < 0 || ids[token] >= vocabulary)
        return {DSRT_REJECTED, format("expects token ids from 0 to %lld, the vocabulary of '%s', but got %d at token %lld",
                                      (long long)vocabulary - 1, table->path ? table->path : "the table", ids[token], (long long)token)};
    forRows(threadsFor(context, tokens * hidden), tokens, hidden, [&](int64_t token) {
      float buffer[chunk];
      for (int64_t begin = 0; begin < hidden; begin += chunk) {
        int64_t count = std::min(chunk, hidden - begin);
        dequantizeRow(table->format, table->data, table->scales, hidden, ids[token], begin, count, buffer);
        fromF32(buffer, type_T, at(y, token * hidden + begin, type_T), size_t(count));
      }
    });
    return {};
  });
}

int32_t ops::cast(dsrt_context *context, int32_t site, void *y, const void *x, int64_t tokens, int64_t columns, int32_t type_Y,
                  int32_t type_X) {
  return guarded(context, "cast", [&]() -> Status {
    for (int32_t type : {type_Y, type_X})
      if (Status status = expectActivation("elements", type); !status.ok())
        return status;
    forChunks(threadsFor(context, tokens * columns), tokens * columns, [&](int64_t begin, int64_t count) {
      float buffer[chunk];
      fromF32(loadF32(x, begin, type_X, buffer, count), type_Y, at(y, begin, type_Y), size_t(count));
    });
    return {};
  });
}

Status addElements(dsrt_context *context, void *y, const void *a, const void *b, int64_t elements, int32_t type) {
  if (Status status = expectActivation("elements", type); !status.ok())
    return status;
  forChunks(threadsFor(context, elements), elements, [&](int64_t begin, int64_t count) {
    float left[chunk], right[chunk], result[chunk];
    sum(loadF32(a, begin, type, left, count), loadF32(b, begin, type, right, count), result, count);
    fromF32(result, type, at(y, begin, type), size_t(count));
  });
  return {};
}

int32_t ops::add(dsrt_context *context, int32_t site, void *y, const void *a, const void *b, int64_t tokens, int64_t columns,
                 int32_t type_T) {
  return guarded(context, "add", [&]() { return addElements(context, y, a, b, tokens * columns, type_T); });
}

int32_t ops::slice_columns(dsrt_context *context, int32_t site, void *y, const void *x, int64_t tokens, int64_t columns,
                           int64_t source_columns, int32_t type_T, int64_t begin) {
  return guarded(context, "slice_columns", [&]() -> Status {
    size_t bytes = elementBytes(type_T);
    if (bytes == 0)
      return broken("expects elements of whole bytes, but got %s", typeName(type_T).c_str());
    if (begin < 0 || begin > source_columns - columns)
      return broken("expects columns within %lld, but got %lld from column %lld", (long long)source_columns, (long long)columns,
                    (long long)begin);
    forRows(threadsFor(context, tokens * columns), tokens, columns, [&](int64_t token) {
      memcpy(at(y, token * columns, type_T), at(x, token * source_columns + begin, type_T), size_t(columns) * bytes);
    });
    return {};
  });
}

Status normalizeRows(dsrt_context *context, void *y, const void *x, int64_t xRow, const dsrt_weight *weight, int64_t tokens, int64_t hidden,
                     int32_t type, float eps) {
  if (Status status = expectActivation("elements", type); !status.ok())
    return status;
  if (Status status = expectRows(weight, 1, hidden); !status.ok())
    return status;
  forRows(threadsFor(context, tokens * hidden), tokens, hidden, [&](int64_t token) {
    float buffer[chunk], factors[chunk], result[chunk], partial[16] = {};
    for (int64_t begin = 0; begin < hidden; begin += chunk) {
      int64_t count = std::min(chunk, hidden - begin);
      addSquares(loadF32(x, token * xRow + begin, type, buffer, count), count, partial);
    }
    for (int width = 8; width > 0; width /= 2)
      for (int lane = 0; lane < width; ++lane)
        partial[lane] += partial[lane + width];
    float factor = 1 / std::sqrt(partial[0] / float(hidden) + eps);
    for (int64_t begin = 0; begin < hidden; begin += chunk) {
      int64_t count = std::min(chunk, hidden - begin);
      const float *row = loadF32(x, token * xRow + begin, type, buffer, count);
      dequantizeRow(weight->format, weight->data, weight->scales, hidden, 0, begin, count, factors);
      scaleBy(row, factors, factor, result, count);
      fromF32(result, type, at(y, token * hidden + begin, type), size_t(count));
    }
  });
  return {};
}

int32_t ops::rms_norm(dsrt_context *context, int32_t site, void *y, const void *x, const dsrt_weight *weight, int64_t tokens,
                      int64_t hidden, int32_t type_T, float eps) {
  return guarded(context, "rms_norm", [&]() { return normalizeRows(context, y, x, hidden, weight, tokens, hidden, type_T, eps); });
}

Status gateElements(dsrt_context *context, void *y, const void *gate, const void *up, int64_t elements, int32_t type) {
  if (Status status = expectActivation("elements", type); !status.ok())
    return status;
  forChunks(threadsFor(context, elements), elements, [&](int64_t begin, int64_t count) {
    float gates[chunk], ups[chunk], result[chunk];
    const float *g = loadF32(gate, begin, type, gates, count), *u = loadF32(up, begin, type, ups, count);
    for (int64_t i = 0; i < count; ++i)
      result[i] = g[i] / (1 + std::exp(-g[i])) * u[i];
    fromF32(result, type, at(y, begin, type), size_t(count));
  });
  return {};
}

int32_t ops::swiglu(dsrt_context *context, int32_t site, void *y, const void *gate, const void *up, int64_t rows, int64_t columns,
                    int32_t type_T) {
  return guarded(context, "swiglu", [&]() { return gateElements(context, y, gate, up, rows * columns, type_T); });
}

} // namespace dsrt::cpu
