// A failed capture ends the run: what cannot become a graph is a defect of the backend, and silence would only make it slow.
#include "runtime/launcher/DecodeGraphs.h"

#include <algorithm>
#include <bit>

using namespace dsrt;

int64_t dsrt::bucketOf(int64_t count, int64_t most) { return std::min(int64_t(std::bit_ceil(uint64_t(count))), most); }

DecodeGraphs::~DecodeGraphs() {
  for (auto &[rows, bucket] : buckets)
    if (bucket.graph)
      context.backend->queue->graph_release(context.state, bucket.graph);
}

Status DecodeGraphs::capture(const std::function<Status()> &queueStep, void *&graph) {
  const dsrt_backend_queue &queue = *context.backend->queue;
  if (int32_t code = queue.capture_begin(context.state); code != DSRT_OK)
    return context.backendStatus(code, "begin a graph");
  Status status = queueStep();
  // A capture that was begun is ended whatever came of it.
  int32_t code = queue.capture_end(context.state, &graph);
  if (status.ok() && code == DSRT_OK)
    return {};
  if (graph)
    queue.graph_release(context.state, graph), graph = nullptr;
  if (status.ok())
    status = context.backendStatus(code, "make a graph of a decode step");
  return {status.code(), status.message() + "; --no-graphs runs without graphs"};
}

Status DecodeGraphs::run(int64_t rows, const std::function<Status()> &queueStep) {
  Bucket &bucket = buckets[rows];
  if (!bucket.used) {
    bucket.used = true;
    return queueStep();
  }
  if (!bucket.graph)
    if (Status status = capture(queueStep, bucket.graph); !status.ok())
      return status;
  return context.backendStatus(context.backend->queue->graph_launch(context.state, bucket.graph), "launch a decode step");
}
