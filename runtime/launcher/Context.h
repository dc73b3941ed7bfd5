// The runtime's side of a run, which artifacts and backends know as an opaque dsrt_context: the backend with its state, the
// message of the last failure, and what looks over the shoulder of each call: the trace, the check for finite values, the deadline.
#pragma once

#include "dsrt/dsrt_backend.h"
#include "runtime/launcher/Manifest.h"
#include "runtime/launcher/Trace.h"

#include <atomic>
#include <initializer_list>
#include <string>
#include <vector>

struct dsrt_context {
  const dsrt_backend *backend = nullptr;
  void *state = nullptr;                                  ///< of the backend
  const std::vector<dsrt::ManifestSite> *sites = nullptr; ///< of the artifact that runs
  const std::atomic<bool> *cancelled = nullptr;           ///< once true, the next call fails
  dsrt::Trace *trace = nullptr;                           ///< null: no trace
  bool checkFinite = false;

  std::string message;         ///< of the last failure
  int32_t site = -1;           ///< of the call in progress
  uint64_t callBegin = 0;      ///< when it began, in nanoseconds of the trace's clock
  std::vector<uint8_t> copied; ///< a result on the host, for the check
  std::vector<int32_t> traced; ///< the sites whose calls stand between marks of the backend's queue

  /// "blocks.0.attn_norm (rms_norm)", or "site 7" where the artifact does not name it.
  std::string describe(int32_t site) const;
  /// The status of a finished entry point: its code with the message that was left.
  dsrt::Status status(int32_t code) const;
  /// Of a slot other than an operation: "the cuda backend cannot finish the call: ..."
  dsrt::Status backendStatus(int32_t code, const char *what) const;
};

namespace dsrt {

/// The part of a result that a call has written: `count` elements of `dtype` (dsrt_dtype) at `data`.
struct WrittenResult {
  const void *data;
  int64_t count;
  int32_t dtype;
};

/// Runs before each call of an artifact. Anything but DSRT_OK ends the program.
int32_t beforeCall(dsrt_context *context, int32_t site);
/// Runs after each call: `code` is what the backend returned, and what is returned where nothing is wrong.
int32_t afterCall(dsrt_context *context, int32_t site, int32_t code, std::initializer_list<WrittenResult> results);

/// Work between traceBegin and traceEnd goes into the trace: on a backend that queues its calls, with the device's own times, which are
/// there when the work is done. Marks from `firstTraceMark` on are the trace's.
inline constexpr int32_t firstTraceMark = 1 << 16;
int32_t traceBegin(dsrt_context *context);
int32_t traceEnd(dsrt_context *context);

/// Index of the first element that is infinite or NaN, -1 where there is none. Payload dtypes without an infinity are looked at
/// for NaN; dtypes that hold neither (I32, F4E2M1, NF4) are never reported.
int64_t firstNotFinite(const void *data, int64_t count, int32_t dtype);

} // namespace dsrt
