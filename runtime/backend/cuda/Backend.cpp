// The table of the CUDA backend: state, memory, weights, and what it supports.
#include "runtime/backend/cuda/Backend.h"

#include "dsrt/dsrt_abi.h"
#include "runtime/backend/cuda/gemm/Algorithms.h"

#include <algorithm>
#include <cstdio>
#include <new>

namespace dsrt::cuda {

int32_t Whole::result(cudaError_t error, const char *what) {
  if (error == cudaSuccess)
    return DSRT_OK;
  cudaGetLastError(); // a failure of this call is not the next one's
  return result(cudaStatus(error, what));
}

int32_t Whole::result(const Status &status) {
  if (!status.ok())
    message = status.message();
  return status.code();
}

namespace {

int32_t fail(char *message, size_t size, int32_t code, const std::string &text) {
  snprintf(message, size, "%s", text.c_str());
  return code;
}

/// The first call that needs the driver: what is missing, in plain words.
Status deviceStatus(cudaError_t error) {
  switch (error) {
  case cudaSuccess:
    return {};
  case cudaErrorInsufficientDriver:
    return {DSRT_UNAVAILABLE,
            format("there is no NVIDIA driver, or one that is too old for CUDA %d.%d; install a driver of version 580 or newer",
                   CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10)};
  case cudaErrorNoDevice:
    return {DSRT_UNAVAILABLE, "the driver shows no device; look at nvidia-smi and at CUDA_VISIBLE_DEVICES"};
  default:
    return cudaStatus(error, "the driver cannot be used");
  }
}

void destroy(void *opaque) {
  Whole *whole = &wholeOf(opaque);
  for (cudaEvent_t mark : whole->marks)
    if (mark)
      cudaEventDestroy(mark);
  if (whole->blas)
    cublasLtDestroy(whole->blas);
  if (whole->workspace)
    cudaFree(whole->workspace);
  whole->faults.destroy();
  if (whole->stream)
    cudaStreamDestroy(whole->stream);
  delete whole;
}

int32_t create(const dsrt_backend_options *options, void **result, char *message, size_t size) {
  if (options->threads < 0 || options->threads > 4096)
    return fail(message, size, DSRT_USAGE, format("expects 0 to 4096 threads, but got %d", options->threads));
  int count = 0;
  if (Status status = deviceStatus(cudaGetDeviceCount(&count)); !status.ok())
    return fail(message, size, status.code(), status.message());
  if (options->device < 0 || options->device >= count)
    return fail(message, size, DSRT_UNAVAILABLE, format("expects a device from 0 to %d, but got %d", count - 1, options->device));
  cudaDeviceProp properties;
  cudaError_t error = cudaGetDeviceProperties(&properties, options->device);
  if (error == cudaSuccess && (properties.major != 9 || properties.minor != 0))
    return fail(message, size, DSRT_UNAVAILABLE,
                format("expects a device of compute capability 9.0 (H100, H200), but device %d, %s, has %d.%d", options->device,
                       properties.name, properties.major, properties.minor));
  Whole *whole = new (std::nothrow) Whole;
  if (whole == nullptr)
    return fail(message, size, DSRT_OUT_OF_MEMORY, "no memory for the state of the cuda backend");
  if (error == cudaSuccess)
    error = cudaSetDevice(options->device);
  size_t free = 0, total = 0;
  if (error == cudaSuccess)
    error = cudaMemGetInfo(&free, &total);
  if (error == cudaSuccess) {
    whole->freeAtStart = free;
    whole->device = options->device;
    whole->multiprocessors = properties.multiProcessorCount;
    whole->sharedBytesPerBlock = int64_t(properties.sharedMemPerBlockOptin);
    whole->workspaceBytes = workspaceSize;
    error = cudaStreamCreateWithFlags(&whole->stream, cudaStreamNonBlocking);
  }
  if (error == cudaSuccess)
    error = cudaMalloc(&whole->workspace, whole->workspaceBytes);
  if (error == cudaSuccess)
    error = whole->faults.create();
  State *state = whole;
  if (error == cudaSuccess && cublasLtCreate(&whole->blas) != CUBLAS_STATUS_SUCCESS) {
    destroy(state);
    return fail(message, size, DSRT_UNAVAILABLE, "cuBLASLt cannot start");
  }
  if (error != cudaSuccess) {
    destroy(state);
    Status status = cudaStatus(error, "device " + std::to_string(options->device) + " cannot be used");
    return fail(message, size, status.code(), status.message());
  }
  auto algorithms = Algorithms::open(*options, properties.name);
  if (!algorithms) {
    destroy(state);
    return fail(message, size, algorithms.status().code(), algorithms.status().message());
  }
  state->algorithms = *algorithms;
  *result = state;
  return DSRT_OK;
}

const char *lastMessage(void *state) { return wholeOf(state).message.c_str(); }

int32_t memory(void *state, dsrt_memory *memory) {
  Whole &whole = wholeOf(state);
  size_t free = 0, total = 0;
  cudaError_t error = cudaMemGetInfo(&free, &total);
  *memory = {free, total, whole.freeAtStart > free ? whole.freeAtStart - free : 0};
  return whole.result(error, "the device's memory");
}

int32_t allocate(void *state, size_t bytes, void **memory) {
  *memory = nullptr;
  return wholeOf(state).result(cudaMalloc(memory, std::max<size_t>(bytes, 1)), "memory of the device");
}

void release(void *, void *memory) { cudaFree(memory); }

int32_t copyIn(void *state, void *destination, const void *source, size_t bytes) {
  Whole &whole = wholeOf(state);
  ++whole.counters.copies_in;
  return whole.result(whole.staging.copyIn(whole.stream, destination, source, bytes, whole.counters.waits), "a copy to the device");
}

int32_t copyOut(void *state, void *destination, const void *source, size_t bytes) {
  Whole &whole = wholeOf(state);
  if (bytes == 0)
    return DSRT_OK;
  ++whole.counters.copies_out;
  ++whole.counters.waits;
  cudaError_t error = cudaMemcpyAsync(destination, source, bytes, cudaMemcpyDeviceToHost, whole.stream);
  if (error == cudaSuccess)
    error = cudaStreamSynchronize(whole.stream);
  return whole.result(error, "a copy to the host");
}

int32_t synchronize(void *state) {
  Whole &whole = wholeOf(state);
  ++whole.counters.waits;
  int32_t code = whole.result(cudaStreamSynchronize(whole.stream), "work on the device");
  return code == DSRT_OK ? whole.result(whole.faults.take()) : code;
}

int32_t prepare(void *, dsrt_weight *, int32_t *released) {
  *released = 0; // kernels read weights as they are
  return DSRT_OK;
}

void releasePrepared(void *, dsrt_weight *) {}

const dsrt_backend cudaBackend = {
    .name = "cuda",
    .abi_hash = DSRT_ABI_HASH,
    .create = create,
    .destroy = destroy,
    .queue = &queue,
    .message = lastMessage,
    .describe = describe,
    .memory = memory,
    .allocate = allocate,
    .release = release,
    .copy_in = copyIn,
    .copy_out = copyOut,
    .synchronize = synchronize,
    .prepare_weight = prepare,
    .release_weight = releasePrepared,
    .fill_random = fillRandom,
    .greedy = greedy,
    .supports = supports,
#define DSRT_OP(name, ...) .name = ops::name,
#include "dsrt/dsrt_ops.def"
#undef DSRT_OP
};

} // namespace

} // namespace dsrt::cuda

extern "C" __attribute__((visibility("default"))) const dsrt_backend *dsrt_backend_get() { return &dsrt::cuda::cudaBackend; }
