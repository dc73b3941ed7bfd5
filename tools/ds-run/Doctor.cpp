// Every line is asked of the machine or of a backend that was started, none is assumed.
#include "tools/ds-run/Doctor.h"

#include "dsrt/dsrt_abi.h"
#include "runtime/launcher/Backends.h"
#include "runtime/launcher/Memory.h"
#include "runtime/support/Json.h"
#include "tools/driver/CommandLine.h"
#include "tools/driver/Machine.h"

#include <algorithm>
#include <cstring>
#include <fstream>

using namespace dsmlir;
using namespace dsrt;

namespace {

std::string processorName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("model name"))
      if (size_t colon = line.find(": "); colon != std::string::npos)
        return line.substr(colon + 2);
  return "unknown";
}

std::string instructionSets() {
  std::string text;
#if defined(__x86_64__)
  auto add = [&](bool there, const char *name) { text += there ? (text.empty() ? "" : ", ") + std::string(name) : ""; };
  add(__builtin_cpu_supports("avx2"), "AVX2");
  add(__builtin_cpu_supports("fma"), "FMA");
  add(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw"), "AVX-512");
  add(__builtin_cpu_supports("avx512bf16"), "AVX-512-BF16");
#endif
  return text.empty() ? "none that kernels are written for: portable code" : text;
}

/// The element types that the backend multiplies by a weight natively.
std::string productTypes(const dsrt_backend *backend) {
  std::string text;
  for (dsrt_dtype dtype : {DSRT_F32, DSRT_BF16, DSRT_F16}) {
    const int32_t letters[] = {dtype, dtype}; // of linear: Y, X
    if (backend->supports(DSRT_OP_linear, letters, 2))
      text += (text.empty() ? "" : ", ") + std::string(name(dtype));
  }
  for (dsrt_dtype dtype : {DSRT_F8E4M3, DSRT_F8E5M2, DSRT_F4E2M1}) {
    const int32_t letters[] = {DSRT_BF16, dtype, dtype}; // of scaled_matmul: Y, P, W
    if (backend->supports(DSRT_OP_scaled_matmul, letters, 3))
      text += ", " + std::string(name(dtype)) + " (scaled)";
  }
  return text;
}

/// A field of a backend's description: "memory 80.0 GiB" of "memory_bytes".
std::string described(std::string key, const Json &value) {
  bool bytes = key.ends_with("_bytes");
  key.resize(key.size() - (bytes ? strlen("_bytes") : 0));
  std::replace(key.begin(), key.end(), '_', ' ');
  return key + " " + (value.is_string() ? value.get<std::string>() : bytes ? bytesText(value.get<uint64_t>()) : value.dump());
}

/// "available; ..." and a line for each device, or why not.
std::string backendLines(const std::string &name) {
  Expected<const dsrt_backend *> backend = findBackend(name);
  if (!backend)
    return backend.status().message() + "\n";
  std::string text;
  for (int32_t number = 0, count = 1; number < count; ++number) {
    Expected<std::unique_ptr<Device>> device = Device::open(*backend, {0, number, DSRT_ALGORITHMS_RULE, nullptr});
    if (number == 0 && device)
      text += "available; products of " + productTypes(*backend) + "\n";
    else if (!device)
      text += (number == 0 ? "" : "  ") + device.status().message() + "\n";
    char description[1024] = "";
    if (!device || !(*backend)->describe || (*backend)->describe((*device)->context.state, description, sizeof description) != DSRT_OK)
      continue;
    Expected<Json> json = parseJson(description, "the device's description");
    if (!json)
      continue;
    count = json->value("devices", 1);
    text += "  device " + std::to_string(number) + ":";
    for (const auto &[key, value] : json->items())
      if (key != "number" && key != "devices")
        text += " " + described(key, value) + ",";
    text.back() = '\n';
  }
  return text;
}

} // namespace

int dsmlir::doctor(int argc, const char *const *argv) {
  CommandLine line("ds-run doctor", "Says what this machine can run.");
  if (std::optional<int> code = line.parse(argc, argv))
    return *code;
  std::string text = "processor: " + processorName() + "\ninstruction sets: " + instructionSets() +
                     "\nthreads: " + std::to_string(threadsOrAll(0)) + "\navailable memory: " + bytesText(availableMemory()) +
                     "\nABI: " DSRT_ABI_HASH "\n";
  for (const std::string &name : backendNames())
    text += "backend " + name + ": " + backendLines(name);
  Status status = printResult(text);
  return status.ok() ? 0 : reportError(status);
}
