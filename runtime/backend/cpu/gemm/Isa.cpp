// Run-time choice of the instruction set: what the processor and the operating system support, DSRT_CPU_ISA, selectIsa.
#include "runtime/backend/cpu/gemm/Gemm.h"
#include "runtime/backend/cpu/gemm/Selection.h"

#include <atomic>
#include <cstdlib>

namespace dsrt::cpu {

namespace {

struct Isa {
  const Kernels *kernels;
  bool (*runs)();
};

// Worst first. What `runs` asks for is what the file of the kernels is compiled with (CMakeLists.txt).
const Isa isas[] = {
    {&portableKernels, [] { return true; }},
#if defined(__x86_64__)
    {&avx2Kernels, [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"); }},
    {&avx512Kernels,
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512dq");
     }},
    {&avx512Bf16Kernels,
     [] {
       return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
              __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512bf16");
     }},
#endif
};

std::atomic<const Kernels *> selected{nullptr};

Expected<const Kernels *> find(const std::string &name, const char *origin) {
  std::string known;
  for (const Isa &isa : isas) {
    if (name == isa.kernels->name) {
      if (!isa.runs())
        return Status(DSRT_UNAVAILABLE,
                      format("%s: this processor does not run '%s'; leave it unset for the best that it runs", origin, name.c_str()));
      return isa.kernels;
    }
    known += known.empty() ? "" : ", ";
    known += isa.kernels->name;
  }
  return Status(DSRT_USAGE, format("%s: expects one of %s, but got '%s'", origin, known.c_str(), name.c_str()));
}

Expected<const Kernels *> choose(const std::string &name) {
  if (!name.empty())
    return find(name, "instruction set");
  if (const char *wanted = getenv("DSRT_CPU_ISA"); wanted && *wanted)
    return find(wanted, "DSRT_CPU_ISA");
  return find(availableIsas().back(), "instruction set");
}

} // namespace

std::vector<std::string> availableIsas() {
  std::vector<std::string> names;
  for (const Isa &isa : isas)
    if (isa.runs())
      names.push_back(isa.kernels->name);
  return names;
}

Status selectIsa(const std::string &name) {
  Expected<const Kernels *> kernels = choose(name);
  if (!kernels)
    return kernels.status();
  selected.store(*kernels, std::memory_order_release);
  return {};
}

Expected<const Kernels *> selectedKernels() {
  if (const Kernels *kernels = selected.load(std::memory_order_acquire))
    return kernels;
  if (Status status = selectIsa(""); !status.ok())
    return status;
  return selected.load(std::memory_order_acquire);
}

Expected<std::string> selectedIsa() {
  Expected<const Kernels *> kernels = selectedKernels();
  if (!kernels)
    return kernels.status();
  return std::string((*kernels)->name);
}

} // namespace dsrt::cpu
