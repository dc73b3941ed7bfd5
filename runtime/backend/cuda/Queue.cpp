// Pinned memory, marks and graphs: what lets the host run ahead of the device.
#include "runtime/backend/cuda/Backend.h"

namespace dsrt::cuda {

namespace {

int32_t allocateHost(void *state, size_t bytes, void **memory) {
  *memory = nullptr;
  return wholeOf(state).result(cudaHostAlloc(memory, bytes, cudaHostAllocDefault), "pinned memory");
}

void releaseHost(void *, void *memory) { cudaFreeHost(memory); }

int32_t copyOutLater(void *state, void *destination, const void *source, size_t bytes) {
  Whole &whole = wholeOf(state);
  ++whole.counters.copies_out;
  return whole.result(cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToHost, whole.stream), "a copy to the host");
}

int32_t mark(void *state, int32_t number) {
  Whole &whole = wholeOf(state);
  if (size_t(number) >= whole.marks.size())
    whole.marks.resize(number + 1, nullptr);
  cudaError_t error = cudaSuccess;
  if (!whole.marks[number])
    error = cudaEventCreate(&whole.marks[number]);
  if (error == cudaSuccess)
    error = cudaEventRecord(whole.marks[number], whole.stream);
  return whole.result(error, "a mark");
}

int32_t wait(void *state, int32_t number) {
  Whole &whole = wholeOf(state);
  cudaError_t error = cudaEventQuery(whole.marks[number]);
  if (error == cudaErrorNotReady) {
    ++whole.counters.waits;
    error = cudaEventSynchronize(whole.marks[number]);
  }
  return error == cudaSuccess ? whole.result(whole.faults.take()) : whole.result(error, "work before a mark");
}

int32_t elapsed(void *state, int32_t from, int32_t to, double *milliseconds) {
  Whole &whole = wholeOf(state);
  float time = 0;
  cudaError_t error = cudaEventElapsedTime(&time, whole.marks[from], whole.marks[to]);
  *milliseconds = time;
  return whole.result(error, "the time between two marks");
}

int32_t captureBegin(void *state) {
  Whole &whole = wholeOf(state);
  // Of this thread alone: others may be loading.
  cudaError_t error = cudaStreamBeginCapture(whole.stream, cudaStreamCaptureModeThreadLocal);
  whole.capturing = error == cudaSuccess;
  return whole.result(error, "the begin of a graph");
}

int32_t captureEnd(void *state, void **graph) {
  Whole &whole = wholeOf(state);
  whole.capturing = false;
  cudaGraph_t captured = nullptr;
  cudaGraphExec_t made = nullptr;
  cudaError_t error = cudaStreamEndCapture(whole.stream, &captured);
  if (error == cudaSuccess)
    error = cudaGraphInstantiate(&made, captured, 0);
  if (error == cudaSuccess)
    error = cudaGraphUpload(made, whole.stream);
  if (captured)
    cudaGraphDestroy(captured);
  if (error != cudaSuccess && made)
    cudaGraphExecDestroy(made), made = nullptr;
  *graph = made;
  return whole.result(error, "making a graph");
}

int32_t graphLaunch(void *state, void *graph) {
  Whole &whole = wholeOf(state);
  ++whole.counters.graphs;
  return whole.result(cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), whole.stream), "the launch of a graph");
}

void graphRelease(void *, void *graph) { cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)); }

void count(void *state, dsrt_counters *counters) {
  Whole &whole = wholeOf(state);
  *counters = whole.counters;
  counters->operations = whole.operations;
}

} // namespace

const dsrt_backend_queue queue = {
    .allocate_host = allocateHost,
    .release_host = releaseHost,
    .copy_out_later = copyOutLater,
    .mark = mark,
    .wait = wait,
    .elapsed = elapsed,
    .capture_begin = captureBegin,
    .capture_end = captureEnd,
    .graph_launch = graphLaunch,
    .graph_release = graphRelease,
    .count = count,
};

} // namespace dsrt::cuda
