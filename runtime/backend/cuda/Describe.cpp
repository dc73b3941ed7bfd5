// What the device and the libraries say of themselves, for `ds-run doctor` and recorded results.
#include "runtime/backend/cuda/Backend.h"

#include <cstdio>

static std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

int32_t dsrt::cuda::describe(void *state, char *text, size_t size) {
  Whole &whole = wholeOf(state);
  cudaDeviceProp properties;
  int devices = 0, driver = 0, runtime = 0;
  cudaError_t error = cudaGetDeviceProperties(&properties, whole.device);
  if (error == cudaSuccess)
    error = cudaGetDeviceCount(&devices);
  if (error == cudaSuccess)
    error = cudaDriverGetVersion(&driver);
  if (error == cudaSuccess)
    error = cudaRuntimeGetVersion(&runtime);
  if (error != cudaSuccess)
    return whole.result(error, "the device's properties");
  size_t blas = cublasLtGetVersion(); // 130100 of 13.1.0
  snprintf(text, size,
           R"({"device":"%s","number":%d,"devices":%d,"compute_capability":"%d.%d","multiprocessors":%d,"memory_bytes":%zu,)"
           R"("driver":"%s","runtime":"%s","cublaslt":"%zu.%zu.%zu","workspace_bytes":%zu})",
           properties.name, whole.device, devices, properties.major, properties.minor, properties.multiProcessorCount,
           properties.totalGlobalMem, version(driver).c_str(), version(runtime).c_str(), blas / 10000, blas / 100 % 100, blas % 100,
           whole.workspaceBytes);
  return DSRT_OK;
}
