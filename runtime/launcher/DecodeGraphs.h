// Decode steps as graphs: a step of the same number of rows on the same memory is queued with one call instead of hundreds.
#pragma once

#include "runtime/launcher/Context.h"

#include <cstdint>
#include <functional>
#include <map>

namespace dsrt {

/// The rows that a step of `count` rows is padded to: the next power of two, or `most` where that is less. So few numbers of rows
/// need few graphs.
int64_t bucketOf(int64_t count, int64_t most);

/// The graphs of one session, one a bucket.
class DecodeGraphs {
public:
  explicit DecodeGraphs(dsrt_context &context) : context(context) {}
  ~DecodeGraphs();
  DecodeGraphs(const DecodeGraphs &) = delete;

  /// Queues a step of `rows` rows. The first time as `queueStep` does it: libraries and kernels load, and choose. The second time what it
  /// queues becomes a graph, which is launched then and from then on.
  Status run(int64_t rows, const std::function<Status()> &queueStep);

private:
  Status capture(const std::function<Status()> &queueStep, void *&graph);

  struct Bucket {
    bool used = false;
    void *graph = nullptr;
  };
  dsrt_context &context;
  std::map<int64_t, Bucket> buckets;
};

} // namespace dsrt
