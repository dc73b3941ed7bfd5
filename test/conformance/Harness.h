// The conformance suite: the same cases for every backend, which is given as its table alone. A case runs with several thread
// counts; what it fetches must be the same bytes each time, and what it checks are plain double-precision loops of its own, quantised
// as Reference.h does.
#pragma once

#include "dsrt/dsrt_backend.h"
#include "runtime/numerics/Codecs.h"
#include "test/conformance/Reference.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dsrt::conformance {

/// A dense array on the host; rows of four-bit types are padded to whole bytes.
struct Tensor {
  int32_t dtype = DSRT_F32;
  std::vector<int64_t> dims;
  std::vector<uint8_t> bytes;

  Tensor() = default;
  Tensor(int32_t dtype, std::vector<int64_t> dims);

  int64_t size() const;
  double operator[](int64_t index) const; ///< decoded; of I32 the number
  double at(int64_t row, int64_t column) const { return (*this)[row * dims.back() + column]; }
  void set(int64_t index, float value); ///< encoded; not of four-bit types
  float *floats() { return reinterpret_cast<float *>(bytes.data()); }
  int32_t *ints() { return reinterpret_cast<int32_t *>(bytes.data()); }
};

/// Normally distributed values times `scale`, rounded to the dtype; the same for the same seed.
Tensor random(int32_t dtype, std::vector<int64_t> dims, unsigned seed, float scale = 1);
Tensor filled(int32_t dtype, std::vector<int64_t> dims, float value);
Tensor integers(std::vector<int64_t> dims, const std::vector<int32_t> &values);

/// A weight on the host: what it stands for, and its payload and scales.
struct HostWeight {
  std::vector<int64_t> dims; ///< [experts, rows, cols]
  dsrt_quant format;
  Tensor payload;
  std::vector<float> scales;
  std::vector<double> values; ///< [experts, rows, cols], dequantised
};

dsrt_quant plainFormat(int32_t dtype);
dsrt_quant fp8Format(int32_t tileRows, int32_t tileCols);
dsrt_quant nvfp4Format(int32_t outer); ///< E2M1 in tiles of 1x16, an outer scale of rows or of the tensor
dsrt_quant mxfp4Format();              ///< E2M1 in tiles of 1x32
dsrt_quant nf4Format(int32_t tileRows);
/// Stochastic rounding, and scales that are powers of two, of an FP8 format.
dsrt_quant stochastic(dsrt_quant format, uint64_t seed);
dsrt_quant powersOfTwo(dsrt_quant format);
/// Tiles along an extent.
int64_t tilesAlong(int64_t extent, int32_t tile);
/// The floats of a tensor.
std::vector<float> floatsOf(const Tensor &tensor);
/// Random values in a format.
HostWeight weight(const dsrt_quant &format, std::vector<int64_t> dims, unsigned seed, float scale = 1);
/// The given values, [rows] or [rows, cols], as they are.
HostWeight weight(const Tensor &values);

/// A ragged batch: token counts, starts and slots of its rows.
struct HostBatch {
  std::vector<int32_t> offsets = {0}, starts, slots;
  dsrt_batch batch = {};

  struct Row {
    int32_t tokens, start, slot;
  };
  HostBatch(class Run &run, const std::vector<Row> &rows); ///< and its copy in the backend's memory
  HostBatch(const HostBatch &) = delete;
};

/// One run of a case on a backend with a number of threads. Memory is the backend's, and lives as long as the run.
class Run {
public:
  Run(const dsrt_backend *backend, int threads);
  ~Run();

  const dsrt_backend *backend;
  dsrt_context *context;
  double partialSumError = 0; ///< see registerCases

  void *upload(const Tensor &tensor);
  void *allocate(size_t bytes);
  /// A result's memory, filled with a pattern: what an operation does not write can be told.
  void *result(int32_t dtype, std::vector<int64_t> dims);
  /// A copy of what is in the memory; its bytes must be the same for all thread counts.
  Tensor fetch(const void *memory, int32_t dtype, std::vector<int64_t> dims);
  dsrt_weight *upload(const HostWeight &weight, int32_t use, bool prepare = false);
  dsrt_cache *uploadCache(const Tensor &cache); ///< [slots, layers, length, width]

  /// The message of the last failure.
  const std::string &message() const;
  /// Expects that a call fails with this code because of values in the backend's memory: at the call, which returned `returned`, or, where
  /// the call is only queued, at the next wait. Returns the message.
  std::string expectFailure(int32_t code, int32_t returned);

  std::vector<uint8_t> log; ///< all fetched bytes

private:
  void *state = nullptr;
  std::vector<void *> memory;
  std::vector<std::unique_ptr<HostWeight>> sources;
  std::vector<std::unique_ptr<dsrt_weight>> weights;
  std::vector<std::unique_ptr<dsrt_cache>> caches;
};

/// Checks that `got` is `want`, rounded once: within half a unit of its dtype's last place, and `slack` (the error of F32
/// arithmetic, absolute).
void expectClose(const Tensor &got, const std::vector<double> &want, double slack);
/// Checks bytes.
void expectSame(const Tensor &got, const Tensor &want);

using Body = void (*)(Run &);
struct Case {
  const char *operation, *name;
  Body body;
};
std::vector<Case> &cases();

struct Registration {
  Registration(const char *operation, const char *name, Body body) { cases().push_back({operation, name, body}); }
};

/// A case of an operation of dsrt_ops.def: DSRT_CASE(rms_norm, oddWidths) { ... run ... }
#define DSRT_CASE(operation, name)                                                                                                         \
  static void operation##_##name(::dsrt::conformance::Run &run);                                                                           \
  static ::dsrt::conformance::Registration registration_##operation##_##name(#operation, #name, operation##_##name);                       \
  static void operation##_##name([[maybe_unused]] ::dsrt::conformance::Run &run)

/// Calls an operation of the run's backend at site 0, and expects success.
#define DSRT_CALL(operation, ...) ASSERT_EQ(run.backend->operation(run.context, 0, __VA_ARGS__), DSRT_OK) << run.message()

/// Registers every case as a test of this backend, and the test that each operation has one.
///
/// \param partialSumError  how far partial sums of products of E4M3 may be off before they join an F32 total, relative to the sum of their
///                         terms' magnitudes: 0 where they are F32 too. Tensor cores of Hopper keep about 14 bits (DeepSeek-V3, section
///                         3.3.2), which is why products are promoted.
void registerCases(const dsrt_backend *backend, double partialSumError = 0);

} // namespace dsrt::conformance
